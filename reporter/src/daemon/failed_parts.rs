//! Parts of a pass that the database refuses: a full disk, a row that somebody holds, or that cannot be read. A part that has failed is
//! left for a while, and holds back nothing else.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_service::log::FailureThrottle;
use tokio::time::Instant;

use super::main_loop::RETRY_WAIT;
use crate::store::StoreError;

/// While something fails, it is logged once in so much time.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// What may fail alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Making fetch jobs.
    Calendar,
    /// Fetch jobs.
    Gathering,
    /// Sessions that were added to days.
    Additions,
    /// The fleet, and its days.
    Tending,
    /// Decisions.
    Composing,
    /// Digests.
    Digests,
    /// What the operator asks for.
    Requests,
    /// Returned mails.
    Bounces,
    /// Removing what is old.
    Cleaning,
}

/// See the module.
#[derive(Debug)]
pub(super) struct FailedParts {
    left: Vec<(Part, Instant)>,
    trouble: FailureThrottle,
}

impl FailedParts {
    pub(super) fn new() -> FailedParts {
        FailedParts {
            left: Vec::new(),
            trouble: FailureThrottle::new(LOG_INTERVAL),
        }
    }

    /// Whether this part has failed a moment ago.
    pub(super) fn is_left(&self, part: Part) -> bool {
        let now = Instant::now();
        self.left
            .iter()
            .any(|(left, until)| *left == part && *until > now)
    }

    /// Until the first of them is tried again.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let now = Instant::now();
        let left = self.left.iter();
        left.map(|(_, until)| until.saturating_duration_since(now))
            .min()
    }

    /// Does the work of a part, unless it has failed a moment ago. `None`: it failed, now or then.
    pub(super) fn attempt<T>(
        &mut self,
        part: Part,
        now: Timestamp,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_left(part) {
            return Ok(None);
        }
        self.left.retain(|(left, _)| *left != part);
        match work() {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.may_pass() => {
                self.left.push((part, Instant::now() + RETRY_WAIT));
                self.log(&error, now);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Something cannot be done now.
    pub(super) fn log(&mut self, error: &StoreError, now: Timestamp) {
        if let Some(suppressed) = self.trouble.failed(now) {
            tracing::error!(%error, suppressed, "cannot write to the database; trying again");
        }
    }

    /// A pass has come to its end.
    pub(super) fn log_recovery(&mut self, now: Timestamp) {
        if !self.left.is_empty() {
            return;
        }
        if let Some(lasted) = self.trouble.recovered(now) {
            let seconds = lasted.as_secs();
            tracing::warn!(seconds, "the database can be written again");
        }
    }
}
