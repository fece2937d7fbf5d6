//! The digest: of which days, and as a mail.

use std::fmt;

use jiff::Timestamp;
use tlsrptd_proto::{day::Day, report::InstallationId};

/// The days of a digest: one, or the seven that end with a Sunday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestPeriod {
    /// The last day.
    pub last: Day,
    /// How many days.
    pub days: u32,
}

/// The days of a week.
const WEEK: u32 = 7;

impl DigestPeriod {
    /// That day alone.
    pub fn day(day: Day) -> DigestPeriod {
        DigestPeriod { last: day, days: 1 }
    }

    /// The seven days that end with that one.
    pub fn week(last: Day) -> DigestPeriod {
        DigestPeriod { last, days: WEEK }
    }

    /// The first day.
    pub fn first(self) -> Day {
        self.last.back(self.days.saturating_sub(1))
    }

    /// All of them, the oldest first.
    pub fn all(self) -> impl Iterator<Item = Day> {
        (0..self.days).rev().map(move |back| self.last.back(back))
    }
}

impl fmt::Display for DigestPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.days {
            0 | 1 => self.last.fmt(f),
            _ => write!(f, "{} to {}", self.first(), self.last),
        }
    }
}

/// A digest that is to be sent. Its mail follows from it, so that each attempt sends the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestMail {
    /// Of which days.
    pub period: DigestPeriod,
    /// Whose database it stands in.
    pub installation: InstallationId,
    /// When it was made: the mail's Date.
    pub made: Timestamp,
    /// Attempts that failed.
    pub failures: u32,
    /// What it says.
    pub contents: DigestContents,
}

/// The texts of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestContents {
    /// The essence, in one line.
    pub subject: String,
    /// For people.
    pub text: String,
    /// The table; empty: nothing failed.
    pub csv: String,
}

/// How a digest ended, in the words of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestStatus {
    /// The relay took it.
    Sent,
    /// No attempt succeeded for a day.
    TimedOut,
    /// There was nothing to say.
    Nothing,
}

impl DigestStatus {
    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            DigestStatus::Sent => "sent",
            DigestStatus::TimedOut => "timedout",
            DigestStatus::Nothing => "nothing",
        }
    }
}
