//! The suppression list: destinations that get no reports, because the operator said so or because they refused reports day
//! after day.
//!
//! Pure. The list is stored in the database, and `tlsrptctl suppress` edits it.

use std::{collections::HashMap, fmt};

use tlsrptd_proto::day::Day;

use crate::model::{Destination, SuppressionTarget};

/// Days with a refusal, and no accepted report between them, after which a destination is suspended.
const PATIENCE: u32 = 3;
/// Days of the first suspension; each further one is twice as long,
const FIRST: u32 = 7;
/// up to this many days.
const LONGEST: u32 = 90;

/// The suppression list.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    /// For reports on every domain.
    all: HashMap<SuppressionTarget, SuppressionEntry>,
    /// For reports on one domain.
    pairs: HashMap<TargetForDomain, SuppressionEntry>,
}

/// A destination and the domain whose reports it refuses. Refusals count for this pair alone: another domain's record may
/// name the same destination, and its reports may be welcome there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetForDomain {
    /// The destination.
    pub target: SuppressionTarget,
    /// The reported domain.
    pub domain: String,
}

impl fmt::Display for TargetForDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.target, self.domain)
    }
}

/// The reports that an entry suppresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reports on every domain, by the operator.
    All(SuppressionTarget),
    /// Reports on one domain, after refusals.
    One(TargetForDomain),
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionEntry {
    /// The last day; `None` means forever.
    pub until: Option<Day>,
    /// Why.
    pub reason: String,
}

impl Suppressions {
    /// True if the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.pairs.is_empty()
    }

    /// Why a destination gets no report on that domain today, by the narrowest entry; `None` if it gets one.
    pub fn reason(&self, domain: &str, destination: &Destination, today: Day) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let by_refusals = || {
            let target = SuppressionTarget::of(destination).filter(|_| !self.pairs.is_empty())?;
            let domain = domain.to_owned();
            let pair = TargetForDomain { target, domain };
            self.pairs.get(&pair)?.on(today, &pair)
        };
        destination
            .suppression_targets()
            .find_map(|target| self.all.get(&target)?.on(today, &target))
            .or_else(by_refusals)
    }
}

impl SuppressionEntry {
    /// The reason, unless the entry has ended before that day.
    fn on(&self, today: Day, about: &dyn fmt::Display) -> Option<String> {
        let until = match self.until {
            Some(until) if until < today => return None,
            Some(until) => format!("until {until}"),
            None => "for ever".to_owned(),
        };
        Some(match self.reason.as_str() {
            "" => format!("{about} {until}"),
            reason => format!("{about} {until}: {reason}"),
        })
    }
}

impl FromIterator<(Scope, SuppressionEntry)> for Suppressions {
    fn from_iter<I: IntoIterator<Item = (Scope, SuppressionEntry)>>(entries: I) -> Suppressions {
        let mut list = Suppressions::default();
        for (scope, entry) in entries {
            match scope {
                Scope::All(target) => list.all.insert(target, entry),
                Scope::One(pair) => list.pairs.insert(pair, entry),
            };
        }
        list
    }
}

/// The refusals of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// Days with a refusal since the last accepted report.
    pub days: u32,
    /// The last of these days.
    pub last: Day,
    /// The number of suspensions.
    pub times: u32,
}

