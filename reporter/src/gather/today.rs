//! Asks a collector what it has counted today, so far.
//!
//! `COMMAND today DOMAIN` and `COMMAND today .` give a stream in the form of a closed day's. sys4's fetcher does not know
//! them, and says that nothing was counted: its answer has another first line.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::{
    counts::FetchedCounts,
    domain::Domain,
    fetch::{ALL_DOMAINS, Event, FetchError, Parser},
};
use tokio::time::{Instant, timeout_at};

use super::{GatherError, answer_reader::is_bad_line, process::FetcherProcess};

/// What stands in the place of the day.
const TODAY: &str = "today";
/// One domain's counts take no longer: there may be a slow login.
const ONE_DOMAIN: Duration = Duration::from_secs(20);
/// Those of all domains.
const ALL: Duration = Duration::from_secs(900);

/// A collector's counts of today while they are read, in binary order of the domains.
pub struct TodayStream {
    fetcher: FetcherProcess,
    parser: Parser,
    limit: Duration,
    until: Instant,
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
    /// Asks for one domain, or for all, and reads the head of the answer. At most `max_size` bytes are read.
    ///
    /// # Errors
    ///
    /// When the fetcher does not answer, or cannot tell.
    pub async fn ask(
        command: &str,
        domain: Option<&Domain>,
        max_size: u64,
    ) -> Result<TodayStream, GatherError> {
        let asked = domain.map_or(ALL_DOMAINS, Domain::as_str);
        let limit = if domain.is_some() { ONE_DOMAIN } else { ALL };
        let mut stream = TodayStream {
            fetcher: FetcherProcess::start(command, &[TODAY, asked], max_size)?,
            parser: Parser::new(),
            limit,
            until: Instant::now() + limit,
            has_ended: false,
            clock: None,
            left_out: 0,
        };
        loop {
            match stream.event().await {
                Ok(Event::Newest(newest)) => {
                    // Before the first day is closed, an answer without domains ends with its head.
                    stream.has_ended = newest.is_none();
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
        let limit = self.limit;
        let too_slow = |_| GatherError::TooSlow { limit };
        let line = timeout_at(self.until, self.fetcher.line())
            .await
            .map_err(too_slow)??;
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
            true => self.fetcher.end().await.err().unwrap_or(error),
            false => error,
        }
    }

    async fn no_today(&mut self) -> GatherError {
        match self.fetcher.end().await {
            Err(error @ GatherError::Exit { .. }) => error,
            _ => GatherError::NoToday,
        }
    }
}
