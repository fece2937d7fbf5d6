//! Closed days in the files beside today's: one file a day usually, more when days were moved or made by others.
//!
//! Read-only. Files that sys4's programs have made may hold two days, so a day is looked up in all of them; keys there are
//! as the MTA wrote them, so what is read is made normal.

mod additions;
pub(super) mod counts;
mod domains;
pub(super) mod names;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use rusqlite::Connection;
use tlsrptd_config::service_view;
use tlsrptd_proto::{counts::DomainCounts, day::Day, dayfile, domain::Domain};
use tlsrptd_service::files::FileIdentity;
use tracing::{debug, error, warn};

use super::{contents, error::SqliteError, file, rollover};
use crate::store::{DayQuestion, DayReader, DomainIterator, StoreError};
use domains::Domains;
use names::MergedNames;

/// While a day is being closed, `PATH.yesterday` is away for a moment: how often we look for it, and how far apart.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// The files that hold rows of one day.
pub(in crate::store) struct ClosedFiles {
    day: Day,
    /// One domain, under the name that was asked for and under its normal one, when nothing else is asked.
    only: Option<(String, String)>,
    files: Vec<Rc<ClosedFile>>,
    /// Those of other days too.
    all: Vec<Rc<ClosedFile>>,
    newest: Option<Day>,
}

pub(super) struct ClosedFile {
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    /// Device and inode: a file has more names than one, and gets others while we look.
    identity: Option<FileIdentity>,
}

impl ClosedFiles {
    /// Opens the files beside today's, and keeps those that hold rows of the day: each once, and none that is only a copy.
    ///
    /// `PATH.yesterday` has to be there, unless somebody made an older day of it; of the older ones, a damaged one matters
    /// only when it is that day's.
    pub(in crate::store) fn open(
        path: &Path,
        question: &DayQuestion<'_>,
        today: Day,
    ) -> Result<ClosedFiles, SqliteError> {
        let normal = |asked: &str| {
            let domain = Domain::parse(asked);
            domain.map_or(asked.to_owned(), |domain| domain.to_string())
        };
        let mut found = ClosedFiles {
            day: question.day,
            only: question.only.map(|asked| (asked.to_owned(), normal(asked))),
            files: Vec::new(),
            all: Vec::new(),
            newest: None,
        };
        let mut seen = Vec::new();
        let yesterday = dayfile::yesterday(path);
        match await_file(&yesterday) {
            Ok(file) => {
                seen.push(file.identity);
                found.look_into(file, today)?;
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
                found.look_into(file, today)
            });
            match looked {
                Err(error) if kept_day == question.day => return Err(error),
                Err(error) => error!(%error, "an older day's file cannot be read"),
                Ok(()) => {}
            }
        }
        Ok(found)
    }

    fn look_into(&mut self, file: ClosedFile, today: Day) -> Result<(), SqliteError> {
        // A day that is still to come is a clock's error.
        let newest = contents::newest_complete(&file.db, &file.path, Some(today))?;
        self.newest = self.newest.max(newest);
        let file = Rc::new(file);
        self.all.push(Rc::clone(&file));
        if contents::days(&file.db, &file.path)?.contains(&self.day) {
            self.keep(file)?;
        }
        Ok(())
    }

    /// Keeps a file, unless all that it says of what is asked is said by another one.
    fn keep(&mut self, file: Rc<ClosedFile>) -> Result<(), SqliteError> {
        let (day, asked) = (self.day, &self.only);
        let only = asked.as_ref().map(|(name, normal)| [&**name, &**normal]);
        let holds = |file: &ClosedFile, other: &ClosedFile| {
            contents::holds_rows_of(&file.db, &file.path, &other.path, day, only)
        };
        let tell = |copy: &ClosedFile, of: &ClosedFile| {
            let (copy, of) = (copy.path.display(), of.path.display());
            match asked {
                None => {
                    warn!(%day, %copy, %of, "one day in two files: the copy is left out");
                }
                // Who asks for each domain has asked for the list before.
                Some(_) => {
                    debug!(%day, %copy, %of, "one domain in two files: the copy is left out")
                }
            }
        };
        for other in &mut self.files {
            if holds(other, &file)? {
                tell(&file, other);
                return Ok(());
            }
            if holds(&file, other)? {
                tell(other, &file);
                *other = file;
                return Ok(());
            }
        }
        self.files.push(file);
        Ok(())
    }
}

impl DayReader for ClosedFiles {
    fn newest_complete(&self) -> Option<Day> {
        self.newest
    }

    fn growth(&self) -> Result<BTreeMap<Day, u64>, StoreError> {
        Ok(additions::growth(&self.all)?)
    }

    fn keep_added_since(&mut self, additions: u64) -> Result<(), StoreError> {
        self.files = additions::views(std::mem::take(&mut self.files), additions)?;
        Ok(())
    }

    fn names(&self) -> Box<dyn Iterator<Item = Result<String, StoreError>> + '_> {
        Box::new(MergedNames::new(&self.files, self.day).map(|name| Ok(name?)))
    }

    fn counts_as_asked(&self, domain: &Domain, asked: &str) -> Result<DomainCounts, StoreError> {
        let counts = counts::read(&self.files, self.day, domain, &[asked])?;
        if counts.records.is_empty() && asked != domain.as_str() {
            return Ok(counts::read(
                &self.files,
                self.day,
                domain,
                &[domain.as_str()],
            )?);
        }
        Ok(counts)
    }

    fn domains(&self) -> Result<DomainIterator<'_>, StoreError> {
        let domains = Domains::new(&self.files, self.day)?;
        Ok(Box::new(domains.map(|entry| Ok(entry?))))
    }
}

impl ClosedFile {
    pub(super) fn open(path: &Path) -> Result<ClosedFile, SqliteError> {
        loop {
            let before = file::identity(path);
            let db = file::open_closed(path)?;
            // Renamed meanwhile, nobody knows which one was opened.
            if file::identity(path) == before {
                return Ok(ClosedFile {
                    path: path.into(),
                    db,
                    identity: before,
                });
            }
        }
    }
}

/// Opens the file, after a moment when it is not there.
fn await_file(path: &Path) -> Result<ClosedFile, SqliteError> {
    if let Some(who) = service_view::denied(path, false) {
        return Err(SqliteError::Denied {
            path: path.to_owned(),
            who,
        });
    }
    for _ in 0..LOOKS {
        if path.exists() {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    ClosedFile::open(path)
}
