//! Asks a collector what it has counted today, so far.
//!
//! `COMMAND today .` gives a stream, and `COMMAND today DOMAIN` one domain's counts, in the forms of a closed day's. sys4's
//! fetcher does not know them, and answers that nothing was counted on a day of that name: whether it is one of ours, `COMMAND
//! status` tells.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::{
    counts::FetchedCounts,
    domain::Domain,
    fetch::{ALL_DOMAINS, Event, FetchError, Parser, parse_details},
};
use tokio::time::{Instant, timeout_at};

use super::{
    GatherError, RunAs,
    answer_reader::is_bad_line,
    ask_status,
    process::{FetcherProcess, MAX_LINE},
};

/// What stands in the place of the day.
const TODAY: &str = "today";
/// One domain's counts take no longer: there may be a slow login.
const ONE_DOMAIN: Duration = Duration::from_secs(20);

/// How long a collector may take to tell of all domains.
#[derive(Clone, Copy, Debug)]
pub struct TodayLimits {
    /// To the end of the answer's head.
    pub head: Duration,
    /// To the end of the answer.
    pub all: Duration,
}

impl Default for TodayLimits {
    /// A million domains of a collector to which many datagrams come, which leaves observers a sixtieth of a core, take some
    /// ten minutes.
    fn default() -> TodayLimits {
        TodayLimits {
            head: ONE_DOMAIN,
            all: Duration::from_secs(1800),
        }
    }
}

/// What a collector has counted today of one domain; `None`: nothing.
///
/// # Errors
///
/// When the fetcher does not answer, or cannot tell.
pub async fn today(
    command: &str,
    run_as: &RunAs,
    domain: &Domain,
) -> Result<Option<FetchedCounts>, GatherError> {
    let whole = async {
        let text = text(command, run_as, &[TODAY, domain.as_str()]).await?;
        let counts = parse_details(&text, domain);
        let counts = counts.map_err(|source| GatherError::answer(source, &text))?;
        if !counts.records.is_empty() {
            return Ok(Some(counts));
        }
        match ask_status(command, run_as, ONE_DOMAIN).await? {
            Some(_) => Ok(None),
            None => Err(GatherError::NoToday),
        }
    };
    let limit = ONE_DOMAIN;
    let answer = tokio::time::timeout(limit, whole).await;
    answer.unwrap_or(Err(GatherError::NoAnswer { limit }))
}

/// All that a fetcher writes.
async fn text(command: &str, run_as: &RunAs, arguments: &[&str]) -> Result<String, GatherError> {
    let mut fetcher = FetcherProcess::start_as(run_as, command, arguments, MAX_LINE as u64)?;
    let mut text = String::new();
    while let Some(line) = fetcher.line().await? {
        text.push_str(&line);
    }
    fetcher.end().await.map_err(of_older_fetcher)?;
    Ok(text)
}

/// One of ours that does not know the word says so.
fn of_older_fetcher(error: GatherError) -> GatherError {
    match error {
        GatherError::Exit { stderr, .. } if stderr.contains("`today` is not a date") => {
            GatherError::NoToday
        }
        other => other,
    }
}

/// A collector's counts of today while they are read, in binary order of the domains.
pub struct TodayStream {
    fetcher: FetcherProcess,
    parser: Parser,
    begun: Instant,
    limits: TodayLimits,
    is_head_read: bool,
    has_ended: bool,
    /// The collector's clock.
    pub clock: Option<Timestamp>,
    /// Lines that cannot be used.
    pub left_out: u64,
}

impl std::fmt::Debug for TodayStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TodayStream").finish_non_exhaustive()
    }
}

impl TodayStream {
    /// Asks for all domains, and reads the head of the answer. At most `max_size` bytes are read, within these limits.
    ///
    /// # Errors
    ///
    /// When the fetcher does not answer, or cannot tell.
    pub async fn ask(
        command: &str,
        run_as: &RunAs,
        max_size: u64,
        limits: TodayLimits,
    ) -> Result<TodayStream, GatherError> {
        let mut stream = TodayStream {
            fetcher: FetcherProcess::start_as(run_as, command, &[TODAY, ALL_DOMAINS], max_size)?,
            parser: Parser::new(),
            begun: Instant::now(),
            limits,
            is_head_read: false,
            has_ended: false,
            clock: None,
            left_out: 0,
        };
        loop {
            match stream.event().await {
                Ok(Event::Newest(newest)) => {
                    // Before the first day is closed, an answer without domains ends with its head.
                    stream.has_ended = newest.is_none();
                    stream.is_head_read = true;
                    return Ok(stream);
                }
                Ok(Event::Clock(clock)) => stream.clock = Some(clock),
                Ok(_) => {}
                Err(GatherError::Answer {
                    source: FetchError::NoStream | FetchError::Header,
                    ..
                }) => return Err(stream.no_today().await),
                Err(error) => return Err(stream.explained(error).await),
            }
        }
    }

    /// The next domain; `None` after the last, when the answer is known to be whole.
    ///
    /// # Errors
    ///
    /// When the answer ends early: what came before is good.
    pub async fn next(&mut self) -> Result<Option<(Domain, FetchedCounts)>, GatherError> {
        loop {
            if self.has_ended {
                return Ok(None);
            }
            match self.event().await {
                Ok(Event::Counts(domain, counts)) => return Ok(Some((domain, counts))),
                Ok(Event::End) => {
                    self.fetcher.end().await?;
                    return Ok(None);
                }
                Ok(_) => {}
                Err(GatherError::Answer { source, .. }) if is_bad_line(&source) => {
                    self.left_out += 1;
                }
                // The number in the last line counts those that are left out, too.
                Err(GatherError::Answer {
                    source: FetchError::Number(_),
                    ..
                }) if self.left_out > 0 => return Ok(None),
                Err(GatherError::TooLong { .. }) => self.left_out += 1,
                Err(error) => return Err(self.explained(error).await),
            }
        }
    }

    async fn event(&mut self) -> Result<Event, GatherError> {
        let TodayLimits { head, all } = self.limits;
        let (limit, too_slow) = match self.is_head_read {
            false => (head, GatherError::NoAnswer { limit: head }),
            true => (all, GatherError::TooSlow { limit: all }),
        };
        let until = self.begun + limit;
        // A timeout alone lets pass whoever writes without a pause.
        if Instant::now() > until {
            return Err(too_slow);
        }
        let line = timeout_at(until, self.fetcher.line())
            .await
            .map_err(|_| too_slow)??;
        match line {
            Some(line) => {
                let event = self.parser.line(&line);
                event.map_err(|error| GatherError::answer(error, &line))
            }
            None => Err(GatherError::answer(FetchError::CutOff, "")),
        }
    }

    /// How the program ended explains an answer that was cut off better than the answer does.
    async fn explained(&mut self, error: GatherError) -> GatherError {
        let is_cut_off = matches!(
            error,
            GatherError::Answer {
                source: FetchError::CutOff,
                ..
            }
        );
        match is_cut_off {
            true => {
                let ended = self.fetcher.end().await;
                ended.err().map_or(error, of_older_fetcher)
            }
            false => error,
        }
    }

    async fn no_today(&mut self) -> GatherError {
        match self.fetcher.end().await {
            Err(error @ GatherError::Exit { .. }) => of_older_fetcher(error),
            _ => GatherError::NoToday,
        }
    }
}
