//! One report to one address, and how that ended.

use std::time::Duration;

/// Where a report goes, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// `mailto:` and one decoded address, an `https:` URL, or `directory:` and a path.
    pub uri: String,
    /// Whose word it is: the filter for non-global addresses applies to records only.
    pub origin: Origin,
}

/// Who named a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The domain's own TXT record.
    Record,
    /// The operator, in a map or a debug option.
    Operator,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took it.
    Sent {
        /// What it answered, for the log.
        detail: String,
    },
    /// Try again later.
    Retry {
        /// What went wrong.
        reason: String,
        /// The other side's wish (`Retry-After`).
        after: Option<Duration>,
    },
    /// The other side will never take it.
    Refused {
        /// What it answered.
        reason: String,
    },
    /// A map produced a scheme that nobody can deliver to.
    UnknownScheme,
}
