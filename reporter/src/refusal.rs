//! What a refusal of a mail speaks of: the address, us, the mail, a mail system, or the way to it.
//!
//! One table, for replies of the relay and for what a returned mail quotes. A refusal is held against an address only if it
//! certainly speaks of that address. Two places hear with different ears: the relay is ours, so a reply of its own that reads
//! like the address's may be its configuration (`550 5.4.4`, a bare `550`); in a returned mail the relay had taken the mail,
//! and the words are those of the receiver's host, or of the relay after it had looked for that host.
//!
//! A mail that expired after days without an answer is [`RefusalSubject::Route`], and not held against the address: whether
//! the receiver's host was silent or our relay was cut off, nobody but the operator can tell, and after a week without a network
//! every address would be suspended when it is back. Such a mail waits in the relay's queue, and no receiver sees it, so it
//! costs the sender little and its reputation nothing. A domain that is not in the DNS (X.4.4, X.1.2) is the address's own.

mod codes;

use std::fmt;

pub use codes::{CODES, RefusalCode};

/// `X.Y.Z` of RFC 3463.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedCode {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u16,
    /// What it is about, section 3.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads `5.1.1`, and nothing else.
    pub fn parse(text: &str) -> Option<EnhancedCode> {
        let mut parts = text.split('.').map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten()
        });
        let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
        let is_one = parts.next().is_none() && matches!(class, 2 | 4 | 5);
        is_one.then_some(EnhancedCode {
            class,
            subject,
            detail,
        })
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a refusal speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalSubject {
    /// The address: it, its mailbox or its domain takes no mail. The only one that is held against it.
    Address,
    /// Us: our address, our host, our login, what a policy thinks of any of these.
    Sender,
    /// The mail: its size, its form, what a filter found in it.
    Content,
    /// A mail system itself: full, at fault, out of step.
    System,
    /// The way to the receiver's host: silent, in a loop, too late.
    Route,
    /// Nothing in particular, or two things at once.
    Unspecified,
}

/// Where a refusal was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeardIn {
    /// A reply of the relay, or of the receiver's host if there is no relay.
    Session,
    /// A returned mail, as the word of the receiver's host.
    ReturnedMail,
}

/// A refusal.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The three digits.
    pub code: Option<u16>,
    /// The enhanced code.
    pub enhanced: Option<EnhancedCode>,
    /// The words.
    pub text: &'a str,
    /// Where it was heard.
    pub heard: HeardIn,
}

/// Site policies choose codes at will. These are the words of Postfix and others about the sender, whatever the code.
const OF_SENDER: &[&str] = &[
    "sender address rejected",
    "sender rejected",
    "sender verify failed",
    // Those who ask our host whether our address exists, or do not like its tag.
    "sender verification failed",
    "sender unknown",
    "unknown sender",
    "invalid sender",
    // Exchange Online, of the account that was logged in with.
    "sendasdenied",
    "not allowed to send as",
    "send as this sender",
];

/// Words about the address that decide in a returned mail where the codes say nothing in particular. None of them is used by a
/// policy about senders: `mailbox unavailable` is not here, as RFC 5321 section 4.2.3 has it for policies too.
const OF_ADDRESS: &[&str] = &[
    // Postfix, sendmail, Courier.
    "user unknown",
    "unknown user",
    // Exim: a domain without a mail host, or a local part that nobody has.
    "unrouteable address",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "unknown recipient",
    "recipient unknown",
    "recipient not found",
    "user not found",
    "mailbox not found",
    "unknown mailbox",
    "invalid recipient",
    "invalid mailbox",
    // Yahoo.
    "user doesn't have a",
    // Exchange 5.5.
    "recipient name is not recognized",
    // qmail.
    "no mailbox here by that name",
    "user does not exist",
    "mailbox does not exist",
    "address does not exist",
    "recipient does not exist",
    "mailbox is full",
    "mailbox full",
    "mailbox quota exceeded",
    "is over quota",
    "mailbox is disabled",
    "mailbox disabled",
];

/// And words about us, in the same place.
const OF_POLICY: &[&str] = &[
    "blocked",
    "blacklist",
    "blocklist",
    "block list",
    "dnsbl",
    "spam",
    "reputation",
    "policy",
    "denied",
    "relaying",
    "unable to relay",
    "not permitted",
    "not authorized",
    "not allowed",
    "greylist",
    "dmarc",
    "dkim",
    "spf ",
    "reverse dns",
];

impl Refusal<'_> {
    /// What it speaks of.
    pub fn speaks_of(&self) -> RefusalSubject {
        let text = self.text.to_ascii_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        if says(OF_SENDER) {
            return RefusalSubject::Sender;
        }
        if self.host_takes_no_mail() {
            return RefusalSubject::Address;
        }
        let in_returned = self.heard == HeardIn::ReturnedMail;
        let by_code = self.enhanced.map(|code| codes::look_up(code, self.heard));
        match by_code.unwrap_or(RefusalSubject::Unspecified) {
            RefusalSubject::Unspecified if in_returned && says(OF_ADDRESS) => {
                RefusalSubject::Address
            }
            RefusalSubject::Unspecified if in_returned && says(OF_POLICY) => RefusalSubject::Sender,
            // Exchange Online's edge, of an address that its tenant does not have: `550 5.4.1 Recipient address rejected: Access denied`.
            RefusalSubject::Route if in_returned && self.is_edge_blocking(&text) => {
                RefusalSubject::Address
            }
            subject => subject,
        }
    }

    /// RFC 7504: 556 of a domain, even without an enhanced code; 521 of a host (section 3, with X.3.2), which greets like this, so
    /// that only a returned mail tells it of the receiver's host.
    fn host_takes_no_mail(&self) -> bool {
        let detail = self.enhanced.map(|code| (code.subject, code.detail));
        match self.code {
            Some(556) => detail.is_none(),
            Some(521) => {
                self.heard == HeardIn::ReturnedMail && matches!(detail, None | Some((3, 2)))
            }
            _ => false,
        }
    }

    fn is_edge_blocking(&self, text: &str) -> bool {
        let is_code = |code: EnhancedCode| (code.class, code.subject, code.detail) == (5, 4, 1);
        self.enhanced.is_some_and(is_code) && text.contains("recipient address rejected")
    }
}

/// Whether words speak of the sender, whatever the codes say.
pub fn names_sender(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    OF_SENDER.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests;
