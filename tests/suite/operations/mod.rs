//! What an operator asks in the morning, asked of the real programs: one test a question, as docs/operations.md tells it.

mod digest;
mod large;
mod page;
mod questions;
pub(crate) mod site;
mod status;
