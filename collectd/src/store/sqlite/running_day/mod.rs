//! Today's file, read beside the collector's work for whoever asks.
//!
//! A connection of its own, read-only; in WAL mode the writer's commits do not wait for it. A long read transaction would
//! keep the WAL from starting anew, so a question is answered in looks of some milliseconds, each of statements that end
//! within it. To close a day, the file must leave WAL mode, for which nobody else may have it open: [`Gate`].

mod gate;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tlsrptd_proto::{counts::DomainCounts, day::Day, domain::Domain};

use super::{
    day_reader::{ClosedFile, counts::read_bounded, names::names_after},
    error::SqliteError,
};
use crate::{
    store::{Detail, Look, RunningDay, RunningDayReader, StoreError},
    yield_cpu::yield_cpu,
};
use gate::Reading;

pub(super) use gate::Gate;

/// A look ends after that time, and after so many domains.
const LOOK: Duration = Duration::from_millis(2);
const DOMAINS: u32 = 256;
/// Names alone that are read at once.
const NAMES: u32 = 512;

/// See the module.
pub(super) struct RunningFile {
    path: PathBuf,
    gate: Arc<Gate>,
}

impl RunningFile {
    pub(super) fn new(path: &Path, gate: Arc<Gate>) -> RunningFile {
        RunningFile {
            path: path.into(),
            gate,
        }
    }
}

impl RunningDay for RunningFile {
    fn begin(&self, day: Day) -> Result<Box<dyn RunningDayReader>, StoreError> {
        let reading = self.gate.enter(|| ClosedFile::open(&self.path))?;
        Ok(Box::new(RunningFileReader {
            reading,
            day,
            phase: ReadPhase::OtherNames,
            last: String::new(),
            others: BTreeMap::new(),
        }))
    }
}

/// One question.
struct RunningFileReader {
    reading: Arc<Reading>,
    day: Day,
    phase: ReadPhase,
    /// The last name that was read in this phase.
    last: String,
    /// Names that are not normal, by their normal form. Only sys4's collector writes such; they stand elsewhere in the order.
    others: BTreeMap<Domain, Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadPhase {
    /// Names that are not normal are looked for.
    OtherNames,
    /// The normal names follow, in their order, with the others between.
    Domains,
    /// The others that stand behind the last normal name.
    Rest,
}

impl RunningDayReader for RunningFileReader {
    fn counts_as_asked(&self, domain: &Domain, asked: &str) -> Result<DomainCounts, StoreError> {
        let counts = self.reading.look(|file| {
            let counts = self.counts(file, domain, &[asked])?;
            match counts.records.is_empty() && asked != domain.as_str() {
                true => self.counts(file, domain, &[domain.as_str()]),
                false => Ok(counts),
            }
        });
        Ok(counts?)
    }

    fn look(&mut self, detail: Detail) -> Result<Look, StoreError> {
        let reading = Arc::clone(&self.reading);
        let found = reading.look(|file| match self.phase {
            ReadPhase::OtherNames => self.look_for_others(file),
            ReadPhase::Domains => self.look_at_domains(file, detail),
            ReadPhase::Rest => self.look_at_rest(file, detail),
        });
        Ok(found?)
    }
}

impl RunningFileReader {
    fn look_for_others(&mut self, file: &ClosedFile) -> Result<Look, SqliteError> {
        let names: Vec<String> = names_after(file, self.day, &self.last, NAMES)?;
        match names.last() {
            Some(last) if names.len() == NAMES as usize => self.last.clone_from(last),
            _ => {
                self.phase = ReadPhase::Domains;
                self.last.clear();
            }
        }
        for name in names {
            match Domain::parse(&name) {
                Ok(domain) if domain.as_str() == name => {}
                Ok(domain) => self.others.entry(domain).or_default().push(name),
                // No report can be made for it.
                Err(_) => {}
            }
        }
        Ok(Look::Domains(Vec::new()))
    }

    fn look_at_domains(&mut self, file: &ClosedFile, detail: Detail) -> Result<Look, SqliteError> {
        let end = Instant::now() + LOOK;
        let names: Vec<String> = names_after(file, self.day, &self.last, DOMAINS)?;
        if names.len() < DOMAINS as usize {
            self.phase = ReadPhase::Rest;
        }
        let mut domains = Vec::with_capacity(names.len());
        for name in names {
            if Instant::now() >= end && !domains.is_empty() {
                self.phase = ReadPhase::Domains;
                break;
            }
            let domain = Domain::parse(&name).ok();
            if let Some(domain) = domain.filter(|domain| domain.as_str() == name) {
                while let Some(other) = self.first_other(Some(&domain)) {
                    domains.push(self.entry(file, other, detail)?);
                }
                let mut stored = self.others.remove(&domain).unwrap_or_default();
                stored.push(name.clone());
                domains.push(self.entry(file, (domain, stored), detail)?);
            }
            self.last = name;
        }
        Ok(Look::Domains(domains))
    }

    fn look_at_rest(&mut self, file: &ClosedFile, detail: Detail) -> Result<Look, SqliteError> {
        match self.first_other(None) {
            Some(other) => Ok(Look::Domains(vec![self.entry(file, other, detail)?])),
            None => Ok(Look::End),
        }
    }

    /// The first of the other names, if it stands before this domain.
    fn first_other(&mut self, before: Option<&Domain>) -> Option<(Domain, Vec<String>)> {
        let first = self.others.first_entry()?;
        let is_next = before.is_none_or(|domain| first.key() < domain);
        is_next.then(|| first.remove_entry())
    }

    fn entry(
        &self,
        file: &ClosedFile,
        (domain, stored): (Domain, Vec<String>),
        detail: Detail,
    ) -> Result<(Domain, DomainCounts), SqliteError> {
        let counts = match detail {
            Detail::Names => DomainCounts::default(),
            Detail::Counts => self.counts(file, &domain, &stored)?,
        };
        Ok((domain, counts))
    }

    fn counts(
        &self,
        file: &ClosedFile,
        domain: &Domain,
        names: &[impl AsRef<str>],
    ) -> Result<DomainCounts, SqliteError> {
        self.reading.check()?;
        yield_cpu();
        Ok(read_bounded(&[file], self.day, domain, names)?.0)
    }
}
