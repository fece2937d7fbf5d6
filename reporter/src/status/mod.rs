//! `tlsrpt-statusd`: a page, metrics and the answers of `tlsrptctl --json`, by HTTP. It reads, and writes nothing.
//!
//! A request goes one way:
//!
//! 1. `server` takes a connection within `limits`, and reads a request from it (hyper);
//! 2. `route`, pure, says what is asked, or refuses it: the method, the path, or the name of the host (`host`);
//! 3. `desk` answers from what it has kept for `refresh_interval`, or hands the question to the one `worker`, so that a
//!    thousand requests a second ask store and daemons once;
//! 4. the worker takes a `snapshot` of store and observation sockets, and lets [`page`], `metrics`, `api` or `health`
//!    write the answer.
//!
//! `daemon` starts and ends all that. A page that breaks ends this program and no other.

mod api;
mod daemon;
mod desk;
mod health;
mod host;
mod limits;
mod listen;
pub(crate) mod metrics;
mod page;
mod response;
mod route;
mod server;
pub(crate) mod snapshot;
mod stream;
mod worker;

pub use daemon::{faults, run};
