//! The answer of the relay, or of the program in its place, to one mail.
//!
//! The relay is ours, the receiver is theirs. Only an answer that certainly speaks of the address counts as the receiver's;
//! any other is about us or the relay, and does not count against the address.

/// How one attempt ended. What follows depends on other mails too: see [`super::standing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailAnswer {
    /// The relay accepted the mail.
    Taken {
        /// Its answer, for the log.
        detail: String,
    },
    /// The address accepts no mail, permanently.
    NoSuchAddress { reason: String },
    /// The address accepts no mail now.
    AddressBusy { reason: String },
    /// The relay may have accepted the mail: its answer is missing.
    Unknown { reason: String },
    /// The relay did not accept the mail, for a reason that is not the address.
    Denied(Denial),
    /// There was no relay, or no program.
    Nobody { reason: String },
}

/// Why the relay did not accept a mail, other than its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    /// The answer.
    pub(super) reason: String,
    /// What the operator can do.
    pub(super) remedy: &'static str,
    /// Whether the answer says that it is permanent.
    pub(super) permanence: Permanence,
    /// Whether it may be due to this one mail.
    pub(super) scope: DenialScope,
}

/// RFC 3463 section 3.1: whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permanence {
    /// It may pass by itself.
    Transient,
    /// Somebody has to change something.
    Permanent,
}

/// What the relay refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DenialScope {
    /// A mail.
    Mail,
    /// The session, before the mail.
    Session,
}

/// The remedy where nothing better is known.
pub(super) const SEE_ITS_LOG: &str =
    "its own log says why; docs/troubleshooting.md has the usual reasons";
