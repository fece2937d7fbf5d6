//! The names of a day's domains, a page at a time: memory does not grow with their number.

use std::{collections::VecDeque, rc::Rc};

use rusqlite::params;
use tlsrptd_proto::day::Day;

use super::{
    super::error::{SqliteError, sql},
    ClosedFile,
};

/// Names read at once.
const PAGE: u32 = 4096;

const NAMES: &str =
    "SELECT DISTINCT domain FROM finalresults WHERE day=?1 AND domain>?2 ORDER BY domain LIMIT ?3";

/// The names of all files, merged: in binary order, each once.
pub(super) struct MergedNames<'a> {
    day: Day,
    sources: Vec<NamePages<'a>>,
}

/// The names of one file.
struct NamePages<'a> {
    file: &'a ClosedFile,
    page: VecDeque<String>,
    last: Option<String>,
    ended: bool,
}

impl<'a> MergedNames<'a> {
    pub(super) fn new(files: &'a [Rc<ClosedFile>], day: Day) -> MergedNames<'a> {
        let source = |file: &'a Rc<ClosedFile>| NamePages {
            file,
            page: VecDeque::new(),
            last: None,
            ended: false,
        };
        MergedNames {
            day,
            sources: files.iter().map(source).collect(),
        }
    }
}

impl Iterator for MergedNames<'_> {
    type Item = Result<String, SqliteError>;

    fn next(&mut self) -> Option<Self::Item> {
        for source in &mut self.sources {
            if let Err(error) = source.fill(self.day) {
                return Some(Err(error));
            }
        }
        let fronts = self.sources.iter().filter_map(|source| source.page.front());
        let name = fronts.min().cloned()?;
        for source in &mut self.sources {
            if source.page.front() == Some(&name) {
                source.page.pop_front();
            }
        }
        Some(Ok(name))
    }
}

impl NamePages<'_> {
    fn fill(&mut self, day: Day) -> Result<(), SqliteError> {
        if self.page.is_empty() && !self.ended {
            self.page = page(self.file, day, self.last.as_deref().unwrap_or_default())?;
            self.ended = self.page.len() < PAGE as usize;
            self.last = self.page.back().cloned();
        }
        Ok(())
    }
}

fn page(file: &ClosedFile, day: Day, after: &str) -> Result<VecDeque<String>, SqliteError> {
    names_after(file, day, after, PAGE)
}

/// At most so many names of a file behind `after`, in binary order.
pub(in crate::store::sqlite) fn names_after<C: FromIterator<String>>(
    file: &ClosedFile,
    day: Day,
    after: &str,
    most: u32,
) -> Result<C, SqliteError> {
    let read = || {
        let mut statement = file.db.prepare_cached(NAMES)?;
        let names = statement.query_map(params![day.to_string(), after, most], |row| row.get(0))?;
        names.collect::<rusqlite::Result<_>>()
    };
    read().map_err(sql(&file.path, "read its domains"))
}
