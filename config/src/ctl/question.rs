//! What `tlsrptctl` may be asked.

use std::path::PathBuf;

use crate::DayWord;

/// A command of `tlsrptctl`. Days and domains are as they were given; a date exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// How everything is; needs `dbname`, and asks whom `fetchers` and `observation_socket` name.
    Status(StatusForm),
    /// The figures for a monitoring system; needs what `Status` needs.
    Metrics {
        /// The file to write them to; `None`: standard output.
        output: Option<PathBuf>,
    },
    /// A line a day; needs `dbname`.
    History {
        /// So many.
        days: u32,
    },
    /// What failed when we sent; needs `dbname`.
    Failures(Failures),
    /// A day's deliveries; needs `dbname`.
    Deliveries(Deliveries),
    /// What today's would be; needs all settings.
    DeliveriesToday(Deliveries),
    /// A report; needs all settings.
    Show(Show),
    /// What became of a domain's report; needs all settings.
    Why {
        /// The policy domain.
        domain: String,
        /// The day.
        day: DayWord,
    },
    /// A report once more; needs `dbname`.
    Resend(Resend),
    /// A test report; needs `dbname`.
    SendTest(SendTest),
    /// Requests that wait; needs `dbname`.
    Requests(AskedRequests),
    /// A mail that came back; needs `dbname`.
    Bounce {
        /// The address that it came to.
        recipient: Option<String>,
    },
    /// DKIM keys; needs `contact_info` and the keys.
    DkimRecord(DkimRecord),
    /// What is wrong with the set-up; looks at all settings, and comes with what is wrong with them.
    Doctor(Doctor),
    /// The fleet; needs `dbname`.
    Fleet(AskedFleet),
    /// The destinations of a record before and after the maps; needs the maps, the debug options and DNS's.
    Maptest {
        /// The policy domain.
        domain: String,
        /// The text of its TLSRPT record; `None`: what DNS has.
        record: Option<String>,
    },
    /// What gets no reports; needs `dbname`.
    Suppress(Suppress),
}

/// How `status` is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusForm {
    /// One screen, for people.
    Screen,
    /// One line and an exit status, for the monitoring.
    Check,
}

/// The question of `failures`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// So many days, the last closed one included.
    pub days: u32,
    /// Only of this policy domain.
    pub domain: Option<String>,
    /// All, or what is new.
    pub scope: FailuresScope,
    /// Whether with what they mean.
    pub meanings: Meanings,
    /// At most so many lines.
    pub limit: usize,
}

/// Which failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailuresScope {
    /// All.
    All,
    /// Those not seen in the week before.
    New,
}

/// Whether failures are explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanings {
    /// The table alone.
    LeftOut,
    /// What each result means, too.
    Told,
}

/// The question of `deliveries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliveries {
    /// The day.
    pub day: DayWord,
    /// Only of this policy domain.
    pub domain: Option<String>,
    /// Only with this status, one of the words of `--status`.
    pub status: Option<String>,
    /// At most so many lines.
    pub limit: usize,
}

/// The question of `show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Show {
    /// The policy domain.
    pub domain: String,
    /// The day.
    pub day: DayWord,
    /// What of it.
    pub form: ShowForm,
}

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowForm {
    /// The report.
    Report,
    /// The mail that it goes in.
    Mail,
}

/// The question of `resend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// The policy domain.
    pub domain: String,
    /// The day.
    pub day: DayWord,
    /// To whom; `None`: to the report's destinations.
    pub to: Option<String>,
    /// Whether for the answer.
    pub wait: Wait,
}

/// The question of `send-test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendTest {
    /// To whom.
    pub destination: String,
    /// Whether for the answer.
    pub wait: Wait,
}

/// What is to be done about the requests that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedRequests {
    /// Shows them.
    List,
    /// Takes those with these numbers back.
    Withdraw(Vec<i64>),
}

/// What is to be done about the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedFleet {
    /// Shows it.
    Show,
    /// Takes the collector or member of this name out.
    Retire(String),
    /// Takes a collector of this name in again.
    Unretire(String),
    /// Brings a file into it.
    Import(PathBuf),
    /// Brings it into a new file.
    Export(PathBuf),
}

/// Whether a command waits until the daemon has done it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until then, for so many seconds at most.
    ForAnswer(u32),
    /// The request is left to the daemon.
    No,
}

/// What `dkim-record` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DkimRecord {
    /// Prints the records of the configured keys.
    Configured,
    /// Makes a key.
    New {
        /// Its selector.
        selector: String,
        /// What it is to be.
        key_type: KeyType,
        /// Its file; `None`: named after the selector, in the folder of the configuration.
        out: Option<PathBuf>,
    },
}

/// How `doctor` looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doctor {
    /// The service's user, where it is not the unit's.
    pub user: Option<String>,
    /// The collector's configuration, where it is not in its usual place.
    pub collectd_config: Option<PathBuf>,
}

/// A type of key (RFC 6376, RFC 8463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// RSA of 2048 bits, which everybody verifies.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// What is to be done with the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suppress {
    /// Puts a target on it.
    Add {
        /// An address, a URL, or a name.
        target: String,
        /// The last day; `None` for ever.
        until: Option<String>,
        /// Why, for whoever reads the list.
        reason: Option<String>,
    },
    /// Takes a target off it.
    Remove {
        /// As it stands in the list.
        target: String,
        /// Only for reports on this domain.
        domain: Option<String>,
    },
    /// Shows it.
    List,
}
