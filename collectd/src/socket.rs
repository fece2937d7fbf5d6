//! The sockets: made right before anyone can see them, with a clear word when that is not possible.
//!
//! Their receive buffers are left as they are: what a Unix datagram socket holds is bounded by the number of datagrams
//! (`net.unix.max_dgram_qlen` when the socket was made) and by the sender's buffer, never by ours.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, PermissionsExt},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
};

use nix::{
    sys::stat::{Mode, umask},
    unistd::{Gid, Group, Uid, User, chown},
};

use tlsrptd_config::paths;
use tlsrptd_service::{
    files::FileIdentity,
    passed_sockets::{PassedSocket, PassedSocketError},
};

/// Longest name that fits into `sockaddr_un`, with the null byte after it.
const LONGEST: usize = 107;

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum SocketError {
    #[error("socket {}: the name is longer than 107 bytes", .0.display())]
    TooLong(PathBuf),
    #[error("socket {}: the directory {} does not exist", .path.display(), .directory.display())]
    NoDirectory { path: PathBuf, directory: PathBuf },
    #[error("socket {}: the path exists and is not a socket; remove it or name another", .0.display())]
    NotASocket(PathBuf),
    #[error("socket {}: another collector answers there", .0.display())]
    Answered(PathBuf),
    #[error("socket {}: a socket of another kind is there and in use", .0.display())]
    OtherKind(PathBuf),
    #[error("socket {}: no {what} named {name:?} on this system", .path.display())]
    NoSuchOwner {
        path: PathBuf,
        what: &'static str,
        name: String,
    },
    #[error("socket {}: cannot remove it at the end: {source}", .path.display())]
    Unlink { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Passed(#[from] PassedSocketError),
    #[error("socket {}: cannot {what}: {source}", .path.display())]
    Failed {
        path: PathBuf,
        what: &'static str,
        source: io::Error,
    },
}

/// Who may send.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `socketuser`.
    pub user: Option<String>,
    /// `socketgroup`.
    pub group: Option<String>,
    /// `socketmode`; when not set, the umask decides as it does for any file.
    pub mode: Option<u32>,
}

/// An open socket, and its name when we made it.
#[derive(Debug)]
pub struct Socket {
    datagrams: UnixDatagram,
    name: Name,
}

/// The name of a socket. Dropped, it takes the name away when we made it, so that a start that fails later leaves no
/// socket behind.
#[derive(Debug)]
pub(crate) struct Name {
    /// None when it is bound to no file, or was taken away.
    bound: Option<Bound>,
    maker: Maker,
}

/// Where a socket is bound.
#[derive(Debug)]
struct Bound {
    path: PathBuf,
    identity: FileIdentity,
}

/// Who made a socket, and keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    Ours,
    ServiceManager,
}

/// When a socket is made: the umask is the whole process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// There is one thread only.
    Starting,
    /// Others make files.
    Serving,
}

impl Socket {
    /// Makes the socket file and listens on it. What a dead collector left there is replaced.
    ///
    /// # Errors
    ///
    /// Why it cannot be had, see [`SocketError`].
    pub fn make(path: &Path, access: &Access) -> Result<Socket, SocketError> {
        Socket::make_when(path, access, When::Starting)
    }

    /// The same, while the collector is at work: somebody took the name away.
    pub(crate) fn make_again(path: &Path, access: &Access) -> Result<Socket, SocketError> {
        Socket::make_when(path, access, When::Serving)
    }

    fn make_when(path: &Path, access: &Access, when: When) -> Result<Socket, SocketError> {
        if path.as_os_str().len() > LONGEST {
            return Err(SocketError::TooLong(path.into()));
        }
        let (uid, gid) = owner(path, access)?;
        make_way(path)?;
        let temporary = temporary_name(path);
        let failed = |what| {
            move |source: io::Error| SocketError::Failed {
                path: path.into(),
                what,
                source,
            }
        };
        let (bound, mode) = bind(&temporary, access, when);
        let datagrams = bound.map_err(failed("make it"))?;
        own(&temporary, uid, gid, mode)
            .and_then(|()| {
                if temporary == path {
                    Ok(())
                } else {
                    fs::rename(&temporary, path)
                }
            })
            .map_err(|source| {
                let _ = fs::remove_file(&temporary);
                failed("give it its owner, mode and name")(source)
            })?;
        let identity = identity(path).map_err(failed("look at it"))?;
        datagrams
            .set_nonblocking(true)
            .map_err(failed("set it to not blocking"))?;
        Ok(Socket {
            datagrams,
            name: Name {
                bound: Some(Bound {
                    path: path.into(),
                    identity,
                }),
                maker: Maker::Ours,
            },
        })
    }

