//! What two processes, or two organisations, must agree on; part of tlsrptd, the sending side of SMTP TLS Reporting (RFC 8460).
//!
//! Everything here is a value or a function from values to values: no socket, no file, no clock, no thread, no log.
//! The stages, in the order in which data passes them:
//!
//! 1. [`datagram`]: the bytes from the MTA become a `Datagram`, or an error with a reason.
//! 2. [`session_result`]: what one datagram says about one policy. Its keys are texts in one normal form:
//!    [`policy`] for the policy, [`failure`] for one failure.
//! 3. [`counts`]: the results of one domain are counted, by TLSRPT record, policy and failure.
//! 4. [`dayfile`]: where a day's counts stand, shared with sys4's `tlsrpt_reporter`.
//! 5. [`fetch`]: a closed day's counts as lines between two hosts.
//! 6. [`report`]: the counts of one domain and day become the JSON document of RFC 8460 section 4.
//! 7. [`tlsrpt_record`]: the DNS record that says where the report goes.
//!
//! All of them use [`domain`] (a name that is safe wherever it stands), [`day`] (a UTC date) and [`pyjson`] (JSON text as
//! Python writes it, because sys4 does).
#![forbid(unsafe_code)]

mod anomaly;
mod clean;
pub mod counts;
pub mod datagram;
pub mod day;
pub mod dayfile;
pub mod domain;
pub mod failure;
pub mod fetch;
pub mod policy;
pub mod pyjson;
pub mod report;
pub mod session_result;
pub mod tlsrpt_record;
