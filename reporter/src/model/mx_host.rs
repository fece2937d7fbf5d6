//! Reports to whoever runs a MX host (RFC 8460 section 1.1: the policy domain of DANE is the TLSA base domain).

use std::{collections::BTreeSet, sync::Arc};

use tlsrptd_proto::{counts::ReportCounts, domain::Domain};

use super::{Destination, NamedBy, NewReport};

/// What a report is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportSubject {
    /// A recipient domain.
    Domain,
    /// A MX host, whatever the recipient domains.
    MxHost,
}

/// A MX host that asks for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// The TLSA base domain.
    pub name: Domain,
    /// Where the reports on it go.
    pub destinations: Vec<Destination>,
}

/// What a domain's day adds to that of a MX host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxShare {
    /// The host.
    pub host: Arc<MxHost>,
    /// The sessions.
    pub counts: ReportCounts,
}

/// What all domains of a day have added up to for one MX host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHostDay {
    /// The host, as it stands in the row.
    pub host: String,
    /// Where the report goes.
    pub destinations: Vec<Destination>,
    /// The sessions.
    pub counts: ReportCounts,
    /// Sessions that are left out: one of the destinations gets them in the reports on their domains.
    pub told: u64,
    /// Reports that were made before under this name.
    pub reports: u64,
}

impl MxHost {
    /// Whether one of its destinations gets this report on a domain, however the destination is written there. What the
    /// operator adds to the host's own, an archive of all reports, does not count: it gets every domain's.
    pub fn gets(&self, report: &NewReport) -> bool {
        let is_own = |to: &&Destination| to.named_by == NamedBy::Record;
        let mut own: BTreeSet<String> =
            self.destinations.iter().filter(is_own).map(place).collect();
        if own.is_empty() {
            own = self.destinations.iter().map(place).collect();
        }
        let mut others = report.destinations.iter();
        others.any(|(destination, _)| own.contains(&place(destination)))
    }
}

/// What destinations are compared by. A folder is one place only if its text is the same.
fn place(destination: &Destination) -> String {
    let canonical = destination.canonical();
    canonical.unwrap_or_else(|| destination.uri().to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn who_has_a_report_already() {
        let own = [
            ("mailto:TLS@hoster.example", NamedBy::Record),
            ("https://hoster.example/r", NamedBy::Record),
        ];
        let archive = [("directory:/r", NamedBy::Operator)];
        let both = [own.as_slice(), archive.as_slice()].concat();
        for (host, uris, gets, why) in [
            (&own[..], vec![], false, "no destination"),
            (
                &own,
                vec!["mailto:tls@Hoster.example"],
                true,
                "the same mailbox in another spelling",
            ),
            (
                &own,
                vec!["mailto:own@a.example", "https://Hoster.example:443/r"],
                true,
                "one of several",
            ),
            (
                &own,
                vec!["mailto:other@hoster.example", "https://hoster.example/R"],
                false,
                "other places at the same hoster",
            ),
            (
                &archive,
                vec!["directory:/r"],
                true,
                "all reports go to the operator's folder, and nowhere else",
            ),
            (&archive, vec!["directory:/R"], false, "another folder"),
            (
                &both,
                vec!["mailto:own@a.example", "directory:/r"],
                false,
                "the operator's archive has all, the hoster nothing",
            ),
            (
                &both,
                vec!["mailto:tls@hoster.example", "directory:/r"],
                true,
                "the hoster has it, too",
            ),
        ] {
            let host = MxHost {
                name: Domain::parse("mx.hoster.example").unwrap(),
                destinations: host
                    .iter()
                    .map(|(uri, by)| Destination::new(*uri, *by))
                    .collect(),
            };
            let to = |uri: &str| {
                (
                    Destination::new(uri, NamedBy::Record),
                    Timestamp::UNIX_EPOCH,
                )
            };
            let report = NewReport {
                json: String::new(),
                destinations: uris.into_iter().map(to).collect(),
                suppressed: Vec::new(),
            };
            assert_eq!(host.gets(&report), gets, "{why}");
        }
    }
}
