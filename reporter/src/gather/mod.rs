//! Asks collectors for their closed days.
//!
//! A fetcher is asked once a day for all its domains: `COMMAND DAY .` gives one stream ([`ask`]). Whoever answers with
//! an empty object, or with a list, is sys4: it is asked for its list of domains, and then for one domain after the
//! other ([`details`]). What comes is handed on in parts while it comes, so that a day of any size takes constant memory.

mod answer;
mod error;
mod probe;
mod process;

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::{
    day::Day,
    domain::Domain,
    fetch::{ALL_DOMAINS, Event, FetchError, Mode, Parser, added_since, parse_details},
};
use tokio::time::Instant;

use crate::model::{FetchJob, Fetched};
use process::FetcherProcess;

pub use answer::{AnswerPart, AnswerSender};
pub use error::GatherError;
pub use probe::probe;

/// A part that is handed on: so many domains,
const ROWS_AT_ONCE: usize = 500;
/// or so many bytes.
pub(crate) const BYTES_AT_ONCE: usize = 1 << 20;
/// A whole answer takes no longer: a collector that trickles would hold the day for ever.
const WHOLE_ANSWER: Duration = Duration::from_secs(3600);
/// Bytes that the answer about days that grew may have: a line a day.
const MAX_GROWN: u64 = 1 << 20;
/// Days of one answer that grew; more are not looked at.
const MAX_DAYS: usize = 1000;
/// One domain's answer takes no longer.
const ONE_DOMAIN: Duration = Duration::from_secs(60);

/// So many bytes a domain counts at least.
pub const LEAST_DOMAIN: usize = 256;

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
    /// `max_answer_size`: no more bytes are read, and each domain counts as [`LEAST_DOMAIN`] at least.
    pub max_size: u64,
}

