//! Which closed days are still to be told. The collector's files are the outbox: it keeps them for `keep_days`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use tlsrptd_config::paths;
use tlsrptd_proto::{day::Day, dayfile, fetch::Event};
use tracing::warn;

use crate::{
    done_note::{End, ToldDays},
    fleet::Shipment,
    reading::{Fetcher, Question, ReadError},
};

/// Closed days are looked at that often: they may grow.
pub(crate) const LOOK: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    storage: PathBuf,
    first_day: Day,
    /// Of a number that a collector had before: that day and those that follow are told under another.
    end: Option<Day>,
    /// Another host may have that number, too: whether its days are done is not for this one to say.
    is_shared: bool,
    /// Days before that one are done where the database says so; those that follow only where this shipper has noted that.
    since: Day,
    /// The newest day that the collector has closed, and the days that grew after that.
    newest: Option<Day>,
    growth: BTreeMap<Day, u64>,
    looked: Option<Instant>,
    /// What the database knew when the connection was made.
    rows: BTreeMap<Day, Shipment>,
    /// Days of which all is told, with their growth then.
    settled: BTreeMap<Day, u64>,
    /// Days before that one have no file any more.
    gone_before: Option<Day>,
}

impl Outbox {
    pub(crate) fn new(storage: PathBuf, first_day: Day) -> Outbox {
        Outbox {
            storage,
            first_day,
            end: None,
            is_shared: false,
            since: first_day,
            newest: None,
            growth: BTreeMap::new(),
            looked: None,
            rows: BTreeMap::new(),
            settled: BTreeMap::new(),
            gone_before: None,
        }
    }

    /// Of the days before that one alone.
    pub(crate) fn before(mut self, end: Day, is_shared: bool) -> Outbox {
        (self.end, self.is_shared) = (Some(end), is_shared);
        self
    }

    /// Compares what the database knows with what was noted: a day that it has lost is told again, and so is one that it calls done
    /// without a note of that.
    pub(crate) fn resume(&mut self, first_day: Day, rows: Vec<Shipment>, told: ToldDays) {
        (self.first_day, self.since) = (first_day, told.since);
        let rows = rows.into_iter().map(|row| (row.day, row));
        let end = self.end;
        let ours = rows.filter(|(day, _)| end.is_none_or(|end| *day < end));
        self.rows = ours.collect();
        let (rows, newest) = (&self.rows, self.rows.keys().next_back());
        let is_shared = self.is_shared;
        let holds = |day: &Day, end: Option<End>| match (rows.get(day), end) {
            (Some(row), Some(End::Done(_))) => row.is_done || is_shared,
            (Some(row), Some(End::Closed(_))) => row.is_closed,
            (Some(row), None) => row.is_done || row.is_closed || is_shared,
            // Cleaned away, when there are newer ones; or lost with the newest rows.
            (None, _) => newest.is_some_and(|newest| newest > day),
        };
        self.settled.retain(|day, _| holds(day, None));
        for (day, end) in told.ends {
            if holds(&day, Some(end)) {
                self.settled.entry(day).or_insert(end.growth());
            }
        }
        let before = self.rows.range(..told.since).map(|(_, row)| row);
        for row in before.filter(|row| row.is_done) {
            // What was added to it meanwhile may be told, or not.
            self.settled.entry(row.day).or_insert(0);
        }
    }

    /// Looks which days are closed, when that is due: the collector counts for `today`.
    pub(crate) fn look(&mut self, fetcher: &Fetcher, today: Option<Day>) -> Result<(), ReadError> {
        let is_behind = match self.end {
            Some(end) => self.newest.is_none_or(|newest| newest.next() < end),
            None => today.is_some_and(|today| self.newest != Some(today.previous())),
        };
        let is_fresh = self.looked.is_some_and(|looked| looked.elapsed() < LOOK);
        if is_fresh && !is_behind {
            return Ok(());
        }
        if !self.has_closed_days() {
            // It has closed no day so far.
            return Ok(());
        }
        let day = self.end.or(today).map_or(self.first_day, Day::previous);
        let mut reading = fetcher.ask(Question::Growth(day))?;
        let (newest, mut growth) = (reading.head()?, BTreeMap::new());
        while let Some(event) = reading.next()? {
            if let Event::Grown(day, additions) = event {
                growth.insert(day, additions);
            }
        }
        (self.newest, self.growth) = (newest, growth);
        self.looked = Some(Instant::now());
        Ok(())
    }

