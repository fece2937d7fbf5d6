//! What of a day was told under a collector's former number when it became another one: under the number that it has from then
//! on, it tells what is more than that.
//!
//! A process that knows what it has told takes that. One that does not, as it has just been started, takes what the day's file
//! holds. It stands in a file of the number's name, for as long as the number is used.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::Path,
};

use tlsrptd_config::paths;
use tlsrptd_fleet::{KeyHash, key_hash};
use tlsrptd_proto::{counts::FetchedCounts, day::Day, domain::Domain};
use tlsrptd_service::files;

/// A key, its sessions, and those that failed.
const OCTETS_A_KEY: usize = 16 + 8 + 8;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Baseline {
    day: Day,
    counts: BTreeMap<KeyHash, (u64, u64)>,
}

impl Baseline {
    /// Of a day, with nothing so far.
    pub(crate) fn of(day: Day) -> Baseline {
        Baseline {
            day,
            counts: BTreeMap::new(),
        }
    }

    pub(crate) fn day(&self) -> Day {
        self.day
    }

    /// All of a domain is told already.
    pub(crate) fn add(&mut self, domain: &Domain, counts: &FetchedCounts) {
        self.add_told(domain, counts, |_, found| found);
    }

    /// So much of a domain's keys is told already: of each its sessions, and those that failed, by what was found of it.
    pub(crate) fn add_told(
        &mut self,
        domain: &Domain,
        counts: &FetchedCounts,
        told: impl Fn(KeyHash, (u64, u64)) -> (u64, u64),
    ) {
        let domain = domain.as_str();
        let mut add = |key, found| {
            let told = told(key, found);
            if told != (0, 0) {
                self.counts.insert(key, told);
            }
        };
        for (record, policies) in &counts.records {
            for (policy, counts) in policies {
                let key = key_hash(domain, record, policy, None);
                add(key, (counts.total, counts.failed));
                for (failure, times) in &counts.failures {
                    let key = key_hash(domain, record, policy, Some(failure));
                    add(key, (*times, 0));
                }
            }
        }
    }

    /// Leaves what is more than that.
    pub(crate) fn subtract_from(&self, domain: &Domain, counts: &mut FetchedCounts) {
        self.change(domain, counts, u64::saturating_sub);
    }

    /// Leaves what is not more than that.
    pub(crate) fn limit(&self, domain: &Domain, counts: &mut FetchedCounts) {
        self.change(domain, counts, u64::min);
    }

    /// Makes something else of each count and what is told of it.
    fn change(&self, domain: &Domain, counts: &mut FetchedCounts, to: fn(u64, u64) -> u64) {
        let domain = domain.as_str();
        for (record, policies) in &mut counts.records {
            for (policy, counts) in policies {
                let (total, failed) = self.told(key_hash(domain, record, policy, None));
                counts.total = to(counts.total, total);
                counts.failed = to(counts.failed, failed);
                for (failure, times) in &mut counts.failures {
                    let (told, _) = self.told(key_hash(domain, record, policy, Some(failure)));
                    *times = to(*times, told);
                }
            }
        }
    }

    /// Of a key, its sessions and those that failed.
    pub(crate) fn told(&self, key: KeyHash) -> (u64, u64) {
        self.counts.get(&key).copied().unwrap_or_default()
    }

    /// Writes it for the collector of that number, to stay.
    pub(crate) fn write(&self, path: &Path, collector: KeyHash) -> io::Result<()> {
        let mut out = BufWriter::new(files::make_anew(path)?);
        out.write_all(head(collector, self.day).as_bytes())?;
        for (key, (total, failed)) in &self.counts {
            out.write_all(&key.0)?;
            out.write_all(&total.to_be_bytes())?;
            out.write_all(&failed.to_be_bytes())?;
        }
        out.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        File::open(paths::directory(path))?.sync_all()
    }

    /// That of the collector of that number, if it has one.
    pub(crate) fn read(path: &Path, collector: KeyHash) -> io::Result<Option<Baseline>> {
        let octets = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        Ok(parse(&octets, collector))
    }
}

fn head(collector: KeyHash, day: Day) -> String {
    format!("{collector} {day}\n")
}

/// `None`: it is another's.
fn parse(octets: &[u8], collector: KeyHash) -> Option<Baseline> {
    let end = octets.iter().position(|octet| *octet == b'\n')?;
    let (line, rows) = octets.split_at(end + 1);
    let line = std::str::from_utf8(line).ok()?;
    let day = Day::parse(line.trim_end().split_once(' ')?.1).ok()?;
    if line != head(collector, day) {
        return None;
    }
    let mut baseline = Baseline::of(day);
    for row in rows.chunks_exact(OCTETS_A_KEY) {
        let (key, numbers) = row.split_first_chunk::<16>()?;
        let (total, failed) = numbers.split_first_chunk::<8>()?;
        let numbers = (
            u64::from_be_bytes(*total),
            u64::from_be_bytes(failed.try_into().ok()?),
        );
        baseline.counts.insert(KeyHash(*key), numbers);
    }
    Some(baseline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(total: u64, failed: u64, failures: u64) -> FetchedCounts {
        let json = format!(
            r#"{{"v=TLSRPTv1;rua=mailto:a@b": {{"{{\"policy-type\": 9}}": {{"cntrtotal": {total}, "cntrfailure": {failed}, "failures": {{"{{\"c\": 201}}": {failures}}}}}}}}}"#
        );
        FetchedCounts::from_json(&json, &domain()).unwrap()
    }

    fn domain() -> Domain {
        Domain::parse("a.test").unwrap()
    }

    #[test]
    fn only_what_is_more_is_left() {
        let (folder, day) = (
            tempfile::tempdir().unwrap(),
            Day::parse("2026-11-29").unwrap(),
        );
        let path = folder.path().join("c.baseline");
        let (ours, other) = (KeyHash([7; 16]), KeyHash([8; 16]));
        assert_eq!(Baseline::read(&path, ours).unwrap(), None, "none yet");
        let mut baseline = Baseline::of(day);
        baseline.add(&domain(), &counts(60, 5, 7));
        baseline.write(&path, ours).unwrap();
        assert_eq!(Baseline::read(&path, other).unwrap(), None, "another's");
        let read = Baseline::read(&path, ours).unwrap().unwrap();
        assert_eq!((&read, read.day()), (&baseline, day));
        for (found, left, why) in [
            ((100, 6, 9), (40, 1, 2), "more"),
            ((60, 5, 7), (0, 0, 0), "the same"),
            ((50, 0, 0), (0, 0, 0), "never below nothing"),
        ] {
            let mut found = counts(found.0, found.1, found.2);
            read.subtract_from(&domain(), &mut found);
            assert_eq!(found, counts(left.0, left.1, left.2), "{why}");
        }
        let mut found = counts(100, 4, 9);
        read.limit(&domain(), &mut found);
        assert_eq!(found, counts(60, 4, 7));
        let mut memory = Baseline::of(day);
        memory.add_told(&domain(), &counts(60, 5, 7), |_, (total, failed)| {
            (total / 10, failed / 5)
        });
        let mut found = counts(60, 5, 7);
        memory.subtract_from(&domain(), &mut found);
        assert_eq!(found, counts(54, 4, 7));
        let mut others = counts(3, 0, 0);
        read.subtract_from(&Domain::parse("b.test").unwrap(), &mut others);
        assert_eq!(others, counts(3, 0, 0), "another domain");
    }
}
