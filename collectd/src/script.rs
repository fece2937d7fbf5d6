//! `daily_rollover_script`: started when a day was closed, while everything else goes on.
//!
//! The writer announces; the main loop starts and reaps. Nobody waits for a script: one that hangs is left to itself.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    process::{Child, Stdio},
    sync::{Mutex, PoisonError},
};

use nix::sys::eventfd::{EfdFlags, EventFd};
use tlsrptd_service::program;
use tracing::{error, info, warn};

/// Closed days for which the script is to be started, on their way from the writer to the main loop.
pub(crate) struct ScriptQueue {
    event: EventFd,
    /// Storage and file of each.
    announced: Mutex<Vec<(String, PathBuf)>>,
}

/// Starts the script for each announcement.
pub(crate) struct ScriptRunner {
    words: Option<Vec<String>>,
    running: Vec<Child>,
}

impl ScriptQueue {
    pub(crate) fn new() -> io::Result<ScriptQueue> {
        Ok(ScriptQueue {
            event: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            announced: Mutex::default(),
        })
    }

    /// A day of this storage was closed; `path` is its file.
    pub(crate) fn announce(&self, storage: &str, path: PathBuf) {
        self.announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((storage.into(), path));
        // This fails only when the counter is full, and then the main loop wakes anyway.
        let _ = self.event.write(1);
    }

    /// The descriptor to poll.
    pub(crate) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    fn take(&self) -> Vec<(String, PathBuf)> {
        let _ = self.event.read();
        std::mem::take(
            &mut self
                .announced
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl ScriptRunner {
    pub(crate) fn new(words: Option<Vec<String>>) -> ScriptRunner {
        ScriptRunner {
            words,
            running: Vec::new(),
        }
    }

    /// Starts the script for every announced day.
    pub(crate) fn start(&mut self, scripts: &ScriptQueue) {
        for (storage, path) in scripts.take() {
            let Some([script, arguments @ ..]) = self.words.as_deref() else {
                continue;
            };
            let mut command = program::command(script);
            command.args(arguments).arg(&storage).arg(&path);
            match command.stdin(Stdio::null()).spawn() {
                Ok(child) => {
                    info!(script, storage, file = %path.display(), "daily_rollover_script started");
                    self.running.push(child);
                }
                Err(error) => {
                    error!(%error, script, "daily_rollover_script cannot be started")
                }
            }
        }
    }

    /// Logs how those that have ended did. True while some run.
    pub(crate) fn reap(&mut self) -> bool {
        self.running.retain_mut(|child| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) if status.success() => false,
            Ok(Some(status)) => {
                error!(%status, "daily_rollover_script failed");
                false
            }
            Err(error) => {
                error!(%error, "daily_rollover_script cannot be watched");
                false
            }
        });
        !self.running.is_empty()
    }

    /// At the end: scripts that still run go on without the collector.
    pub(crate) fn leave(mut self) {
        if self.reap() {
            warn!(
                running = self.running.len(),
                "daily_rollover_script is still running and is left to itself"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn started_with_storage_and_path() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        let out = dir.path().join("out");
        fs::write(&script, "echo \"$@\" > \"$1\"").unwrap();
        let words = [
            "/bin/sh".into(),
            script.display().to_string(),
            out.display().to_string(),
        ];
        let mut runner = ScriptRunner::new(Some(words.into()));
        let scripts = ScriptQueue::new().unwrap();
        scripts.announce("sqlite:///db", "/db.yesterday".into());
        runner.start(&scripts);
        for child in &mut runner.running {
            child.wait().unwrap();
        }
        let told = fs::read_to_string(&out).unwrap();
        assert!(told.ends_with(" sqlite:///db /db.yesterday\n"), "{told}");
    }

    #[test]
    fn failures_are_no_reason_to_stop() {
        let scripts = ScriptQueue::new().unwrap();
        scripts.announce("sqlite:///db", "/db.yesterday".into());
        ScriptRunner::new(Some(vec!["/nonexistent".into()])).start(&scripts);
        scripts.announce("sqlite:///db", "/db.yesterday".into());
        let mut runner = ScriptRunner::new(Some(vec!["/bin/false".into()]));
        runner.start(&scripts);
        while runner.reap() {
            std::thread::yield_now();
        }
    }
}
