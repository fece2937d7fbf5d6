//! The reporter's store: fetch jobs, report data, deliveries and suppressions. The engine is SQLite, with sys4's tables.

pub mod sqlite;

pub use sqlite::*;
