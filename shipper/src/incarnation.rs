//! Who this collector is: a number of its own, in a file beside its day files, and the first day that the fleet waits for.
//!
//! The counts of the fleet's database are absolutes of an incarnation. Who has lost the day files has lost what had been counted,
//! and counts from nothing again: a new incarnation, whose counts are added to those of the lost one. So the file lies where the
//! day files do, and is lost with them.

mod notes;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tlsrptd_config::paths;
use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::{day::Day, dayfile};
use tlsrptd_service::files::{self, FileIdentity};

use crate::{
    baseline::Baseline,
    done_note::DoneNote,
    numbers::{self, FormerNumber, Numbers, Reason},
    told_note::ToldNote,
};

/// Of the folder beside the day files: the only one that the shipper writes to.
const MODE: u32 = 0o750;

/// See the module. While it is held, no other process has it.
#[derive(Debug)]
pub(crate) struct Incarnation {
    path: PathBuf,
    file: File,
    numbers: Numbers,
    /// How much of today was told.
    told: ToldNote,
    /// How much of closed days was told.
    done: DoneNote,
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

impl IncarnationError {
    /// The disk is full: that passes, and what this process knows is worth more than a new start.
    pub(crate) fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::File { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
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
        let done = beside(&path, "done");
        let done = DoneNote::open(done.clone(), today()).map_err(failed("open", &done))?;
        let found = Numbers::parse(&text);
        let is_new = found.is_none();
        let mut numbers = found.unwrap_or_else(|| Numbers::first(new_number(), today()));
        // A clock that was ahead when the number was made is right by now, or will be: no day before may be left out. Those before
        // a number that was taken in place of another are that one's.
        if numbers.is_first() {
            numbers.first_day = numbers.first_day.min(today());
        }
        let mut incarnation = Incarnation {
            path,
            file,
            numbers,
            told,
            done,
            baseline: None,
        };
        match is_new {
            true => incarnation.write(incarnation.numbers.clone())?,
            false => incarnation.baseline = incarnation.read_baseline(incarnation.id())?,
        }
        incarnation.remove_baselines();
        Ok(incarnation)
    }

    /// Whether it may become another once more today.
    pub(crate) fn may_renew(&self) -> bool {
        self.numbers.may_be_followed(today())
    }

    /// Notes that it is about to become another from that day on, as what it counted of it was lost: nothing was told of what
    /// there is now. However it goes on, it is that number.
    pub(crate) fn prepare_after_loss(&mut self, day: Day) -> Result<(), IncarnationError> {
        self.write(self.numbers.before(new_number(), day))
    }

    /// The number that it is about to become, and from which day on.
    pub(crate) fn next(&self) -> Option<(KeyHash, Day)> {
        self.numbers.next()
    }

    /// Keeps what is told already of the number that follows; without that number it is nobody's. Whether the disk has room for it
    /// is known before anything else is done.
    pub(crate) fn prepare(&self, baseline: &Baseline) -> Result<KeyHash, IncarnationError> {
        self.remove_baselines();
        let id = new_number();
        let place = baseline_of(&self.path, id);
        let written = baseline.write(&place, id);
        if written.is_err() {
            self.remove_baselines();
        }
        written.map_err(failed("write", &place))?;
        Ok(id)
    }

    /// From the baseline's day on, it is that number. `is_behind`: days before are still to be told, under the number that it has had.
    pub(crate) fn renew(
        &mut self,
        id: KeyHash,
        baseline: Baseline,
        reason: Reason,
        is_behind: bool,
    ) -> Result<(), IncarnationError> {
        let day = baseline.day();
        let followed = self.numbers.followed(id, day, reason, today(), is_behind);
        self.write(followed)?;
        self.baseline = Some(Arc::new(baseline));
        self.remove_baselines();
        Ok(())
    }

    /// All days of a former number are told.
    pub(crate) fn forget(&mut self, former: KeyHash) -> Result<(), IncarnationError> {
        self.write(self.numbers.without(former))?;
        self.remove_baselines();
        Ok(())
    }

    /// There is never a half of it, whenever the power is cut, and the disk need not have room for it.
    fn write(&mut self, numbers: Numbers) -> Result<(), IncarnationError> {
        let file = &self.file;
        let written = file
            .write_all_at(numbers.to_text().as_bytes(), 0)
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(paths::directory(&self.path))?.sync_all());
        written.map_err(failed("write", &self.path))?;
        self.numbers = numbers;
        Ok(())
    }

    /// What was told of its first day before it was this one.
    pub(crate) fn baseline(&self) -> Option<Arc<Baseline>> {
        self.baseline.clone()
    }