    /// A socket that the service manager has made and keeps.
    ///
    /// # Errors
    ///
    /// When it cannot be set to not blocking.
    pub fn passed(passed: PassedSocket) -> Result<Socket, SocketError> {
        passed
            .datagrams
            .set_nonblocking(true)
            .map_err(|source| SocketError::Failed {
                path: passed.path.clone().unwrap_or_default(),
                what: "set it to not blocking",
                source,
            })?;
        // A name that is not there now will not be missed later.
        let bound = passed.path.and_then(|path| {
            let identity = identity(&path).ok()?;
            Some(Bound { path, identity })
        });
        Ok(Socket {
            datagrams: passed.datagrams,
            name: Name {
                bound,
                maker: Maker::ServiceManager,
            },
        })
    }

    /// Where datagrams come from, and the name under which they are sent there.
    pub(crate) fn split(self) -> (UnixDatagram, Name) {
        (self.datagrams, self.name)
    }
}

impl Bound {
    fn leads_here(&self) -> bool {
        identity(&self.path).ok() == Some(self.identity)
    }
}

impl Name {
    /// The path, when it no longer leads to the socket: it was removed or replaced, or a folder above it was moved.
    pub(crate) fn lost(&self) -> Option<&Path> {
        let bound = self.bound.as_ref()?;
        (!bound.leads_here()).then_some(&bound.path)
    }

    /// The path, as far as there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.bound.as_ref().map(|bound| bound.path.as_path())
    }

    pub(crate) fn maker(&self) -> Maker {
        self.maker
    }

    /// Takes the name away, so that nobody new finds the socket; what is queued can still be read. A socket that is not
    /// ours (passed, or replaced by another's meanwhile) is left alone.
    pub(crate) fn unlink(&mut self) -> Result<(), SocketError> {
        match self.bound.take() {
            Some(made) if self.maker == Maker::Ours && made.leads_here() => {
                fs::remove_file(&made.path).map_err(|source| SocketError::Unlink {
                    path: made.path,
                    source,
                })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = self.unlink();
    }
}

/// Checks what stands at the path, and removes what a dead collector left.
fn make_way(path: &Path) -> Result<(), SocketError> {
    let failed = |what| {
        move |source: io::Error| SocketError::Failed {
            path: path.into(),
            what,
            source,
        }
    };
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

fn owner(path: &Path, access: &Access) -> Result<(Option<Uid>, Option<Gid>), SocketError> {
    let missing = |what, name: &str| SocketError::NoSuchOwner {
        path: path.into(),
        what,
        name: name.into(),
    };
    let failed = |what| {
        move |errno: nix::Error| SocketError::Failed {
            path: path.into(),
            what,
            source: errno.into(),
        }
    };
    let user = match &access.user {
        None => None,
        Some(name) => match name.parse() {
            Ok(number) => Some(Uid::from_raw(number)),
            Err(_) => {
                let user = User::from_name(name).map_err(failed("look its user up"))?;
                Some(user.ok_or_else(|| missing("user", name))?.uid)
            }
        },
    };
    let group = match &access.group {
        None => None,
        Some(name) => match name.parse() {
            Ok(number) => Some(Gid::from_raw(number)),
            Err(_) => {
                let group = Group::from_name(name).map_err(failed("look its group up"))?;
                Some(group.ok_or_else(|| missing("group", name))?.gid)
            }
        },
    };
    Ok((user, group))
}

/// Binds a socket, and says which mode it is to have; none when it has it already.
fn bind(path: &Path, access: &Access, when: When) -> (io::Result<UnixDatagram>, Option<u32>) {
    match when {
        When::Starting => {
            // With no right for anyone until owner and mode are right.
            let usual = umask(Mode::from_bits_truncate(0o777));
            let bound = UnixDatagram::bind(path);
            umask(usual);
            (bound, Some(access.mode.unwrap_or(0o777 & !usual.bits())))
        }
        When::Serving => (UnixDatagram::bind(path), access.mode),
    }
}

fn own(path: &Path, uid: Option<Uid>, gid: Option<Gid>, mode: Option<u32>) -> io::Result<()> {
    if uid.is_some() || gid.is_some() {
        chown(path, uid, gid)?;
    }
    match mode {
        Some(mode) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

/// A name in the same directory. Where that would be too long, the final name has to do: with no right for anyone it is
/// as good as not there.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(std::process::id().to_string());
    let temporary = path.with_file_name(name);
    if temporary.as_os_str().as_bytes().len() > LONGEST || temporary.exists() {
        return path.into();
    }
    temporary
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    fs::symlink_metadata(path).map(|found| FileIdentity::from(&found))
}

#[cfg(test)]
mod tests;