/// Asks for a whole day, by stream or else by list.
///
/// # Errors
///
/// When the fetcher does not answer, or its answer cannot be used.
pub async fn ask(job: &FetchJob, terms: Terms, sink: &AnswerSender) -> Result<Answer, GatherError> {
    let day = job.day.to_string();
    let whole = async {
        if let Some(seen) = job.seen {
            let added = added_since(seen);
            return match converse(job, terms, &[&day, &added], sink).await {
                // It is not the program any more that told of additions.
                Err(GatherError::Answer {
                    source: FetchError::NoStream,
                    ..
                }) => {
                    tracing::warn!(
                        fetcher = job.command,
                        day,
                        "the fetcher cannot tell any more what was added to the day: that is not reported"
                    );
                    Ok(Answer::Stream)
                }
                other => other,
            };
        }
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

/// Asks sys4 for one domain.
///
/// # Errors
///
/// When the fetcher does not answer, or its answer cannot be used.
pub async fn details(job: &FetchJob, domain: &str) -> Result<String, GatherError> {
    let name =
        Domain::parse(domain).map_err(|source| GatherError::answer(source.into(), domain))?;
    let day = job.day.to_string();
    let whole = async {
        let mut fetcher = FetcherProcess::start(&job.command, &[&day, domain], u64::MAX)?;
        let mut text = String::new();
        while let Some(line) = fetcher.line().await? {
            text.push_str(&line);
            if text.len() > process::MAX_LINE {
                return Err(GatherError::TooLong {
                    begin: String::new(),
                });
            }
        }
        fetcher.end().await?;
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
    job: &FetchJob,
    terms: Terms,
    words: &[&str],
    sink: &AnswerSender,
) -> Result<Answer, GatherError> {
    let mut fetcher = FetcherProcess::start(&job.command, words, terms.max_size)?;
    let begun = Instant::now();
    let mut reading = Reading {
        job,
        terms,
        begun,
        sink,
        parser: Parser::new(),
        parts: Parts::default(),
        in_domains: false,
        short_by: 0,
        additions: 0,
        grown: Vec::new(),
        good: 0,
        bad: 0,
        left_out: 0,
    };
    let read = reading.read(&mut fetcher).await;
    reading.sum_up();
    if matches!(
        read,
        Err(GatherError::Answer {
            source: FetchError::NoStream,
            ..
        })
    ) {
        // sys4 said all that it has to say; how it ends does not matter.
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
            fetcher.end().await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    fetcher.end().await?;
    if answer == Answer::Stream {
        sink.hand_on(AnswerPart::Told(reading.additions)).await?;
        if !reading.grown.is_empty() {
            sink.hand_on(AnswerPart::Grown(reading.grown)).await?;
        }
    }
    Ok(answer)
}

/// Asks which closed days grew, and how often: without a word about their domains.
///
/// # Errors
/// When the fetcher does not answer, or otherwise than ours.
pub async fn grown(command: &str) -> Result<Vec<(Day, u64)>, GatherError> {
    let whole = async {
        let mut fetcher = FetcherProcess::start(command, &[probe::NO_DAY, ALL_DOMAINS], MAX_GROWN)?;
        let (mut parser, mut grown) = (Parser::new(), Vec::new());
        while let Some(line) = fetcher.line().await? {
            match parser.line(&line) {
                Ok(Event::Grown(day, additions)) => grown.push((day, additions)),
                Ok(_) => {}
                Err(error) => return Err(GatherError::answer(error, &line)),
            }
        }
        fetcher.end().await?;
        Ok(grown)
    };
    let limit = ONE_DOMAIN;
    tokio::time::timeout(limit, whole)
        .await
        .unwrap_or(Err(GatherError::TooSlow { limit }))
}

/// One answer while it is read.
struct Reading<'a> {
    job: &'a FetchJob,
    terms: Terms,
    begun: Instant,
    sink: &'a AnswerSender,
    parser: Parser,
    parts: Parts,
    /// The head is read.
    in_domains: bool,
    /// So much the last domain's line is shorter than what it counts.
    short_by: usize,
    /// Of this day.
    additions: u64,
    /// Of others.
    grown: Vec<(Day, u64)>,
    good: u64,
    bad: u64,
    /// Those that nobody counts in the end too.
    left_out: u64,
}

/// What waits to be handed on.
#[derive(Default)]
struct Parts {
    rows: Vec<Fetched>,
    listed: Vec<String>,
    bytes: usize,
}

impl Reading<'_> {
    async fn read(&mut self, fetcher: &mut FetcherProcess) -> Result<Answer, GatherError> {
        let mut answer = Answer::List;
        loop {
            if self.in_domains {
                fetcher.charge(self.short_by)?;
            }
            let line = match fetcher.line().await {
                Ok(Some(line)) => line,
                Ok(None) => return Err(GatherError::answer(FetchError::CutOff, "")),
                Err(GatherError::TooLong { begin }) if self.in_domains => {
                    self.leave_out_too_long(begin).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.short_by = LEAST_DOMAIN.saturating_sub(line.len());
            match self.parser.line(&line) {
                Ok(Event::Opened(Mode::Stream)) => answer = Answer::Stream,
                Ok(Event::End) => return Ok(answer),
                Ok(event) => self.take(event).await?,
                Err(FetchError::Number(_)) if self.is_end_with_bad_lines(&line) => {
                    return Ok(answer);
                }
                Err(error) if is_bad_line(&error) => {
                    self.bad += 1;
                    self.leave_out(&error, &line);
                }
                Err(error) => return Err(GatherError::answer(error, &line)),
            }
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), GatherError> {
        match event {
            Event::Clock(theirs) => self.compare_clocks(theirs),
            Event::Newest(newest) => {
                if newest.is_none_or(|newest| newest < self.job.day) {
                    return Err(GatherError::NotReady { newest });
                }
                self.in_domains = true;
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
            Event::Grown(day, additions) if day == self.job.day => self.additions = additions,
            // Nobody keeps so many days.
            Event::Grown(..) if self.grown.len() >= MAX_DAYS => {}
            Event::Grown(day, additions) => self.grown.push((day, additions)),
            Event::Listed { asked, .. } => self.parts.listed.push(asked),
            Event::Unusable(line, error) => self.leave_out(&error, &line),
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
            self.sink.hand_on(AnswerPart::Rows(rows)).await?;
        }
        if !listed.is_empty() {
            self.sink.hand_on(AnswerPart::Listed(listed)).await?;
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
                "the collector's clock differs by {} seconds from ours: sessions near midnight may be counted on different days",
                apart.as_secs()
            );
        }
    }

    /// One domain that has too much to say does not cost the others their day.
    async fn leave_out_too_long(&mut self, begin: String) -> Result<(), GatherError> {
        self.bad += 1;
        let domain = domain_of(&begin);
        let error = GatherError::TooLong { begin };
        self.leave_out(&error, domain.as_ref().map_or("", Domain::as_str));
        match domain {
            Some(domain) => {
                let unusable = AnswerPart::Unusable(domain.to_string(), error.to_string());
                self.sink.hand_on(unusable).await
            }
            None => Ok(()),
        }
    }

    /// Strangers may have brought any number of such lines about: the first is told of, then how many there were.
    fn leave_out(&mut self, error: &impl std::fmt::Display, line: &str) {
        self.left_out += 1;
        if self.left_out == 1 {
            let begin: String = line.chars().take(80).collect();
            tracing::warn!(fetcher = self.job.command, day = %self.job.day, %error, "a line is left out: {begin:?}");
        }
    }

    fn sum_up(&self) {
        if self.left_out > 1 {
            tracing::warn!(fetcher = self.job.command, day = %self.job.day, "{} lines were left out", self.left_out);
        }
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

/// The domain of a line that is not read whole: the stream's lines begin with it.
fn domain_of(begin: &str) -> Option<Domain> {
    let mut parts = begin.split('"');
    let key = parts.nth(1)?;
    let domain = parts.nth(1)?;
    (key == "d").then(|| Domain::parse(domain).ok()).flatten()
}

/// A line that says nothing about the others.
fn is_bad_line(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Json(_) | FetchError::Details | FetchError::Domain(_) | FetchError::Counts(_)
    )
}
