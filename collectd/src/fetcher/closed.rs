//! Closed days as they lie on the disk: one file usually, more when days were moved or made by others.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, params};
use tlsrptd_config::eyes;
use tlsrptd_proto::{
    aggregate::{DomainCounts, PolicyCounts},
    day::Day,
    dayfile,
    domain::Domain,
    failure::FailureKey,
    policy::PolicyKey,
};
use tracing::{error, warn};

use super::Stop;
use crate::{
    rollover,
    store::{
        StoreError,
        file::{self, sql},
    },
};

/// Names read at once.
const PAGE: u32 = 4096;
/// While a day is being closed, `PATH.yesterday` is away for a moment.
const MOMENTS: u32 = 5;
const MOMENT: Duration = Duration::from_millis(100);

const NAMES: &str =
    "SELECT DISTINCT domain FROM finalresults WHERE day=?1 AND domain>?2 ORDER BY domain LIMIT ?3";
const SESSIONS: &str = "SELECT tlsrptrecord, policy, cntrtotal, cntrfailure FROM finalresults WHERE day=?1 AND domain=?2";
const FAILURES: &str =
    "SELECT tlsrptrecord, policy, reason, cntr FROM failures WHERE day=?1 AND domain=?2";

/// The files that hold rows of one day.
#[derive(Default)]
pub(super) struct ClosedDays {
    files: Vec<ClosedFile>,
    newest: Option<Day>,
}

struct ClosedFile {
    path: PathBuf,
    db: Connection,
}

impl ClosedDays {
    /// Opens the files beside today's, and keeps those that hold rows of `day`.
    ///
    /// `PATH.yesterday` has to be there; of the older ones, a damaged one matters only when it is that day's.
    pub(super) fn open(
        path: &Path,
        day: Option<Day>,
        today: Day,
    ) -> Result<ClosedDays, StoreError> {
        let mut found = ClosedDays::default();
        found.look_into(await_file(&dayfile::yesterday(path))?, day, today)?;
        for (kept_day, kept) in rollover::kept_files(path) {
            let looked = ClosedFile::open(&kept).and_then(|file| found.look_into(file, day, today));
            match looked {
                Err(error) if Some(kept_day) == day => return Err(error),
                Err(error) => error!(%error, "an older day's file cannot be read"),
                Ok(()) => {}
            }
        }
        Ok(found)
    }

    /// The newest day that is complete. One that is still to come is a clock's error.
    pub(super) fn newest(&self) -> Option<Day> {
        self.newest
    }

    /// The names of the domains, as they are in the files, in binary order. One with a line end in it, which the peer
    /// stores as it came, would look like two.
    pub(super) fn names(&self, day: Day) -> Result<BTreeSet<String>, StoreError> {
        let mut names = BTreeSet::new();
        self.each_name(day, |name| {
            if !name.contains(char::is_control) {
                names.insert(name);
            }
        })?;
        Ok(names)
    }

    /// The counts of the domain under the name that was asked for; where there are none, under its normal form.
    pub(super) fn counts_as_asked(
        &self,
        day: Day,
        domain: &Domain,
        asked: &str,
    ) -> Result<DomainCounts, StoreError> {
        let counts = self.counts(day, domain, &[asked])?;
        if counts.txts.is_empty() && asked != domain.as_str() {
            return self.counts(day, domain, &[domain.as_str()]);
        }
        Ok(counts)
    }

    /// Every domain with its counts, in binary order of their normal names, each once. Memory does not grow with them.
    pub(super) fn each(
        &self,
        day: Day,
        mut tell: impl FnMut(&Domain, &DomainCounts) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut odd = self.odd_names(day)?;
        let mut names = Merged::new(self, day);
        while let Some(name) = names.next()? {
            let Some(domain) = normal(&name) else {
                continue;
            };
            while let Some(entry) = odd.first_entry().filter(|entry| *entry.key() < domain) {
                let (domain, names) = entry.remove_entry();
                tell(&domain, &self.counts(day, &domain, &names)?)?;
            }
            let mut names = odd.remove(&domain).unwrap_or_default();
            names.push(name);
            tell(&domain, &self.counts(day, &domain, &names)?)?;
        }
        for (domain, names) in odd {
            tell(&domain, &self.counts(day, &domain, &names)?)?;
        }
        Ok(())
    }

    /// The names that are not in their normal form, by that form. Our own files have none.
    fn odd_names(&self, day: Day) -> Result<BTreeMap<Domain, Vec<String>>, StoreError> {
        let mut odd: BTreeMap<Domain, Vec<String>> = BTreeMap::new();
        let mut unusable = None;
        let mut number = 0_u64;
        self.each_name(day, |name| match Domain::parse(&name) {
            Ok(domain) if domain.as_str() == name => {}
            Ok(domain) => odd.entry(domain).or_default().push(name),
            Err(error) => {
                number += 1;
                unusable.get_or_insert((name, error));
            }
        })?;
        if let Some((name, error)) = unusable {
            warn!(name, %error, number, "names that no report can be made for are left out; this is the first");
        }
        Ok(odd)
    }

    fn each_name(&self, day: Day, mut take: impl FnMut(String)) -> Result<(), StoreError> {
        let mut names = Merged::new(self, day);
        while let Some(name) = names.next()? {
            take(name);
        }
        Ok(())
    }

