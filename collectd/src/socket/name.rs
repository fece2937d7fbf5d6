//! The name of a socket in the file system, under which senders find it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tlsrptd_service::files::FileIdentity;

use super::SocketError;

/// The name of a socket. Dropped, it is removed if we made it, so that a start that fails later leaves no socket behind.
#[derive(Debug)]
pub(crate) struct SocketName {
    /// `None` when the socket is bound to no file, or the file was removed.
    file: Option<SocketFile>,
    maker: SocketMaker,
}

/// The file that a socket is bound to.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: FileIdentity,
}

/// Who made a socket, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketMaker {
    Collector,
    ServiceManager,
}

impl SocketName {
    /// Of a socket that we have made.
    pub(super) fn made(path: &Path) -> io::Result<SocketName> {
        Ok(SocketName {
            file: Some(SocketFile::at(path.into())?),
            maker: SocketMaker::Collector,
        })
    }

    /// Of a socket that the service manager has made. A name that is not there now will not be missed later.
    pub(super) fn passed(path: Option<PathBuf>) -> SocketName {
        SocketName {
            file: path.and_then(|path| SocketFile::at(path).ok()),
            maker: SocketMaker::ServiceManager,
        }
    }

    /// The path, when it no longer leads to the socket: it was removed or replaced, or a folder above it was moved.
    pub(crate) fn lost(&self) -> Option<&Path> {
        let file = self.file.as_ref()?;
        (!file.leads_to_socket()).then_some(&file.path)
    }

    /// The path, as far as there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    pub(crate) fn maker(&self) -> SocketMaker {
        self.maker
    }

    /// Removes the name, so that nobody new finds the socket; what is queued can still be read. A socket that was passed
    /// to us, or replaced by another's meanwhile, stays.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub(crate) fn unlink(&mut self) -> Result<(), SocketError> {
        match self.file.take() {
            Some(file) if self.maker == SocketMaker::Collector && file.leads_to_socket() => {
                fs::remove_file(&file.path).map_err(|source| SocketError::Unlink {
                    path: file.path,
                    source,
                })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for SocketName {
    fn drop(&mut self) {
        let _ = self.unlink();
    }
}

impl SocketFile {
    fn at(path: PathBuf) -> io::Result<SocketFile> {
        let identity = identity(&path)?;
        Ok(SocketFile { path, identity })
    }

    fn leads_to_socket(&self) -> bool {
        identity(&self.path).is_ok_and(|found| found == self.identity)
    }
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    fs::symlink_metadata(path).map(|found| FileIdentity::from(&found))
}
