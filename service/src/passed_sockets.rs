//! Sockets that the service manager has made and keeps (sd_listen_fds(3)): they stay open while this process is restarted,
//! and the kernel's queue with them. They are never unlinked, and their owner and mode are left to who made them.
//!
//! listenfd takes the descriptors and refuses one that is not a socket of the kind that the program reads. What it ignores is checked here: an
//! invalid LISTEN_FDS, and a missing LISTEN_PID.

use std::{
    env,
    ffi::OsString,
    io,
    net::TcpListener,
    os::unix::net::{UnixDatagram, UnixListener},
    path::{Path, PathBuf},
};

use listenfd::ListenFd;
use thiserror::Error;

use crate::files::FileIdentity;

/// No manager passes more; a larger number is a mistake.
const MAX_SOCKETS: usize = 1024;

/// A socket that was passed, and where it is bound.
#[derive(Debug)]
pub struct PassedSocket {
    /// To be read.
    pub datagrams: UnixDatagram,
    /// `None` when it is bound to no file.
    pub path: Option<PathBuf>,
}

/// A socket that was passed, and that connections come from.
#[derive(Debug)]
pub enum PassedListener {
    /// By TCP.
    Tcp(TcpListener),
    /// On a Unix stream socket.
    Unix(UnixListener),
}

/// Why a passed socket cannot be used.
#[derive(Debug, Error)]
pub enum PassedSocketError {
    /// LISTEN_FDS is not a number of sockets.
    #[error("LISTEN_FDS is `{0}`; a number of sockets is allowed")]
    Number(String),
    /// The descriptor is another kind of socket, or no socket.
    #[error(
        "cannot use what the service manager passed: {0}; Unix datagram sockets (ListenDatagram=PATH) are allowed"
    )]
    Kind(io::Error),
    /// The descriptor is another kind of socket, or no socket.
    #[error(
        "cannot use what the service manager passed: {0}; TCP and Unix stream sockets (ListenStream=) are allowed"
    )]
    StreamKind(io::Error),
}

/// Takes the sockets that the service manager has passed to this process. Their variables leave the environment, so that a
/// second call finds none: to be called before other threads, which may read the environment, are started.
///
/// # Errors
/// When LISTEN_FDS is not a number of sockets, or one of them is not a Unix datagram socket.
pub fn take() -> Result<Vec<PassedSocket>, PassedSocketError> {
    let number = announced(env::vars_os(), std::process::id())?;
    if number == 0 {
        return Ok(Vec::new());
    }
    let mut passed = ListenFd::from_env();
    let sockets = (0..number).filter_map(|index| passed.take_unix_datagram(index).transpose());
    sockets
        .map(|datagrams| {
            let datagrams = datagrams.map_err(PassedSocketError::Kind)?;
            let address = datagrams.local_addr().map_err(PassedSocketError::Kind)?;
            let path = address.as_pathname().map(PathBuf::from);
            Ok(PassedSocket { datagrams, path })
        })
        .collect()
}

/// The same for a program that connections come to.
///
/// # Errors
/// When LISTEN_FDS is not a number of sockets, or one of them is neither a TCP socket nor a Unix stream socket.
pub fn take_listeners() -> Result<Vec<PassedListener>, PassedSocketError> {
    let number = announced(env::vars_os(), std::process::id())?;
    if number == 0 {
        return Ok(Vec::new());
    }
    let mut passed = ListenFd::from_env();
    let sockets = (0..number).filter_map(|index| {
        // One that is of the other kind is left where it is.
        if let Ok(tcp) = passed.take_tcp_listener(index) {
            return tcp.map(PassedListener::Tcp).map(Ok);
        }
        let unix = passed.take_unix_listener(index).transpose()?;
        Some(unix.map(PassedListener::Unix))
    });
    sockets
        .map(|socket| socket.map_err(PassedSocketError::StreamKind))
        .collect()
}

impl PassedSocket {
    /// Whether it is the socket of that configured path.
    pub fn is(&self, configured: &Path) -> bool {
        let Some(path) = &self.path else { return false };
        // Under another name too: /var/run is a link to /run.
        let file = |path: &Path| FileIdentity::of(path).ok();
        path == configured || file(path).is_some() && file(path) == file(configured)
    }
}

/// How many descriptors are for the process `pid`. Without LISTEN_PID none are: the variables may be inherited from the
/// service of a program that started this one. LISTEN_FDNAMES does not matter, all are read.
fn announced(
    env: impl IntoIterator<Item = (OsString, OsString)>,
    pid: u32,
) -> Result<usize, PassedSocketError> {
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
        .filter(|number| *number <= MAX_SOCKETS)
        .ok_or_else(|| PassedSocketError::Number(number.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_announced() {
        for (pid, number, want, why) in [
            (Some("7"), Some("2"), Ok(2), "for us"),
            (Some("8"), Some("2"), Ok(0), "for another process"),
            (None, Some("2"), Ok(0), "for an unknown process"),
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
        let passed = PassedSocket {
            datagrams,
            path: Some(path.clone()),
        };
        assert!(passed.is(&path) && passed.is(&link.join("socket")));
        assert!(!passed.is(&dir.path().join("other")));
    }
}
