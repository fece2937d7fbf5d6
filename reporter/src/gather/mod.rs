//! Asks collectors for their closed days.
//!
//! A fetcher is asked once a day for all its domains: `COMMAND DAY .` gives one stream ([`ask`]). Whoever answers with
//! an empty object, or with a list, is the peer: it is asked for its list of domains, and then for one domain after the
//! other ([`details`]). What comes is handed on in parts while it comes, so that a day of any size takes constant memory.

mod child;
mod error;
mod probe;
mod run;

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::{
    domain::Domain,
    fetch::{ALL_DOMAINS, Event, FetchError, Mode, Parser, parse_details},
};
use tokio::time::Instant;

use crate::state::{Fetched, Job};
use child::Child;

pub use error::GatherError;
pub use probe::probe;
pub use run::{Piece, Sink, run};

/// A part that is handed on: so many domains,
const ROWS_AT_ONCE: usize = 500;
/// or so many bytes.
const BYTES_AT_ONCE: usize = 1 << 20;
/// A whole answer takes no longer: a collector that trickles would hold the day for ever.
const WHOLE_ANSWER: Duration = Duration::from_secs(3600);
/// One domain's answer takes no longer.
const ONE_DOMAIN: Duration = Duration::from_secs(60);

/// What a collector gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All domains with their counts.
    Stream,
    /// The list of domains; the counts are to be asked for.
    List,
}

/// What to hold an answer against.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The clock when the question was asked.
    pub now: Timestamp,
    /// A clock difference above this is warned of.
    pub max_difference: Duration,
}

/// Asks for a whole day, by stream or else by list.
pub async fn ask(job: &Job, terms: Terms, sink: &Sink) -> Result<Answer, GatherError> {
    let day = job.day.to_string();
    let whole = async {
        match converse(job, terms, &[&day, ALL_DOMAINS], sink).await {
            Err(GatherError::Answer {
                source: FetchError::NoStream,
                ..
            }) => converse(job, terms, &[&day], sink).await,
            other => other,
        }
    };
    match tokio::time::timeout(WHOLE_ANSWER, whole).await {
        Ok(answer) => answer,
        Err(_) => Err(GatherError::TooSlow {
            limit: WHOLE_ANSWER,
        }),
    }
}

/// Asks the peer for one domain.
pub async fn details(job: &Job, domain: &str) -> Result<String, GatherError> {
    let name =
        Domain::parse(domain).map_err(|source| GatherError::answer(source.into(), domain))?;
    let day = job.day.to_string();
    let whole = async {
        let mut child = Child::start(&job.command, &[&day, domain])?;
        let mut text = String::new();
        while let Some(line) = child.line().await? {
            text.push_str(&line);
            if text.len() > child::MAX_LINE {
                return Err(GatherError::TooLong);
            }
        }
        child.end().await?;
        Ok(text)
    };
    let text = tokio::time::timeout(ONE_DOMAIN, whole)
        .await
        .map_err(|_| GatherError::TooSlow { limit: ONE_DOMAIN })??;
    let counts =
        parse_details(&text, &name).map_err(|source| GatherError::answer(source, &text))?;
    Ok(counts.to_json())
}

