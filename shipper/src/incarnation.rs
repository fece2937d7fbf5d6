//! Who this collector is: a number of its own, in a file beside its day files, and the first day that the fleet waits for.
//!
//! The counts of the fleet's database are absolutes of an incarnation. Who has lost the day files has lost what had been counted,
//! and counts from nothing again: a new incarnation, whose counts are added to those of the lost one. So the file lies where the
//! day files do, and is lost with them.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tlsrptd_config::paths;
use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::{day::Day, dayfile};
use tlsrptd_service::files::{self, FileIdentity};

use crate::{baseline::Baseline, told_note::ToldNote};

/// Of the folder beside the day files: the only one that the shipper writes to.
const MODE: u32 = 0o750;

/// See the module. While it is held, no other process has it.
#[derive(Debug)]
pub(crate) struct Incarnation {
    path: PathBuf,
    file: File,
    id: KeyHash,
    first_day: Day,
    /// How much of today was told.
    pub(crate) told: ToldNote,
    baseline: Option<Arc<Baseline>>,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IncarnationError {
    #[error("cannot {what} {}: {}", path.display(), tlsrptd_config::service_view::explained_writing(path, source))]
    File {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("another tlsrpt-shipper works with {}", .0.display())]
    Taken(PathBuf),
}

impl Incarnation {
    /// That of the collector whose storage that is; a new one where there is none.
    pub(crate) fn open(storage: &Path) -> Result<Incarnation, IncarnationError> {
        let path = dayfile::incarnation(storage);
        let folder = paths::directory(&path);
        let made = fs::DirBuilder::new().mode(MODE).create(folder);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("make", folder)(error));
            }
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let mut file = files::open_plainly(&mut options, &path).map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(IncarnationError::Taken(path)),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        let mut text = String::new();
        // What is no text is no number either.
        let _ = (&mut file).take(1024).read_to_string(&mut text);
        let told = beside(&path, "told");
        let told = ToldNote::open(&told, storage).map_err(failed("open", &told))?;
        let mut incarnation = Incarnation {
            path,
            file,
            id: KeyHash([0; 16]),
            first_day: today(),
            told,
            baseline: None,
        };
        match parse(&text) {
            // A clock that was ahead when the number was made is right by now, or will be: no day before may be left out.
            Some((id, first_day)) => {
                (incarnation.id, incarnation.first_day) = (id, first_day.min(today()));
                let place = beside(&incarnation.path, "baseline");
                let baseline = Baseline::read(&place, id).map_err(failed("read", &place))?;
                incarnation.baseline = baseline.map(Arc::new);
            }
            None => incarnation.renew(None)?,
        }
        Ok(incarnation)
    }

    /// From now on, it is another. Of what stands in its files, that much is told already.
    pub(crate) fn renew(&mut self, baseline: Option<Baseline>) -> Result<(), IncarnationError> {
        let id = KeyHash(rand::random());
        if let Some(baseline) = &baseline {
            // Before the number: without that it is nobody's.
            let place = beside(&self.path, "baseline");
            let written = baseline.write(&place, id);
            written.map_err(failed("write", &place))?;
        }
        (self.id, self.first_day) = (id, today());
        self.baseline = baseline.map(Arc::new);
        let text = format!("{} {}\n", self.id, self.first_day);
        let file = &mut self.file;
        // A half of it is none: then the next start makes another, and this one was never told to anybody.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(paths::directory(&self.path))?.sync_all());
        written.map_err(failed("write", &self.path))
    }

    /// What of a day was told before it was this one.
    pub(crate) fn baseline(&self, day: Day) -> Option<Arc<Baseline>> {
        self.baseline.clone().filter(|told| told.day() == day)
    }

    /// Notes that this batch of today is going to be told.
    pub(crate) fn note_telling(&mut self, day: Day, batch: i64) -> Result<(), IncarnationError> {
        let noted = self.told.note(day, batch);
        noted.map_err(failed("write", &beside(&self.path, "told")))
    }

    pub(crate) fn id(&self) -> KeyHash {
        self.id
    }

    /// The first day that the fleet waits for.
    pub(crate) fn first_day(&self) -> Day {
        self.first_day
    }

    /// Whether the file is still there, and with it the day files.
    pub(crate) fn is_there(&self) -> bool {
        let ours = self.file.metadata().map(|found| FileIdentity::from(&found));
        matches!((ours, FileIdentity::of(&self.path)), (Ok(ours), Ok(there)) if ours == there)
    }
}

/// `collectd.sqlite.told` beside `collectd.sqlite.incarnation`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

fn today() -> Day {
    Day::of(Timestamp::now())
}

fn parse(text: &str) -> Option<(KeyHash, Day)> {
    let (number, day) = text.trim_end().split_once(' ')?;
    if number.len() != 32 || !number.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(number, 16).ok()?;
    Some((KeyHash(number.to_be_bytes()), Day::parse(day).ok()?))
}

fn failed<'p>(
    what: &'static str,
    path: &'p Path,
) -> impl FnOnce(io::Error) -> IncarnationError + 'p {
    move |source| IncarnationError::File {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_until_it_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("collectd.sqlite");
        let mut first = Incarnation::open(&storage).unwrap();
        assert_eq!(first.first_day(), Day::of(Timestamp::now()));
        assert!(matches!(
            Incarnation::open(&storage),
            Err(IncarnationError::Taken(_))
        ));
        let id = first.id();
        drop(first);
        first = Incarnation::open(&storage).unwrap();
        assert_eq!(first.id(), id, "it stays the same");
        fs::remove_dir_all(folder.path().join("shipper")).unwrap();
        assert!(!first.is_there());
        let mut other = Incarnation::open(&storage).unwrap();
        assert_ne!(other.id(), id, "lost with the folder");
        let id = other.id();
        other.renew(None).unwrap();
        assert_ne!(other.id(), id);
        let id = other.id();
        drop(other);
        assert_eq!(Incarnation::open(&storage).unwrap().id(), id);
        let ahead = Day::of(Timestamp::now()).ahead(1000);
        fs::write(dayfile::incarnation(&storage), format!("{id} {ahead}\n")).unwrap();
        let made = Incarnation::open(&storage).unwrap();
        assert_eq!(made.id(), id);
        let today = Day::of(Timestamp::now());
        assert_eq!(made.first_day(), today, "made by a clock that was ahead");
        drop(made);
        for text in ["", "x", "0123", "\0\0\0", "zz 2026-11-29", &"0".repeat(32)] {
            fs::write(dayfile::incarnation(&storage), text).unwrap();
            let made = Incarnation::open(&storage).unwrap();
            assert_ne!(made.id(), id, "{text:?}: half of one is none");
        }
    }
}
