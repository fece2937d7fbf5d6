//! How much of each closed day was told, and whether that was all, noted on disk.
//!
//! The same stands in the database's rows, where whoever has the shippers' password can write, too. So a day is left alone only where
//! this says that all of it was told, and of a day that the fleet has closed all is late that does not stand here. What is in
//! doubt is told again: counts are absolutes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tlsrptd_config::paths;
use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::day::Day;
use tlsrptd_service::files;

use crate::numbers;

/// More than a collector keeps, as a rule. Of days before these the database's row is believed.
const MOST_DAYS: usize = 1000;
const SINCE: &str = "since";
const DONE: &str = "done";
const CLOSED: &str = "closed";

/// See the module.
#[derive(Debug)]
pub(crate) struct DoneNote {
    path: PathBuf,
    /// Of days before that one nothing was noted.
    since: Day,
    days: Days,
}

type Days = BTreeMap<(Day, KeyHash), ToldDay>;

/// How far one day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ToldDay {
    /// The sessions that the database may know of: noted before they are told.
    sessions: u64,
    end: Option<End>,
}

/// Nothing more of a day is to be told, which had grown so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it is told.
    Done(u64),
    /// The fleet had closed it, and knows how many sessions are late.
    Closed(u64),
}

/// What is noted of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToldDays {
    pub(crate) ends: BTreeMap<Day, End>,
    /// Of days before that one nothing was noted: the database's row is believed.
    pub(crate) since: Day,
}

