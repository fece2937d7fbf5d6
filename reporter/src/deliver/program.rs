//! A program of the operator's: its input, its time, its end.

use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, Command};
use tokio::time::{sleep, timeout};

use super::{Outcome, lack::is_lack};

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// What it said on its standard error, in one line.
    pub(super) said: String,
}

/// Why there is no exit status.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    #[error("cannot be started: {0}")]
    Start(std::io::Error),
    #[error("was killed after {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("cannot be waited for: {0}")]
    Wait(std::io::Error),
}

/// What a shell ends with when it cannot run a script's program.
pub(super) const NOT_EXECUTABLE: i32 = 126;
/// The same when there is none.
pub(super) const NOT_FOUND: i32 = 127;

impl ProgramError {
    /// What it means for a delivery. A program that hangs or is missing does so for every report.
    pub(super) fn outcome(&self, program: &str) -> Outcome {
        let reason = format!("{program} {self}");
        match self {
            ProgramError::Start(error) if is_lack(error) => Outcome::Exhausted { reason },
            ProgramError::Start(_) | ProgramError::TimedOut(_) => Outcome::unreachable(reason),
            ProgramError::Wait(_) => Outcome::retry(reason),
        }
    }
}

/// A command line for the shell.
pub(super) fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

/// Runs a program with `input` on its standard input. At the time-out it is killed with
/// everything it started: a script that went on might deliver after we gave it up.
pub(super) async fn run(
    mut command: Command,
    input: &[u8],
    time: Duration,
) -> Result<Ended, ProgramError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(ProgramError::Start)?;
    let mut group = Group(child.id());
    let mut talk = pin!(talk(child.stdin.take(), child.stderr.take(), input));
    let mut deadline = pin!(sleep(time));
    let mut said = None;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(ProgramError::Wait)?,
            text = &mut talk, if said.is_none() => said = Some(text),
            () = &mut deadline => return Err(ProgramError::TimedOut(time)),
        }
    };
    group.leave();
    let said = match said {
        Some(said) => said,
        // Something it left running may hold the pipe open: do not wait for that.
        None => timeout(LAST_WORDS, talk).await.unwrap_or_default(),
    };
    Ok(Ended { status, said })
}

const LAST_WORDS: Duration = Duration::from_millis(100);

async fn talk(stdin: Option<ChildStdin>, stderr: Option<ChildStderr>, input: &[u8]) -> String {
    let (said, ()) = tokio::join!(listen(stderr), feed(stdin, input));
    said
}

/// A program need not read all of its input: only how it ends counts.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

/// The first part of what it says, the rest read and thrown away, so that it never blocks.
async fn listen(stderr: Option<ChildStderr>) -> String {
    const KEPT: usize = 1024;
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    if let Some(mut stderr) = stderr {
        while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
            let room = KEPT.saturating_sub(said.len());
            said.extend_from_slice(&buffer[..length.min(room)]);
        }
    }
    super::one_line(&String::from_utf8_lossy(&said))
}

/// The process group of a running program: killed when it is dropped, unless left.
struct Group(Option<u32>);

impl Group {
    /// The program has ended by itself; what it left in the background is its own affair.
    fn leave(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // It may have ended this moment: nothing to kill is no error.
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn exit_status_and_last_words() {
        for (script, code, said) in [
            ("cat >/dev/null", 0, ""),
            ("exit 0", 0, ""),
            ("echo one >&2; echo two >&2; exit 75", 75, "one two"),
            ("(sleep 5) & echo left >&2; exit 3", 3, ""),
        ] {
            let began = Instant::now();
            let ended = run(shell(script), &[b'x'; 300_000], Duration::from_secs(5))
                .await
                .unwrap();
            assert_eq!(ended.status.code(), Some(code), "{script}");
            assert_eq!(ended.said, said, "{script}");
            assert!(began.elapsed() < Duration::from_secs(4), "{script}");
        }
    }

    #[tokio::test]
    async fn at_the_time_out_everything_it_started_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let late = folder.path().join("late");
        let script = format!("(sleep 1; touch {}) & sleep 10", late.display());
        let error = run(shell(&script), b"", Duration::from_millis(100))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "was killed after 0.1 s");
        sleep(Duration::from_millis(1300)).await;
        assert!(!late.exists());
    }
}