async fn converse(
    job: &Job,
    terms: Terms,
    words: &[&str],
    sink: &Sink,
) -> Result<Answer, GatherError> {
    let mut child = Child::start(&job.command, words)?;
    let begun = Instant::now();
    let mut reading = Reading {
        job,
        terms,
        begun,
        sink,
        parser: Parser::new(),
        parts: Parts::default(),
        good: 0,
        bad: 0,
    };
    let read = reading.read(&mut child).await;
    if matches!(
        read,
        Err(GatherError::Answer {
            source: FetchError::NoStream,
            ..
        })
    ) {
        // The peer said all that it has to say; how it ends does not matter.
        return read;
    }
    // What came before a fault is good: a line is a domain's whole day at this collector.
    reading.hand_on().await?;
    let answer = match read {
        Ok(answer) => answer,
        // How the program ended explains a stream that was cut off better than the stream does.
        Err(
            error @ GatherError::Answer {
                source: FetchError::CutOff,
                ..
            },
        ) => {
            child.end().await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    child.end().await?;
    Ok(answer)
}

/// One answer while it is read.
struct Reading<'a> {
    job: &'a Job,
    terms: Terms,
    begun: Instant,
    sink: &'a Sink,
    parser: Parser,
    parts: Parts,
    good: u64,
    bad: u64,
}

/// What waits to be handed on.
#[derive(Default)]
struct Parts {
    rows: Vec<Fetched>,
    listed: Vec<String>,
    bytes: usize,
}

impl Reading<'_> {
    async fn read(&mut self, child: &mut Child) -> Result<Answer, GatherError> {
        let mut answer = Answer::List;
        while let Some(line) = child.line().await? {
            match self.parser.line(&line) {
                Ok(Event::Opened(Mode::Stream)) => answer = Answer::Stream,
                Ok(Event::End) => return Ok(answer),
                Ok(event) => self.take(event).await?,
                Err(FetchError::Number(_)) if self.is_end_with_bad_lines(&line) => {
                    return Ok(answer);
                }
                Err(error) if is_bad_line(&error) => self.pass_over(&error, &line),
                Err(error) => return Err(GatherError::answer(error, &line)),
            }
        }
        Err(GatherError::answer(FetchError::CutOff, ""))
    }

    async fn take(&mut self, event: Event) -> Result<(), GatherError> {
        match event {
            Event::Clock(theirs) => self.compare_clocks(theirs),
            Event::Newest(newest) => {
                if newest.is_none_or(|newest| newest < self.job.day) {
                    return Err(GatherError::NotReady { newest });
                }
            }
            Event::Counts(domain, counts) => {
                let data = counts.to_json();
                self.good += 1;
                self.parts.bytes += data.len();
                self.parts.rows.push(Fetched {
                    domain: domain.to_string(),
                    data,
                });
            }
            Event::Listed { asked, .. } => self.parts.listed.push(asked),
            Event::Unusable(line, error) => {
                tracing::warn!(fetcher = self.job.command, day = %self.job.day, %error, "a listed domain is left out: {line:?}");
            }
            Event::Opened(_) | Event::End => {}
        }
        if self.parts.rows.len() + self.parts.listed.len() >= ROWS_AT_ONCE
            || self.parts.bytes >= BYTES_AT_ONCE
        {
            self.hand_on().await?;
        }
        Ok(())
    }

    async fn hand_on(&mut self) -> Result<(), GatherError> {
        let Parts { rows, listed, .. } = std::mem::take(&mut self.parts);
        if !rows.is_empty() {
            self.sink.hand_on(Piece::Rows(rows)).await?;
        }
        if !listed.is_empty() {
            self.sink.hand_on(Piece::Listed(listed)).await?;
        }
        Ok(())
    }

    fn compare_clocks(&self, theirs: Timestamp) {
        // The answer may have been long under way; that is no difference of clocks.
        let elapsed = self.begun.elapsed();
        let earliest = self.terms.now;
        let latest = earliest.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
        let apart = if theirs < earliest {
            earliest.duration_since(theirs)
        } else {
            theirs.duration_since(latest)
        };
        if apart
            > jiff::SignedDuration::try_from(self.terms.max_difference)
                .unwrap_or(jiff::SignedDuration::MAX)
        {
            tracing::warn!(
                fetcher = self.job.command,
                "the collector's clock differs by {} seconds from ours: days may be cut differently",
                apart.as_secs()
            );
        }
    }

    fn pass_over(&mut self, error: &FetchError, line: &str) {
        self.bad += 1;
        let begin: String = line.chars().take(80).collect();
        tracing::warn!(fetcher = self.job.command, day = %self.job.day, %error, "a line is left out: {begin:?}");
    }

    /// The number in the last line counts the lines that we had to leave out too.
    fn is_end_with_bad_lines(&self, line: &str) -> bool {
        let told = line
            .trim_end()
            .strip_prefix(". ")
            .and_then(|number| number.parse().ok());
        self.bad > 0 && told == Some(self.good + self.bad)
    }
}

/// A line that says nothing about the others.
fn is_bad_line(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Json(_) | FetchError::Details | FetchError::Domain(_) | FetchError::Counts(_)
    )
}
