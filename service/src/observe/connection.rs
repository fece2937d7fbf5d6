//! One client's connection: every read and every write ends in time.

use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{AnswerWriter, Limits};

/// Bytes of an answer that wait before they are sent.
const BUFFER: usize = 1 << 15;

/// See the module.
pub(super) struct Connection {
    stream: UnixStream,
    limits: Limits,
    begun: Instant,
    /// When the client has to be gone.
    end: Instant,
    /// What was read and belongs to no request yet.
    read: Vec<u8>,
    /// What is to be sent.
    written: Vec<u8>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Request(Vec<u8>),
    /// It is longer than a request may be.
    TooLong,
    /// The client asks no more.
    End,
}

impl Connection {
    /// # Errors
    ///
    /// What the kernel says.
    pub(super) fn new(stream: UnixStream, limits: Limits) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        let begun = Instant::now();
        Ok(Connection {
            stream,
            limits,
            begun,
            end: begun + limits.client,
            read: Vec::new(),
            written: Vec::new(),
        })
    }

    /// The next line that is not empty. The last one needs no line end.
    ///
    /// # Errors
    ///
    /// It did not come in time, or the connection broke.
    pub(super) fn line(&mut self) -> io::Result<Line> {
        let end = self.end.min(Instant::now() + self.limits.read);
        // Empty lines are passed over, as many as a line may have bytes: whoever sends them without end is no client.
        let mut passed_over = 0;
        loop {
            while let Some(length) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=length).collect();
                if !line.trim_ascii().is_empty() {
                    return Ok(self.checked(line));
                }
                passed_over += line.len();
            }
            if self.read.len() + passed_over > self.limits.line {
                return Ok(Line::TooLong);
            }
            if self.fill(end)? == 0 {
                let line = std::mem::take(&mut self.read);
                return Ok(match line.trim_ascii() {
                    [] => Line::End,
                    _ => self.checked(line),
                });
            }
        }
    }

    fn checked(&self, line: Vec<u8>) -> Line {
        match line.len() > self.limits.line {
            true => Line::TooLong,
            false => Line::Request(line),
        }
    }

    /// Reads what is there, and waits for it until `end`.
    fn fill(&mut self, end: Instant) -> io::Result<usize> {
        let mut bytes = [0; 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(length) => {
                    self.read.extend_from_slice(&bytes[..length]);
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::POLLIN, end)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends everything.
    ///
    /// # Errors
    ///
    /// The client took nothing in time, or is gone.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.written.len() {
            match self.stream.write(&self.written[sent..]) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let end = self.end.min(Instant::now() + self.limits.write);
                    self.wait(PollFlags::POLLOUT, end)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.written.clear();
        Ok(())
    }

    fn wait(&self, what: PollFlags, end: Instant) -> io::Result<()> {
        loop {
            let patience = end.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // Rounded up, lest it turn without a pause at the end.
            let patience = patience + Duration::from_millis(1);
            let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.stream.as_fd(), what)], patience) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl AnswerWriter for Connection {
    fn expect_long(&mut self) {
        self.end = self.begun + self.limits.long_client;
        self.limits.write = self.limits.long_write;
    }

    fn send(&mut self) -> io::Result<()> {
        self.flush()
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if Instant::now() >= self.end {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for part in bytes.chunks(BUFFER) {
            if self.written.len() + part.len() > BUFFER {
                self.flush()?;
            }
            self.written.extend_from_slice(part);
        }
        Ok(())
    }
}
