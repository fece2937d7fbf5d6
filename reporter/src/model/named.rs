//! Destinations that the records of other people's domains name.
//!
//! Whoever has a domain can publish records for names below it without number, and list anybody's address in them. So it is
//! counted who is named, by how many domains of how many owners.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    mem::size_of,
};

use tlsrptd_proto::{day::Day, domain::owner};

use super::{Destination, NamedBy, SuppressionTarget};

/// Owners that are counted exactly; beyond, their number is estimated.
const EXACT: usize = 32;
/// So many domains are many: fewer mails harm nobody.
const MANY: u64 = 100;
/// So many domains of an owner, on average, are names that somebody has made up.
const MADE_UP: u64 = 10;
/// So many times as many as on any day before are a rush.
const RUSH: u64 = 3;
/// What was named by as many on so many days before is known.
const DAYS_UNTIL_KNOWN: usize = 3;
/// Days before that count.
pub const NAMED_DAYS: u32 = 14;

/// What one domain's decision adds to a destination's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPart {
    /// The mail domain or https host.
    pub name: String,
    /// Deliveries that are made.
    pub deliveries: u64,
    /// Deliveries that are not, by `max_reports_per_destination`.
    pub left_out: u64,
}

/// How a day's records named a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDestination {
    /// The day.
    pub day: Day,
    /// The mail domain or https host.
    pub name: String,
    /// Reported domains whose records name it; its own is not among them.
    pub domains: u64,
    /// Their owners; beyond 32 an estimate.
    pub owners: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Deliveries that were made for it.
    pub deliveries: u64,
    /// Deliveries that were left out, by `max_reports_per_destination`.
    pub left_out: u64,
    /// So many came all at once, or of so few owners, that somebody may have made the names up; the first day of which it is
    /// remembered that some named it.
    pub suspect_since: Option<Day>,
}

/// What is known of the days before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedBefore {
    /// It is known who was named on one of them at least.
    pub is_known: bool,
    /// Domains that named the destination, on each day of which that is remembered.
    pub domains: Vec<(Day, u64)>,
}

/// The mail domain or https host of a destination that another domain's record names. Nobody can make others name a domain of
/// theirs, so a domain's own name and names below it are no such destination, and an operator's maps say what the operator wants.
pub fn named_by_others(reported: &str, destination: &Destination) -> Option<String> {
    if destination.named_by == NamedBy::Operator {
        return None;
    }
    let name = SuppressionTarget::of(destination)?.name();
    (!name.is_empty() && !is_at_or_below(&name, reported)).then_some(name)
}

/// Whether a name is that domain, or one below it.
pub fn is_at_or_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl NamedDestination {
    /// Whether somebody may have made the names up that name it. A processor of reports is named by many domains too: of
    /// as many owners, and on the days before.
    pub fn looks_made_up(&self, before: &NamedBefore) -> bool {
        let domains = || before.domains.iter().map(|(_, domains)| *domains);
        let as_many = |domains: &u64| domains.saturating_mul(2) >= self.domains;
        if self.domains < MANY || domains().filter(as_many).count() >= DAYS_UNTIL_KNOWN {
            return false;
        }
        let most = domains().max().unwrap_or(0);
        let is_rush = before.is_known && most.saturating_mul(RUSH) <= self.domains;
        is_rush || self.owners.saturating_mul(MADE_UP) <= self.domains
    }
}

/// Who is named, by how many, since when, in one sentence; what follows from it is the reader's to say.
impl fmt::Display for NamedDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |number: u64, one: &str, many: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {many}"),
        };
        write!(
            f,
            "the records of {} of {} name {}, which is not theirs: {} of {} on {}",
            of(self.domains, "domain", "domains"),
            of(self.owners, "owner", "owners"),
            self.name,
            of(self.deliveries, "delivery", "deliveries"),
            self.day,
            of(self.sessions, "session", "sessions"),
        )?;
        if self.left_out > 0 {
            write!(f, ", {} left out", self.left_out)?;
        }
        match self.suspect_since {
            Some(since) => write!(f, "; since {since}"),
            None => Ok(()),
        }
    }
}

/// The owners of domains, in a few bytes: the least hashes of their names. Of many owners their number follows from how close
/// these are to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerSketch(Vec<u32>);

impl OwnerSketch {
    /// From the bytes of the store.
    pub fn from_bytes(bytes: &[u8]) -> OwnerSketch {
        let hashes = bytes.as_chunks::<{ size_of::<u32>() }>().0;
        let mut sketch = OwnerSketch::default();
        hashes
            .iter()
            .take(EXACT)
            .for_each(|bytes| sketch.insert(u32::from_be_bytes(*bytes)));
        sketch
    }

