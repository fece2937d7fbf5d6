//! rspamd as Debian configures it: all its rules, our name server, a socket in a folder of its own.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::find;
use crate::harness::dns::Dns;
use crate::harness::skip::or_skip;
use crate::harness::wait::within;

const CONFIG: &str = "/etc/rspamd/rspamd.conf";

/// It reads and compiles all its rules first: seconds, and more on a busy machine.
const START: Duration = Duration::from_secs(180);

/// A running rspamd, ended when dropped.
#[derive(Debug)]
pub struct Rspamd {
    child: Child,
    folder: TempDir,
}

impl Rspamd {
    /// Starts it, or skips the test by name.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub fn or_skip(dns: &Dns) -> Option<Rspamd> {
        let found = find("rspamd").filter(|_| Path::new(CONFIG).is_file());
        let path = or_skip(found, "there is no rspamd (Debian: apt-get install rspamd)")?;
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        configure(folder.path(), dns);
        let mut command = Command::new(path);
        command.args(["--no-fork", "--insecure", "--config", CONFIG]);
        for place in ["LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR"] {
            command.arg(format!("--var={place}={}", folder.path().display()));
        }
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rspamd starts");
        let mut rspamd = Rspamd { child, folder };
        let ready = within(START, || {
            let ended = rspamd.child.try_wait().ok().flatten();
            assert!(ended.is_none(), "rspamd ended: {}", rspamd.log());
            UnixStream::connect(rspamd.socket()).ok()
        });
        assert!(ready.is_some(), "rspamd does not answer: {}", rspamd.log());
        Some(rspamd)
    }

    /// Its whole answer about a mail that a relay handed over: `symbols` by name, each with its `score` and `options`.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn look(&self, mail: &[u8]) -> Value {
        let mut stream = UnixStream::connect(self.socket()).expect("rspamd takes connections");
        let head = format!(
            "POST /checkv2 HTTP/1.0\r\nContent-Length: {}\r\nIP: 192.0.2.1\r\nHelo: mail.sender.example\r\nHostname: mail.sender.example\r\n\r\n",
            mail.len()
        );
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(mail))
            .expect("rspamd takes a mail");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("rspamd answers");
        let (_, body) = answer
            .split_once("\r\n\r\n")
            .expect("an empty line ends the header");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer}"))
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("rspamd.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("rspamd.log")).unwrap_or_default()
    }
}

/// What has to differ from Debian's settings: where it listens and whom it asks.
fn configure(folder: &Path, dns: &Dns) {
    let place = folder.display();
    let own = folder.join("override.d");
    fs::create_dir(&own).expect("the temporary folder can be written");
    let write = |name: &str, text: String| {
        fs::write(own.join(name), text).expect("the temporary folder can be written");
    };
    let options = format!(
        "dns {{ nameserver = [\"{}\"]; }}\ncontrol_socket = \"{place}/control.sock mode=0600\";\n",
        dns.address()
    );
    write("options.inc", options);
    let normal = format!("bind_socket = \"{place}/rspamd.sock mode=0600\";\ncount = 1;\n");
    write("worker-normal.inc", normal);
    for worker in ["controller", "proxy", "fuzzy"] {
        let off =
            format!("enabled = false;\ncount = 0;\nbind_socket = \"{place}/{worker}.sock\";\n");
        write(&format!("worker-{worker}.inc"), off);
    }
}

impl Drop for Rspamd {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let _ = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        let ended = within(Duration::from_secs(30), || {
            self.child.try_wait().ok().flatten()
        });
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
