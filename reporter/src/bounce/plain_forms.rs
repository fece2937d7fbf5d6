//! Bounces that are written for people alone: qmail's (QSBMF), and what Exim, sendmail, Exchange and others wrote before RFC 3464, or
//! write still.
//!
//! A line announces the recipients; an address at the beginning of a line is one; what follows until the next is its reason.

use super::delivery_status::{ReplyCodes, is_code};
use super::entity::{Entity, Tree};
use super::field::{self, Fields};
use super::{
    DeliveryAction, FoundReport, MAX_ADDRESS, MAX_RECIPIENTS, ReturnedRecipient, addressees,
    cleaned,
};

/// Bytes of text that are read. The mail that is returned comes last.
const MAX_TEXT: usize = 64 << 10;
/// Bytes of a reason that are kept.
const MAX_REASON: usize = 2000;

/// A line with these words announces recipients.
#[rustfmt::skip]
const ANNOUNCEMENTS: &[(&str, DeliveryAction, &str)] = &[
    ("hi. this is the", DeliveryAction::Failed, "qmail, and all of QSBMF"),
    ("the following address(es) failed", DeliveryAction::Failed, "Exim"),
    ("to which the message has not yet been delivered", DeliveryAction::Delayed, "Exim, after a day"),
    ("addresses had permanent fatal errors", DeliveryAction::Failed, "sendmail"),
    ("addresses had permanent delivery errors", DeliveryAction::Failed, "sendmail"),
    ("addresses had transient non-fatal errors", DeliveryAction::Delayed, "sendmail, after hours"),
    ("addresses had delivery problems", DeliveryAction::Failed, "sendmail 8.6"),
    ("did not reach the following recipient(s)", DeliveryAction::Failed, "Exchange 5.5 and 2000"),
    ("delivery to the following recipients failed", DeliveryAction::Failed, "Microsoft's SMTP service"),
    ("delivery to the following recipient failed permanently", DeliveryAction::Failed, "Gmail"),
    ("delivery to the following recipient has been delayed", DeliveryAction::Delayed, "Gmail"),
    ("unable to deliver your message to the following address", DeliveryAction::Failed, "Yahoo"),
    ("your message to the following recipients cannot be delivered", DeliveryAction::Failed, "Courier"),
    ("the mail system", DeliveryAction::Failed, "Postfix, where the report was taken off"),
];

/// A line with these words ends the recipients.
const ENDS: &[&str] = &[
    "this is a copy of the message",
    "below this line is a copy",
    "unsent message follows",
    "transcript of session follows",
    "original message follows",
];

/// The first form in the mail, from outside to inside.
pub(super) fn search(entity: &Entity<'_>, depth: usize, tree: &mut Tree) -> Option<FoundReport> {
    if tree.has_receipt || tree.has_abuse_report {
        return None;
    }
    let mut found = match entity.media.is_plain_text() {
        true => read_text(&entity.text(MAX_TEXT)),
        false => None,
    };
    let failed = entity.fields.get("x-failed-recipients");
    if let Some(failed) = failed.filter(|_| found.is_none()) {
        found = Some(by_field(failed));
    }
    if let Some(found) = &mut found {
        found.addressees = addressees(&entity.fields);
    }
    if found.is_some() {
        return found;
    }
    let parts = entity.parts(depth, tree);
    let mut found = parts
        .iter()
        .find_map(|part| search(part, depth + 1, tree))?;
    let returned = parts.iter().find(|part| part.media.is_returned());
    if let Some(returned) = returned.filter(|_| found.returned.is_empty()) {
        found.returned = returned.returned_header();
    }
    found.addressees.extend(addressees(&entity.fields));
    Some(found)
}

/// Exim's field, where its text is in another language.
fn by_field(value: &str) -> FoundReport {
    let mut found = FoundReport::default();
    for address in field::addresses(value) {
        found
            .recipients
            .push(failed(Some(address), DeliveryAction::Failed, ""));
    }
    found
}

fn read_text(text: &str) -> Option<FoundReport> {
    let mut reader = FormReader::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        reader.line(line.trim_end());
        rest = after;
        if reader.has_ended {
            break;
        }
    }
    reader.end_recipient();
    let mut found = reader.found;
    if found.recipients.is_empty() {
        return None;
    }
    add_transcript(&mut found, rest);
    found.returned = returned_header(rest);
    Some(found)
}

/// sendmail's: the replies stand behind all recipients.
fn add_transcript(found: &mut FoundReport, rest: &str) {
    let reply = rest.lines().take(50).map(str::trim);
    let mut reply =
        reply.filter(|line| line.get(..3).is_some_and(is_code) && line.starts_with(['4', '5']));
    let Some(reply) = reply.next() else {
        return;
    };
    let is_sendmail = found
        .recipients
        .iter()
        .all(|one| one.code.is_none() && one.enhanced.is_none());
    for recipient in found.recipients.iter_mut().filter(|_| is_sendmail) {
        let ReplyCodes { code, enhanced } = ReplyCodes::read(reply);
        (recipient.code, recipient.enhanced) = (code, enhanced);
        recipient.reason = cleaned(reply);
    }
}

