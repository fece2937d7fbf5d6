//! End-to-end tests over the real programs. One binary, one module a subject.

// clippy.toml allows unwrap in tests, but sees only functions that are marked as tests, not their helpers.
#![allow(clippy::unwrap_used)]

mod answers;
mod arrows;
mod bounces;
mod carriers;
mod circles;
mod collector;
mod compat;
mod config;
mod docs;
mod doctor;
mod faults;
mod fleet;
mod harness;
mod in_turn;
mod judges;
mod midnight;
mod monitoring;
mod names;
mod operations;
mod reporter;
mod reports;
mod sandbox;
mod statusd;
mod switch;
mod sys4;
mod wild;
