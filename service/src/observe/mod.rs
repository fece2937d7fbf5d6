//! The observation socket: a daemon answers questions about its present state, and never waits for whoever asks.
//!
//! A Unix stream socket. A client writes one JSON object a line, `{"request":"status"}`, and gets an answer for each: usually
//! one line of JSON. What cannot be answered is `{"error":"..."}`. tlsrpt-observe(5) describes it for those who write a client.
//!
//! - [`Server`] answers by a handler: a small fixed number of threads, each with one client ([`Limits`]);
//! - [`Client`] asks, within a time limit;
//! - [`Request`] and [`AnswerWriter`] are what a handler sees.
//!
//! A handler reads what the daemon publishes (atomics, or a copy behind a mutex that is held for no longer than the copy
//! takes), and never locks what the daemon's work waits for.

mod client;
mod clients;
mod connection;
mod error;
mod fault;
mod limits;
mod place;
mod protocol;
mod server;
mod socket;
#[cfg(test)]
mod tests;

pub use client::{Client, StreamedAnswer};
pub use error::{AskError, ServeError};
pub use fault::fault;
pub use limits::Limits;
pub use protocol::{AnswerWriter, Request};
pub use server::{Handler, Server};
pub use socket::ListeningSocket;
