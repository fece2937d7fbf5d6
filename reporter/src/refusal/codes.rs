//! The enhanced codes of IANA's registry "SMTP Enhanced Status Codes" (RFC 5248), and what each speaks of.

use std::ops::RangeInclusive;

use super::{EnhancedCode, HeardIn, RefusalSubject};

/// Enhanced codes that speak of the same.
#[derive(Debug)]
pub struct RefusalCode {
    /// The second number.
    pub subject: u16,
    /// The third numbers.
    pub details: RangeInclusive<u16>,
    /// What they speak of.
    pub speaks_of: RefusalSubject,
    /// Where they do so; `None` means anywhere.
    pub heard: Option<HeardIn>,
    /// What says so, and why we read it like this.
    pub source: &'static str,
}

const ALL: RangeInclusive<u16> = 0..=u16::MAX;

/// The first row that fits decides. Codes in no row speak of nothing in particular.
#[rustfmt::skip]
pub const CODES: &[RefusalCode] = {
    use RefusalSubject::{Address, Content, Route, Sender, System, Unspecified};
    use HeardIn::ReturnedMail;
    &[
        any(0, ALL, Unspecified, "RFC 3463 section 3.1: undefined"),

        any(1, 0..=0, Unspecified, "RFC 3463 section 3.2: something about an address, the sender's or the recipient's"),
        any(1, 1..=4, Address, "RFC 3463 section 3.2: bad mailbox, bad system (its domain does not exist), bad syntax, ambiguous"),
        any(1, 5..=5, Unspecified, "RFC 3463 section 3.2: the address is valid, which refuses nothing"),
        any(1, 6..=6, Address, "RFC 3463 section 3.2: moved, no forwarding address"),
        any(1, 7..=8, Sender, "RFC 3463 section 3.2: bad sender's mailbox syntax, bad sender's system"),
        any(1, 9..=9, Unspecified, "RFC 5248: relayed to a system that tells nothing, which refuses nothing"),
        any(1, 10..=10, Address, "RFC 7505 section 4.1: the domain has a null MX; Exchange Online: recipient not found"),
        of(1, 351..=351, Address, ReturnedMail, "Exchange Online: the remote server said that it does not know the recipient"),

        any(2, 0..=0, Unspecified, "RFC 3463 section 3.3: something about a mailbox; Exchange says it of its own store"),
        any(2, 1..=1, Address, "RFC 3463 section 3.3: disabled"),
        any(2, 2..=2, Address, "RFC 3463 section 3.3: full. For days, or said to be permanent, nobody reads it; a suspension ends by itself"),
        any(2, 3..=3, Content, "RFC 3463 section 3.3: longer than this mailbox takes; the next report may be shorter"),
        any(2, 4..=4, Address, "RFC 3463 section 3.3: the mailing list cannot be expanded"),
        any(2, 5..=u16::MAX, Unspecified, "not registered; Exchange Online has X.2.252 and X.2.253 of the sender"),

        any(3, 4..=4, Content, "RFC 3463 section 3.4: too big for the system"),
        any(3, ALL, System, "RFC 3463 section 3.4, RFC 6710: full, takes no mail now, lacks a feature, wrongly configured"),

        any(4, 3..=3, System, "RFC 3463 section 3.5: no directory server (a resolver that fails) is the relay's trouble"),
        of(4, 4..=4, Address, ReturnedMail, "RFC 3463 section 3.5: no next hop. The relay looked, and the domain has no mail host in the DNS; Postfix says so of each such domain. Of a relay's own reply: its routing"),
        of(4, 310..=310, Address, ReturnedMail, "Exchange Online: the DNS domain does not exist"),
        any(4, ALL, Route, "RFC 3463 section 3.5: no answer, bad connection, congestion, loop, expired: see the module"),

        any(5, ALL, System, "RFC 3463 section 3.6, RFC 4954: the protocol, between two systems"),

        any(6, ALL, Content, "RFC 3463 section 3.7, RFC 4468, RFC 6531: media and characters that a system does not take"),

        of(7, 2..=2, Address, ReturnedMail, "RFC 3463 section 3.8: a mailing list that is closed to senders like us; it will be tomorrow"),
        of(7, 17..=18, Address, ReturnedMail, "RFC 7293: the mailbox or the domain has changed hands"),
        of(7, 124..=124, Address, ReturnedMail, "Exchange Online: the recipient takes mail of named senders only"),
        of(7, 129..=129, Address, ReturnedMail, "Exchange Online: the same"),
        of(7, 133..=136, Address, ReturnedMail, "Exchange Online: a group, mailbox or list of its organisation's own, closed to all others"),
        any(7, ALL, Sender, "RFC 3463 section 3.8, RFC 4954, RFC 7372, RFC 7505, RFC 8617, RFC 8689: security and policy: what they think of us, our host, our signature or this mail"),
    ]
};

const fn any(
    subject: u16,
    details: RangeInclusive<u16>,
    speaks_of: RefusalSubject,
    source: &'static str,
) -> RefusalCode {
    RefusalCode {
        subject,
        details,
        speaks_of,
        heard: None,
        source,
    }
}

const fn of(
    subject: u16,
    details: RangeInclusive<u16>,
    speaks_of: RefusalSubject,
    heard: HeardIn,
    source: &'static str,
) -> RefusalCode {
    RefusalCode {
        subject,
        details,
        speaks_of,
        heard: Some(heard),
        source,
    }
}

/// What a code speaks of.
pub(super) fn look_up(code: EnhancedCode, heard: HeardIn) -> RefusalSubject {
    let fits = |row: &&RefusalCode| {
        row.subject == code.subject
            && row.details.contains(&code.detail)
            && row.heard.is_none_or(|where_| where_ == heard)
    };
    let row = CODES.iter().find(fits);
    row.map_or(RefusalSubject::Unspecified, |row| row.speaks_of)
}
