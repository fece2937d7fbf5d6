//! unbound as the resolver of a run: it validates, caches, and asks the name server of the bench for what it does not have.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::process;

const PROGRAM: &str = "/usr/sbin/unbound";
/// Until it answers.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);
/// The root's name servers are asked for: what answers is up.
const QUERY: &[u8] = &[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];

/// It runs; ended when dropped.
#[derive(Debug)]
pub(super) struct Resolver {
    child: Child,
    pub(super) port: u16,
}

impl Resolver {
    /// Whether it is installed.
    pub(super) fn is_installed() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Starts it, with its files in this folder, before a name server at this port.
    pub(super) fn start(folder: &Path, name_server: u16) -> Result<Resolver, BenchError> {
        let port = free_port().map_err(BenchError::other("finding a port for unbound"))?;
        let config = folder.join("unbound.conf");
        let text = format!(
            "server:\n  interface: 127.0.0.1@{port}\n  do-ip6: no\n  chroot: \"\"\n  username: \"\"\n  \
             directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  do-daemonize: no\n  verbosity: 0\n  \
             do-not-query-localhost: no\n  module-config: \"validator iterator\"\n  access-control: 127.0.0.0/8 allow\n\
             remote-control:\n  control-enable: no\n\
             forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{name_server}\n",
            folder = folder.display()
        );
        fs::write(&config, text).map_err(BenchError::io("cannot write", &config))?;
        let child = Command::new(PROGRAM)
            .args(["-d", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(BenchError::io("cannot start", Path::new(PROGRAM)))?;
        let resolver = Resolver { child, port };
        match resolver.answers() {
            true => Ok(resolver),
            false => Err(BenchError::NotStarted {
                program: PROGRAM.into(),
                log: format!("see {}", config.display()),
            }),
        }
    }

    /// CPU seconds so far.
    pub(super) fn cpu(&self) -> f64 {
        process::cpu(self.child.id())
    }

    fn answers(&self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let asked = || -> std::io::Result<usize> {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                socket.set_read_timeout(Some(LOOK))?;
                socket.connect((Ipv4Addr::LOCALHOST, self.port))?;
                socket.send(QUERY)?;
                socket.recv(&mut [0; 512])
            };
            if asked().is_ok() {
                return true;
            }
            thread::sleep(LOOK);
        }
        false
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// unbound takes no port of the kernel's choice.
fn free_port() -> std::io::Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.local_addr().map(|address| address.port())
}
