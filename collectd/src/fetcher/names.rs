//! The names of a day's domains, a page at a time: memory does not grow with their number.

use std::{collections::VecDeque, rc::Rc};

use rusqlite::params;
use tlsrptd_proto::day::Day;

use super::closed::ClosedFile;
use crate::store::{StoreError, file::sql};

/// Names read at once.
const PAGE: u32 = 4096;

const NAMES: &str =
    "SELECT DISTINCT domain FROM finalresults WHERE day=?1 AND domain>?2 ORDER BY domain LIMIT ?3";

/// The names of all files, merged: in binary order, each once.
pub(super) struct Merged<'a> {
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
    pub(super) fn new(files: &'a [Rc<ClosedFile>], day: Day) -> Merged<'a> {
        let source = |file: &'a Rc<ClosedFile>| Source {
            file,
            page: VecDeque::new(),
            last: None,
            ended: false,
        };
        Merged {
            day,
            sources: files.iter().map(source).collect(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<String>, StoreError> {
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
            self.page = page(self.file, day, self.last.as_deref().unwrap_or_default())?;
            self.ended = self.page.len() < PAGE as usize;
            self.last = self.page.back().cloned();
        }
        Ok(())
    }
}

fn page(file: &ClosedFile, day: Day, after: &str) -> Result<VecDeque<String>, StoreError> {
    let read = || {
        let mut statement = file.db.prepare_cached(NAMES)?;
        let names = statement.query_map(params![day.to_string(), after, PAGE], |row| row.get(0))?;
        names.collect::<rusqlite::Result<_>>()
    };
    read().map_err(sql(&file.path, "read its domains"))
}
