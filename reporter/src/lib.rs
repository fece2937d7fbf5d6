//! The reporter of tlsrptd, the sending side of SMTP TLS Reporting (RFC 8460): `tlsrpt-reportd` and `tlsrptctl`.
//!
//! A closed day goes one way through these stages, each of them a step between two named states (see [`store`]):
//!
//! 1. [`gather`] fetches a collector's closed day and stores what it counted;
//! 2. [`compose`] merges the collectors and writes one report a domain and day, whose bytes never change again;
//! 3. [`lookup`] asks DNS (`dns`) where the domain wants its reports, [`route`] applies the operator's maps;
//! 4. [`suppress`] leaves out destinations that get none, [`schedule`] says when a delivery is due and when to give up;
//!    `queue` says which attempt starts next, and pauses (`throttle`) what cannot be reached;
//! 5. [`deliver`] carries one report to one address and says how that ended;
//! 6. [`store`] records it. This is the only edge that goes back.
//!
//! They share the types of [`model`]. [`daemon`] runs the main loop. It alone reads the clock; clock, collectors, DNS and
//! receivers are its [`environment::Environment`].
//! [`ctl`] reads the same database for the operator.

#![forbid(unsafe_code)]

pub mod compose;
pub mod ctl;
pub mod daemon;
pub mod deliver;
mod dns;
pub mod environment;
pub mod error;
pub mod gather;
pub mod lookup;
pub mod model;
mod queue;
pub mod route;
pub mod schedule;
pub mod store;
pub mod suppress;
mod throttle;
