//! What must hold for any bytes at all, one module a target. libFuzzer calls these functions with what it makes up,
//! `cargo test` with what lies in the corpora; a property that does not hold is a panic.
#![forbid(unsafe_code)]

pub mod bounce;
pub mod datagram;
pub mod fetch;
pub mod ini;
pub mod maps;
pub mod tlsrpt_record;

#[cfg(test)]
mod replay;
