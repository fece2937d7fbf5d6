//! The reporter of tlsrptd, the sending side of SMTP TLS Reporting (RFC 8460): `tlsrpt-reportd`, `tlsrptctl` and
//! `tlsrpt-statusd`.
//!
//! A closed day goes one way through these stages; each is a step of a row from one named state to the next:
//!
//! 1. [`gather`] fetches a collector's closed day;
//! 2. [`compose`] merges the collectors and writes one report a domain and day, whose bytes never change again. It asks
//!    [`lookup`] (over `dns`) where the domain wants its reports, and [`route`] applies the operator's maps;
//! 3. [`suppress`] leaves out who wants none, [`schedule`] says when a delivery is due, and when to give up;
//! 4. `queue` decides which delivery begins next, and holds back (`throttle`) where nobody answers;
//! 5. [`deliver`] carries one report to one destination and says how that ended;
//! 6. [`store`] records each of these steps, in one transaction each. This is the only edge that goes back.
//!
//! [`bounce`] reads the mails that come back, [`refusal`] says what a refusal speaks of: an address, or us.
//!
//! They share the types of [`model`] and do not use each other. [`daemon`] is the main loop. It alone reads the clock; the
//! outside is an argument, [`environment::Environment`]. [`ctl`] is `tlsrptctl` and [`status`]
//! `tlsrpt-statusd`; what they say, [`answers`] finds out.

#![forbid(unsafe_code)]

pub mod answers;
pub mod bounce;
pub mod compose;
pub mod ctl;
pub mod daemon;
pub mod deliver;
mod digest;
mod dns;
pub mod environment;
pub mod error;
pub mod gather;
pub mod lookup;
pub mod model;
mod queue;
pub mod refusal;
pub mod route;
pub mod schedule;
mod secret;
pub mod status;
pub mod store;
pub mod suppress;
mod throttle;
