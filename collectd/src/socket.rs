//! The sockets: each gets its owner and mode before anyone can see it, and an error that says why it cannot be had.
//!
//! Their receive buffers are left as they are: what a Unix datagram socket holds is bounded by the number of datagrams
//! (`net.unix.max_dgram_qlen` when the socket was made) and by the sender's buffer, never by ours.

mod access;
mod error;
mod name;

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::FileTypeExt, net::UnixDatagram},
    path::{Path, PathBuf},
};

use nix::sys::stat::{Mode, umask};
use tlsrptd_config::paths;
use tlsrptd_service::passed_sockets::PassedSocket;

pub use access::Access;
pub use error::SocketError;
pub(crate) use name::{SocketMaker, SocketName};

/// Longest name that fits into `sockaddr_un`, with the null byte after it.
const LONGEST: usize = 107;

/// An open socket, and its name.
#[derive(Debug)]
pub struct Socket {
    datagrams: UnixDatagram,
    name: SocketName,
}

/// When a socket is made: the umask is the whole process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is one thread only.
    Starting,
    /// Other threads make files.
    Serving,
}

impl Socket {
    /// Makes the socket file and listens on it. What a collector that was killed left there is replaced.
    ///
    /// # Errors
    ///
    /// Why it cannot be had, see [`SocketError`].
    pub fn make(path: &Path, access: &Access) -> Result<Socket, SocketError> {
        Socket::make_in(Phase::Starting, path, access)
    }

    /// The same, while the collector is at work: somebody removed the name.
    pub(crate) fn make_again(path: &Path, access: &Access) -> Result<Socket, SocketError> {
        Socket::make_in(Phase::Serving, path, access)
    }

    fn make_in(phase: Phase, path: &Path, access: &Access) -> Result<Socket, SocketError> {
        if path.as_os_str().len() > LONGEST {
            return Err(SocketError::TooLong(path.into()));
        }
        let owner = access.owner(path)?;
        make_way(path)?;
        let failed = |what| SocketError::failed(path, what);
        let temporary = temporary_name(path);
        let (bound, mode) = bind(&temporary, access, phase);
        let datagrams = bound.map_err(failed("make it"))?;
        owner
            .apply(&temporary, mode)
            .and_then(|()| match temporary == path {
                true => Ok(()),
                false => fs::rename(&temporary, path),
            })
            .map_err(|source| {
                let _ = fs::remove_file(&temporary);
                failed("give it its owner, mode and name")(source)
            })?;
        let name = SocketName::made(path).map_err(failed("look at it"))?;
        datagrams
            .set_nonblocking(true)
            .map_err(failed("set it to not blocking"))?;
        Ok(Socket { datagrams, name })
    }

    /// A socket that the service manager has made and keeps.
    ///
    /// # Errors
    ///
    /// When it cannot be set to not blocking.
    pub fn passed(passed: PassedSocket) -> Result<Socket, SocketError> {
        let path = passed.path.as_deref().unwrap_or(Path::new(""));
        passed
            .datagrams
            .set_nonblocking(true)
            .map_err(SocketError::failed(path, "set it to not blocking"))?;
        Ok(Socket {
            datagrams: passed.datagrams,
            name: SocketName::passed(passed.path),
        })
    }

    /// Where datagrams come from, and the name under which they are sent there.
    pub(crate) fn split(self) -> (UnixDatagram, SocketName) {
        (self.datagrams, self.name)
    }
}

/// Checks what stands at the path, and removes what a collector that was killed left.
fn make_way(path: &Path) -> Result<(), SocketError> {
    let failed = |what| SocketError::failed(path, what);
    let directory = paths::directory(path);
    if !directory.is_dir() {
        return Err(SocketError::NoDirectory {
            path: path.into(),
            directory: directory.into(),
        });
    }
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at the path")(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.into()));
        }
        Ok(_) => {}
    }
    let probe = UnixDatagram::unbound().map_err(failed("make a socket"))?;
    match probe.connect(path) {
        Ok(()) => Err(SocketError::Answered(path.into())),
        Err(error) => match error.raw_os_error() {
            Some(nix::libc::ECONNREFUSED) => {
                fs::remove_file(path).map_err(failed("remove what a stopped collector left"))
            }
            Some(nix::libc::ENOENT) => Ok(()),
            Some(nix::libc::EPROTOTYPE) => Err(SocketError::OtherKind(path.into())),
            _ => Err(failed("see whether a collector answers there")(error)),
        },
    }
}

/// Binds a socket, and says which mode it is to have; `None` when it has it already.
fn bind(path: &Path, access: &Access, phase: Phase) -> (io::Result<UnixDatagram>, Option<u32>) {
    match phase {
        Phase::Starting => {
            // Nobody may send until owner and mode are right.
            let usual = umask(Mode::from_bits_truncate(0o777));
            let bound = UnixDatagram::bind(path);
            umask(usual);
            (bound, Some(access.mode.unwrap_or(0o777 & !usual.bits())))
        }
        Phase::Serving => (UnixDatagram::bind(path), access.mode),
    }
}

/// A name in the same directory. Where that would be too long, the final name has to do: at a start nobody may send yet.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(std::process::id().to_string());
    let temporary = path.with_file_name(name);
    if temporary.as_os_str().as_bytes().len() > LONGEST || temporary.exists() {
        return path.into();
    }
    temporary
}

#[cfg(test)]
mod tests;
