//! What a relay, or a program in its place, said to one mail: whom it speaks of, and whether the mail is taken.
//!
//! The relay is ours, the receiver is theirs. Only what surely speaks of the address is the receiver's word; all else is
//! about us, about the relay or about nothing in particular, and is held against nobody.

/// How one attempt ended, before it is known how others end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailAnswer {
    /// It has the mail.
    Taken {
        /// What it answered, for the log.
        detail: String,
    },
    /// The address takes no mail, and never will.
    NoSuchAddress { reason: String },
    /// The address takes no mail now.
    AddressBusy { reason: String },
    /// It may have the mail: nobody knows.
    Unknown { reason: String },
    /// It does not have the mail, for whatever else.
    Denied(Denial),
    /// There was nobody to take a mail.
    Nobody { reason: String },
}

/// Mail that is not taken, and not because of its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    /// What was said.
    pub(super) reason: String,
    /// What the operator can do.
    pub(super) remedy: &'static str,
    /// How long it will last, by its own word.
    pub(super) permanence: Permanence,
    /// Whether it was said to a mail, which may be the cause.
    pub(super) scope: DenialScope,
}

/// How long a denial lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permanence {
    /// It may be over soon.
    Transient,
    /// Somebody has to mend something.
    Permanent,
}

/// What was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DenialScope {
    /// A mail.
    Mail,
    /// A session in which there was no mail yet.
    Session,
}

/// A remedy where nothing better is known.
pub(super) const SEE_ITS_LOG: &str =
    "its own log says why; docs/troubleshooting.md has the usual reasons";
