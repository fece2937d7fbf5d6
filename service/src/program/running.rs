//! A program that runs: its last words, its end.

use std::{
    io,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tlsrptd_config::visible;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    task::JoinHandle,
    time::timeout,
};

/// The first bytes of its standard error that are kept; the rest is read and thrown away, so that it never blocks.
const MAX_STDERR: usize = 1024;
/// A process that the program has left running may hold standard error open: it is not waited for any longer.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A program that was started by [`command`](super::command). Dropped before it has ended, it is killed with its whole
/// process group: a script that went on might deliver what we have given up. What an ended program has left in the
/// background is its own affair.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stderr: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

impl Running {
    /// Starts it. Its standard error is kept for [`Running::last_words`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, stdin: Stdio, stdout: Stdio) -> io::Result<Running> {
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()?;
        let stderr = Arc::default();
        let listener = tokio::spawn(listen(child.stderr.take(), Arc::clone(&stderr)));
        Ok(Running {
            child,
            stderr,
            listener,
        })
    }

    /// Its standard input, once, if that is a pipe.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its standard output, once, if that is a pipe.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// What an ended program said on its standard error, in one line.
    pub async fn last_words(&mut self) -> String {
        let _ = timeout(LAST_WORDS, &mut self.listener).await;
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        visible::one_line(&String::from_utf8_lossy(&stderr))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has a number until `wait` has seen its end: later the number may be another process's.
        if let Some(leader) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // This fails if it has just ended.
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
        self.listener.abort();
    }
}

async fn listen(stderr: Option<ChildStderr>, kept: Arc<Mutex<Vec<u8>>>) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let free = MAX_STDERR.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..length.min(free)]);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{super::shell, *};

    fn start(line: &str) -> Running {
        Running::start(shell(line), Stdio::null(), Stdio::null()).unwrap()
    }

    #[tokio::test]
    async fn exit_status_and_last_words() {
        for (line, code, said, why) in [
            ("exit 0", 0, "", "nothing said"),
            (
                "echo one >&2; echo two >&2; exit 75",
                75,
                "one two",
                "in one line",
            ),
            (
                "(sleep 5) & echo left >&2; exit 3",
                3,
                "left",
                "what it left running is not waited for",
            ),
        ] {
            let began = Instant::now();
            let mut running = start(line);
            assert_eq!(running.wait().await.unwrap().code(), Some(code), "{why}");
            assert_eq!(running.last_words().await, said, "{why}");
            assert!(began.elapsed() < Duration::from_secs(4), "{why}");
        }
        let mut running = start("head -c 300000 /dev/zero | tr '\\0' x >&2");
        assert!(
            running.wait().await.unwrap().success(),
            "much does not block it"
        );
        let length = running.last_words().await.len();
        assert!(
            (1..=MAX_STDERR).contains(&length),
            "{length}: nor is it kept"
        );
    }

    #[tokio::test]
    async fn what_it_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let late = folder.path().join("late");
        let begun = folder.path().join("begun");
        let running = start(&format!(
            "(touch {}; sleep 1; touch {}) & sleep 10",
            begun.display(),
            late.display()
        ));
        while !begun.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop(running);
        tokio::time::sleep(Duration::from_millis(1300)).await;
        assert!(!late.exists());
    }
}
