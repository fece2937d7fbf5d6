//! What the operator asks the daemon for by a row: a report once more, or a test report.

use std::fmt;

/// The number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub i64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A stored report, once more, to one destination.
    Resend,
    /// A test report.
    Test,
}

impl RequestKind {
    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestKind::Resend => "resend",
            RequestKind::Test => "test",
        }
    }

    /// Reads a word of the database.
    pub fn from_word(word: &str) -> Option<RequestKind> {
        [RequestKind::Resend, RequestKind::Test]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// The daemon has not seen it.
    Asked,
    /// It is to be tried, or tried again.
    Waiting,
    /// An attempt has begun, and its outcome is not recorded.
    InHand,
    /// The other side took the report.
    Sent,
    /// The receiver refused it, or it cannot be sent at all.
    Refused,
    /// The one attempt of a test failed, or there is nothing to send.
    Failed,
    /// No attempt succeeded within the retry window.
    TimedOut,
    /// The reporter ended while the other side had it.
    Unknown,
    /// Whoever asked took it back before an attempt began.
    Withdrawn,
}

impl RequestState {
    const ALL: [RequestState; 9] = [
        RequestState::Asked,
        RequestState::Waiting,
        RequestState::InHand,
        RequestState::Sent,
        RequestState::Refused,
        RequestState::Failed,
        RequestState::TimedOut,
        RequestState::Unknown,
        RequestState::Withdrawn,
    ];

    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestState::Asked => "asked",
            RequestState::Waiting => "waiting",
            RequestState::InHand => "in hand",
            RequestState::Sent => "sent",
            RequestState::Refused => "refused",
            RequestState::Failed => "failed",
            RequestState::TimedOut => "timedout",
            RequestState::Unknown => "unknown",
            RequestState::Withdrawn => "withdrawn",
        }
    }

    /// Reads a word of the database.
    pub fn from_word(word: &str) -> Option<RequestState> {
        RequestState::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
    }

    /// Nothing more will happen.
    pub fn is_over(self) -> bool {
        !matches!(
            self,
            RequestState::Asked | RequestState::Waiting | RequestState::InHand
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in RequestState::ALL {
            assert_eq!(RequestState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(RequestState::from_word("pending"), None);
        for kind in [RequestKind::Resend, RequestKind::Test] {
            assert_eq!(RequestKind::from_word(kind.as_str()), Some(kind));
        }
    }
}