impl DoneNote {
    /// The file of that path. What cannot be read is no note.
    pub(crate) fn open(path: PathBuf, today: Day) -> io::Result<DoneNote> {
        let found = match fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let is_new = found.is_none();
        let (since, days) = found.unwrap_or((today, BTreeMap::new()));
        // A clock that was ahead then is right by now, or will be.
        let since = since.min(today);
        let mut note = DoneNote {
            path,
            since,
            days: BTreeMap::new(),
        };
        match is_new {
            true => note.write(since, days)?,
            false => note.days = days,
        }
        Ok(note)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is noted of a number.
    pub(crate) fn of(&self, collector: KeyHash) -> ToldDays {
        let ours = self.days.iter().filter(|((_, of), _)| *of == collector);
        let ends = ours.filter_map(|((day, _), told)| Some((*day, told.end?)));
        ToldDays {
            ends: ends.collect(),
            since: self.since,
        }
    }

    /// The sessions of a day that may have been told; `None`: nothing was noted then.
    pub(crate) fn sessions(&self, collector: KeyHash, day: Day) -> Option<u64> {
        let told = self.days.get(&(day, collector));
        let nothing = (day >= self.since).then_some(0);
        told.map(|told| told.sessions).or(nothing)
    }

    /// So many sessions of a day are going to be told, or were.
    pub(crate) fn telling(
        &mut self,
        collector: KeyHash,
        day: Day,
        sessions: u64,
    ) -> io::Result<()> {
        let before = self.days.get(&(day, collector)).copied();
        let told = ToldDay {
            sessions: before.map_or(0, |told| told.sessions).max(sessions),
            end: None,
        };
        if before == Some(told) || (before.is_none() && sessions == 0) {
            return Ok(());
        }
        let mut days = self.days.clone();
        days.insert((day, collector), told);
        self.write(self.since, days)
    }

    /// Nothing more of a day is to be told, of which so many sessions were.
    pub(crate) fn ended(
        &mut self,
        collector: KeyHash,
        day: Day,
        sessions: u64,
        end: End,
    ) -> io::Result<()> {
        let (end, mut since, mut days) = (Some(end), self.since, self.days.clone());
        days.insert((day, collector), ToldDay { sessions, end });
        while days.len() > MOST_DAYS
            && let Some(((day, _), _)) = days.pop_first()
        {
            since = since.max(day.next());
        }
        self.write(since, days)
    }

    /// There is never a half of it, whenever the power is cut. What the disk has no room for is not noted here either.
    fn write(&mut self, since: Day, days: Days) -> io::Result<()> {
        let mut text = format!("{SINCE} {since}\n");
        for ((day, collector), ToldDay { sessions, end }) in &days {
            text += &format!("{day} {collector} {sessions}");
            text += &match end {
                None => "\n".to_owned(),
                Some(End::Done(growth)) => format!(" {DONE} {growth}\n"),
                Some(End::Closed(growth)) => format!(" {CLOSED} {growth}\n"),
            };
        }
        let new = paths::beside(&self.path, ".new");
        let mut file = files::make_anew(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(paths::directory(&self.path))?.sync_all()?;
        (self.since, self.days) = (since, days);
        Ok(())
    }
}

impl End {
    pub(crate) fn growth(self) -> u64 {
        match self {
            End::Done(growth) | End::Closed(growth) => growth,
        }
    }
}

/// `None`: it is none.
fn parse(text: &str) -> Option<(Day, Days)> {
    let mut lines = text.lines();
    let since = Day::parse(lines.next()?.strip_prefix(SINCE)?.trim()).ok()?;
    let days = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let (of, end) = match words[..] {
            [day, collector, sessions] => ((day, collector, sessions), None),
            [day, collector, sessions, end, growth] => {
                let growth = growth.parse().ok()?;
                let end = match end {
                    DONE => End::Done(growth),
                    CLOSED => End::Closed(growth),
                    _ => return None,
                };
                ((day, collector, sessions), Some(end))
            }
            _ => return None,
        };
        let of_day = (Day::parse(of.0).ok()?, numbers::parse_number(of.1)?);
        let sessions = of.2.parse().ok()?;
        Some((of_day, ToldDay { sessions, end }))
    });
    Some((since, days.collect::<Option<Days>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.done");
        let open = |today| DoneNote::open(path.clone(), today).unwrap();
        let day = Day::parse("2026-11-29").unwrap();
        let (ours, other) = (KeyHash([7; 16]), KeyHash([8; 16]));
        drop(open(day));
        let mut note = open(day.ahead(3));
        assert_eq!(note.sessions(ours, day.previous()), None, "not noted then");
        assert_eq!(note.sessions(ours, day), Some(0), "nothing was told");
        note.telling(ours, day, 9).unwrap();
        note.telling(ours, day, 3).unwrap();
        assert_eq!(open(day).sessions(ours, day), Some(9));
        assert!(open(day).of(ours).ends.is_empty(), "not all of it");
        note.ended(ours, day, 12, End::Done(1)).unwrap();
        note.ended(ours, day.next(), 4, End::Closed(0)).unwrap();
        note.ended(other, day, 5, End::Done(0)).unwrap();
        let read = open(day.ahead(3));
        assert_eq!(read.of(ours), note.of(ours));
        let ends = [(day, End::Done(1)), (day.next(), End::Closed(0))];
        assert_eq!(read.of(ours).ends, BTreeMap::from(ends));
        assert_eq!(
            (read.of(ours).since, read.sessions(other, day)),
            (day, Some(5))
        );
        note.telling(ours, day, 0).unwrap();
        assert_eq!(open(day).of(ours).ends.len(), 1, "it is told again");
        assert_eq!(
            open(day.back(9)).of(ours).since,
            day.back(9),
            "a clock was ahead"
        );
        for text in ["", "x", "since", "since 2026-11-29\nx", "\0\0\0"] {
            fs::write(&path, text).unwrap();
            let none = open(day.ahead(5));
            assert_eq!((none.of(ours).ends.len(), none.since), (0, day.ahead(5)));
        }
    }

    /// As on a full disk: the next try writes it.
    #[test]
    fn what_cannot_be_written_is_not_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.done");
        let day = Day::parse("2026-11-29").unwrap();
        let ours = KeyHash([7; 16]);
        let mut note = DoneNote::open(path.clone(), day).unwrap();
        let in_the_way = paths::beside(&path, ".new");
        for sessions in [9, 10] {
            fs::create_dir(&in_the_way).unwrap();
            note.telling(ours, day, sessions).unwrap_err();
            note.telling(ours, day, sessions).unwrap_err();
            let end = End::Done(1);
            note.ended(ours, day.next(), sessions, end).unwrap_err();
            assert!(note.of(ours).ends.is_empty());
            fs::remove_dir(&in_the_way).unwrap();
            note.telling(ours, day, sessions).unwrap();
            let read = DoneNote::open(path.clone(), day).unwrap();
            assert_eq!(read.sessions(ours, day), Some(sessions));
        }
    }

    /// The oldest go.
    #[test]
    fn it_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let day = Day::parse("2026-11-29").unwrap();
        let mut note = DoneNote::open(folder.path().join("c.done"), day).unwrap();
        let ours = KeyHash([7; 16]);
        for n in 0..MOST_DAYS as u32 {
            note.days.insert(
                (day.ahead(n), ours),
                ToldDay {
                    sessions: 1,
                    end: None,
                },
            );
        }
        note.ended(ours, day.ahead(5000), 1, End::Done(0)).unwrap();
        assert_eq!(note.days.len(), MOST_DAYS);
        assert_eq!(note.sessions(ours, day), None, "its row is believed");
        assert_eq!(note.sessions(ours, day.next()), Some(1));
    }
}
