//! One attempt at one job, whatever the other end speaks.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{Answer, GatherError};
use crate::{
    outside::Outside,
    state::{Fetched, Job},
};

/// Processes of one collector at once, with the peer's protocol.
const DETAILS_AT_ONCE: usize = 8;
/// Domains that are asked for before the next are looked up.
const PAGE: u32 = 256;

/// A part of an answer on its way to the database.
#[derive(Debug)]
pub enum Piece {
    /// Domains with their counts.
    Rows(Vec<Fetched>),
    /// A domain whose counts can never be used, and why.
    Unusable(String, String),
    /// Domains of the peer's list.
    Listed(Vec<String>),
    /// The peer's list is whole.
    ListEnded,
    /// Which listed domains are missing, after this one?
    Missing(String, oneshot::Sender<Vec<String>>),
    /// The attempt is over.
    Over(Result<(), GatherError>),
}

/// Where the parts of one answer go. It holds back who sends faster than the database takes.
#[derive(Clone, Debug)]
pub struct Sink {
    job: Arc<Job>,
    pieces: mpsc::Sender<(Arc<Job>, Piece)>,
}

impl Sink {
    /// For one attempt at one job.
    pub fn new(job: Arc<Job>, pieces: mpsc::Sender<(Arc<Job>, Piece)>) -> Sink {
        Sink { job, pieces }
    }

    /// Hands a part on.
    pub async fn hand_on(&self, piece: Piece) -> Result<(), GatherError> {
        let sent = self.pieces.send((Arc::clone(&self.job), piece)).await;
        sent.map_err(|_| GatherError::Stopped)
    }

    async fn missing(&self, after: &str, page: u32) -> Result<Vec<String>, GatherError> {
        debug_assert_eq!(page, PAGE);
        let (reply, answer) = oneshot::channel();
        self.hand_on(Piece::Missing(after.to_owned(), reply))
            .await?;
        answer.await.map_err(|_| GatherError::Stopped)
    }
}

impl Piece {
    /// How many missing domains are wanted at once.
    pub const PAGE: u32 = PAGE;
}

/// Makes the attempt, within `limit` if there is one, and says at its end how it went. All parts are handed on before
/// that.
pub async fn run<O: Outside>(outside: Arc<O>, sink: Sink, now: Timestamp, limit: Option<Duration>) {
    let attempt = attempt(&*outside, &sink, now);
    let result = match limit {
        None => attempt.await,
        Some(limit) => tokio::time::timeout(limit, attempt)
            .await
            .unwrap_or(Err(GatherError::TooSlow { limit })),
    };
    // Nobody listens any more: then there is nobody to tell.
    let _ = sink.hand_on(Piece::Over(result)).await;
}

async fn attempt<O: Outside>(outside: &O, sink: &Sink, now: Timestamp) -> Result<(), GatherError> {
    if !sink.job.listed {
        match outside.ask(&sink.job, now, sink).await? {
            Answer::Stream => return Ok(()),
            Answer::List => sink.hand_on(Piece::ListEnded).await?,
        }
    }
    all_details(outside, sink).await
}

async fn all_details<O: Outside>(outside: &O, sink: &Sink) -> Result<(), GatherError> {
    let mut after = String::new();
    let (mut failed, mut last_reason) = (0, String::new());
    loop {
        let page = sink.missing(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        let asked = page.len();
        let (rows, errors) = one_page(outside, &sink.job, page).await;
        let mut failed_here = 0;
        for (domain, error) in errors {
            let reason = error.to_string();
            if matches!(error, GatherError::TooLong { .. }) {
                // It will be so each time; the others' day does not wait for it.
                tracing::warn!(fetcher = sink.job.command, day = %sink.job.day, domain, reason, "a domain is left out");
                sink.hand_on(Piece::Unusable(domain, reason)).await?;
                continue;
            }
            failed_here += 1;
            // The first as an example; the job's own line counts them.
            if failed == 0 && failed_here == 1 {
                tracing::warn!(fetcher = sink.job.command, day = %sink.job.day, domain, reason, "details failed");
            }
            last_reason = format!("{domain}: {reason}");
        }
        failed += failed_here as u64;
        let all_failed = failed_here == asked;
        sink.hand_on(Piece::Rows(rows)).await?;
        // A collector that fails for a whole page would fail for the rest; it is asked again later.
        if all_failed {
            break;
        }
    }
    match failed {
        0 => Ok(()),
        missing => Err(GatherError::Details {
            missing,
            last: last_reason,
        }),
    }
}

async fn one_page<O: Outside>(
    outside: &O,
    job: &Job,
    page: Vec<String>,
) -> (Vec<Fetched>, BTreeMap<String, GatherError>) {
    let answers = futures_util::stream::iter(page).map(|domain| async move {
        let data = outside.details(job, &domain).await;
        (domain, data)
    });
    let answers: Vec<_> = answers.buffer_unordered(DETAILS_AT_ONCE).collect().await;
    let (mut rows, mut errors) = (Vec::new(), BTreeMap::new());
    for (domain, data) in answers {
        match data {
            Ok(data) => rows.push(Fetched { domain, data }),
            Err(error) => drop(errors.insert(domain, error)),
        }
    }
    (rows, errors)
}
