//! How much is logged.

/// The least important events that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Only what the operator must act on. Python's `critical` is this too: there is nothing above it.
    Error,
    /// Also problems that the program coped with.
    #[default]
    Warn,
    /// Also the outcome of each piece of work.
    Info,
    /// Everything.
    Debug,
}
