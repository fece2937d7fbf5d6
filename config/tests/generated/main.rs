//! What is made of the table for users and packagers: example files, manuals, completions. Each is made here, and the
//! shipped file is held to it; `UPDATE_EXAMPLES=1`, `UPDATE_MANUALS=1` and `UPDATE_COMPLETIONS=1` write them anew.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;
mod completion;
mod completions;
mod example;
mod examples;
mod manual;
mod manuals;
