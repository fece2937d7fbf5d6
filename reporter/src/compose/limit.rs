//! How many reports of a day one destination gets: the bound that the operator sets, over all reported domains.
//!
//! Domains with failures are decided on first (see `daemon::composing`), so it is the others' reports that are left out.

use std::collections::HashMap;

use tlsrptd_proto::domain::owner;

use crate::model::{
    DecidedDomain, Decision, NamedPart, ReportSubject, is_at_or_below, named_by_others,
};

/// What the operator says of destinations that many domains share.
#[derive(Clone, Debug, Default)]
pub struct DestinationLimit {
    /// `max_reports_per_destination`; 0: none.
    pub most: u64,
    /// `known_destinations`.
    pub known: Vec<String>,
}

impl DestinationLimit {
    /// Whether there is a bound.
    pub fn is_set(&self) -> bool {
        self.most > 0
    }

    /// The names that count, of the destinations that get a report.
    pub fn names(&self, subject: ReportSubject, decided: &DecidedDomain) -> Vec<String> {
        let own = own_name(subject, decided);
        let report = decided.decision.report();
        let to = report.into_iter().flat_map(|report| &report.destinations);
        to.filter_map(|(to, _)| self.name(own, to)).collect()
    }

    fn name(&self, domain: &str, to: &crate::model::Destination) -> Option<String> {
        named_by_others(domain, to).filter(|name| !self.is_known(name))
    }

    /// Whether the operator says that it wants what it gets.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.known.iter().any(|known| is_at_or_below(name, known))
    }

    /// Counts whom the record names, and leaves out what is beyond the bound; `made`: the reports of the day that each name
    /// gets so far. When nothing is left there is no report.
    pub fn apply(
        &self,
        subject: ReportSubject,
        decided: &mut DecidedDomain,
        made: &mut HashMap<String, u64>,
    ) {
        let mut parts: Vec<NamedPart> = std::mem::take(&mut decided.named);
        // What was left out stays so if this is done once more; what gets a report is counted anew.
        parts.iter_mut().for_each(|part| part.deliveries = 0);
        let own = own_name(subject, decided).to_owned();
        let Decision::Report(report) = &mut decided.decision else {
            decided.named = parts;
            return;
        };
        let mut first = None;
        for (to, due) in std::mem::take(&mut report.destinations) {
            let Some(name) = self.name(&own, &to) else {
                report.destinations.push((to, due));
                continue;
            };
            let of_name = made.entry(name.clone()).or_default();
            let is_left_out = self.is_set() && *of_name >= self.most;
            let part = part_of(&mut parts, &name);
            if is_left_out {
                part.left_out += 1;
                let reason = format!(
                    "max_reports_per_destination: {name} gets {} reports of a day, of domains with failures first",
                    self.most
                );
                first.get_or_insert_with(|| reason.clone());
                report.suppressed.push((to, reason));
            } else {
                *of_name += 1;
                part.deliveries += 1;
                report.destinations.push((to, due));
            }
        }
        if report.destinations.is_empty()
            && let Some(reason) = first
        {
            let more = report.suppressed.len().saturating_sub(1);
            decided.decision = Decision::NoReport(super::and_more(&reason, more));
        }
        decided.named = parts;
    }
}

/// The name that is no other's, nor are those below it. Whoever runs a MX host has his mailbox beside it, and the report on the
/// host is in place of those that the bound leaves out.
fn own_name(subject: ReportSubject, decided: &DecidedDomain) -> &str {
    match subject {
        ReportSubject::Domain => &decided.domain,
        ReportSubject::MxHost => owner(&decided.domain),
    }
}

