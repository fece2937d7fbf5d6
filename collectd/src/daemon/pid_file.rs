//! The pid file, for as long as the process serves.

use std::{io::Write as _, path::PathBuf};

use tlsrptd_config::files;

use crate::error::Error;

pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) fn write(path: PathBuf) -> Result<PidFile, Error> {
        let number = format!("{}\n", std::process::id());
        let file = files::make_anew(&path);
        match file.and_then(|mut file| file.write_all(number.as_bytes())) {
            Ok(()) => Ok(PidFile(path)),
            Err(source) => Err(Error::PidFile { path, source }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = files::remove(&self.0);
    }
}
