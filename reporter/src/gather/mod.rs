//! Asks collectors for their closed days.
//!
//! A fetcher is asked once a day for all its domains: `COMMAND DAY .` gives one stream ([`ask`]). Whoever answers with
//! an empty object, or with a list, is sys4: it is asked for its list of domains, and then for one domain after the
//! other ([`details`]). What comes is handed on in parts while it comes, so that a day of any size takes constant memory.

mod answer;
mod answer_reader;
mod error;
mod probe;
mod process;
mod run_as;
mod status;
mod today;

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::{
    day::Day,
    domain::Domain,
    fetch::{ALL_DOMAINS, Event, FetchError, Parser, added_since, parse_details},
};
use tokio::time::Instant;

use crate::model::FetchJob;
use answer_reader::{AnswerReader, UnsentParts};
use process::FetcherProcess;

pub use answer::{AnswerPart, AnswerSender};
pub use error::GatherError;
pub use probe::probe;
pub use run_as::RunAs;
pub use status::ask_status;
pub use today::{TodayLimits, TodayStream, today};

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
    let mut reading = AnswerReader {
        job,
        terms,
        begun,
        sink,
        parser: Parser::new(),
        parts: UnsentParts::default(),
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
