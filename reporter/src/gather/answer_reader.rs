//! Reads one answer of a fetcher, and hands it on in parts while it comes.

use jiff::Timestamp;
use tlsrptd_proto::{
    day::Day,
    domain::Domain,
    fetch::{Event, FetchError, Mode, Parser},
};
use tokio::time::Instant;

use super::{
    Answer, AnswerPart, AnswerSender, BYTES_AT_ONCE, GatherError, LEAST_DOMAIN, MAX_DAYS,
    ROWS_AT_ONCE, Terms, process::FetcherProcess,
};
use crate::model::{FetchJob, Fetched};

/// One answer while it is read.
pub(super) struct AnswerReader<'a> {
    pub(super) job: &'a FetchJob,
    pub(super) terms: Terms,
    pub(super) begun: Instant,
    pub(super) sink: &'a AnswerSender,
    pub(super) parser: Parser,
    pub(super) parts: UnsentParts,
    /// The head is read.
    pub(super) in_domains: bool,
    /// So much the last domain's line is shorter than what it counts.
    pub(super) short_by: usize,
    /// Of this day.
    pub(super) additions: u64,
    /// Of others.
    pub(super) grown: Vec<(Day, u64)>,
    pub(super) good: u64,
    pub(super) bad: u64,
    /// Those that nobody counts in the end too.
    pub(super) left_out: u64,
}

/// What waits to be handed on.
#[derive(Default)]
pub(super) struct UnsentParts {
    rows: Vec<Fetched>,
    listed: Vec<String>,
    bytes: usize,
}

impl AnswerReader<'_> {
    pub(super) async fn read(
        &mut self,
        fetcher: &mut FetcherProcess,
    ) -> Result<Answer, GatherError> {
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

    pub(super) async fn hand_on(&mut self) -> Result<(), GatherError> {
        let UnsentParts { rows, listed, .. } = std::mem::take(&mut self.parts);
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

    pub(super) fn sum_up(&self) {
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
pub(super) fn is_bad_line(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Json(_) | FetchError::Details | FetchError::Domain(_) | FetchError::Counts(_)
    )
}
