//! What is known of a domain's day.

use tlsrptd_proto::day::Day;

/// What the collectors know of one domain's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainDay {
    /// The domain, as it stands in the rows.
    pub domain: String,
    /// One a collector.
    pub rows: Vec<CollectorRow>,
    /// Report mails that may have been sessions with it; none without `loop_guard`.
    pub our_mails: OurMails,
    /// With `mx_reports` and `loop_guard`: those of them that were reports on a MX host, by the host.
    pub mx_mails: Vec<(String, OurMails)>,
    /// Reports that were made of it before: what is found now is reported late, in one of its own.
    pub reports: u64,
}

impl DomainDay {
    /// The octets of the rows.
    pub fn size(&self) -> usize {
        let rows = self.rows.iter().filter_map(|row| row.data.as_ref());
        rows.map(String::len).sum()
    }
}

/// One collector's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorRow {
    /// Whose.
    pub fetcher: String,
    /// The counts; `None` when something else wrote there and it is not text.
    pub data: Option<String>,
}

/// Report mails of a day and the [`LONGEST_SILENCE`] days before it that count against the domain that they were sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OurMails {
    /// How many, on the day that had the most of them: a mail's sessions fall on its own day, or on a later one.
    pub most_a_day: u64,
    /// When the last of them went out.
    pub last: Option<Day>,
    /// The newest day that they reported on.
    pub reported: Option<Day>,
    /// That day had failed sessions.
    pub told_of_failures: bool,
}

/// A domain is without a report for at most so many days because of mails of ours: a mail may wait for days in the MTA's
/// queue, so those of so many days before count for a day.
pub const LONGEST_SILENCE: u32 = 6;
