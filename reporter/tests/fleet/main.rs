//! What only a fleet on PostgreSQL has: several reporters on one database, who leave, die, or stand still for too long; and a
//! database that is restarted, full, or another.
//!
//! This executable starts itself as a member in a process of its own, to be stopped and killed.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod beside;
mod calendar;
mod child;
mod crew;
mod damaged;
mod days;
mod desk;
#[path = "../environment/mod.rs"]
mod environment;
mod failover;
mod held;
mod members;
mod party;
mod restarts;
mod shares;
#[path = "../../../tests/src/harness/signals.rs"]
mod signals;
mod too_old;
mod world;
