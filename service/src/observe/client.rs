//! The side of whoever asks.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::errno::Errno;
use serde_json::Value;

use super::{AskError, socket};

/// How long a question may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The longest line that is taken for an answer.
pub(super) const LONGEST_ANSWER: u64 = 64 << 20;

/// A connection to a daemon's observation socket.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
    time_limit: Duration,
}

/// What follows the first line of an answer that is no JSON. A read that takes too long fails.
pub type StreamedAnswer = BufReader<UnixStream>;

impl Client {
    /// Connects to a daemon.
    ///
    /// # Errors
    ///
    /// The path is not there, nobody listens, or one may not ask.
    pub fn connect(path: &Path) -> Result<Client, AskError> {
        Client::connect_within(path, TIME_LIMIT)
    }

    /// The same, with another time limit for each question.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub fn connect_within(path: &Path, time_limit: Duration) -> Result<Client, AskError> {
        let stream = socket::connect_within(path, time_limit).map_err(|errno| match errno {
            Errno::ENOENT | Errno::ENOTDIR => AskError::Missing(path.into()),
            Errno::ECONNREFUSED if is_file(path) => AskError::OtherKind(path.into()),
            Errno::ECONNREFUSED => AskError::NobodyAnswers(path.into()),
            Errno::EACCES | Errno::EPERM => AskError::Denied(path.into()),
            Errno::EPROTOTYPE => AskError::OtherKind(path.into()),
            Errno::EAGAIN => timed_out(path, time_limit),
            errno => AskError::Failed {
                path: path.into(),
                source: errno.into(),
            },
        })?;
        Ok(Client {
            path: path.into(),
            stream: BufReader::new(stream),
            time_limit,
        })
    }

    /// Asks, and reads one line of JSON.
    ///
    /// # Errors
    ///
    /// The daemon does not answer in time, or says why it cannot.
    pub fn ask(&mut self, question: &Value) -> Result<Value, AskError> {
        let end = Instant::now() + self.time_limit;
        let mut line = question.to_string();
        line.push('\n');
        self.limit(end)?;
        match self.stream.get_mut().write_all(line.as_bytes()) {
            // Refused at once: the answer says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(|source| self.failed(source))?,
        }
        let answer = self.line(end)?;
        let answer: Value =
            serde_json::from_slice(&answer).map_err(|source| AskError::NotJson {
                path: self.path.clone(),
                source,
            })?;
        match answer.get("error").and_then(Value::as_str) {
            Some(why) => Err(AskError::Refused {
                path: self.path.clone(),
                why: why.into(),
            }),
            None => Ok(answer),
        }
    }

    /// Asks for an answer that goes on behind its first line.
    ///
    /// # Errors
    ///
    /// As [`Client::ask`].
    pub fn ask_stream(mut self, question: &Value) -> Result<(Value, StreamedAnswer), AskError> {
        let head = self.ask(question)?;
        let limited = self
            .stream
            .get_ref()
            .set_read_timeout(Some(self.time_limit));
        limited.map_err(|source| self.failed(source))?;
        Ok((head, self.stream))
    }

    fn line(&mut self, end: Instant) -> Result<Vec<u8>, AskError> {
        let mut line = Vec::new();
        loop {
            self.limit(end)?;
            let part = match self.stream.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => &[],
                Err(source) => return Err(self.failed(source)),
            };
            if part.is_empty() {
                return Err(AskError::CutOff(self.path.clone()));
            }
            let (length, is_whole) = match part.iter().position(|byte| *byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (part.len(), false),
            };
            line.extend_from_slice(&part[..length]);
            self.stream.consume(length);
            if is_whole {
                return Ok(line);
            }
            if line.len() as u64 > LONGEST_ANSWER {
                return Err(AskError::TooLong(self.path.clone()));
            }
        }
    }

    /// What is left until `end` is the time for the next read or write.
    fn limit(&self, end: Instant) -> Result<(), AskError> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out(&self.path, self.time_limit));
        }
        let stream = self.stream.get_ref();
        let limited = stream
            .set_read_timeout(Some(left))
            .and_then(|()| stream.set_write_timeout(Some(left)));
        limited.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> AskError {
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                timed_out(&self.path, self.time_limit)
            }
            _ => AskError::Failed {
                path: self.path.clone(),
                source,
            },
        }
    }
}

fn timed_out(path: &Path, time_limit: Duration) -> AskError {
    AskError::TimedOut {
        path: path.into(),
        seconds: time_limit.as_secs(),
    }
}

fn is_file(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    path.symlink_metadata()
        .is_ok_and(|found| !found.file_type().is_socket() && !found.file_type().is_symlink())
}
