//! Closed days as they lie on the disk: one file usually, more when days were moved or made by others.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use rusqlite::Connection;
use tlsrptd_config::eyes;
use tlsrptd_proto::{counts::DomainCounts, day::Day, dayfile, domain::Domain};
use tracing::{error, warn};

use super::{
    Stop,
    counts::{Order, Reading},
    names::Merged,
};
use crate::{
    rollover,
    store::{
        StoreError,
        file::{self, sql},
    },
};

/// While a day is being closed, `PATH.yesterday` is away for a moment.
const MOMENTS: u32 = 5;
const MOMENT: Duration = Duration::from_millis(100);

/// The files that hold rows of one day.
#[derive(Default)]
pub(super) struct ClosedDays {
    pub(super) files: Vec<Rc<ClosedFile>>,
    /// Those of other days too.
    pub(super) all: Vec<Rc<ClosedFile>>,
    newest: Option<Day>,
}

pub(super) struct ClosedFile {
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    /// Device and inode: a file has more names than one, and gets others while we look.
    identity: Option<(u64, u64)>,
}

impl ClosedDays {
    /// Opens the files beside today's, and keeps those that hold rows of `day`: each once, and none that is only a copy.
    ///
    /// `PATH.yesterday` has to be there, unless somebody made an older day of it; of the older ones, a damaged one matters
    /// only when it is that day's.
    pub(super) fn open(
        path: &Path,
        day: Option<Day>,
        today: Day,
    ) -> Result<ClosedDays, StoreError> {
        let mut found = ClosedDays::default();
        let mut seen = Vec::new();
        let yesterday = dayfile::yesterday(path);
        match await_file(&yesterday) {
            Ok(file) => {
                seen.push(file.identity);
                found.look_into(file, day, today)?;
            }
            Err(error) if yesterday.exists() || rollover::kept_files(path).is_empty() => {
                return Err(error);
            }
            Err(error) => warn!(%error, "only the files of older days are there"),
        }
        for (kept_day, kept) in rollover::kept_files(path) {
            let looked = ClosedFile::open(&kept).and_then(|file| {
                // Yesterday's file becomes an older day's while we look, or a link leads to it.
                if seen.contains(&file.identity) {
                    return Ok(());
                }
                seen.push(file.identity);
                found.look_into(file, day, today)
            });
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

    /// The names of the domains, as they are in the files, in binary order. One with a line end in it, which sys4
    /// stores as it came, would look like two.
    pub(super) fn each_listed(
        &self,
        day: Day,
        mut tell: impl FnMut(&str) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut names = Merged::new(&self.files, day);
        while let Some(name) = names.next()? {
            if !name.contains(char::is_control) {
                tell(&name)?;
            }
        }
        Ok(())
    }

    /// The counts of the domain under the name that was asked for; where there are none, under its normal form.
    pub(super) fn counts_as_asked(
        &self,
        day: Day,
        domain: &Domain,
        asked: &str,
    ) -> Result<DomainCounts, StoreError> {
        let counts = self.counts(day, domain, &[asked])?;
        if counts.records.is_empty() && asked != domain.as_str() {
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
        let mut names = Merged::new(&self.files, day);
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
        let mut names = Merged::new(&self.files, day);
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
        let read = |order| {
            let mut reading = Reading::new(domain);
            for file in &self.files {
                for name in names {
                    reading
                        .sessions(&file.db, day, name.as_ref(), order)
                        .map_err(sql(&file.path, "read its rows"))?;
                }
            }
            for file in &self.files {
                for name in names {
                    reading
                        .failures(&file.db, day, name.as_ref(), order)
                        .map_err(sql(&file.path, "read its rows"))?;
                }
            }
            Ok(reading)
        };
        let reading = read(Order::AsStored)?;
        if !reading.is_folded() {
            return Ok(reading.counts());
        }
        let reading = read(Order::MostSeenFirst)?;
        warn!(%domain, "more details than an answer holds: the rare ones are counted together");
        Ok(reading.counts())
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
        let file = Rc::new(file);
        self.all.push(Rc::clone(&file));
        if let Some(day) = day
            && file::days(&file.db, &file.path)?.contains(&day)
        {
            self.keep(file, day)?;
        }
        Ok(())
    }

    /// Keeps a file, unless all that it says of the day is said by another one.
    fn keep(&mut self, file: Rc<ClosedFile>, day: Day) -> Result<(), StoreError> {
        for other in &mut self.files {
            if file::holds_day_of(&other.db, &other.path, &file.path, day)? {
                warn_of_copy(&file.path, &other.path, day);
                return Ok(());
            }
            if file::holds_day_of(&file.db, &file.path, &other.path, day)? {
                warn_of_copy(&other.path, &file.path, day);
                *other = file;
                return Ok(());
            }
        }
        self.files.push(file);
        Ok(())
    }
}

impl ClosedFile {
    fn open(path: &Path) -> Result<ClosedFile, StoreError> {
        loop {
            let before = file::identity(path);
            let db = file::open_closed(path)?;
            // Renamed meanwhile, nobody knows which one was opened.
            if file::identity(path) == before {
                let path = path.into();
                return Ok(ClosedFile {
                    path,
                    db,
                    identity: before,
                });
            }
        }
    }
}

fn warn_of_copy(copy: &Path, of: &Path, day: Day) {
    warn!(%day, copy = %copy.display(), of = %of.display(), "one day in two files: the copy is left out");
}

fn normal(name: &str) -> Option<Domain> {
    Domain::parse(name)
        .ok()
        .filter(|domain| domain.as_str() == name)
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
