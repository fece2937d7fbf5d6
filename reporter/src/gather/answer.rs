//! An answer on its way to the database, in parts.

use std::sync::Arc;

use tlsrptd_proto::day::Day;
use tokio::sync::{mpsc, oneshot};

use super::GatherError;
use crate::model::{FetchJob, Fetched};

/// A part of an answer on its way to the database.
#[derive(Debug)]
pub enum AnswerPart {
    /// Domains with their counts.
    Rows(Vec<Fetched>),
    /// A domain whose counts can never be used, and why.
    Unusable(String, String),
    /// Domains of sys4's list.
    Listed(Vec<String>),
    /// sys4's list is whole.
    ListEnded,
    /// Which listed domains are missing, after this one?
    Missing(String, oneshot::Sender<Vec<String>>),
    /// The day is told wholly, with so many additions.
    Told(u64),
    /// Days that grew after they were closed, and how often.
    Grown(Vec<(Day, u64)>),
    /// The attempt is over.
    Over(Result<(), GatherError>),
}

/// Where the parts of one answer go. It holds back who sends faster than the database takes.
#[derive(Clone, Debug)]
pub struct AnswerSender {
    job: Arc<FetchJob>,
    pieces: mpsc::Sender<(Arc<FetchJob>, AnswerPart)>,
}

impl AnswerSender {
    /// For one attempt at one job.
    pub fn new(
        job: Arc<FetchJob>,
        pieces: mpsc::Sender<(Arc<FetchJob>, AnswerPart)>,
    ) -> AnswerSender {
        AnswerSender { job, pieces }
    }

    pub(crate) fn job(&self) -> &Arc<FetchJob> {
        &self.job
    }

    /// Hands a part on.
    ///
    /// # Errors
    ///
    /// When the daemon does not take it any more: it stops.
    pub async fn hand_on(&self, piece: AnswerPart) -> Result<(), GatherError> {
        let sent = self.pieces.send((Arc::clone(&self.job), piece)).await;
        sent.map_err(|_| GatherError::Stopped)
    }

    /// Asks the database which listed domains after this one have no counts yet.
    pub(crate) async fn missing(&self, after: &str) -> Result<Vec<String>, GatherError> {
        let (reply, answer) = oneshot::channel();
        self.hand_on(AnswerPart::Missing(after.to_owned(), reply))
            .await?;
        answer.await.map_err(|_| GatherError::Stopped)
    }
}

impl AnswerPart {
    /// Domains that are asked for before the next are looked up.
    pub const PAGE: u32 = 256;
}