    /// The oldest day that is to be told, after that one.
    pub(crate) fn next(&mut self, after: Option<Day>) -> Option<Day> {
        let newest = self.newest?;
        let oldest = self.oldest_kept().map_or(newest, |kept| kept.min(newest));
        self.tell_gone(self.end.map_or(oldest, |end| oldest.min(end)));
        let mut day = oldest.max(self.first_day);
        if let Some(after) = after {
            day = day.max(after.next());
        }
        while day <= newest && self.end.is_none_or(|end| day < end) {
            if self.is_pending(day) {
                return Some(day);
            }
            day = day.next();
        }
        None
    }

    /// Whether days before that one are to be told, or may be.
    pub(crate) fn is_behind(&mut self, end: Day) -> bool {
        if !self.has_closed_days() {
            return false;
        }
        let is_known = self.newest.is_some_and(|newest| newest.next() >= end);
        !is_known || self.next(None).is_some_and(|day| day < end)
    }

    /// All of a day is told, which has grown so often.
    pub(crate) fn settle(&mut self, day: Day, growth: u64) {
        self.settled.insert(day, growth);
    }

    /// What the database knew of the day behind the newest that is closed.
    pub(crate) fn today(&self) -> Option<Shipment> {
        self.rows.get(&self.newest?.next()).copied()
    }

    /// How often a day grew after it was closed.
    pub(crate) fn growth(&self, day: Day) -> u64 {
        self.growth.get(&day).copied().unwrap_or(0)
    }

    fn is_pending(&self, day: Day) -> bool {
        match (self.settled.get(&day), self.rows.get(&day)) {
            (Some(growth), _) => *growth < self.growth(day),
            (None, Some(_)) => true,
            // Before anything was noted: behind a day that is done, it was done too, and its row is cleaned away.
            (None, None) => day >= self.since || self.last_done().is_none_or(|done| done < day),
        }
    }

    fn last_done(&self) -> Option<Day> {
        let done = self
            .rows
            .values()
            .filter(|row| row.day < self.since && (row.is_done || row.is_closed));
        let settled = self.settled.keys().copied();
        done.map(|row| row.day).chain(settled).max()
    }

    /// Once for each day that can be told no more.
    fn tell_gone(&mut self, oldest: Day) {
        let from = self.last_done().map_or(self.first_day, Day::next);
        let from = self.gone_before.map_or(from, |gone| gone.max(from));
        if from < oldest {
            warn!(
                %from, before = %oldest,
                "the collector does not keep these days any more: they are not shipped (see its keep_days)"
            );
        }
        self.gone_before = Some(oldest);
    }

    /// Whether the collector has closed a day, or somebody has put its file there.
    pub(crate) fn has_closed_days(&self) -> bool {
        dayfile::yesterday(&self.storage).exists() || self.oldest_kept().is_some()
    }

    /// The oldest day that has a file of its own name.
    fn oldest_kept(&self) -> Option<Day> {
        let folder = paths::directory(&self.storage);
        let entries = std::fs::read_dir(folder).ok()?.flatten();
        entries
            .filter_map(|entry| dayfile::kept_day(&self.storage, &folder.join(entry.file_name())))
            .min()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn row(text: &str, is_done: bool, is_closed: bool) -> Shipment {
        Shipment {
            day: day(text),
            batch: 1,
            sessions: 1,
            is_done,
            is_closed,
        }
    }

    /// Noted since the first day of these tests.
    fn told(ends: &[(&str, End)]) -> ToldDays {
        ToldDays {
            ends: ends.iter().map(|(text, end)| (day(text), *end)).collect(),
            since: day("2026-11-20"),
        }
    }

    #[test]
    fn what_is_pending() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("c.sqlite");
        for kept in ["2026-11-20", "2026-11-24"] {
            fs::write(dayfile::kept(&storage, day(kept)), "").unwrap();
        }
        let mut outbox = Outbox::new(storage, day("2026-11-21"));
        assert_eq!(outbox.next(None), None, "nothing is known to be closed");
        outbox.newest = Some(day("2026-11-25"));
        assert_eq!(outbox.next(None), Some(day("2026-11-21")), "the first day");
        assert_eq!(
            outbox.next(Some(day("2026-11-21"))),
            Some(day("2026-11-22")),
            "a day without a file is one without sessions"
        );
        outbox.resume(
            day("2026-11-21"),
            vec![
                row("2026-11-22", false, false),
                row("2026-11-23", true, false),
                row("2026-11-24", false, true),
            ],
            told(&["2026-11-21", "2026-11-23"].map(|day| (day, End::Done(0)))),
        );
        assert_eq!(outbox.next(None), Some(day("2026-11-22")), "begun");
        outbox.settle(day("2026-11-22"), 0);
        assert_eq!(
            outbox.next(None),
            Some(day("2026-11-24")),
            "closed without us"
        );
        outbox.settle(day("2026-11-24"), 0);
        assert_eq!(outbox.next(None), Some(day("2026-11-25")), "not begun");
        outbox.settle(day("2026-11-25"), 0);
        assert_eq!(outbox.next(None), None);
        outbox.growth.insert(day("2026-11-23"), 2);
        assert_eq!(outbox.next(None), Some(day("2026-11-23")), "it grew");
        outbox.settle(day("2026-11-23"), 2);
        assert_eq!(outbox.next(None), None);
        // A failover to a server without the tail.
        let rows = vec![row("2026-11-25", false, false)];
        outbox.resume(day("2026-11-21"), rows, told(&[]));
        assert_eq!(outbox.next(None), Some(day("2026-11-25")));
    }

