//! `tlsrpt-fetcher`: what was counted on a closed day, for a reporter here or elsewhere.
//!
//! It asks the storage's [`DayReader`], and writes the answer in the fetcher protocol (`tlsrptd_proto::fetch`). What was counted
//! today it asks the collector itself ([`collector`]): nobody else opens today's file.

mod collector;

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use tlsrptd_config::fetcher::{Fetcher, Question};
use tlsrptd_proto::{counts::DomainCounts, day::Day, domain::Domain, fetch};
use tlsrptd_service::observe::AskError;

use crate::{
    error::Error,
    store::{self, DayQuestion, DayReader, StoreError},
};

/// Answers the question of the command line.
///
/// # Errors
///
/// The closed days cannot be read, the collector does not answer, or the answer cannot be written. A reader that goes away
/// early is no error.
pub fn answer(settings: &Fetcher, now: Timestamp, out: &mut impl Write) -> Result<(), Error> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let told = match &settings.question {
        Question::Day { day, domain } => {
            let day = Day::parse(day)?;
            closed_day(settings, day, domain.as_deref(), now, &mut out)
        }
        Question::Today { domain } => {
            let socket = settings.observation_socket.as_deref();
            collector::today(socket, domain.as_deref(), &mut out)
        }
        Question::Status => collector::status(settings.observation_socket.as_deref(), &mut out),
    };
    match told.and_then(|()| Ok(out.flush()?)) {
        Err(AnswerError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(AnswerError::Write(error)) => Err(Error::Answer(error)),
        Err(AnswerError::Read(error)) => Err(Error::Fetch(error)),
        Err(AnswerError::Ask(error)) => Err(Error::Ask(error)),
        Err(AnswerError::NoSocket) => Err(Error::NoObservationSocket),
        Ok(()) => Ok(()),
    }
}

fn closed_day(
    settings: &Fetcher,
    day: Day,
    domain: Option<&str>,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), AnswerError> {
    let asked = Asked::parse(domain);
    let only = match asked {
        Asked::Details(domain) => Some(domain),
        _ => None,
    };
    let question = DayQuestion { day, only };
    let mut days = store::read_day(&settings.storage, &question, Day::of(now))?;
    match asked {
        Asked::Names => list(&*days, now, out),
        Asked::All => stream(&*days, day, now, out),
        Asked::AddedSince(additions) => {
            days.keep_added_since(additions)?;
            stream(&*days, day, now, out)
        }
        Asked::Details(asked) => details(&*days, asked, out),
    }
}

/// What the second word of the question asks for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    /// The names of the day's domains.
    Names,
    /// All domains, each with its counts.
    All,
    /// The same, but only what was added after so many additions.
    AddedSince(u64),
    /// The counts of one domain.
    Details(&'a str),
}

impl Asked<'_> {
    fn parse(domain: Option<&str>) -> Asked<'_> {
        match domain {
            None => Asked::Names,
            Some(fetch::ALL_DOMAINS) => Asked::All,
            Some(asked) => {
                fetch::parse_added_since(asked).map_or(Asked::Details(asked), Asked::AddedSince)
            }
        }
    }
}

enum AnswerError {
    Write(io::Error),
    Read(StoreError),
    Ask(AskError),
    /// The configuration names none.
    NoSocket,
}

impl From<AskError> for AnswerError {
    fn from(error: AskError) -> AnswerError {
        AnswerError::Ask(error)
    }
}

impl From<io::Error> for AnswerError {
    fn from(error: io::Error) -> AnswerError {
        AnswerError::Write(error)
    }
}

impl From<StoreError> for AnswerError {
    fn from(error: StoreError) -> AnswerError {
        AnswerError::Read(error)
    }
}

fn list(days: &dyn DayReader, now: Timestamp, out: &mut impl Write) -> Result<(), AnswerError> {
    fetch::write_list_head(out, now, days.newest_complete())?;
    for name in days.names() {
        let name = name?;
        // sys4 stores a name as it came. With a line end in it, it would look like two.
        if !name.contains(char::is_control) {
            writeln!(out, "{name}")?;
        }
    }
    Ok(fetch::write_list_end(out)?)
}

fn details(days: &dyn DayReader, asked: &str, out: &mut impl Write) -> Result<(), AnswerError> {
    let counts = match Domain::parse(asked) {
        Ok(domain) => days.counts_as_asked(&domain, asked)?,
        Err(_) => DomainCounts::default(),
    };
    Ok(writeln!(out, "{}", fetch::domain_details(asked, &counts))?)
}

fn stream(
    days: &dyn DayReader,
    day: Day,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), AnswerError> {
    fetch::write_stream_head(out, now, days.newest_complete())?;
    let growth = days.growth()?;
    for (day, additions) in &growth {
        fetch::write_grown(out, *day, *additions)?;
    }
    let mut told = 0;
    for entry in days.domains()? {
        let (domain, counts) = entry?;
        told += 1;
        writeln!(out, "{}", fetch::stream_line(&domain, &counts))?;
    }
    if days.growth()?.get(&day) != growth.get(&day) {
        // Without its end the answer is asked for again.
        return Err(io::Error::other("the day grew while it was told").into());
    }
    Ok(fetch::write_stream_end(out, told)?)
}
