//! The harness: everything that a test speaks with. See the crate's documentation for the way through it.

pub mod browser;
pub mod clock;
pub mod day;
pub mod dkim;
pub mod dns;
pub mod fleet;
pub mod https;
pub mod lab;
pub mod library;
pub mod load;
pub mod mail;
pub mod mta;
pub mod past;
mod places;
pub mod postfix;
pub mod program;
pub mod prometheus;
pub mod proxy;
pub mod query;
pub mod running;
mod runtime;
pub mod sandbox;
mod script;
pub mod shim;
pub mod signals;
pub mod smtp;
mod smtp_session;
pub mod statusd;
/// The reader of the reporter's store is that of the reporter's own tests.
#[allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "it is a test's, and its fields have the names of what they hold"
)]
#[path = "../../../reporter/tests/environment/stored.rs"]
pub mod stored;
pub mod sys4;
pub mod tls;
pub mod verifiers;

pub use tlsrptd_cluster::skip;
pub mod wait;
