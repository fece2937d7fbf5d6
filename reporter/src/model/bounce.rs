//! What comes back of a mail, and what becomes of that.

/// What a returned mail says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceKind {
    /// It was not delivered, and never will be.
    Failed,
    /// It was not delivered so far.
    Delayed,
    /// It went on, or arrived: relayed, delivered or expanded.
    Passed,
}

impl BounceKind {
    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            BounceKind::Failed => "failed",
            BounceKind::Delayed => "delayed",
            BounceKind::Passed => "passed",
        }
    }

    /// Reads a word of the database.
    pub fn from_word(word: &str) -> Option<BounceKind> {
        [BounceKind::Failed, BounceKind::Delayed, BounceKind::Passed]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// Whom a bounce speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceBlame {
    /// The address: it counts for a suspension.
    Address,
    /// Us, the relay, the mail, or the way between.
    Other,
}

/// What became of a mail that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceResult {
    /// The delivery has ended as refused.
    Refused,
    /// It is late; noted with the delivery.
    Delayed,
    /// It went on; noted with the delivery.
    Passed,
    /// The delivery had ended in another way before, or was refused by another bounce.
    Ended,
    /// The delivery is not known any more.
    Gone,
    /// The same had come before.
    Repeated,
    /// It is about the copy for `bcc_address`.
    Copy,
    /// It bears no tag of ours.
    Untagged,
    /// It is no bounce.
    NoBounce,
}

impl BounceResult {
    /// All of them.
    pub const ALL: [BounceResult; 9] = [
        BounceResult::Refused,
        BounceResult::Delayed,
        BounceResult::Passed,
        BounceResult::Ended,
        BounceResult::Gone,
        BounceResult::Repeated,
        BounceResult::Copy,
        BounceResult::Untagged,
        BounceResult::NoBounce,
    ];

    /// The word of the database and of the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            BounceResult::Refused => "refused",
            BounceResult::Delayed => "delayed",
            BounceResult::Passed => "passed",
            BounceResult::Ended => "ended",
            BounceResult::Gone => "gone",
            BounceResult::Repeated => "repeated",
            BounceResult::Copy => "copy",
            BounceResult::Untagged => "untagged",
            BounceResult::NoBounce => "no-bounce",
        }
    }

    /// Nothing changed by it.
    pub fn is_ignored(self) -> bool {
        !matches!(
            self,
            BounceResult::Refused | BounceResult::Delayed | BounceResult::Passed
        )
    }
}
