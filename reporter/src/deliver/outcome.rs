//! How an attempt to deliver a report ended.

use std::time::Duration;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver, or the relay, accepted the report.
    Sent {
        /// Its answer, for the log.
        detail: String,
    },
    /// Try again later.
    Retry {
        /// What went wrong.
        reason: String,
        /// `Retry-After` of the answer.
        after: Option<Duration>,
    },
    /// Try again later: there was no connection or no answer. This says nothing about the report, so other deliveries of
    /// the same queue need not be tried now.
    Unreachable {
        /// What went wrong.
        reason: String,
    },
    /// Try again later: our own relay, or the program in its place, accepts no mail, and its answer does not speak of the
    /// address. It does not count against the report or its destination.
    Denied {
        /// Its answer.
        reason: String,
    },
    /// The receiver refused the report for good.
    Refused {
        /// What it answered.
        reason: String,
    },
    /// It can never be sent: the report, the address or our own rules prevent it. It does not count against the receiver.
    Unsendable {
        /// What prevents it.
        reason: String,
    },
    /// A map produced a scheme that is not supported.
    UnknownScheme,
    /// This host is out of descriptors, ports or socket memory. Nothing was tried, and it counts against nobody.
    LocalShortage {
        /// What is missing.
        reason: String,
    },
    /// Posts are not possible here: the proxy, the certificates or `http_script` are missing or broken, and the operator has
    /// to correct that. It counts against nobody.
    HttpsUnavailableHere {
        /// What is missing or broken.
        reason: String,
    },
    /// Nothing was tried: the owner of the host has as many posts under way at that address as are allowed. It counts
    /// against nobody.
    OwnerLimitReached {
        /// The owner and the address.
        reason: String,
    },
}

impl Outcome {
    /// What the other side answered, or what went wrong.
    pub fn reason(&self) -> &str {
        match self {
            Outcome::Sent { detail } => detail,
            Outcome::UnknownScheme => "nobody can deliver to that scheme",
            Outcome::Retry { reason, .. }
            | Outcome::Unreachable { reason }
            | Outcome::Denied { reason }
            | Outcome::Refused { reason }
            | Outcome::Unsendable { reason }
            | Outcome::LocalShortage { reason }
            | Outcome::HttpsUnavailableHere { reason }
            | Outcome::OwnerLimitReached { reason } => reason,
        }
    }

    /// To be tried again at the time that the schedule chooses.
    pub(super) fn retry(reason: impl Into<String>) -> Outcome {
        Outcome::Retry {
            reason: reason.into(),
            after: None,
        }
    }

    pub(super) fn unreachable(reason: impl Into<String>) -> Outcome {
        Outcome::Unreachable {
            reason: reason.into(),
        }
    }
}
