//! The pid file.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use thiserror::Error;

use crate::files;

/// The pid file of this process. Dropping it removes the file.
#[derive(Debug)]
pub struct PidFile(PathBuf);

/// The pid file cannot be written.
#[derive(Debug, Error)]
#[error("cannot write the pid file {}: {source}", path.display())]
pub struct PidFileError {
    path: PathBuf,
    source: io::Error,
}

impl PidFile {
    /// Writes the number of this process.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn write(path: PathBuf) -> Result<PidFile, PidFileError> {
        let number = format!("{}\n", std::process::id());
        let file = files::make_anew(&path);
        match file.and_then(|mut file| file.write_all(number.as_bytes())) {
            Ok(()) => Ok(PidFile(path)),
            Err(source) => Err(PidFileError { path, source }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Somebody may have removed it already. A file that stays names a process that is gone: harmless.
        let _ = files::remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_the_process_serves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let pid_file = PidFile::write(path.clone()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(pid_file);
        assert!(!path.exists());
        let error = PidFile::write(folder.path().join("none/pid")).unwrap_err();
        assert!(error.to_string().contains("none/pid: "), "{error}");
    }
}
