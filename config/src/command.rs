//! The commands of `tlsrptctl`: one row drives `--help`, the manual and the completions.

/// One command.
#[derive(Debug)]
pub struct Command {
    /// Its word or words.
    pub name: &'static str,
    /// What stands behind it.
    pub operands: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// All commands, in the order of the manual.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        operands: "",
        meaning: "Print the counts of fetch jobs, report data and deliveries, by day and status.",
    },
    Command {
        name: "maptest",
        operands: "DOMAIN RECORD",
        meaning: "Print the destinations of a record before and after the maps.",
    },
];
