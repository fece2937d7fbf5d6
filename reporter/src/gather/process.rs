//! A fetcher: started without a shell, read line by line.

use std::{borrow::Cow, process::Stdio, time::Duration};

use tlsrptd_service::program::{self, Running};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::ChildStdout,
};

use super::{GatherError, RunAs};

/// The longest line: one domain's counts. A collector of ours with its default limits writes half of that at most, unless
/// texts are very long. Sixteen collectors may be read at once, and each takes a few times that in memory.
pub(super) const MAX_LINE: usize = 8 << 20;
/// A longer buffer is not kept for the next line.
const KEPT_BUFFER: usize = 1 << 20;
/// A fetcher that writes no line for so long has failed. Before the first line there may be a slow login.
const STALL: Duration = Duration::from_secs(60);
/// What is kept of a line that is too long: its beginning names the domain.
const BEGINNING: usize = 400;

/// A fetcher that runs. Dropping it kills it with all that it started.
pub(super) struct FetcherProcess {
    running: Running,
    lines: BufReader<ChildStdout>,
    buffer: Vec<u8>,
    budget: AnswerBudget,
}

/// The size that an answer may have. A collector that is broken, or in a stranger's hands, may write for ever.
#[derive(Debug)]
struct AnswerBudget {
    max_size: u64,
    left: u64,
}

impl AnswerBudget {
    fn new(max_size: u64) -> AnswerBudget {
        AnswerBudget {
            max_size,
            left: max_size,
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), GatherError> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(bytes).ok_or(GatherError::TooLarge {
            limit: self.max_size,
        })?;
        Ok(())
    }
}

impl FetcherProcess {
    /// Starts a command, split at white space, with more arguments. At most `max_size` bytes are read.
    pub(super) fn start(
        command: &str,
        arguments: &[&str],
        max_size: u64,
    ) -> Result<FetcherProcess, GatherError> {
        FetcherProcess::start_as(&RunAs::Ourselves, command, arguments, max_size)
    }

    /// The same, as another user.
    pub(super) fn start_as(
        run_as: &RunAs,
        command: &str,
        arguments: &[&str],
        max_size: u64,
    ) -> Result<FetcherProcess, GatherError> {
        let mut parts = command.split_whitespace();
        let name = parts.next().ok_or(GatherError::Empty)?;
        let fault = |source| GatherError::Start {
            program: name.to_owned(),
            source,
        };
        let mut command = program::command(name);
        command.args(parts).args(arguments);
        run_as.apply(&mut command);
        let mut running = Running::start(command, Stdio::null(), Stdio::piped()).map_err(fault)?;
        let stdout = running
            .stdout()
            .ok_or_else(|| fault(std::io::Error::other("no pipe")))?;
        Ok(FetcherProcess {
            running,
            lines: BufReader::with_capacity(1 << 16, stdout),
            buffer: Vec::new(),
            budget: AnswerBudget::new(max_size),
        })
    }

    /// The next line with its line end, or `None` after the last. Invalid UTF-8 is replaced.
    ///
    /// # Errors
    /// After a line that is too long, the lines behind it can still be read.
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
                    true => Err(self.skip_long_line().await),
                    false => Ok(Some(String::from_utf8_lossy(&self.buffer))),
                }
            }
        }
    }

    /// Takes more from the size that the answer may have: a domain costs memory and time however short its line is.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), GatherError> {
        self.budget.charge(bytes)
    }

    async fn skip_long_line(&mut self) -> GatherError {
        match self.rest_of_line().await {
            Ok(begin) => GatherError::TooLong { begin },
            Err(error) => error,
        }
    }

    /// Returns the beginning of the line.
    async fn rest_of_line(&mut self) -> Result<String, GatherError> {
        // Taken, so that its memory is free before the rest is read.
        let line = std::mem::take(&mut self.buffer);
        let begin = String::from_utf8_lossy(&line[..BEGINNING]).into_owned();
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

    /// Waits for the end.
    ///
    /// # Errors
    /// When the exit code is not 0, whatever the answer was.
    pub(super) async fn end(&mut self) -> Result<(), GatherError> {
        let end = async {
            // A program that still writes would wait for a reader.
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
