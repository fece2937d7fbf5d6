//! Sockets that a service manager made and keeps (sd_listen_fds(3)): they stay open while we are restarted, and the
//! kernel's queue with them. We never unlink them, and leave owner and mode to who made them.

use std::{
    ffi::OsString,
    fs,
    os::{
        fd::{FromRawFd, OwnedFd, RawFd},
        unix::{
            fs::{FileTypeExt, MetadataExt},
            net::UnixDatagram,
        },
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::socket::{SockType, getsockopt, sockopt},
};

use crate::socket::{Socket, SocketError};

/// The first descriptor passed, by that protocol.
const FIRST: RawFd = 3;
/// No manager passes more; a number that is larger is a mistake.
const MOST: RawFd = 1024;

/// A socket passed to us, and where it is bound.
#[derive(Debug)]
pub struct Passed {
    socket: Socket,
    /// None when it is bound to no file.
    pub path: Option<PathBuf>,
}

/// Takes the sockets that the environment says were passed to this process (`pid`). Only once: they have one owner.
pub fn take(
    env: impl IntoIterator<Item = (OsString, OsString)>,
    pid: u32,
) -> Result<Vec<Passed>, SocketError> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let number = announced(env, pid)?;
    if number == 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    (FIRST..FIRST + number).map(passed).collect()
}

impl Passed {
    /// It is the socket of that configured path.
    pub fn is(&self, configured: &Path) -> bool {
        let Some(path) = &self.path else { return false };
        // Under another name too: /var/run is a link to /run.
        let file = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
        path == configured
            || matches!((file(path), file(configured)), (Ok(one), Ok(other)) if one == other)
    }

    /// To be read.
    pub fn into_socket(self) -> Socket {
        self.socket
    }
}

/// How many descriptors are ours. LISTEN_PID says for whom they are: who started us may have inherited the variables
/// of a service above it. LISTEN_FDNAMES does not matter, all are read.
fn announced(
    env: impl IntoIterator<Item = (OsString, OsString)>,
    pid: u32,
) -> Result<RawFd, SocketError> {
    let (mut number, mut whose) = (None, None);
    for (key, value) in env {
        match key.to_str() {
            Some("LISTEN_FDS") => number = Some(value),
            Some("LISTEN_PID") => whose = value.to_str().and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    let Some(number) = number.filter(|_| whose == Some(pid)) else {
        return Ok(0);
    };
    let parsed = number.to_str().and_then(|text| text.parse().ok());
    parsed
        .filter(|number| (0..=MOST).contains(number))
        .ok_or_else(|| SocketError::PassedNumber(number.to_string_lossy().into_owned()))
}

fn passed(number: RawFd) -> Result<Passed, SocketError> {
    let wrong = |problem| SocketError::Passed { number, problem };
    let datagrams = UnixDatagram::from(own(number).ok_or(wrong("not a socket"))?);
    let failed = |source| SocketError::PassedFailed { number, source };
    // The rollover script has no use for it.
    fcntl(&datagrams, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))
        .map_err(|errno| failed(errno.into()))?;
    if getsockopt(&datagrams, sockopt::SockType).ok() != Some(SockType::Datagram) {
        return Err(wrong("not a datagram socket"));
    }
    let address = datagrams
        .local_addr()
        .map_err(|_| wrong("not a Unix socket"))?;
    let path = address.as_pathname().map(PathBuf::from);
    Ok(Passed {
        socket: Socket::inherited(datagrams, path.as_deref()).map_err(failed)?,
        path,
    })
}

/// An open socket of that number.
#[allow(unsafe_code)]
fn own(number: RawFd) -> Option<OwnedFd> {
    let open = fs::metadata(format!("/proc/self/fd/{number}")).ok()?;
    if !open.file_type().is_socket() {
        return None;
    }
    // SAFETY: it is open, and nobody else in this process owns it: the service manager opened it for us and said so
    // (`announced`), we look at it once (`take`), and what we open ourselves before gets other numbers.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_announced() {
        for (pid, number, want, why) in [
            (Some("7"), Some("2"), Ok(2), "for us"),
            (Some("8"), Some("2"), Ok(0), "for another process"),
            (None, Some("2"), Ok(0), "for nobody knows whom"),
            (Some("7"), None, Ok(0), "nothing"),
            (Some("7"), Some("two"), Err(()), "not a number"),
            (Some("7"), Some("-1"), Err(()), "fewer than none"),
            (
                Some("7"),
                Some("2000000000"),
                Err(()),
                "more than anybody passes",
            ),
            (Some("8"), Some("two"), Ok(0), "another's mistake"),
        ] {
            let mut env: Vec<(OsString, OsString)> = vec![("LISTEN_FDNAMES".into(), "a:b".into())];
            env.extend(pid.map(|pid| ("LISTEN_PID".into(), pid.into())));
            env.extend(number.map(|number| ("LISTEN_FDS".into(), number.into())));
            assert_eq!(announced(env, 7).map_err(drop), want, "{why}");
        }
    }

    #[test]
    fn the_same_socket_under_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let link = dir.path().join("link");
        let datagrams = UnixDatagram::bind(&path).unwrap();
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let passed = Passed {
            socket: Socket::inherited(datagrams, Some(&path)).unwrap(),
            path: Some(path.clone()),
        };
        assert!(passed.is(&path) && passed.is(&link.join("socket")));
        assert!(!passed.is(&dir.path().join("other")));
        drop(passed.into_socket());
        assert!(path.exists(), "never unlinked");
    }
}
