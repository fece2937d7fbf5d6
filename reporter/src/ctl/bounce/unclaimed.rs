//! What is no bounce, or bears no tag of ours: kept as a file, or refused to the MTA.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::{error::Error, model::BounceResult};

/// Files in the folder,
const MOST_FILES: usize = 1000;
/// and their bytes.
const MOST_BYTES: u64 = 64 << 20;

/// A mail that is nobody's.
pub(super) struct Unclaimed {
    pub(super) result: BounceResult,
    /// What it is instead of a bounce of ours.
    pub(super) why: String,
    /// Where it is.
    pub(super) kept: Option<PathBuf>,
    /// There is a folder, and no room in it.
    pub(super) is_full: bool,
}

impl fmt::Display for Unclaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unclaimed { why, kept, .. } = self;
        match kept {
            Some(path) => write!(f, "not used ({why}), kept as {}", path.display()),
            None => write!(f, "this address takes bounces of TLS reports only: {why}"),
        }?;
        match kept.is_none() && self.is_full {
            true => f.write_str("; unclaimed_bounces is full"),
            false => Ok(()),
        }
    }
}

/// Keeps it as a new file; `None` if the folder is full.
pub(super) fn keep(folder: &Path, mail: &[u8], now: Timestamp) -> Result<Option<PathBuf>, Error> {
    let kept = || {
        if is_full(folder)? {
            return Ok(None);
        }
        let name = format!(
            "{}-{:08x}.eml",
            now.strftime("%Y%m%dT%H%M%SZ"),
            rand::random::<u32>()
        );
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(&path)?;
        let written = file.write_all(mail).and_then(|()| file.sync_all());
        if written.is_err() {
            // Half a mail is none; the first error is the one to tell.
            let _ = fs::remove_file(&path);
        }
        written.map(|()| Some(path))
    };
    kept().map_err(|error: io::Error| Error::NotDone {
        what: "unclaimed_bounces",
        problem: format!("cannot keep a mail in {}: {error}", folder.display()),
    })
}

fn is_full(folder: &Path) -> io::Result<bool> {
    let (mut files, mut bytes) = (0, 0_u64);
    for entry in fs::read_dir(folder)? {
        files += 1;
        bytes = bytes.saturating_add(entry?.metadata().map_or(0, |found| found.len()));
        if files >= MOST_FILES || bytes >= MOST_BYTES {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-21T01:02:03Z".parse().unwrap();
        let path = keep(folder.path(), b"Subject: x\n", now).unwrap().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"Subject: x\n");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("20261121T010203Z-"), "{name}");
        let large = fs::File::create(folder.path().join("large")).unwrap();
        large.set_len(MOST_BYTES).unwrap();
        assert_eq!(keep(folder.path(), b"y", now).unwrap(), None, "bytes");
        fs::remove_file(folder.path().join("large")).unwrap();
        for number in 1..MOST_FILES {
            fs::File::create(folder.path().join(number.to_string())).unwrap();
        }
        assert_eq!(keep(folder.path(), b"y", now).unwrap(), None, "files");
        let nowhere = folder.path().join("nowhere");
        let error = keep(&nowhere, b"y", now).unwrap_err();
        assert!(
            error.to_string().contains("unclaimed_bounces: cannot keep"),
            "{error}"
        );
    }
}
