//! The socket in the file system: nobody can connect before its mode is right, and only what nobody listens to is replaced.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            fs::{FileTypeExt, OpenOptionsExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen,
        setsockopt, socket, sockopt,
    },
    sys::time::TimeVal,
};
use tlsrptd_config::paths;

use super::ServeError;
use crate::files::FileIdentity;

/// Longest name that fits into `sockaddr_un`, with the null byte after it.
const LONGEST: usize = 107;
/// The socket's owner and its group may ask.
const MODE: u32 = 0o660;
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 16;
/// How long a process that makes a socket in the same folder is waited for: this often, so long each.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A socket and its name. Dropped, the name is removed, unless another socket has it by now.
#[derive(Debug)]
pub struct ListeningSocket {
    /// Connections come from it.
    pub listener: UnixListener,
    path: PathBuf,
    identity: FileIdentity,
}

impl ListeningSocket {
    /// # Errors
    ///
    /// No socket can have this name.
    pub(super) fn check_path(path: &Path) -> Result<(), ServeError> {
        match path.as_os_str().len() > LONGEST {
            true => Err(ServeError::TooLong(path.into())),
            false => Ok(()),
        }
    }

    /// Makes it. What a process that was killed left there is replaced.
    ///
    /// # Errors
    ///
    /// Why it cannot be had, see [`ServeError`].
    pub fn make(path: &Path) -> Result<ListeningSocket, ServeError> {
        ListeningSocket::check_path(path)?;
        let directory = paths::directory(path);
        if !directory.is_dir() {
            return Err(ServeError::NoDirectory {
                path: path.into(),
                directory: directory.into(),
            });
        }
        // Of two that start at once, the second finds the first's.
        let _lock = lock(directory);
        make_way(path)?;
        let made = new_socket().map_err(ServeError::failed(path, "make it"))?;
        let address = UnixAddr::new(path).map_err(ServeError::failed(path, "make it"))?;
        bind(made.as_raw_fd(), &address).map_err(ServeError::failed(path, "make it"))?;
        let identity = identity(path).map_err(ServeError::failed(path, "look at it"))?;
        // Nobody can connect before it listens.
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))
            .and_then(|()| Ok(listen(&made, Backlog::new(BACKLOG)?)?))
            .map_err(|source| {
                let _ = fs::remove_file(path);
                ServeError::failed(path, "give it its mode and listen")(source)
            })?;
        let listener = UnixListener::from(made);
        let socket = ListeningSocket {
            listener,
            path: path.into(),
            identity,
        };
        let set = socket.listener.set_nonblocking(true);
        set.map_err(ServeError::failed(path, "set it to not blocking"))?;
        Ok(socket)
    }
}

impl ListeningSocket {
    /// Whether the path leads to this socket still.
    pub(super) fn is_at_its_path(&self) -> bool {
        identity(&self.path).is_ok_and(|found| found == self.identity)
    }
}

impl Drop for ListeningSocket {
    fn drop(&mut self) {
        if self.is_at_its_path() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Connects, and waits no longer than that for a daemon that accepts nobody.
pub(super) fn connect_within(path: &Path, patience: Duration) -> nix::Result<UnixStream> {
    let made = new_socket()?;
    let patience = TimeVal::new(
        i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        i64::from(patience.subsec_micros()),
    );
    setsockopt(&made, sockopt::SendTimeout, &patience)?;
    connect(made.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(made))
}

fn new_socket() -> nix::Result<OwnedFd> {
    socket(
        AddressFamily::Unix,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
}

/// A lock on the folder, as far as one can be had.
fn lock(directory: &Path) -> Option<Flock<File>> {
    let flags = nix::libc::O_DIRECTORY | nix::libc::O_NONBLOCK;
    let options = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(directory);
    let mut file = options.ok()?;
    for _ in 0..LOCK_TRIES {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Some(lock),
            Err((back, Errno::EWOULDBLOCK)) => file = back,
            Err(_) => return None,
        }
        thread::sleep(LOCK_PAUSE);
    }
    None
}

/// Checks what stands at the path, and removes what nobody listens to.
fn make_way(path: &Path) -> Result<(), ServeError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ServeError::failed(path, "look at the path")(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ServeError::NotASocket(path.into()));
        }
        Ok(_) => {}
    }
    match connect_within(path, LOCK_PAUSE) {
        Ok(stream) => Err(ServeError::Answered {
            path: path.into(),
            by: listener_of(&stream),
        }),
        // More wait there than the kernel keeps.
        Err(Errno::EAGAIN) => Err(ServeError::Answered {
            path: path.into(),
            by: "another process".into(),
        }),
        Err(Errno::ECONNREFUSED) => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ServeError::failed(
                path,
                "remove what a stopped daemon left",
            )(error)),
            _ => Ok(()),
        },
        Err(Errno::ENOENT) => Ok(()),
        Err(Errno::EPROTOTYPE) => Err(ServeError::OtherKind(path.into())),
        Err(error) => Err(ServeError::failed(
            path,
            "see whether somebody answers there",
        )(error)),
    }
}

/// Who listens at the other end, as far as the system tells.
fn listener_of(stream: &UnixStream) -> String {
    let Ok(credentials) = getsockopt(stream, sockopt::PeerCredentials) else {
        return "another process".into();
    };
    let pid = credentials.pid();
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (process {pid})", name.trim_end()),
        // Of another user's, in a sandbox, or in another name space, where it is 0.
        Err(_) if pid > 0 => format!("process {pid}"),
        Err(_) => "another process".into(),
    }
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    fs::symlink_metadata(path).map(|found| FileIdentity::from(&found))
}