impl Refusals {
    /// Counts a refusal. Gives the last day of a suspension if one follows. After a suspension the first refusal brings the
    /// next, longer one.
    pub fn and_today(before: Option<Refusals>, today: Day) -> (Refusals, Option<Day>) {
        let mut refusals = match before {
            Some(refusals) if refusals.last == today => return (refusals, None),
            // Noted by a clock that was ahead: it may be the refusal of today.
            Some(refusals) if refusals.last > today => {
                let last = today;
                return (Refusals { last, ..refusals }, None);
            }
            Some(refusals) => refusals,
            None => Refusals {
                days: 0,
                last: today,
                times: 0,
            },
        };
        refusals.days = refusals.days.saturating_add(1);
        refusals.last = today;
        if refusals.days < PATIENCE {
            return (refusals, None);
        }
        let days = FIRST
            .saturating_mul(1 << refusals.times.min(20))
            .min(LONGEST);
        refusals.times = refusals.times.saturating_add(1);
        (refusals, Some(today.ahead(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NamedBy;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn to(uri: &str) -> Destination {
        Destination::new(uri, NamedBy::Record)
    }

    #[test]
    fn the_narrowest_entry_speaks_and_none_beyond_its_day() {
        let entry = |target: &str, until: Option<&str>| {
            let until = until.map(day);
            let reason = target.to_owned();
            let scope = Scope::All(SuppressionTarget::parse(target).unwrap());
            (scope, SuppressionEntry { until, reason })
        };
        let list: Suppressions = [
            entry("tls@a.example", Some("2026-11-22")),
            entry("b.example", None),
            entry(".b.example", None),
            entry("https://c.example/one", None),
        ]
        .into_iter()
        .collect();
        for (uri, today, want, why) in [
            (
                "mailto:tls@a.example",
                "2026-11-22",
                Some("mailto:tls@a.example until 2026-11-22: tls@a.example"),
                "the last day too",
            ),
            ("mailto:tls@a.example", "2026-11-23", None, "it is over"),
            (
                "mailto:tls@A.EXAMPLE",
                "2026-11-22",
                Some("mailto:tls@a.example until 2026-11-22: tls@a.example"),
                "a domain has no case",
            ),
            (
                "mailto:TLS@a.example",
                "2026-11-22",
                Some("mailto:tls@a.example until 2026-11-22: tls@a.example"),
                "nor has a local part, for anybody but its host (RFC 5321 section 2.4)",
            ),
            (
                "mailto:\"tls\"@a.example",
                "2026-11-22",
                Some("mailto:tls@a.example until 2026-11-22: tls@a.example"),
                "quotes are no part of it",
            ),
            (
                "mailto:\"t\\ls\"@a.example",
                "2026-11-22",
                Some("mailto:tls@a.example until 2026-11-22: tls@a.example"),
                "nor are backslashes",
            ),
            (
                "mailto:tls+x@a.example",
                "2026-11-22",
                None,
                "another mailbox, for all that anybody knows",
            ),
            (
                "mailto:x@b.example",
                "2026-11-22",
                Some("b.example for ever: b.example"),
                "every address of the domain",
            ),
            (
                "https://b.example/x",
                "2026-11-22",
                Some("b.example for ever: b.example"),
                "and every URL of the host",
            ),
            (
                "https://b.example:8443/x",
                "2026-11-22",
                Some("b.example for ever: b.example"),
                "by whatever port",
            ),
            (
                "mailto:x@deep.in.b.example",
                "2026-11-22",
                Some(".b.example for ever: .b.example"),
                "subdomains by the dot",
            ),
            (
                "mailto:x@notb.example",
                "2026-11-22",
                None,
                "no label of b.example",
            ),
            (
                "https://c.example/one",
                "2026-11-22",
                Some("https://c.example/one for ever: https://c.example/one"),
                "that URL",
            ),
            (
                "https://C.example:443/two/../one",
                "2026-11-22",
                Some("https://c.example/one for ever: https://c.example/one"),
                "however it is written",
            ),
            (
                "https://c.example/%6fne?",
                "2026-11-22",
                Some("https://c.example/one for ever: https://c.example/one"),
                "and however it is encoded",
            ),
            (
                "https://c.example/two",
                "2026-11-22",
                None,
                "not its neighbour",
            ),
            (
                "directory:/x",
                "2026-11-22",
                None,
                "the operator's own folder",
            ),
        ] {
            assert_eq!(
                list.reason("a.example", &to(uri), day(today)).as_deref(),
                want,
                "{uri}: {why}"
            );
        }
    }

    #[test]
    fn a_suspension_is_one_domains() {
        let pair = TargetForDomain {
            target: SuppressionTarget::parse("https://saas.example/in").unwrap(),
            domain: "unwelcome.example".to_owned(),
        };
        let entry = SuppressionEntry {
            until: Some(day("2026-11-22")),
            reason: "403".to_owned(),
        };
        let list: Suppressions = [(Scope::One(pair), entry)].into_iter().collect();
        assert!(!list.is_empty());
        let suspended =
            "https://saas.example/in for unwelcome.example until 2026-11-22: 403".to_owned();
        for (domain, uri, today, want, why) in [
            (
                "unwelcome.example",
                "https://saas.example/in",
                "2026-11-22",
                Some(suspended.clone()),
                "the pair",
            ),
            (
                "unwelcome.example",
                "https://SAAS.example:443/in",
                "2026-11-22",
                Some(suspended),
                "however it is written",
            ),
            (
                "customer.example",
                "https://saas.example/in",
                "2026-11-22",
                None,
                "another domain with the same destination",
            ),
            (
                "unwelcome.example",
                "https://saas.example/other",
                "2026-11-22",
                None,
                "another destination of the same host",
            ),
            (
                "unwelcome.example",
                "https://saas.example/in",
                "2026-11-23",
                None,
                "it is over",
            ),
        ] {
            assert_eq!(list.reason(domain, &to(uri), day(today)), want, "{why}");
        }
    }

    #[test]
    fn suspensions_grow() {
        let mut refusals = None;
        let mut refuse = |today: &str| {
            let (after, until) = Refusals::and_today(refusals, day(today));
            refusals = Some(after);
            until.map(|until| until.to_string())
        };
        for (today, until, why) in [
            ("2026-01-01", None, "once is nothing"),
            ("2026-01-01", None, "the same day counts once"),
            ("2026-01-02", None, "twice"),
            ("2025-12-31", None, "a clock that was set back"),
            ("2026-01-05", Some("2026-01-12"), "the third day: a week"),
            ("2026-01-13", Some("2026-01-27"), "again: two"),
            ("2026-01-28", Some("2026-02-25"), "four"),
            ("2026-02-26", Some("2026-04-23"), "eight"),
            ("2026-04-24", Some("2026-07-23"), "ninety days at most"),
            ("2026-07-24", Some("2026-10-22"), "and so on"),
        ] {
            assert_eq!(refuse(today).as_deref(), until, "{today}: {why}");
        }
    }
}