    /// For the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_be_bytes()).collect()
    }

    /// Adds the owner of a domain.
    pub fn add(&mut self, domain: &str) {
        let mut hasher = DefaultHasher::new();
        owner(domain).hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
        self.insert(u32::from_be_bytes([a, b, c, d]));
    }

    /// All that the other has.
    pub fn merge(&mut self, other: &OwnerSketch) {
        other.0.iter().for_each(|hash| self.insert(*hash));
    }

    fn insert(&mut self, hash: u32) {
        if let Err(at) = self.0.binary_search(&hash) {
            self.0.insert(at, hash);
            self.0.truncate(EXACT);
        }
    }

    /// How many there are.
    pub fn number(&self) -> u64 {
        match self.0.last() {
            Some(last) if self.0.len() == EXACT => {
                (EXACT as u64 - 1) * (1 << 32) / (u64::from(*last) + 1)
            }
            _ => self.0.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_by_others() {
        let record = NamedBy::Record;
        for (reported, uri, named_by, want, why) in [
            (
                "a.test",
                "mailto:x@b.test",
                record,
                Some("b.test"),
                "another's",
            ),
            (
                "a.test",
                "mailto:x@B.TEST",
                record,
                Some("b.test"),
                "in any case",
            ),
            (
                "a.test",
                "https://B.test.:8443/x",
                record,
                Some("b.test"),
                "a host, whatever its port",
            ),
            ("a.test", "mailto:x@a.test", record, None, "its own"),
            (
                "a.test",
                "https://tls.a.test/x",
                record,
                None,
                "below its own",
            ),
            (
                "x.a.test",
                "mailto:x@a.test",
                record,
                Some("a.test"),
                "above it: names below are given to many",
            ),
            (
                "a.test",
                "mailto:x@nota.test",
                record,
                Some("nota.test"),
                "no label of a.test",
            ),
            (
                "a.test",
                "mailto:x@b.test",
                NamedBy::Operator,
                None,
                "the operator's own word",
            ),
            ("a.test", "directory:/x", record, None, "nobody's"),
            ("a.test", "odd", record, None, "nothing that can be used"),
        ] {
            let named = named_by_others(reported, &Destination::new(uri, named_by));
            assert_eq!(named.as_deref(), want, "{reported} {uri}: {why}");
        }
    }

    #[test]
    fn owners_are_counted() {
        for (owners, names, least, most) in [
            (0, 1, 0, 0),
            (1, 1000, 1, 1),
            (31, 10, 31, 31),
            (1000, 2, 600, 1500),
            (100_000, 1, 60_000, 150_000),
        ] {
            let mut sketch = OwnerSketch::default();
            for owner in 0..owners {
                let mut part = OwnerSketch::default();
                (0..names).for_each(|n| part.add(&format!("n{n}.o{owner}.test")));
                sketch.merge(&OwnerSketch::from_bytes(&part.to_bytes()));
            }
            let number = sketch.number();
            assert!((least..=most).contains(&number), "{owners}: {number}");
            assert!(sketch.to_bytes().len() <= 4 * EXACT);
        }
    }

    #[test]
    fn a_processor_and_a_victim_are_told_apart() {
        for (domains, owners, before, want, why) in [
            (99, 1, Some(vec![]), false, "not many"),
            (10_000, 3, Some(vec![]), true, "names made up, from nothing"),
            (10_000, 3, None, true, "even on the first day that is known"),
            (
                10_000,
                9_000,
                None,
                false,
                "on the first day a processor looks like that",
            ),
            (
                10_000,
                9_000,
                Some(vec![]),
                true,
                "domains that were bought, all at once",
            ),
            (
                10_000,
                9_000,
                Some(vec![9_800]),
                false,
                "a processor, as yesterday",
            ),
            (
                10_000,
                9_000,
                Some(vec![40, 3_300]),
                true,
                "three times as many as ever",
            ),
            (10_000, 9_000, Some(vec![4_000]), false, "a busy day"),
            (
                10_000,
                3,
                Some(vec![10_000]),
                true,
                "the second day of names made up",
            ),
            (
                10_000,
                3,
                Some(vec![10_000, 9_000, 5_000]),
                false,
                "it was so for three days: who reads this knows",
            ),
            (
                10_000,
                3,
                Some(vec![10_000, 9_000, 4_999]),
                true,
                "but not in such numbers",
            ),
        ] {
            let named = NamedDestination {
                day: Day::parse("2026-11-28").unwrap(),
                name: "victim.test".to_owned(),
                domains,
                owners,
                sessions: domains,
                deliveries: domains,
                left_out: 0,
                suspect_since: None,
            };
            let on = |domains| (Day::parse("2026-11-20").unwrap(), domains);
            let before = NamedBefore {
                is_known: before.is_some(),
                domains: before.unwrap_or_default().into_iter().map(on).collect(),
            };
            assert_eq!(named.looks_made_up(&before), want, "{why}");
        }
    }
}