    /// The same of any number.
    pub(crate) fn read_baseline(
        &self,
        id: KeyHash,
    ) -> Result<Option<Arc<Baseline>>, IncarnationError> {
        let place = baseline_of(&self.path, id);
        let baseline = Baseline::read(&place, id).map_err(failed("read", &place))?;
        Ok(baseline.map(Arc::new))
    }

    /// Those of numbers that are not used any more. One that cannot be removed harms nobody.
    fn remove_baselines(&self) {
        let entries = fs::read_dir(paths::directory(&self.path));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name();
            let words = name.to_str().and_then(|name| {
                let (before, number) = name.strip_suffix(BASELINE)?.rsplit_once('.')?;
                Some((before, numbers::parse_number(number)?))
            });
            if let Some((before, number)) = words
                && self.path.with_extension("").file_name() == Some(before.as_ref())
                && !self.numbers.has(number)
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    pub(crate) fn id(&self) -> KeyHash {
        self.numbers.id
    }

    /// The first day that the fleet waits for.
    pub(crate) fn first_day(&self) -> Day {
        self.numbers.first_day
    }

    /// It never was another.
    pub(crate) fn is_first(&self) -> bool {
        self.numbers.is_first()
    }

    /// Numbers that it had before, of days that are still to be told; the oldest first.
    pub(crate) fn former(&self) -> Vec<FormerNumber> {
        self.numbers.former().collect()
    }

    /// Whether the file is still there, and with it the day files.
    pub(crate) fn is_there(&self) -> bool {
        let ours = self.file.metadata().map(|found| FileIdentity::from(&found));
        matches!((ours, FileIdentity::of(&self.path)), (Ok(ours), Ok(there)) if ours == there)
    }
}

/// The end of a baseline's name.
const BASELINE: &str = ".baseline";

/// `collectd.sqlite.told` beside `collectd.sqlite.incarnation`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

/// `collectd.sqlite.NUMBER.baseline`.
fn baseline_of(path: &Path, id: KeyHash) -> PathBuf {
    beside(path, &format!("{id}{BASELINE}"))
}

fn new_number() -> KeyHash {
    KeyHash(rand::random())
}

fn today() -> Day {
    Day::of(Timestamp::now())
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
        let mut become_another = || {
            let baseline = Baseline::of(other.first_day());
            let next = other.prepare(&baseline).unwrap();
            other.renew(next, baseline, Reason::Lost, false).unwrap();
            next
        };
        become_another();
        // One that was prepared, and did not come about.
        other.prepare(&Baseline::of(other.first_day())).unwrap();
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

    /// Wherever it stops on the way to another number: it is the one or the other, whole.
    #[test]
    fn the_power_is_cut_on_the_way_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("collectd.sqlite");
        let day = today();
        let files = || fs::read_dir(folder.path().join("shipper")).unwrap().count();
        let mut ours = Incarnation::open(&storage).unwrap();
        ours.note_telling(day, 5, 9).unwrap();
        let (former, two) = (ours.id(), files());
        let next = ours.prepare(&Baseline::of(day)).unwrap();
        drop(ours);
        ours = Incarnation::open(&storage).unwrap();
        assert_eq!((ours.id(), files()), (former, two), "only prepared");
        assert_eq!(ours.noted(day).unwrap().batch, 5);
        assert!(ours.is_first() && ours.baseline().is_none() && former != next);
        let next = ours.prepare(&Baseline::of(day)).unwrap();
        ours.numbers.first_day = day.back(3);
        ours.renew(next, Baseline::of(day), Reason::Lost, true)
            .unwrap();
        drop(ours);
        ours = Incarnation::open(&storage).unwrap();
        assert_eq!((ours.id(), files()), (next, two + 1), "nothing told yet");
        assert_eq!(ours.noted(day), None, "the former number's");
        assert!(ours.baseline().is_some_and(|told| told.day() == day));
        let left = ours.former();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].id, left[0].end), (former, day));
        ours.note_telling(day, 1, 1).unwrap();
        ours.forget(former).unwrap();
        ours.prepare_after_loss(day).unwrap();
        let prepared = ours.next();
        assert!(prepared.is_some_and(|(number, from)| number != next && from == day));
        drop(ours);
        ours = Incarnation::open(&storage).unwrap();
        assert_eq!(ours.next(), prepared, "it goes on with that one");
        assert_eq!((ours.id(), ours.former().len()), (next, 0));
        assert_eq!(ours.noted(day).unwrap().batch, 1);
    }
}
