//! Settings from arguments, environment and file: what is taken, what is refused, what is said.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod ctl;
mod mistakes;
mod needs;
mod shown;
mod table;
mod warnings;
