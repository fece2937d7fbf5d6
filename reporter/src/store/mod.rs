//! The reporter's store: fetch jobs, report data, deliveries and suppressions. The engine is SQLite, with sys4's tables.

mod error;
pub mod sqlite;
mod steps;

pub use error::{Cause, StoreError};
pub use sqlite::*;
pub use steps::{CommitHook, CommitSide, HookVerdict, Step};
