//! What a service manager is told: readiness, status, the end, and that work goes on (sd_notify(3)).
//!
//! Where there is none, or none can be reached, nothing is told, and that is no reason to stop.

use std::{
    ffi::OsString,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

/// A manager that does not read for so long is not told.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the service manager.
#[derive(Debug, Default)]
pub struct Notify {
    manager: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// What the environment says of it: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. `pid` is that of this process.
    pub fn new(env: impl IntoIterator<Item = (OsString, OsString)>, pid: u32) -> Notify {
        let (mut name, mut usec, mut watched) = (None, None, None);
        for (key, value) in env {
            match key.to_str() {
                Some("NOTIFY_SOCKET") => name = Some(value),
                Some("WATCHDOG_USEC") => usec = value.to_str().and_then(|text| text.parse().ok()),
                Some("WATCHDOG_PID") => watched = value.to_str().and_then(|text| text.parse().ok()),
                _ => {}
            }
        }
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Notify::default();
        };
        match reach(name.as_bytes()) {
            Ok(manager) => Notify {
                manager: Some(manager),
                watchdog: usec
                    .filter(|usec| *usec > 0 && watched.is_none_or(|watched: u32| watched == pid))
                    .map(Duration::from_micros),
            },
            Err(error) => {
                tracing::warn!(%error, socket = ?name, "the service manager cannot be told anything");
                Notify::default()
            }
        }
    }

    /// How often [`Notify::alive`] is to be called: twice in the time that the manager waits.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog.map(|patience| patience / 2)
    }

    /// Work begins.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The end begins.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.tell(&format!("STATUS={}", text.replace(['\n', '\r'], " ")));
    }

    /// Work goes on. Only to be said by what knows it.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, what: &str) {
        if let Some((socket, manager)) = &self.manager
            && let Err(error) = socket.send_to_addr(what.as_bytes(), manager)
        {
            tracing::debug!(%error, what, "the service manager was not told");
        }
    }
}

/// `@` at its beginning stands for a NUL: a name that is no file's (unix(7)).
fn reach(name: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, manager))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let pair = |&(key, value): &(&str, &str)| (key.into(), value.into());
        pairs.iter().map(pair).collect()
    }

    fn told(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let len = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    #[test]
    fn by_path_and_by_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manager");
        let name = format!("tlsrptd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        for (manager, socket) in [
            (
                path.to_str().unwrap().to_owned(),
                UnixDatagram::bind(&path).unwrap(),
            ),
            (
                format!("@{name}"),
                UnixDatagram::bind_addr(&address).unwrap(),
            ),
        ] {
            let notify = Notify::new(env(&[("NOTIFY_SOCKET", &manager)]), 1);
            notify.ready();
            notify.status("two\nlines");
            notify.alive();
            notify.stopping();
            for want in ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"] {
                assert_eq!(told(&socket), want, "{manager}");
            }
        }
    }

    #[test]
    fn watchdog_is_ours_or_nobodys() {
        for (pid, usec, want, why) in [
            (Some("1"), Some("30000000"), Some(15), "half of it"),
            (None, Some("30000000"), Some(15), "without a pid it is ours"),
            (
                Some("2"),
                Some("30000000"),
                None,
                "another process is watched",
            ),
            (Some("1"), Some("soon"), None, "not a number"),
            (Some("1"), Some("0"), None, "off"),
            (Some("1"), None, None, "not asked for"),
        ] {
            let mut pairs = vec![("NOTIFY_SOCKET", "@nobody")];
            pairs.extend(pid.map(|pid| ("WATCHDOG_PID", pid)));
            pairs.extend(usec.map(|usec| ("WATCHDOG_USEC", usec)));
            let notify = Notify::new(env(&pairs), 1);
            assert_eq!(notify.watchdog(), want.map(Duration::from_secs), "{why}");
        }
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        for pairs in [
            &[][..],
            &[("NOTIFY_SOCKET", "")],
            &[
                ("NOTIFY_SOCKET", "/nonexistent/manager"),
                ("WATCHDOG_USEC", "1000000"),
            ],
            &[("NOTIFY_SOCKET", "@nobody")],
        ] {
            let notify = Notify::new(env(pairs), 1);
            notify.ready();
            notify.alive();
        }
    }
}
