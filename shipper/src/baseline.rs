//! What a folder had counted of today when its collector became another one: that is told already, under its former number.
//!
//! A folder that was copied, or that came back from a backup, holds counts that the collector which it was has told. Under the
//! number that it has from then on, it tells what is more than these. They stand in a file beside that number, for as long as the
//! day's own file.

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
        let domain = domain.as_str();
        for (record, policies) in &counts.records {
            for (policy, counts) in policies {
                let key = key_hash(domain, record, policy, None);
                self.counts.insert(key, (counts.total, counts.failed));
                for (failure, times) in &counts.failures {
                    let key = key_hash(domain, record, policy, Some(failure));
                    self.counts.insert(key, (*times, 0));
                }
            }
        }
    }

    /// Leaves what is more than that.
    pub(crate) fn subtract_from(&self, domain: &Domain, counts: &mut FetchedCounts) {
        let domain = domain.as_str();
        for (record, policies) in &mut counts.records {
            for (policy, counts) in policies {
                let (total, failed) = self.told(key_hash(domain, record, policy, None));
                counts.total = counts.total.saturating_sub(total);
                counts.failed = counts.failed.saturating_sub(failed);
                for (failure, times) in &mut counts.failures {
                    let (told, _) = self.told(key_hash(domain, record, policy, Some(failure)));
                    *times = times.saturating_sub(told);
                }
            }
        }
    }

    fn told(&self, key: KeyHash) -> (u64, u64) {
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
        let mut others = counts(3, 0, 0);
        read.subtract_from(&Domain::parse("b.test").unwrap(), &mut others);
        assert_eq!(others, counts(3, 0, 0), "another domain");
    }
}
