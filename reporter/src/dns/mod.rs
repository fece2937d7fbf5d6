//! A stub resolver: asks name servers as the C library does, with `resolv.conf` or the operator's servers.
//!
//! [`stub`] asks the servers in order, [`name_server`] asks one of them over UDP or TCP, [`message`] reads its reply,
//! [`system`] follows the changes of `resolv.conf`, which [`resolv_conf`] reads.

mod message;
mod name_server;
mod resolv_conf;
mod stub;
mod system;

pub(crate) use message::{DnsAnswer, Question};
pub(crate) use stub::{NoAnswer, StubResolver};
