//! One attempt at one fetch job, whichever protocol the collector speaks.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use jiff::Timestamp;

use crate::{
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, BYTES_AT_ONCE, GatherError, LEAST_DOMAIN},
    model::Fetched,
};

/// Processes of one collector at once, with sys4's protocol.
const DETAILS_AT_ONCE: usize = 8;

/// Makes the attempt, within `limit` if there is one, and says at its end how it went. All parts are handed on before
/// that.
pub(super) async fn run<O: Environment>(
    environment: Arc<O>,
    sink: AnswerSender,
    now: Timestamp,
    limit: Option<Duration>,
) {
    let attempt = attempt(&*environment, &sink, now);
    let result = match limit {
        None => attempt.await,
        Some(limit) => tokio::time::timeout(limit, attempt)
            .await
            .unwrap_or(Err(GatherError::TooSlow { limit })),
    };
    // Nobody listens any more: then there is nobody to tell.
    let _ = sink.hand_on(AnswerPart::Over(result)).await;
}

async fn attempt<O: Environment>(
    environment: &O,
    sink: &AnswerSender,
    now: Timestamp,
) -> Result<(), GatherError> {
    if !sink.job().listed {
        match environment.ask(sink.job(), now, sink).await? {
            Answer::Stream => return Ok(()),
            Answer::List => sink.hand_on(AnswerPart::ListEnded).await?,
        }
    }
    all_details(environment, sink).await
}

/// Asks for all listed domains, and hands their rows on while they come.
async fn all_details<O: Environment>(
    environment: &O,
    sink: &AnswerSender,
) -> Result<(), GatherError> {
    let limit = environment.max_answer_size();
    let mut asking = Asking {
        environment,
        sink,
        rows: Vec::new(),
        bytes: 0,
        left: limit,
        failed: 0,
        last_reason: String::new(),
    };
    let mut after = String::new();
    loop {
        let page = sink.missing(&after).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        let asked = page.len() as u64;
        let failed_before = asking.failed;
        let asked_well = asking.page(page).await;
        asking.hand_on().await?;
        if !asked_well? {
            return Err(GatherError::TooLarge { limit });
        }
        // A collector that fails for a whole page would fail for the rest; it is asked again later.
        if asking.failed - failed_before == asked {
            break;
        }
    }
    match asking.failed {
        0 => Ok(()),
        missing => Err(GatherError::Details {
            missing,
            last: asking.last_reason,
        }),
    }
}

/// One collector that is asked for one domain after the other.
struct Asking<'a, O> {
    environment: &'a O,
    sink: &'a AnswerSender,
    rows: Vec<Fetched>,
    bytes: usize,
    /// Of `max_answer_size`.
    left: u64,
    failed: u64,
    last_reason: String,
}

impl<O: Environment> Asking<'_, O> {
    /// `false`: the answers are too large together.
    async fn page(&mut self, page: Vec<String>) -> Result<bool, GatherError> {
        let (environment, job) = (self.environment, Arc::clone(self.sink.job()));
        let answers = futures_util::stream::iter(page).map(|domain| {
            let job = Arc::clone(&job);
            async move {
                let data = environment.details(&job, &domain).await;
                (domain, data)
            }
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(DETAILS_AT_ONCE));
        while let Some((domain, data)) = answers.next().await {
            match data {
                Ok(data) => {
                    self.bytes += data.len();
                    let size = data.len().max(LEAST_DOMAIN) as u64;
                    self.rows.push(Fetched { domain, data });
                    let Some(left) = self.left.checked_sub(size) else {
                        return Ok(false);
                    };
                    self.left = left;
                }
                Err(error) => self.failure(domain, &error).await?,
            }
            if self.bytes >= BYTES_AT_ONCE {
                self.hand_on().await?;
            }
        }
        Ok(true)
    }

    async fn failure(&mut self, domain: String, error: &GatherError) -> Result<(), GatherError> {
        let (fetcher, day, reason) = (
            &self.sink.job().command,
            self.sink.job().day,
            error.to_string(),
        );
        if matches!(error, GatherError::TooLong { .. }) {
            // It will be so each time; the others' day does not wait for it.
            tracing::warn!(fetcher, %day, domain, reason, "a domain is left out");
            return self
                .sink
                .hand_on(AnswerPart::Unusable(domain, reason))
                .await;
        }
        self.failed += 1;
        // The first as an example; the job's own line counts them.
        if self.failed == 1 {
            tracing::warn!(fetcher, %day, domain, reason, "details failed");
        }
        self.last_reason = format!("{domain}: {reason}");
        Ok(())
    }

    async fn hand_on(&mut self) -> Result<(), GatherError> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        self.sink.hand_on(AnswerPart::Rows(rows)).await
    }
}