    fn counts(
        &self,
        day: Day,
        domain: &Domain,
        names: &[impl AsRef<str>],
    ) -> Result<DomainCounts, StoreError> {
        let mut counts = DomainCounts::default();
        for file in &self.files {
            for name in names {
                file.counts(day, domain, name.as_ref(), &mut counts)
                    .map_err(sql(&file.path, "read its rows"))?;
            }
        }
        Ok(counts)
    }

    fn look_into(
        &mut self,
        file: ClosedFile,
        day: Option<Day>,
        today: Day,
    ) -> Result<(), StoreError> {
        self.newest = self
            .newest
            .max(file::newest_complete(&file.db, &file.path, Some(today))?);
        if let Some(day) = day
            && file::days(&file.db, &file.path)?.contains(&day)
        {
            self.files.push(file);
        }
        Ok(())
    }
}

impl ClosedFile {
    fn open(path: &Path) -> Result<ClosedFile, StoreError> {
        file::open_closed(path).map(|db| ClosedFile {
            path: path.into(),
            db,
        })
    }

    /// Adds the counts of one name. Failures of a session that is not there are nobody's.
    fn counts(
        &self,
        day: Day,
        domain: &Domain,
        name: &str,
        counts: &mut DomainCounts,
    ) -> rusqlite::Result<()> {
        let key = params![day.to_string(), name];
        let mut statement = self.db.prepare_cached(SESSIONS)?;
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            let (txt, policy): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
            let entry = policy_entry(counts, domain, txt, policy);
            entry.total = entry.total.saturating_add(number(row.get(2)?));
            entry.failed = entry.failed.saturating_add(number(row.get(3)?));
        }
        let mut statement = self.db.prepare_cached(FAILURES)?;
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            let (txt, policy): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
            let reason: Option<String> = row.get(2)?;
            let reason = FailureKey::normalise(&reason.unwrap_or_default())
                .unwrap_or_else(|_| FailureKey::unknown());
            let entry = policy_entry(counts, domain, txt, policy)
                .failures
                .entry(reason)
                .or_default();
            *entry = entry.saturating_add(number(row.get(3)?));
        }
        Ok(())
    }

    fn page(&self, day: Day, after: &str) -> Result<VecDeque<String>, StoreError> {
        let read = || {
            let mut statement = self.db.prepare_cached(NAMES)?;
            let names =
                statement.query_map(params![day.to_string(), after, PAGE], |row| row.get(0))?;
            names.collect::<rusqlite::Result<_>>()
        };
        read().map_err(sql(&self.path, "read its domains"))
    }
}

/// The names of all files, merged: in binary order, each once.
struct Merged<'a> {
    day: Day,
    sources: Vec<Source<'a>>,
}

struct Source<'a> {
    file: &'a ClosedFile,
    page: VecDeque<String>,
    last: Option<String>,
    ended: bool,
}

impl<'a> Merged<'a> {
    fn new(days: &'a ClosedDays, day: Day) -> Merged<'a> {
        let source = |file| Source {
            file,
            page: VecDeque::new(),
            last: None,
            ended: false,
        };
        Merged {
            day,
            sources: days.files.iter().map(source).collect(),
        }
    }

    fn next(&mut self) -> Result<Option<String>, StoreError> {
        for source in &mut self.sources {
            source.fill(self.day)?;
        }
        let Some(name) = self
            .sources
            .iter()
            .filter_map(|source| source.page.front())
            .min()
            .cloned()
        else {
            return Ok(None);
        };
        for source in &mut self.sources {
            if source.page.front() == Some(&name) {
                source.page.pop_front();
            }
        }
        Ok(Some(name))
    }
}

impl Source<'_> {
    fn fill(&mut self, day: Day) -> Result<(), StoreError> {
        if self.page.is_empty() && !self.ended {
            self.page = self
                .file
                .page(day, self.last.as_deref().unwrap_or_default())?;
            self.ended = self.page.len() < PAGE as usize;
            self.last = self.page.back().cloned();
        }
        Ok(())
    }
}

fn policy_entry<'c>(
    counts: &'c mut DomainCounts,
    domain: &Domain,
    txt: Option<String>,
    policy: Option<String>,
) -> &'c mut PolicyCounts {
    let policy = PolicyKey::normalise(&policy.unwrap_or_default(), domain);
    let policy = policy.unwrap_or_else(|_| PolicyKey::unknown(domain));
    counts
        .txts
        .entry(txt.unwrap_or_default())
        .or_default()
        .entry(policy)
        .or_default()
}

fn normal(name: &str) -> Option<Domain> {
    Domain::parse(name)
        .ok()
        .filter(|domain| domain.as_str() == name)
}

/// Nothing is counted below zero.
fn number(n: Option<i64>) -> u64 {
    u64::try_from(n.unwrap_or(0)).unwrap_or(0)
}

/// Opens the file, after a moment when it is not there.
fn await_file(path: &Path) -> Result<ClosedFile, StoreError> {
    if let Some(who) = eyes::denied(path, false) {
        return Err(StoreError::Denied {
            path: path.to_owned(),
            who,
        });
    }
    for _ in 0..MOMENTS {
        if path.exists() {
            break;
        }
        std::thread::sleep(MOMENT);
    }
    ClosedFile::open(path)
}
