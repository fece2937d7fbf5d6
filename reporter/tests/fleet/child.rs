//! A member in a process of its own, which says what it does, a line each.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tlsrptd_reporter::store::{self, StoreError};

use crate::{
    crew,
    party::{self, Fleet, now, wait_until},
    signals::is_ready_for,
};

/// In the child: its folder; and for a whole daemon, how far its clock is off, in seconds.
const FOLDER: &str = "TLSRPTD_FLEET_FOLDER";
const CLOCK: &str = "TLSRPTD_FLEET_CLOCK";

pub struct Child {
    process: std::process::Child,
    said: PathBuf,
}

/// What this executable does when a test has started it.
#[test]
fn be_a_member() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    match std::env::var(CLOCK) {
        Ok(off) => crew::work(Path::new(&folder), off.parse().unwrap()),
        Err(_) => live(Path::new(&folder)),
    }
}

/// Attempts something without end, tends the fleet, and says so.
fn live(folder: &Path) {
    let settings = party::settings(folder, &[]);
    let mut out = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("said"))
        .unwrap();
    let said = out.try_clone().unwrap();
    let say = move |word: &str| (&said).write_all(format!("{word}\n").as_bytes()).unwrap();
    let mut member = store::open(&settings, None).unwrap();
    say("member");
    let lease = member.lease();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let attempt = async move {
        let octets = async {
            loop {
                out.write_all(b"octet\n").unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended: Option<()> = lease.during(octets).await;
        assert!(ended.is_none());
        out.write_all(b"over\n").unwrap();
    };
    let attempt = runtime.spawn(attempt);
    loop {
        match member.tend(now(), None) {
            Ok(_) => std::thread::sleep(Duration::from_millis(50)),
            Err(StoreError::Fenced) => break,
            Err(error) => say(&error.to_string()),
        }
    }
    runtime.block_on(attempt).unwrap();
    say("fenced");
    loop {
        std::thread::park();
    }
}

impl Child {
    pub fn start(fleet: &Fleet) -> Child {
        let folder = fleet.folder.path();
        let said = folder.join("said");
        let _ = fs::remove_file(&said);
        let process = command(folder).spawn().unwrap();
        Child { process, said }
    }

    /// A whole daemon.
    pub fn daemon(fleet: &Fleet, off: i64) -> Child {
        let folder = fleet.folder.path();
        let process = command(folder).env(CLOCK, off.to_string()).spawn().unwrap();
        let said = folder.join("journal");
        Child { process, said }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// It stops in order, and has ended then.
    pub fn terminate(&mut self) {
        let is_ready = || is_ready_for(self.id(), Signal::SIGTERM);
        wait_until(is_ready, "it is ready for SIGTERM");
        self.signal(Signal::SIGTERM);
        assert!(self.process.wait().unwrap().success());
    }

    /// All whole lines so far.
    pub fn said(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.said).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn wait_for(&mut self, word: &str) {
        wait_until(
            || {
                assert!(self.process.try_wait().unwrap().is_none(), "it has ended");
                self.said().iter().any(|said| said == word)
            },
            word,
        );
    }

    /// It stands still.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let state = format!("/proc/{}/stat", self.process.id());
        let stands = || fs::read_to_string(&state).unwrap().contains(") T ");
        wait_until(stands, "it stands still");
    }

    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::be_a_member", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null());
    command
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