    /// Whoever has the shippers' password can say of a day what he likes, but not what this shipper has noted.
    #[test]
    fn what_the_database_says_and_what_was_noted() {
        let (first, newest) = (day("2026-11-21"), day("2026-11-24"));
        let (done, closed) = (End::Done(0), End::Closed(0));
        let of = |is_done, is_closed| Some(row("2026-11-22", is_done, is_closed));
        for (found, noted, is_pending, why) in [
            (of(true, false), Some(done), false, "it is told"),
            (of(true, true), Some(done), false, "and closed"),
            (of(true, false), None, true, "somebody else says so"),
            (of(true, true), None, true, "and it was closed by that"),
            (of(false, false), Some(done), true, "that was lost"),
            (of(false, true), Some(done), true, "and it was closed"),
            (of(false, true), Some(closed), false, "what is late is told"),
            (of(true, false), Some(closed), true, "it is open again"),
            (None, Some(done), false, "it was cleaned away"),
            (None, None, true, "days behind it say nothing of it"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let storage = folder.path().join("c.sqlite");
            for kept in ["2026-11-21", "2026-11-22", "2026-11-24"] {
                fs::write(dayfile::kept(&storage, day(kept)), "").unwrap();
            }
            let mut outbox = Outbox::new(storage, first);
            outbox.newest = Some(newest);
            let behind = ["2026-11-21", "2026-11-23", "2026-11-24"];
            let mut rows: Vec<Shipment> = behind.map(|day| row(day, true, false)).into();
            rows.extend(found);
            let mut ends: Vec<(&str, End)> = behind.map(|day| (day, done)).into();
            ends.extend(noted.map(|end| ("2026-11-22", end)));
            let mut before = told(&ends);
            outbox.resume(first, rows.clone(), before.clone());
            let pending = is_pending.then(|| day("2026-11-22"));
            assert_eq!(outbox.next(None), pending, "{why}");
            // An older version noted nothing: then its rows are believed.
            before.since = newest.next();
            before.ends.clear();
            outbox.settled.clear();
            outbox.resume(first, rows, before);
            let believed = found.is_none_or(|found| found.is_done);
            assert_eq!(outbox.next(None).is_none(), believed, "{why}");
        }
    }

    #[test]
    fn days_of_a_former_number() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("c.sqlite");
        let (first, end) = (day("2026-11-21"), day("2026-11-23"));
        let mut outbox = Outbox::new(storage.clone(), first).before(end, false);
        assert!(!outbox.is_behind(end), "no day was ever closed");
        for kept in ["2026-11-21", "2026-11-22", "2026-11-23"] {
            fs::write(dayfile::kept(&storage, day(kept)), "").unwrap();
        }
        assert!(outbox.is_behind(end), "it was not looked");
        outbox.newest = Some(end);
        // That the day on which the collector became another is done says nothing of those before.
        outbox.resume(first, vec![row("2026-11-23", true, false)], told(&[]));
        assert_eq!(outbox.next(None), Some(first));
        outbox.settle(first, 0);
        assert!(outbox.is_behind(end));
        assert!(!outbox.is_behind(day("2026-11-22")));
        outbox.settle(day("2026-11-22"), 0);
        assert_eq!(outbox.next(None), None, "the next is another number's");
        assert!(!outbox.is_behind(end));
    }
}
