//! Tells the service manager that work begins, its status, that it goes on, and that it ends (sd_notify(3)).
//!
//! Without a manager, every call is a no-op. The messages and the watchdog's variables are sd-notify's. The socket is ours:
//! that crate waits without end for a manager that does not read, and knows no abstract names.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use sd_notify::NotifyState;

/// How long a message waits for a manager that does not read.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The way to the service manager.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The manager that NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID tell of.
    pub fn from_env() -> ServiceManager {
        let name = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
        if name.is_empty() {
            return ServiceManager::default();
        }
        match reach(&name) {
            Ok(socket) => ServiceManager {
                socket: Some(socket),
                watchdog: sd_notify::watchdog_enabled().filter(|time| !time.is_zero()),
            },
            Err(error) => {
                tracing::warn!(%error, socket = ?name, "cannot reach the service manager");
                ServiceManager::default()
            }
        }
    }

    /// The interval at which [`ServiceManager::alive`] is to be called: half the time that the manager waits.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2)
    }

    /// Work begins.
    pub fn ready(&self) {
        self.tell(NotifyState::Ready);
    }

    /// The end begins.
    pub fn stopping(&self) {
        self.tell(NotifyState::Stopping);
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.tell(NotifyState::Status(&text.replace(['\n', '\r'], " ")));
    }

    /// Work goes on. To be called only by the loop that does the work, or after a look at the threads that do it.
    pub fn alive(&self) {
        self.tell(NotifyState::Watchdog);
    }

    fn tell(&self, state: NotifyState<'_>) {
        if let Some((socket, manager)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.to_string().as_bytes(), manager)
        {
            tracing::debug!(%error, %state, "cannot send to the service manager");
        }
    }
}

/// A `@` at the beginning of the name stands for a NUL: an abstract name, which is not that of a file (unix(7)).
fn reach(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    Ok((socket, manager))
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Instant};

    use super::*;

    fn manager(name: &str) -> ServiceManager {
        ServiceManager {
            socket: Some(reach(OsStr::new(name)).unwrap()),
            watchdog: None,
        }
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
        for (name, socket) in [
            (
                path.to_str().unwrap().to_owned(),
                UnixDatagram::bind(&path).unwrap(),
            ),
            (
                format!("@{name}"),
                UnixDatagram::bind_addr(&address).unwrap(),
            ),
        ] {
            let manager = manager(&name);
            manager.ready();
            manager.status("two\nlines");
            manager.alive();
            manager.stopping();
            for want in ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"] {
                assert_eq!(told(&socket), want, "{name}");
            }
        }
    }

    #[test]
    fn a_manager_that_does_not_read_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manager");
        let socket = UnixDatagram::bind(&path).unwrap();
        let filling = UnixDatagram::unbound().unwrap();
        filling.set_nonblocking(true).unwrap();
        while filling.send_to(b"x", &path).is_ok() {}
        let began = Instant::now();
        manager(path.to_str().unwrap()).alive();
        assert!(began.elapsed() < TIMEOUT * 10);
        drop(socket);
    }

    /// The environment is that of a process: this test starts itself with each.
    #[test]
    fn what_the_environment_says() {
        const IN_CHILD: &str = "TLSRPTD_TEST_MANAGER";
        if env::var_os(IN_CHILD).is_some() {
            let manager = ServiceManager::from_env();
            manager.ready();
            println!("interval {:?}", manager.watchdog_interval());
            return;
        }
        let half = Some(Duration::from_secs(15));
        let usec = Some("30000000");
        for (name, pid, usec, want, why) in [
            ("@nobody", None, usec, half, "without a pid it is ours"),
            (
                "@nobody",
                Some("1"),
                usec,
                None,
                "another process is watched",
            ),
            ("@nobody", None, Some("soon"), None, "not a number"),
            ("@nobody", None, Some("0"), None, "off"),
            ("@nobody", None, None, None, "not asked for"),
            ("", None, usec, None, "no manager"),
            (
                "/nonexistent/manager",
                None,
                usec,
                half,
                "nobody listens so far",
            ),
        ] {
            let mut itself = Command::new(env::current_exe().unwrap());
            itself
                .args([
                    "--exact",
                    "service_manager::tests::what_the_environment_says",
                ])
                .arg("--nocapture")
                .env(IN_CHILD, "")
                .env("NOTIFY_SOCKET", name);
            pid.map(|pid| itself.env("WATCHDOG_PID", pid));
            usec.map(|usec| itself.env("WATCHDOG_USEC", usec));
            let output = itself.output().unwrap();
            let told = String::from_utf8(output.stdout).unwrap();
            assert!(
                told.contains(&format!("interval {want:?}")),
                "{why}: {told}"
            );
        }
    }
}
