//! What a collector that works answers at its observation socket, in the fetcher's forms.

use std::{
    io::{self, BufRead, Read, Write},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tlsrptd_proto::{counts::DomainCounts, fetch, pyjson};
use tlsrptd_service::observe::{AskError, Client, StreamedAnswer};

use super::AnswerError;

/// How long the collector may take for the next part of an answer: while it has much to do, answers are slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line; a domain's takes at most 8 MiB.
const LONGEST_LINE: u64 = 64 << 20;

/// Prints `status` as the collector has it: one line of JSON.
pub(super) fn status(socket: Option<&Path>, out: &mut impl Write) -> Result<(), AnswerError> {
    let status = connect(socket)?.1.ask(&json!({"request": "status"}))?;
    Ok(writeln!(out, "{status}")?)
}

/// Prints what was counted today so far, in the form of a closed day.
pub(super) fn today(
    socket: Option<&Path>,
    domain: Option<&str>,
    out: &mut impl Write,
) -> Result<(), AnswerError> {
    let (path, client) = connect(socket)?;
    let question = json!({"request": "today", "domain": domain});
    let (_, answer) = client.ask_stream(&question)?;
    let mut lines = Lines {
        path,
        answer,
        is_over: false,
    };
    match domain {
        None | Some(fetch::ALL_DOMAINS) => {
            while let Some(line) = lines.next()? {
                out.write_all(line.as_bytes())?;
                if lines.is_next_awaited() {
                    out.flush()?;
                }
            }
        }
        Some(asked) => {
            let details = details(&mut lines, asked)?;
            writeln!(out, "{details}")?;
        }
    }
    Ok(())
}

fn connect(socket: Option<&Path>) -> Result<(&Path, Client), AnswerError> {
    let path = socket.ok_or(AnswerError::NoSocket)?;
    Ok((path, Client::connect_within(path, PATIENCE)?))
}

/// One domain of a stream, under the name that was asked for.
fn details(lines: &mut Lines<'_>, asked: &str) -> Result<String, AnswerError> {
    let mut found = None;
    while let Some(line) = lines.next()? {
        if line.starts_with('{') {
            let mut domain = pyjson::parse(&line).map_err(|source| AskError::NotJson {
                path: lines.path.into(),
                source,
            })?;
            domain["d"] = Value::from(asked);
            found = Some(pyjson::indented(&domain));
        }
    }
    Ok(found.unwrap_or_else(|| fetch::domain_details(asked, &DomainCounts::default())))
}

/// The lines of an answer, until its end.
struct Lines<'p> {
    path: &'p Path,
    answer: StreamedAnswer,
    is_over: bool,
}

impl Lines<'_> {
    /// Nothing more has come so far.
    fn is_next_awaited(&self) -> bool {
        self.answer.buffer().is_empty()
    }

    /// The next line with its end; `None` behind the last one.
    ///
    /// # Errors
    ///
    /// The answer ends early: the collector says why, or is gone.
    fn next(&mut self) -> Result<Option<String>, AskError> {
        if self.is_over {
            return Ok(None);
        }
        let mut line = String::new();
        let read = (&mut self.answer).take(LONGEST_LINE).read_line(&mut line);
        read.map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => AskError::TimedOut {
                path: self.path.into(),
                seconds: PATIENCE.as_secs(),
            },
            io::ErrorKind::ConnectionReset => AskError::CutOff(self.path.into()),
            _ => AskError::Failed {
                path: self.path.into(),
                source,
            },
        })?;
        if !line.ends_with('\n') {
            return Err(AskError::CutOff(self.path.into()));
        }
        // A domain's line begins with its name.
        if line.starts_with("{\"error\":")
            && let Ok(error) = serde_json::from_str::<Value>(&line)
        {
            return Err(AskError::Refused {
                path: self.path.into(),
                why: error["error"].as_str().unwrap_or_default().into(),
            });
        }
        self.is_over = line.starts_with(fetch::END);
        Ok(Some(line))
    }
}
