//! A fetcher's process: started without a shell, read line by line, ended with all that it started.

use std::{borrow::Cow, process::Stdio, time::Duration};

use nix::{sys::signal, unistd::Pid};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{ChildStderr, ChildStdout, Command},
    task::JoinHandle,
};

use super::GatherError;

/// One domain's counts. A collector of ours with its own bounds as they are has half of that to say, unless texts are very
/// long; sixteen collectors may be read at once, and each takes a few times that in memory.
pub(super) const MAX_LINE: usize = 8 << 20;
/// A buffer that is longer is not kept for the next line.
const KEPT_BUFFER: usize = 1 << 20;
/// A fetcher that says nothing for so long is dead. The first line may take a slow login.
const STALL: Duration = Duration::from_secs(60);
/// So much of a line that is too long is kept: its domain stands there.
const BEGIN: usize = 400;
/// So much of its standard error is kept.
const MAX_STDERR: usize = 1000;

/// Ends the process, and what it started, when dropped.
pub(super) struct Child {
    process: tokio::process::Child,
    lines: BufReader<ChildStdout>,
    stderr: JoinHandle<String>,
    buffer: Vec<u8>,
    budget: Budget,
}

/// What an answer may still cost. A collector that is broken, or not its operator's any more, may write for ever.
#[derive(Debug)]
struct Budget {
    most: u64,
    left: u64,
}

impl Budget {
    fn charge(&mut self, bytes: usize) -> Result<(), GatherError> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or(GatherError::TooLarge { limit: self.most })?;
        Ok(())
    }
}

impl Child {
    /// Starts the words of a command, split at white space, and these after them. No more than `most` bytes are read.
    pub(super) fn start(command: &str, words: &[&str], most: u64) -> Result<Child, GatherError> {
        let mut parts = command.split_whitespace();
        let program = parts.next().ok_or(GatherError::Empty)?;
        let fault = |source| GatherError::Start {
            program: program.to_owned(),
            source,
        };
        let mut process = Command::new(program)
            .args(parts)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own group, so that what a wrapper starts can be ended with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fault)?;
        let (Some(stdout), Some(stderr)) = (process.stdout.take(), process.stderr.take()) else {
            return Err(fault(std::io::Error::other("no pipes")));
        };
        Ok(Child {
            process,
            lines: BufReader::with_capacity(1 << 16, stdout),
            stderr: tokio::spawn(begin(stderr)),
            buffer: Vec::new(),
            budget: Budget { most, left: most },
        })
    }

    /// The next line with its end, or `None` when there is none. Bytes that are no UTF-8 are replaced. One that is too
    /// long is passed over: what follows can be read.
    pub(super) async fn line(&mut self) -> Result<Option<Cow<'_, str>>, GatherError> {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER);
        let limit = u64::try_from(MAX_LINE + 1).unwrap_or(u64::MAX);
        let mut limited = (&mut self.lines).take(limit);
        let read = limited.read_until(b'\n', &mut self.buffer);
        match tokio::time::timeout(STALL, read).await {
            Err(_) => Err(GatherError::Stalled { limit: STALL }),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(0)) => Ok(None),
            Ok(Ok(length)) => {
                self.budget.charge(length)?;
                match length > MAX_LINE {
                    true => Err(self.pass_over().await),
                    false => Ok(Some(String::from_utf8_lossy(&self.buffer))),
                }
            }
        }
    }

    /// A domain takes room and time however short its line is.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), GatherError> {
        self.budget.charge(bytes)
    }

    async fn pass_over(&mut self) -> GatherError {
        match self.rest_of_line().await {
            Ok(begin) => GatherError::TooLong { begin },
            Err(error) => error,
        }
    }

    /// Gives the begin of the line.
    async fn rest_of_line(&mut self) -> Result<String, GatherError> {
        // Its memory goes too.
        let line = std::mem::take(&mut self.buffer);
        let begin = String::from_utf8_lossy(&line[..BEGIN]).into_owned();
        let mut ended = line.ends_with(b"\n");
        drop(line);
        while !ended {
            let more = tokio::time::timeout(STALL, self.lines.fill_buf())
                .await
                .map_err(|_| GatherError::Stalled { limit: STALL })??;
            let end = more.iter().position(|byte| *byte == b'\n');
            ended = end.is_some() || more.is_empty();
            let length = end.map_or(more.len(), |at| at + 1);
            self.lines.consume(length);
            self.budget.charge(length)?;
        }
        Ok(begin)
    }

    /// Waits for the end. Anything but exit code 0 is a failure, whatever was said before.
    pub(super) async fn end(&mut self) -> Result<(), GatherError> {
        let end = async {
            // A program that still writes must not wait for us to read.
            tokio::io::copy(&mut self.lines, &mut tokio::io::sink()).await?;
            self.process.wait().await
        };
        let status = tokio::time::timeout(STALL, end)
            .await
            .map_err(|_| GatherError::Stalled { limit: STALL })??;
        if status.success() {
            return Ok(());
        }
        let stderr = tokio::time::timeout(Duration::from_secs(1), &mut self.stderr).await;
        let stderr = stderr.ok().and_then(Result::ok).unwrap_or_default();
        Err(GatherError::Exit { status, stderr })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Only while it is not reaped does the number mean this process.
        if let Some(id) = self.process.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = signal::killpg(Pid::from_raw(id), signal::Signal::SIGKILL);
        }
        self.stderr.abort();
    }
}

async fn begin(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        let room = MAX_STDERR.saturating_sub(kept.len()).min(length);
        kept.extend_from_slice(&buffer[..room]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
