//! Reads a returned mail: which recipients it speaks of, what happened to each, and which texts may hold the tag of a delivery.
//!
//! Pure, and everything in it is a stranger's. What is read is bounded: [`MAX_READ`] bytes, nested [`entity::MAX_DEPTH`] deep, in
//! [`entity::MAX_PARTS`] parts, [`MAX_RECIPIENTS`] recipients. The time is linear in the bytes.
//!
//! RFC 3464 first (`delivery_status`), wherever in the mail it stands, as a forward wraps it; then the forms of MTAs that write for
//! people alone (`plain_forms`). Whether a tag is valid, the caller says: a mail proves nothing by its form.

mod delivery_status;
mod entity;
mod field;
mod plain_forms;

use std::fmt;

use tlsrptd_config::visible;

use crate::refusal::{EnhancedCode, HeardIn, Refusal, RefusalSubject};
use entity::{Entity, Tree};
use field::Fields;

/// How much of a mail is read. What a bounce says stands before the mail that it returns.
pub const MAX_READ: usize = 1 << 20;
/// Recipients that are kept; a mail of ours has one, and perhaps a copy.
pub const MAX_RECIPIENTS: usize = 100;
/// Texts that may hold a tag.
const MAX_TAGS: usize = 32;
/// Longest address: 64 octets, `@`, 255 (RFC 5321 section 4.5.3.1), and what may surround it.
const MAX_ADDRESS: usize = 400;

/// What a returned mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedMail {
    /// Those it speaks of, in its order. At least one.
    pub recipients: Vec<ReturnedRecipient>,
    /// Further recipients, beyond [`MAX_RECIPIENTS`].
    pub omitted: usize,
    /// Texts in which the tag may stand, the likeliest first: the envelope id, the addresses that this mail came to, sender and
    /// return path of the mail that it returns.
    pub tags: Vec<String>,
}

/// What happened to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedRecipient {
    /// The final recipient, which is another one than we named where a mail was forwarded.
    pub address: Option<String>,
    /// The recipient as we named it, if the mail says so.
    pub original: Option<String>,
    /// What happened.
    pub action: DeliveryAction,
    /// `Status` of RFC 3464 section 2.3.4, as the system that wrote the mail puts it.
    pub status: Option<EnhancedCode>,
    /// The three digits of the receiver's reply.
    pub code: Option<u16>,
    /// The enhanced code of the receiver's reply.
    pub enhanced: Option<EnhancedCode>,
    /// The receiver's host.
    pub remote: Option<String>,
    /// Reply or reason, in one line, safe to print and short. Empty if there is none.
    pub reason: String,
}

/// RFC 3464 section 2.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryAction {
    /// Not delivered, and given up.
    Failed,
    /// Not delivered yet.
    Delayed,
    /// Delivered.
    Delivered,
    /// Handed to a system that will not tell more.
    Relayed,
    /// Handed on to several addresses.
    Expanded,
}

/// Why a mail is not taken for a returned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBounce {
    /// Empty, or without a header.
    #[error("it is no mail")]
    NoMail,
    /// A message disposition notification (RFC 8098).
    #[error("it is a read receipt")]
    ReadReceipt,
    /// An abuse report (RFC 5965).
    #[error("it is an abuse report")]
    AbuseReport,
    /// Mail of a mailing list.
    #[error("it is mail of a mailing list")]
    ListMail,
    /// An automatic reply (RFC 3834), as of somebody on vacation.
    #[error("it is an automatic reply")]
    AutomaticReply,
    /// It says that it is a bounce, and names no recipient.
    #[error("it names no recipient")]
    NoRecipient,
    /// Nested beyond what is read.
    #[error("it is nested too deep, or in too many parts")]
    TooNested,
    /// Any other mail.
    #[error("it says nothing of a delivery")]
    OtherMail,
}

/// Reads a mail, of which [`MAX_READ`] bytes count. A mail that is cut off is read as far as it goes.
///
/// # Errors
/// If it does not say what happened to a recipient; the error says what it is instead.
pub fn read(mail: &[u8]) -> Result<ReturnedMail, NoBounce> {
    let mail = &mail[..mail.len().min(MAX_READ)];
    let mut tree = Tree::default();
    let top = Entity::parse(mail, &mut tree).ok_or(NoBounce::NoMail)?;
    if top.fields.is_empty() {
        return Err(NoBounce::NoMail);
    }
    let mut found = delivery_status::search(&top, 0, &mut tree);
    let says_so = found.is_some();
    // A report without recipients may have the text that it had for people.
    if found
        .as_ref()
        .is_none_or(|found| found.recipients.is_empty())
    {
        tree.begin_again();
        found = plain_forms::search(&top, 0, &mut tree);
    }
    let found = match found {
        Some(found) if !found.recipients.is_empty() => found,
        _ if says_so => return Err(NoBounce::NoRecipient),
        _ => return Err(instead(&top, &tree)),
    };
    let mut tags = TagCandidates::default();
    tags.add(found.envelope_id.as_deref());
    for text in &found.addressees {
        tags.add(Some(text));
    }
    for name in ["return-path", "x-envelope-from", "from"] {
        let addresses = found.returned.all(name).flat_map(field::addresses);
        addresses.for_each(|text| tags.add(Some(&text)));
    }
    Ok(ReturnedMail {
        recipients: found.recipients,
        omitted: found.omitted,
        tags: tags.0,
    })
}

