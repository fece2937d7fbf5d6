//! Placeholder until the programs exist.
fn main() {}
