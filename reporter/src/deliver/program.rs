//! A delivery's program: the report is its input, its exit status the outcome.

use std::{
    future::pending,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use tlsrptd_config::visible;
use tlsrptd_service::program::Running;
use tokio::{io::AsyncWriteExt as _, process::ChildStdin, time::timeout};

use super::{Outcome, local_shortage::is_exhaustion};

/// How a program ended.
#[derive(Debug)]
pub(super) struct ProgramEnd {
    pub(super) status: ExitStatus,
    /// What it said on its standard error, in one line.
    pub(super) said: String,
}

/// Why a program has no exit status.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    #[error("cannot be started: {0}")]
    Start(std::io::Error),
    #[error("was killed after {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("cannot be waited for: {0}")]
    Wait(std::io::Error),
}

/// Exit status of a shell that cannot execute the program.
pub(super) const NOT_EXECUTABLE: i32 = 126;
/// Exit status of a shell that does not find the program.
pub(super) const NOT_FOUND: i32 = 127;

impl ProgramError {
    /// The outcome of the delivery. A missing program fails every report. A time-out may be due to the receiver that one
    /// record names, and says nothing about others.
    pub(super) fn outcome(&self, program: &str) -> Outcome {
        let reason = format!("{program} {self}");
        match self {
            ProgramError::Start(error) if is_exhaustion(error) => Outcome::LocalShortage { reason },
            ProgramError::Start(_) => Outcome::HttpsUnavailableHere { reason },
            ProgramError::TimedOut(_) | ProgramError::Wait(_) => Outcome::retry(reason),
        }
    }
}

/// Runs a program with `input` on its standard input. After `time` it is killed with everything it started.
pub(super) async fn run(
    command: Command,
    input: &[u8],
    time: Duration,
) -> Result<ProgramEnd, ProgramError> {
    let mut running =
        Running::start(command, Stdio::piped(), Stdio::null()).map_err(ProgramError::Start)?;
    let stdin = running.stdin();
    let ended = async {
        tokio::select! {
            status = running.wait() => status,
            never = feed(stdin, input) => never,
        }
    };
    let status = timeout(time, ended)
        .await
        .map_err(|_| ProgramError::TimedOut(time))?
        .map_err(ProgramError::Wait)?;
    let said = visible::excerpt(&running.last_words().await);
    Ok(ProgramEnd { status, said })
}

/// Writes the input and closes it. A write error is ignored: a program may exit without reading everything, and its exit
/// status decides.
async fn feed<T>(stdin: Option<ChildStdin>, input: &[u8]) -> T {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
    pending().await
}

#[cfg(test)]
mod tests {
    use tlsrptd_service::program::shell;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn a_program_need_not_read_its_input() {
        for (script, code, said) in [
            ("cat >/dev/null", 0, ""),
            ("wc -c >&2; exit 1", 1, "300000"),
            ("exit 0", 0, ""),
            (
                "exec <&-; sleep 0.1; echo closed >&2; exit 75",
                75,
                "closed",
            ),
        ] {
            let ended = run(shell(script), &[b'x'; 300_000], Duration::from_secs(5))
                .await
                .unwrap();
            assert_eq!(ended.status.code(), Some(code), "{script}");
            assert_eq!(ended.said, said, "{script}");
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
