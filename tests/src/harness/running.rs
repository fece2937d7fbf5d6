//! A program that runs, and how it ended.

use super::signals::is_ready_for;
use super::wait::{until, until_true};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

/// A program that was started; killed when dropped.
#[derive(Debug)]
pub struct Running {
    pub(super) name: String,
    /// It sees to signals, and has to be given the time for that.
    pub(super) is_daemon: bool,
    pub(super) child: Child,
    pub(super) stdout: PathBuf,
    pub(super) stderr: PathBuf,
    pub(super) status: Option<ExitStatus>,
}

impl Running {
    /// What it has written to stderr up to now: its log.
    pub fn log(&self) -> String {
        lossy(&self.stderr)
    }

    /// What it has written to stdout up to now.
    pub fn stdout(&self) -> String {
        lossy(&self.stdout)
    }

    /// Waits for a text in the log.
    ///
    /// # Panics
    /// When the program ends without having written it, or the deadline passes.
    pub fn wait_for_log(&mut self, text: &str) {
        until_true(&format!("{text:?} in the log of {}", self.name), || {
            // In this order: what was written before the end is seen.
            let ended = !self.is_running();
            let found = self.log().contains(text);
            assert!(
                found || !ended,
                "{} ended without {text:?} in its log",
                self.name
            );
            found
        });
    }

    /// Sends a signal, to one of our daemons not before it has seen to that.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn signal(&self, signal: Signal) {
        let is_obeyed_at_once =
            matches!(signal, Signal::SIGKILL | Signal::SIGSTOP | Signal::SIGCONT);
        if self.is_daemon && !is_obeyed_at_once {
            let what = format!("{} to be ready for {signal}", self.name);
            until_true(&what, || is_ready_for(self.child.id(), signal));
        }
        kill(self.pid(), signal).expect("the program that we started is still ours");
    }

    /// SIGTERM, then waits for the end.
    pub fn stop(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// SIGKILL: no chance to put anything in order.
    pub fn kill(self) -> Ended {
        self.signal(Signal::SIGKILL);
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Ended {
        let name = self.name.clone();
        let status = until(&format!("the end of {name}"), || self.ended());
        Ended {
            status,
            stdout: lossy(&self.stdout),
            stderr: lossy(&self.stderr),
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self
                .child
                .try_wait()
                .expect("the program that we started is still ours");
        }
        self.status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All that it wrote to stdout.
    pub stdout: String,
    /// All that it wrote to stderr: its log.
    pub stderr: String,
}

impl Ended {
    /// Its exit code; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts exit code 0, and shows the log otherwise.
    pub fn success(self) -> Ended {
        assert!(
            self.status.success(),
            "{}; log:\n{}",
            self.status,
            self.stderr
        );
        self
    }
}

fn lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
