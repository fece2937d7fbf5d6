//! What gets no reports for a while: by the operator's word, or because it has refused them day after day.
//!
//! Pure: the list is rows of the database ([`crate::state`]), and `tlsrptctl suppress` edits them.

mod target;

use std::collections::HashMap;

use tlsrptd_proto::day::Day;

pub use target::{Target, TargetError};

/// So many days on which a destination refuses, with no report taken between them, and it is left alone.
const PATIENCE: u32 = 3;
/// The first time for so many days, then twice as long each time,
const FIRST: u32 = 7;
/// up to this.
const LONGEST: u32 = 90;

/// Everything that is suppressed.
#[derive(Clone, Debug, Default)]
pub struct Suppressions(HashMap<Target, Entry>);

/// One target's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last day; `None` for ever.
    pub until: Option<Day>,
    /// Why.
    pub reason: String,
}

impl Suppressions {
    /// Mostly.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why a destination gets nothing today, if that is so. The narrowest entry speaks.
    pub fn reason(&self, uri: &str, today: Day) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        Target::covering(uri).find_map(|target| {
            let entry = self.0.get(&target)?;
            let until = match entry.until {
                Some(until) if until < today => return None,
                Some(until) => format!("until {until}"),
                None => "for ever".to_owned(),
            };
            Some(match entry.reason.as_str() {
                "" => format!("{target} {until}"),
                reason => format!("{target} {until}: {reason}"),
            })
        })
    }
}

impl FromIterator<(Target, Entry)> for Suppressions {
    fn from_iter<I: IntoIterator<Item = (Target, Entry)>>(entries: I) -> Suppressions {
        Suppressions(entries.into_iter().collect())
    }
}

/// What is remembered of a destination that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// Days with a refusal since the last report that it took.
    pub days: u32,
    /// The newest of them.
    pub last: Day,
    /// How often it was suspended for that.
    pub times: u32,
}

impl Refusals {
    /// One more refusal, and the last day of the suspension that follows from it. After a suspension the first refusal
    /// brings the next, longer one.
    pub fn and_today(before: Option<Refusals>, today: Day) -> (Refusals, Option<Day>) {
        let mut refusals = match before {
            Some(refusals) if refusals.last >= today => return (refusals, None),
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

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn the_narrowest_entry_speaks_and_none_beyond_its_day() {
        let entry = |target: &str, until: Option<&str>| {
            let until = until.map(day);
            let reason = target.to_owned();
            (Target::parse(target).unwrap(), Entry { until, reason })
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
                list.reason(uri, day(today)).as_deref(),
                want,
                "{uri}: {why}"
            );
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