/// The header behind the line that announces the copy of the mail.
fn returned_header(rest: &str) -> Fields {
    let is_field = |line: &str| {
        let lower = line
            .get(..12)
            .map(str::to_ascii_lowercase)
            .unwrap_or_default();
        lower == "return-path:" || lower.starts_with("received:") || lower.starts_with("from:")
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n').take(200) {
        if is_field(line) {
            return Fields::split(&rest.as_bytes()[at..]).0;
        }
        at += line.len();
    }
    Fields::default()
}

/// What is known between two lines.
#[derive(Debug, Default)]
struct FormReader {
    found: FoundReport,
    /// Recipients were announced, and this happened to them.
    announced: Option<DeliveryAction>,
    /// It said that it is a warning.
    is_warning: bool,
    has_ended: bool,
    /// The recipient whose reason is read.
    open: Option<(String, String)>,
    /// How far the first recipient's line is indented: reasons that begin with an address are indented more.
    indent: Option<usize>,
}

impl FormReader {
    fn line(&mut self, line: &str) {
        let lower = line.to_ascii_lowercase();
        let says = |words: &str| lower.contains(words);
        // Postfix's and sendmail's notices of a delay are their bounces but for this.
        self.is_warning |= says("this is a warning");
        let announced = ANNOUNCEMENTS.iter().find(|row| says(row.0));
        if let Some((words, action, _)) = announced.filter(|_| self.open.is_none()) {
            let is_alone = *words != "the mail system" || lower.trim() == *words;
            if is_alone {
                let delays = self.is_warning && *action == DeliveryAction::Failed;
                self.announced = Some(if delays {
                    DeliveryAction::Delayed
                } else {
                    *action
                });
                return;
            }
        }
        if self.announced.is_none() {
            return;
        }
        // QSBMF: a paragraph that begins with a dash. Others draw a line.
        let is_break = line.starts_with('-') || ENDS.iter().any(|words| says(words));
        if is_break && !self.found_none() {
            self.has_ended = true;
            return;
        }
        let indent = line.len() - line.trim_start().len();
        let may_begin = self.indent.is_none_or(|first| indent <= first);
        match recipient(line.trim()).filter(|_| may_begin) {
            Some((address, reason)) => {
                self.end_recipient();
                self.indent.get_or_insert(indent);
                self.open = Some((address, reason.to_owned()));
            }
            None => {
                if let Some((_, reason)) = &mut self.open
                    && reason.len() < MAX_REASON
                {
                    reason.push(' ');
                    reason.push_str(line.trim());
                }
            }
        }
    }

    fn found_none(&self) -> bool {
        self.open.is_none() && self.found.recipients.is_empty() && self.found.omitted == 0
    }

    fn end_recipient(&mut self) {
        let (Some((address, reason)), Some(action)) = (self.open.take(), self.announced) else {
            return;
        };
        if self.found.recipients.len() >= MAX_RECIPIENTS {
            self.found.omitted += 1;
            return;
        }
        let passes = reason.to_ascii_lowercase().contains("transient");
        let action = if passes {
            DeliveryAction::Delayed
        } else {
            action
        };
        self.found
            .recipients
            .push(failed(Some(address), action, &reason));
    }
}

fn failed(address: Option<String>, action: DeliveryAction, reason: &str) -> ReturnedRecipient {
    let reason = reason.trim();
    let reply = said(reason);
    let ReplyCodes { code, enhanced } = ReplyCodes::read(reply);
    ReturnedRecipient {
        address: address.as_deref().map(cleaned),
        original: None,
        action,
        status: None,
        code,
        enhanced,
        remote: None,
        reason: cleaned(reason),
    }
}

/// The reply within a reason: `host mx.example [192.0.2.1]: 550 5.1.1 no`, `Remote host said: 550 no`.
fn said(reason: &str) -> &str {
    let mut at = 0;
    for word in reason.split_inclusive([' ', '\t', '(']) {
        let digits = word.trim_end_matches([' ', '\t', '(']);
        let is_reply = digits.get(..3).is_some_and(is_code)
            && digits.starts_with(['4', '5'])
            && matches!(digits.as_bytes().get(3), None | Some(b'-'));
        if is_reply {
            return &reason[at..];
        }
        at += word.len();
    }
    reason
}

/// `<a@b.example>: reason`, `a@b.example`, `a@b.example on Mon, ...`, `a@b.example: reason`, `<a@b.example>... reason`.
fn recipient(line: &str) -> Option<(String, &str)> {
    if let Some(rest) = line.strip_prefix('<') {
        let (address, reason) = rest.split_once('>')?;
        let is_one = address.contains('@') && is_address(address);
        return is_one.then(|| {
            (
                address.to_owned(),
                reason.trim_start_matches([':', '.', ' ']),
            )
        });
    }
    let end = line.find([' ', '\t', ':', '(']).unwrap_or(line.len());
    let (address, rest) = line.split_at(end);
    let (local, domain) = address.rsplit_once('@')?;
    let is_one = !local.is_empty() && domain.contains('.') && is_address(address);
    let rest = rest.trim_start();
    let is_alone = rest.is_empty() || rest.starts_with([':', '(']) || rest.starts_with("on ");
    (is_one && is_alone).then(|| (address.to_owned(), rest.trim_start_matches([':', ' '])))
}

fn is_address(text: &str) -> bool {
    text.len() <= MAX_ADDRESS && !text.contains(|c: char| c.is_whitespace() || "<>,;".contains(c))
}
