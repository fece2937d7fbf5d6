//! A fetcher: started without a shell, read line by line.

use std::{borrow::Cow, process::Stdio, time::Duration};

use tlsrptd_service::program::{self, Running};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::ChildStdout,
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

/// A fetcher that runs. Dropping it ends it, with what it started.
pub(super) struct Child {
    running: Running,
    lines: BufReader<ChildStdout>,
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
        let name = parts.next().ok_or(GatherError::Empty)?;
        let fault = |source| GatherError::Start {
            program: name.to_owned(),
            source,
        };
        let mut command = program::command(name);
        command.args(parts).args(words);
        let mut running = Running::start(command, Stdio::null(), Stdio::piped()).map_err(fault)?;
        let stdout = running
            .stdout()
            .ok_or_else(|| fault(std::io::Error::other("no pipe")))?;
        Ok(Child {
            running,
            lines: BufReader::with_capacity(1 << 16, stdout),
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
            self.running.wait().await
        };
        let status = tokio::time::timeout(STALL, end)
            .await
            .map_err(|_| GatherError::Stalled { limit: STALL })??;
        if status.success() {
            return Ok(());
        }
        let stderr = self.running.last_words().await;
        Err(GatherError::Exit { status, stderr })
    }
}
