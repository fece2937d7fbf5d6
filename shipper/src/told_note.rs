//! How much of today the database was told, noted on disk before it is told.
//!
//! So the database never knows of a later batch than this file: unless the folder was copied to another host, or came back from a
//! backup, or somebody else writes in this collector's name. Then more was told under its number than is known here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use tlsrptd_config::paths;
use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::day::Day;
use tlsrptd_service::files;

use crate::numbers;

/// One line of that many octets, always: a disk writes them at once.
const LENGTH: usize = 512;
/// A clock that is put right may bring a day back.
const DAYS: usize = 3;
/// Number, day, batch, sessions, inode and time.
const WORDS_A_DAY: usize = 6;

/// See the module.
#[derive(Debug)]
pub(crate) struct ToldNote {
    file: File,
    storage: PathBuf,
    /// The newest first.
    noted: Vec<Noted>,
}

/// What is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The number under which it was told.
    collector: KeyHash,
    day: Day,
    /// The last batch that the database may have of it, and the sessions with it.
    pub(crate) batch: i64,
    pub(crate) sessions: u64,
    pub(crate) counted_in: CountedIn,
}

/// Which file today's counts are in: one that was removed, or put there by somebody, is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CountedIn {
    inode: u64,
    /// When it was made, where the file system knows; the number of an inode is used again.
    made: u128,
}

impl ToldNote {
    /// The file of that path, of the collector with that storage. What cannot be read is no note.
    pub(crate) fn open(path: &Path, storage: &Path) -> io::Result<ToldNote> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let mut file = files::open_plainly(&mut options, path)?;
        File::open(paths::directory(path))?.sync_all()?;
        let mut text = String::new();
        let _ = (&mut file).take(LENGTH as u64).read_to_string(&mut text);
        Ok(ToldNote {
            file,
            storage: storage.to_owned(),
            noted: parse(&text),
        })
    }

    /// What is noted of a day, under that number.
    pub(crate) fn of(&self, collector: KeyHash, day: Day) -> Option<Noted> {
        let is_it = |noted: &&Noted| noted.collector == collector && noted.day == day;
        self.noted.iter().find(is_it).copied()
    }

    /// Notes that this batch of today is going to be told under that number, and how many sessions the database knows of then. Who
    /// tells all again tells fewer at first; what was told before stays told.
    pub(crate) fn note(
        &mut self,
        collector: KeyHash,
        day: Day,
        batch: i64,
        sessions: u64,
    ) -> io::Result<()> {
        let before = self.of(collector, day).map_or(0, |noted| noted.sessions);
        let noted = Noted {
            collector,
            day,
            batch,
            sessions: sessions.max(before),
            counted_in: self.counted_in(),
        };
        self.noted.retain(|noted| noted.day != day);
        self.noted.insert(0, noted);
        self.noted.truncate(DAYS);
        let line: String = self.noted.iter().map(line).collect();
        let line = format!("{line:<width$}\n", width = LENGTH - 1);
        self.file.write_all_at(line.as_bytes(), 0)?;
        self.file.sync_data()
    }

    /// The file that is there now.
    pub(crate) fn counted_in(&self) -> CountedIn {
        let found = fs::metadata(&self.storage).ok();
        let made = found.as_ref().and_then(|found| found.created().ok());
        let made = made.and_then(|made| made.duration_since(SystemTime::UNIX_EPOCH).ok());
        CountedIn {
            inode: found.map_or(0, |found| found.ino()),
            made: made.map_or(0, |made| made.as_nanos()),
        }
    }
}

fn line(noted: &Noted) -> String {
    let Noted {
        collector,
        day,
        batch,
        sessions,
        counted_in: CountedIn { inode, made },
    } = noted;
    format!("{collector} {day} {batch} {sessions} {inode} {made} ")
}

fn parse(text: &str) -> Vec<Noted> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let noted = words.chunks_exact(WORDS_A_DAY).map(|words| match words {
        [collector, day, batch, sessions, inode, made] => Some(Noted {
            collector: numbers::parse_number(collector)?,
            day: Day::parse(day).ok()?,
            batch: batch.parse().ok()?,
            sessions: sessions.parse().ok()?,
            counted_in: CountedIn {
                inode: inode.parse().ok()?,
                made: made.parse().ok()?,
            },
        }),
        _ => None,
    });
    noted.collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, storage) = (folder.path().join("n"), folder.path().join("c.sqlite"));
        let day = Day::parse("2026-11-29").unwrap();
        let (ours, other) = (KeyHash([7; 16]), KeyHash([8; 16]));
        fs::write(&storage, "1").unwrap();
        let mut note = ToldNote::open(&path, &storage).unwrap();
        assert_eq!(note.of(ours, day), None);
        note.note(ours, day, 1_000_000, 9).unwrap();
        note.note(ours, day, 7, 3).unwrap();
        let read = ToldNote::open(&path, &storage).unwrap();
        let noted = read.of(ours, day).unwrap();
        assert_eq!((noted.batch, noted.sessions), (7, 9), "all is told again");
        assert_eq!(read.of(ours, day), note.of(ours, day));
        assert_eq!(read.of(ours, day.next()), None, "another day");
        assert_eq!(read.of(other, day), None, "another number");
        for n in 1..DAYS as u32 {
            note.note(ours, day.ahead(n), i64::MAX, u64::MAX).unwrap();
        }
        let kept = ToldNote::open(&path, &storage).unwrap();
        assert_eq!(kept.of(ours, day).unwrap().batch, 7, "it may come back");
        assert_eq!(kept.of(ours, day.ahead(2)).unwrap().batch, i64::MAX);
        assert_eq!(fs::metadata(&path).unwrap().len(), LENGTH as u64);
        note.note(other, day.ahead(9), 1, 1).unwrap();
        assert_eq!(note.of(ours, day), None);
        assert_eq!(read.of(ours, day).unwrap().counted_in, read.counted_in());
        fs::write(folder.path().join("other"), "2").unwrap();
        fs::rename(folder.path().join("other"), &storage).unwrap();
        assert_ne!(read.of(ours, day).unwrap().counted_in, read.counted_in());
        for text in ["", "x", "2026-11-29 7", "\0\0\0"] {
            fs::write(&path, text).unwrap();
            assert_eq!(ToldNote::open(&path, &storage).unwrap().of(ours, day), None);
        }
    }

    #[test]
    fn the_longest_fits() {
        let day = Day::parse("2026-11-29").unwrap();
        let counted_in = CountedIn {
            inode: u64::MAX,
            made: u128::MAX,
        };
        let noted = Noted {
            collector: KeyHash([0xff; 16]),
            day,
            batch: i64::MAX,
            sessions: u64::MAX,
            counted_in,
        };
        assert!(line(&noted).len() * DAYS < LENGTH);
        assert_eq!(parse(&line(&noted)), [noted]);
    }
}
