//! The sockets: made right before anyone can see them, with a clear word when that is not possible.
//!
//! Their receive buffers are left as they are: what a Unix datagram socket holds is bounded by the number of datagrams
//! (`net.unix.max_dgram_qlen` when the socket was made) and by the sender's buffer, never by ours.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
};

use nix::{
    sys::stat::{Mode, umask},
    unistd::{Gid, Group, Uid, User, chown},
};

use crate::error::Error;

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
    #[error("LISTEN_FDS is `{0}`; a number of sockets is allowed")]
    PassedNumber(String),
    #[error(
        "the descriptor {number} that the service manager passed is {problem}; Unix datagram sockets (ListenDatagram=PATH) are allowed"
    )]
    Passed { number: i32, problem: &'static str },
    #[error("the socket {number} that the service manager passed cannot be used: {source}")]
    PassedFailed { number: i32, source: io::Error },
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

/// The name of a socket that we made; nothing of one that we did not. Dropped, it takes the name away, so that a start
/// that fails later leaves no socket behind.
#[derive(Debug)]
pub(crate) struct Name(Option<Made>);

#[derive(Debug)]
struct Made {
    path: PathBuf,
    identity: (u64, u64),
}

impl Socket {
    /// Makes the socket file and listens on it. What a dead collector left there is replaced.
    pub fn make(path: &Path, access: &Access) -> Result<Socket, SocketError> {
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
        // With no right for anyone until owner and mode are right. The umask belongs to the whole process: sockets are
        // made before there is a second thread.
        let usual = umask(Mode::from_bits_truncate(0o777));
        let bound = UnixDatagram::bind(&temporary);
        umask(usual);
        let datagrams = bound.map_err(failed("make it"))?;
        let mode = access.mode.unwrap_or(0o777 & !usual.bits());
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
            name: Name(Some(Made {
                path: path.into(),
                identity,
            })),
        })
    }

    /// A socket that someone else made and keeps, as a service manager does.
    pub fn inherited(datagrams: UnixDatagram) -> io::Result<Socket> {
        datagrams.set_nonblocking(true)?;
        Ok(Socket {
            datagrams,
            name: Name(None),
        })
    }

    /// Where datagrams come from, and the name under which they are sent there.
    pub(crate) fn split(self) -> (UnixDatagram, Name) {
        (self.datagrams, self.name)
    }
}

impl Name {
    /// Takes the name away, so that nobody new finds the socket; what is queued can still be read. A socket that is not
    /// ours (inherited, or replaced by another's meanwhile) is left alone.
    pub(crate) fn unlink(&mut self) -> Result<(), Error> {
        match self.0.take() {
            Some(made) if identity(&made.path).ok() == Some(made.identity) => {
                fs::remove_file(&made.path).map_err(|source| Error::Unlink {
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
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
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

fn own(path: &Path, uid: Option<Uid>, gid: Option<Gid>, mode: u32) -> io::Result<()> {
    if uid.is_some() || gid.is_some() {
        chown(path, uid, gid)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
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

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn diagnosis() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("directory")).unwrap();
        let _other = UnixDatagram::bind(at("answered")).unwrap();
        let _stream = UnixListener::bind(at("stream")).unwrap();
        std::os::unix::fs::symlink(at("answered"), at("link")).unwrap();
        for (name, want, why) in [
            ("none/socket", "does not exist", "the directory is missing"),
            ("file", "not a socket", "a file is never unlinked"),
            ("directory", "not a socket", "nor a directory"),
            ("link", "not a socket", "nor a symbolic link"),
            (
                "answered",
                "another collector answers",
                "somebody holds it open",
            ),
            ("stream", "of another kind", "another program's"),
            (
                &"x".repeat(108),
                "longer than 107 bytes",
                "sockaddr_un is that small",
            ),
        ] {
            let message = Socket::make(&at(name), &Access::default())
                .unwrap_err()
                .to_string();
            assert!(message.contains(want), "{why}: {message}");
        }
        for (access, want) in [
            (
                Access {
                    user: Some("no such user".into()),
                    ..Access::default()
                },
                "no user named",
            ),
            (
                Access {
                    group: Some("no such group".into()),
                    ..Access::default()
                },
                "no group named",
            ),
        ] {
            let message = Socket::make(&at("new"), &access).unwrap_err().to_string();
            assert!(message.contains(want), "{message}");
        }
        assert!(!at("new").exists());
    }

    #[test]
    fn made_used_and_unlinked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(UnixDatagram::bind(&path).unwrap());
        let access = Access {
            mode: Some(0o220),
            ..Access::default()
        };
        let (socket, mut name) = Socket::make(&path, &access).unwrap().split();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o220,
            "what was left is replaced"
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "the temporary name is gone"
        );

        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to(b"a", &path).unwrap();
        name.unlink().unwrap();
        assert!(!path.exists());
        let mut bytes = [0; 2];
        assert_eq!(
            socket.recv(&mut bytes).unwrap(),
            1,
            "what was queued can be read"
        );
    }

    #[test]
    fn the_longest_name() {
        let dir = tempfile::tempdir().unwrap();
        let room = LONGEST - dir.path().as_os_str().len() - 1;
        // A directory so deep that no temporary name fits.
        let deep = dir.path().join("d".repeat(room - 3));
        fs::create_dir(&deep).unwrap();
        let path = deep.join("ab");
        assert_eq!(path.as_os_str().len(), LONGEST);
        Socket::make(&path, &Access::default()).unwrap();
        assert!(!path.exists(), "dropped, so gone");
    }

    #[test]
    fn another_ones_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let (_socket, mut name) = Socket::make(&path, &Access::default()).unwrap().split();
        fs::remove_file(&path).unwrap();
        let _other = UnixDatagram::bind(&path).unwrap();
        name.unlink().unwrap();
        assert!(path.exists());
    }
}
