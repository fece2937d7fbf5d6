//! Fetch jobs: one a collector and day; and what a collector answers.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

/// A collector, as `fetchers` names it.
#[derive(Clone, Debug)]
pub struct CollectorCommand {
    /// Its place in the option, from 1.
    pub index: i64,
    /// The command, as the operator wrote it.
    pub command: String,
}

/// A job that waits for its collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchJob {
    /// The closed day that is asked for.
    pub day: Day,
    /// The job's number among those of its day, from 1. It is not the collector's: see [`FetchJob::collector`].
    pub index: i64,
    /// The command, as it stood in the settings when the job was made. It names the job's rows too, so that one
    /// collector's rows are never counted twice.
    pub command: String,
    /// Attempts that failed.
    pub failures: u32,
    /// sys4's list of domains is stored: only details are missing.
    pub listed: bool,
    /// When the job was made.
    pub created: Timestamp,
    /// The collector has answered wholly, with this number of additions to the day: only later ones are asked for.
    pub seen: Option<u64>,
}

impl FetchJob {
    /// Who is asked, however the command is spaced.
    pub fn collector(&self) -> String {
        collector_of(&self.command)
    }
}

/// A collector is known by the words of its command, with one space between them.
pub fn collector_of(command: &str) -> String {
    command.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One domain of a collector's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The domain.
    pub domain: String,
    /// Its counts, in the form of `reportdata.data`.
    pub data: String,
}
