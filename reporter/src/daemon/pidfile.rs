//! The pid file.

use std::{fs, path::PathBuf};

use crate::error::Error;

/// Removed when dropped.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the number of this process.
    pub(super) fn write(path: PathBuf) -> Result<PidFile, Error> {
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Ok(PidFile(path)),
            Err(source) => Err(Error::PidFile { path, source }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Somebody may have removed it; it names nobody any more.
        let _ = fs::remove_file(&self.0);
    }
}