fn part_of<'a>(parts: &'a mut Vec<NamedPart>, name: &str) -> &'a mut NamedPart {
    let at = parts.iter().position(|part| part.name == name);
    let at = at.unwrap_or_else(|| {
        parts.push(NamedPart {
            name: name.to_owned(),
            deliveries: 0,
            left_out: 0,
        });
        parts.len() - 1
    });
    &mut parts[at]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{CountedRows, Destination, NamedBy, NewReport};

    fn decided(domain: &str, uris: &[&str]) -> DecidedDomain {
        let to = |uri: &&str| {
            (
                Destination::new(*uri, NamedBy::Record),
                Timestamp::UNIX_EPOCH,
            )
        };
        DecidedDomain {
            domain: domain.to_owned(),
            uniqid: 1,
            rows: CountedRows::default(),
            decision: Decision::Report(NewReport {
                json: "{}".to_owned(),
                destinations: uris.iter().map(to).collect(),
                suppressed: Vec::new(),
            }),
            named: Vec::new(),
        }
    }

    /// What goes out, or why nothing does.
    fn fate(decided: &DecidedDomain) -> String {
        match &decided.decision {
            Decision::NoReport(reason) => reason.clone(),
            Decision::Report(report) => {
                let to: Vec<&str> = report.destinations.iter().map(|(to, _)| to.uri()).collect();
                format!("{} -{}", to.join(" "), report.suppressed.len())
            }
        }
    }

    #[test]
    fn what_is_beyond_the_bound_is_left_out() {
        let limit = DestinationLimit {
            most: 2,
            known: vec!["known.test".to_owned()],
        };
        let mut made = HashMap::from([("full.test".to_owned(), 2)]);
        let full = "max_reports_per_destination: full.test gets 2 reports of a day, of domains with failures first";
        for (domain, uris, want, why) in [
            (
                "a.test",
                &["mailto:x@v.test"][..],
                "mailto:x@v.test -0",
                "one",
            ),
            (
                "b.test",
                &["mailto:y@v.test", "https://v.test/x"],
                "mailto:y@v.test -1",
                "two, by whatever way",
            ),
            (
                "c.test",
                &["mailto:x@full.test"],
                full,
                "what the rows say counts",
            ),
            (
                "d.test",
                &["mailto:x@full.test", "mailto:y@full.test"],
                &format!("{full}, and 1 more"),
                "nothing is left",
            ),
            (
                "e.test",
                &["mailto:x@full.test", "mailto:x@e.test"],
                "mailto:x@e.test -1",
                "its own stays",
            ),
            (
                "full.test",
                &["mailto:x@full.test"],
                "mailto:x@full.test -0",
                "nobody takes a domain's own report from it",
            ),
            (
                "f.test",
                &["mailto:x@mx.known.test"],
                "mailto:x@mx.known.test -0",
                "known",
            ),
            ("g.test", &[], " -0", "none, by whatever reason"),
        ] {
            let mut decided = decided(domain, uris);
            limit.apply(ReportSubject::Domain, &mut decided, &mut made);
            assert_eq!(fate(&decided), want, "{why}");
            let named = decided.named.clone();
            // The store may have failed, and been written to since.
            limit.apply(ReportSubject::Domain, &mut decided, &mut HashMap::new());
            assert_eq!(
                (fate(&decided).as_str(), &decided.named),
                (want, &named),
                "{why}: once more"
            );
        }
    }

    #[test]
    fn whoever_runs_a_mx_host_has_his_mailbox_beside_it() {
        let limit = DestinationLimit {
            most: 1,
            known: Vec::new(),
        };
        for (subject, uri, want) in [
            (ReportSubject::Domain, "mailto:x@hoster.test", 0),
            (ReportSubject::MxHost, "mailto:x@hoster.test", 1),
            (ReportSubject::MxHost, "mailto:x@victim.test", 0),
        ] {
            let full = ["hoster.test", "victim.test"].map(|name| (name.to_owned(), 1));
            let mut decided = decided("mx.hoster.test", &[uri]);
            limit.apply(subject, &mut decided, &mut HashMap::from(full));
            let report = decided.decision.report();
            let left = report.map_or(0, |report| report.destinations.len());
            assert_eq!(left, want, "{subject:?} {uri}");
        }
    }

    #[test]
    fn without_a_bound_it_is_counted_who_is_named() {
        let mut decided = decided(
            "a.test",
            &["mailto:x@v.test", "mailto:y@v.test", "mailto:x@a.test"],
        );
        DestinationLimit::default().apply(ReportSubject::Domain, &mut decided, &mut HashMap::new());
        let part = NamedPart {
            name: "v.test".to_owned(),
            deliveries: 2,
            left_out: 0,
        };
        assert_eq!(decided.named, [part]);
    }
}