/// What a mail is that says nothing of a delivery.
fn instead(top: &Entity<'_>, tree: &Tree) -> NoBounce {
    let has = |name: &str| top.fields.get(name).is_some();
    let says = |name: &str, words: &[&str]| {
        let value = top.fields.get(name).map(str::to_ascii_lowercase);
        value.is_some_and(|value| words.iter().any(|word| value.starts_with(word)))
    };
    let is_automatic = top
        .fields
        .get("auto-submitted")
        .is_some_and(|value| !value.to_ascii_lowercase().starts_with("no"));
    if tree.has_receipt {
        NoBounce::ReadReceipt
    } else if tree.has_abuse_report {
        NoBounce::AbuseReport
    } else if has("list-id") || has("list-unsubscribe") || says("precedence", &["list"]) {
        NoBounce::ListMail
    } else if tree.was_cut {
        NoBounce::TooNested
    } else if is_automatic
        || has("x-autoreply")
        || has("x-autorespond")
        || says("precedence", &["auto_reply", "junk"])
    {
        NoBounce::AutomaticReply
    } else {
        NoBounce::OtherMail
    }
}

/// What one of the readers found.
#[derive(Debug, Default)]
struct FoundReport {
    recipients: Vec<ReturnedRecipient>,
    omitted: usize,
    envelope_id: Option<String>,
    /// The addresses that the mail with the report came to, then those of the mails around it.
    addressees: Vec<String>,
    /// The header of the mail that is returned.
    returned: Fields,
}

/// The addresses that a mail came to, those that a system noted first.
fn addressees(fields: &Fields) -> Vec<String> {
    let names = [
        "x-original-to",
        "delivered-to",
        "envelope-to",
        "x-envelope-to",
        "to",
    ];
    let values = names.iter().flat_map(|name| fields.all(name));
    values.flat_map(field::addresses).take(MAX_TAGS).collect()
}

/// Each text once, in order.
#[derive(Debug, Default)]
struct TagCandidates(Vec<String>);

impl TagCandidates {
    fn add(&mut self, text: Option<&str>) {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return;
        };
        let is_new = !self.0.iter().any(|known| known == text);
        if is_new && text.len() <= MAX_ADDRESS && self.0.len() < MAX_TAGS {
            self.0.push(text.to_owned());
        }
    }
}

impl ReturnedRecipient {
    /// Whether the mail was given up for this recipient.
    pub fn has_failed(&self) -> bool {
        self.action == DeliveryAction::Failed
    }

    /// What the refusal speaks of. A failure that does not say whom it blames, or blames two, blames nobody.
    pub fn speaks_of(&self) -> RefusalSubject {
        let about = |code, enhanced| {
            let refusal = Refusal {
                code,
                enhanced,
                text: &self.reason,
                heard: HeardIn::ReturnedMail,
            };
            refusal.speaks_of()
        };
        let is_refusal = |class: u16| matches!(class, 4 | 5);
        let is_contrary = self.code.is_some_and(|code| !is_refusal(code / 100))
            || [self.status, self.enhanced]
                .iter()
                .flatten()
                .any(|code| !is_refusal(code.class));
        if is_contrary {
            return RefusalSubject::Unspecified;
        }
        let of_status = about(None, self.status);
        if self.code.is_none() && self.enhanced.is_none() {
            return of_status;
        }
        // The receiver's own word, and how the system that asked it put that.
        let of_reply = about(self.code, self.enhanced);
        match (of_reply, of_status) {
            (reply, RefusalSubject::Unspecified) => reply,
            (RefusalSubject::Unspecified, status) if self.enhanced.is_none() => status,
            (reply, status) if reply == status => reply,
            // `5.4.4`, `5.5.0` and the like where a system has no better word for a reply that has one.
            (RefusalSubject::Address, RefusalSubject::System) => RefusalSubject::Address,
            _ => RefusalSubject::Unspecified,
        }
    }
}

impl fmt::Display for ReturnedRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(remote) = &self.remote {
            write!(f, "{remote} said: ")?;
        }
        match (self.reason.as_str(), self.status) {
            ("", Some(status)) => write!(f, "status {status}"),
            ("", None) => f.write_str("no reason given"),
            (reason, _) => f.write_str(reason),
        }
    }
}

/// A text of the mail in one line, safe to print, and short.
fn cleaned(text: &str) -> String {
    visible::excerpt(text)
}

#[cfg(test)]
mod tests;
