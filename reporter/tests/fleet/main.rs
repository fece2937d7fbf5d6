//! What only a fleet on PostgreSQL has.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

#[path = "../environment/mod.rs"]
mod environment;
mod failover;
mod restarts;
mod world;
