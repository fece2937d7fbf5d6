//! Reading what a fetcher wrote, line by line.

use super::{END, GROWN, LIST_HEADER, STREAM_HEADER, details::details};
use crate::counts::{CountsError, FetchedCounts};
use crate::day::Day;
use crate::domain::{Domain, DomainError};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Reads a list or a stream: one line in, one event out. It holds no more than the last domain.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    mode: Option<Mode>,
    domains: u64,
    last: Option<Domain>,
}

/// What the other end sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Domains only.
    List,
    /// Domains with their counts.
    Stream,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The first line.
    Opened(Mode),
    /// The clock of the other host.
    Clock(Timestamp),
    /// The newest day that is complete there; `None` when there is none, and then the answer ends with this line.
    Newest(Option<Day>),
    /// A domain of a list. The other end is to be asked for it as `asked`, which may have another form.
    Listed {
        /// As the other end has it.
        asked: String,
        /// What it names.
        domain: Domain,
    },
    /// A line of a list that is no domain: nothing can be reported on it.
    Unusable(String, DomainError),
    /// A domain of a stream, with its counts.
    Counts(Domain, FetchedCounts),
    /// A day that grew after it was closed, and how often.
    Grown(Day, u64),
    /// The end. Everything was there.
    End,
}

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The first line of a JSON object: sys4, asked for a stream.
    #[error("the other end does not know the stream of all domains")]
    NoStream,
    /// Another first line.
    #[error("the first line is not a fetcher's (allowed: `{LIST_HEADER}`, `{STREAM_HEADER}`)")]
    Header,
    /// The second line.
    #[error("the second line is not a time (allowed: YYYY-MM-DD HH:MM:SS)")]
    Clock,
    /// The third line.
    #[error("the third line is not a day (allowed: YYYY-MM-DD)")]
    Newest,
    /// A line of a stream about a day that grew.
    #[error("not a day and the number of its additions")]
    Grown,
    /// A line of a stream, or an answer for one domain.
    #[error("not an object of `d` and `policies`")]
    Details,
    /// JSON that is none.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Another domain than the one asked for.
    #[error("the answer is about another domain")]
    OtherDomain,
    /// A domain of a stream is none.
    #[error("not a domain: {0}")]
    Domain(#[from] DomainError),
    /// Counts that are none.
    #[error("unusable counts: {0}")]
    Counts(#[from] CountsError),
    /// A stream out of order.
    #[error("the domain {0} is out of order (allowed: binary order, each once)")]
    Order(Domain),
    /// The last line tells another number of domains.
    #[error("the last line does not tell the number of domains sent, {0}")]
    Number(u64),
    /// A line after the last.
    #[error("there is something behind the last line")]
    Behind,
    /// No last line.
    #[error("the answer was cut off")]
    CutOff,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Header,
    Clock,
    Newest,
    Domains,
    Ended,
}

impl Parser {
    /// Before the first line.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Takes the next line, with or without its line end.
    ///
    /// # Errors
    ///
    /// When the line cannot stand at its place; what follows is of no use then.
    pub fn line(&mut self, line: &str) -> Result<Event, FetchError> {
        let line = line.trim_end_matches(['\r', '\n']);
        match self.state {
            State::Header => self.header(line),
            State::Clock => {
                self.state = State::Newest;
                clock(line).map(Event::Clock).ok_or(FetchError::Clock)
            }
            State::Newest => {
                self.state = State::Domains;
                self.newest(line)
            }
            State::Domains => self.domain(line),
            State::Ended => Err(FetchError::Behind),
        }
    }

    /// To be called when there is no further line.
    ///
    /// # Errors
    ///
    /// When the last line is missing: the answer was cut off.
    pub fn finish(self) -> Result<(), FetchError> {
        match self.state {
            State::Ended => Ok(()),
            _ => Err(FetchError::CutOff),
        }
    }

    fn header(&mut self, line: &str) -> Result<Event, FetchError> {
        let mode = match line {
            LIST_HEADER => Mode::List,
            STREAM_HEADER => Mode::Stream,
            _ if line.starts_with('{') => return Err(FetchError::NoStream),
            _ => return Err(FetchError::Header),
        };
        self.mode = Some(mode);
        self.state = State::Clock;
        Ok(Event::Opened(mode))
    }

    fn newest(&mut self, line: &str) -> Result<Event, FetchError> {
        // While no day is complete, the line is left out and the end follows.
        if line.starts_with(END) {
            return match self.domain(line)? {
                Event::End => Ok(Event::Newest(None)),
                _ => Err(FetchError::Newest),
            };
        }
        let day = Day::parse(line).map_err(|_| FetchError::Newest)?;
        Ok(Event::Newest(Some(day)))
    }

    fn domain(&mut self, line: &str) -> Result<Event, FetchError> {
        match self.mode {
            Some(Mode::Stream) => self.streamed(line),
            _ if line == END => self.end(),
            _ => Ok(match Domain::parse(line) {
                Ok(domain) => Event::Listed {
                    asked: line.to_owned(),
                    domain,
                },
                Err(error) => Event::Unusable(line.to_owned(), error),
            }),
        }
    }

    fn streamed(&mut self, line: &str) -> Result<Event, FetchError> {
        if let Some(number) = line.strip_prefix(END) {
            let told = number
                .strip_prefix(' ')
                .and_then(|number| number.parse().ok());
            return if told == Some(self.domains) {
                self.end()
            } else {
                Err(FetchError::Number(self.domains))
            };
        }
        if let Some(grown) = line.strip_prefix(GROWN) {
            let parts = grown.split_once(' ');
            let grown = parts.and_then(|(day, additions)| {
                Some((Day::parse(day).ok()?, additions.parse().ok()?))
            });
            return grown
                .map(|(day, additions)| Event::Grown(day, additions))
                .ok_or(FetchError::Grown);
        }
        let (domain, counts) = details(line, |domain| match &self.last {
            Some(last) if *last >= domain => Err(FetchError::Order(domain)),
            _ => Ok(domain),
        })?;
        self.domains += 1;
        self.last = Some(domain.clone());
        Ok(Event::Counts(domain, counts))
    }

    fn end(&mut self) -> Result<Event, FetchError> {
        self.state = State::Ended;
        Ok(Event::End)
    }
}

/// Reads the answer for one domain, whole.
///
/// # Errors
///
/// When it is not JSON, not counts, or about another domain.
pub fn parse_details(text: &str, domain: &Domain) -> Result<FetchedCounts, FetchError> {
    let asked = |answered: Domain| match answered == *domain {
        true => Ok(answered),
        false => Err(FetchError::OtherDomain),
    };
    details(text, asked).map(|(_, counts)| counts)
}

fn clock(line: &str) -> Option<Timestamp> {
    let time: DateTime = line.parse().ok()?;
    Offset::UTC.to_timestamp(time).ok()
}
