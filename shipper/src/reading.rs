//! What the collector has counted: `tlsrpt-fetcher` is asked, which asks the collector for today, and reads the files of closed
//! days. Its lines are read one by one (`tlsrptd_proto::fetch`).

use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, ChildStderr, ChildStdout, Stdio},
    thread::{self, JoinHandle},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tlsrptd_config::{Storage, shipper::Shipper, visible};
use tlsrptd_proto::{
    day::Day,
    fetch::{self, Event, FetchError, Parser},
};
use tlsrptd_service::program;

/// The longest line: a domain's takes at most 8 MiB.
const LONGEST_LINE: u64 = 64 << 20;
/// What is kept of the fetcher's standard error.
const LAST_WORDS: u64 = 1024;

/// The program that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    words: Vec<String>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Today,
    Closed(Day),
    /// Nothing of a closed day, but which days are closed and which of them grew.
    Growth(Day),
}

/// An answer under way. Dropped, the fetcher is ended.
#[derive(Debug)]
pub(crate) struct Reading {
    child: Child,
    lines: BufReader<ChildStdout>,
    parser: Parser,
    last_words: Option<JoinHandle<String>>,
    is_over: bool,
}

/// The collector's counts cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot start {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("cannot read the answer of the fetcher: {0}")]
    Pipe(#[from] io::Error),
    #[error("the fetcher's answer cannot be used: {0}")]
    Answer(#[from] FetchError),
    #[error("the collector does not say for which day it counts")]
    NoDay,
    #[error("the collector has not closed {0} any more")]
    NotClosed(Day),
    #[error("the fetcher has ended with {status}: {said}")]
    Ended { status: String, said: String },
}

impl Fetcher {
    /// The arguments are ours, whatever the fetcher's own configuration says.
    pub(crate) fn of(settings: &Shipper) -> Fetcher {
        let usual = || vec![Shipper::USUAL_FETCHER.to_owned()];
        let mut words = settings.fetcher.clone().unwrap_or_else(usual);
        if let Storage::Sqlite { url, .. } = &settings.storage {
            words.push(format!("--storage={url}"));
        }
        let socket = settings.observation_socket.display();
        words.push(format!("--observation_socket={socket}"));
        Fetcher { words }
    }

    pub(crate) fn ask(&self, question: Question) -> Result<Reading, ReadError> {
        let (subject, of) = match question {
            Question::Today => ("today".to_owned(), fetch::ALL_DOMAINS.to_owned()),
            Question::Closed(day) => (day.to_string(), fetch::ALL_DOMAINS.to_owned()),
            Question::Growth(day) => (day.to_string(), fetch::added_since(u64::MAX)),
        };
        let program = self.words.first().map_or("", String::as_str);
        let mut command = program::command(program);
        command.args(self.words.iter().skip(1)).args([subject, of]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let start = |source| ReadError::Start {
            program: program.to_owned(),
            source,
        };
        let mut child = command.spawn().map_err(start)?;
        let gone = || io::Error::other("no pipe");
        let stdout = child.stdout.take().ok_or_else(gone)?;
        let stderr = child.stderr.take().ok_or_else(gone)?;
        Ok(Reading {
            child,
            lines: BufReader::with_capacity(1 << 16, stdout),
            parser: Parser::new(),
            last_words: thread::Builder::new()
                .name("stderr".into())
                .spawn(|| listen(stderr))
                .ok(),
            is_over: false,
        })
    }
}

/// Its first words; the rest is thrown away, so that it never blocks.
fn listen(mut stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    // What cannot be read is not worth more words than the rest.
    let _ = (&mut stderr).take(LAST_WORDS).read_to_end(&mut said);
    let _ = io::copy(&mut stderr, &mut io::sink());
    visible::one_line(&String::from_utf8_lossy(&said))
}

impl Reading {
    /// What comes next; `None` behind the end.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, ReadError> {
        if self.is_over {
            return Ok(None);
        }
        let mut line = String::new();
        let read = (&mut self.lines).take(LONGEST_LINE).read_line(&mut line)?;
        if read == 0 {
            return Err(self.ended());
        }
        let event = self.parser.line(&line)?;
        // Without a closed day, a sys4 fetcher's third line is the end.
        self.is_over = matches!(event, Event::End | Event::Newest(None));
        Ok(Some(event))
    }

    /// Its first lines: the newest day that is closed.
    pub(crate) fn head(&mut self) -> Result<Option<Day>, ReadError> {
        while let Some(event) = self.next()? {
            if let Event::Newest(newest) = event {
                return Ok(newest);
            }
        }
        Ok(None)
    }

    /// Its end is missing: why?
    fn ended(&mut self) -> ReadError {
        let status = match self.child.wait() {
            Err(error) => error.to_string(),
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, signal) => format!("signal {}", signal.unwrap_or_default()),
            },
        };
        let said = self.last_words.take().map(JoinHandle::join);
        let said = said.and_then(Result::ok).unwrap_or_default();
        match said.is_empty() {
            true => ReadError::Answer(FetchError::CutOff),
            false => ReadError::Ended { status, said },
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.is_over
            && let (Ok(None), Ok(leader)) = (self.child.try_wait(), i32::try_from(self.child.id()))
        {
            // It has a number until its end is waited for, so this ends nobody else's program.
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}
