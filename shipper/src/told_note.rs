//! How much of today the database was told, noted on disk before it is told.
//!
//! So the database never knows of a later batch than this file: unless the folder was copied to another host, or came back from a
//! backup. Then somebody has told more under this collector's number than is known here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use tlsrptd_config::paths;
use tlsrptd_proto::day::Day;
use tlsrptd_service::files;

/// One line of that many octets, always: a disk writes them at once.
const LENGTH: usize = 320;
/// A clock that is put right may bring a day back.
const DAYS: usize = 3;
/// Day, batch, inode and time.
const WORDS_A_DAY: usize = 4;

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
    pub(crate) day: Day,
    /// The last batch that the database may have of it.
    pub(crate) batch: i64,
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

    /// What is noted of a day.
    pub(crate) fn of(&self, day: Day) -> Option<Noted> {
        self.noted.iter().find(|noted| noted.day == day).copied()
    }

    /// Notes that this batch of today is going to be told.
    pub(crate) fn note(&mut self, day: Day, batch: i64) -> io::Result<()> {
        let noted = Noted {
            day,
            batch,
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
    let CountedIn { inode, made } = noted.counted_in;
    format!("{} {} {inode} {made} ", noted.day, noted.batch)
}

fn parse(text: &str) -> Vec<Noted> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let noted = words.chunks_exact(WORDS_A_DAY).map(|words| match words {
        [day, batch, inode, made] => Some(Noted {
            day: Day::parse(day).ok()?,
            batch: batch.parse().ok()?,
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
        fs::write(&storage, "1").unwrap();
        let mut note = ToldNote::open(&path, &storage).unwrap();
        assert_eq!(note.of(day), None);
        note.note(day, 1_000_000).unwrap();
        note.note(day, 7).unwrap();
        let read = ToldNote::open(&path, &storage).unwrap();
        assert_eq!(read.of(day).unwrap().batch, 7);
        assert_eq!(read.of(day), note.of(day));
        assert_eq!(read.of(day.next()), None, "another day");
        for n in 1..DAYS as u32 {
            note.note(day.ahead(n), i64::MAX).unwrap();
        }
        let kept = ToldNote::open(&path, &storage).unwrap();
        assert_eq!(kept.of(day).unwrap().batch, 7, "it may come back");
        assert_eq!(kept.of(day.ahead(2)).unwrap().batch, i64::MAX);
        assert_eq!(fs::metadata(&path).unwrap().len(), LENGTH as u64);
        note.note(day.ahead(9), 1).unwrap();
        assert_eq!(note.of(day), None);
        assert_eq!(read.of(day).unwrap().counted_in, read.counted_in());
        fs::write(folder.path().join("other"), "2").unwrap();
        fs::rename(folder.path().join("other"), &storage).unwrap();
        assert_ne!(read.of(day).unwrap().counted_in, read.counted_in());
        for text in ["", "x", "2026-11-29 7", "\0\0\0"] {
            fs::write(&path, text).unwrap();
            assert_eq!(ToldNote::open(&path, &storage).unwrap().of(day), None);
        }
    }
}
