//! Delivery status notifications (RFC 3464; RFC 6533 for addresses that are not ASCII).

use super::entity::{Entity, Tree};
use super::field::{self, Field, Fields};
use super::{
    DeliveryAction, FoundReport, MAX_ADDRESS, MAX_RECIPIENTS, ReturnedRecipient, addressees,
    cleaned,
};
use crate::refusal::EnhancedCode;

/// Bytes of a report that are read: hundreds for each recipient.
const MAX_REPORT: usize = 256 << 10;

/// The first report in the mail, from outside to inside: a bounce may return a bounce.
pub(super) fn search(entity: &Entity<'_>, depth: usize, tree: &mut Tree) -> Option<FoundReport> {
    match entity.media.report_type.as_deref() {
        // What these return is not theirs to report: a complaint about a bounce has that bounce in it.
        Some("disposition-notification") => tree.has_receipt = true,
        Some("feedback-report") => tree.has_abuse_report = true,
        _ => {
            let mut found = search_parts(entity, depth, tree)?;
            found.addressees.extend(addressees(&entity.fields));
            return Some(found);
        }
    }
    None
}

fn search_parts(entity: &Entity<'_>, depth: usize, tree: &mut Tree) -> Option<FoundReport> {
    // A report that stands alone, without the multipart around it.
    if entity.media.is_delivery_status() {
        return Some(report(entity, &[]));
    }
    let parts = entity.parts(depth, tree);
    let has = |name: &str| parts.iter().any(|part| part.media.name == name);
    let (is_receipt, is_complaint) = (
        has("message/disposition-notification"),
        has("message/feedback-report"),
    );
    tree.has_receipt |= is_receipt;
    tree.has_abuse_report |= is_complaint;
    if is_receipt || is_complaint {
        return None;
    }
    let says_so = entity.media.report_type.as_deref() == Some("delivery-status");
    let is_report = |part: &Entity<'_>| {
        part.media.is_delivery_status() || (says_so && is_mistyped_report(part))
    };
    if let Some(at) = parts.iter().position(is_report) {
        return Some(report(&parts[at], &parts));
    }
    let inner = |part| search(part, depth + 1, tree);
    parts.iter().find_map(inner)
}

/// Some systems, and some on the way, call it text/plain.
fn is_mistyped_report(part: &Entity<'_>) -> bool {
    let is_text = part.media.is_plain_text() || part.media.name == "application/octet-stream";
    is_text && {
        let text = part.text(MAX_REPORT).to_ascii_lowercase();
        let begins = |line: &str| line.starts_with("final-recipient:");
        text.lines().any(begins)
    }
}

/// Reads a report, and the mail that is returned beside it.
fn report(status: &Entity<'_>, siblings: &[Entity<'_>]) -> FoundReport {
    let text = status.text(MAX_REPORT);
    let mut found = FoundReport::default();
    let mut group = RecipientFields::default();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (fields, after) = Fields::split(rest);
        for field in fields.iter() {
            // A field that comes again begins the next recipient: empty lines get lost.
            if !group.take(field) {
                group.end(&mut found);
                group.take(field);
            }
        }
        // A line that is no field, in the middle of a recipient or not, is passed over.
        let read = &rest[..rest.len() - after.len()];
        rest = match after.is_empty() || ends_with_empty_line(read) {
            true => after,
            false => field::line(after).1,
        };
        if rest.is_empty() || ends_with_empty_line(read) {
            group.end(&mut found);
        }
    }
    let returned = siblings.iter().find(|part| part.media.is_returned());
    found.returned = returned.map(Entity::returned_header).unwrap_or_default();
    // Of a report that is a mail by itself.
    found.addressees = addressees(&status.fields);
    found
}

fn ends_with_empty_line(bytes: &[u8]) -> bool {
    let Some(mut before) = bytes.strip_suffix(b"\n") else {
        return false;
    };
    while let [more @ .., b'\r'] = before {
        before = more;
    }
    before.is_empty() || before.ends_with(b"\n")
}

/// The fields of one recipient, or of the mail.
#[derive(Debug, Default)]
struct RecipientFields {
    fields: Vec<(&'static str, String)>,
}

/// Those that are read.
const NAMES: [&str; 7] = [
    "original-envelope-id",
    "final-recipient",
    "original-recipient",
    "action",
    "status",
    "diagnostic-code",
    "remote-mta",
];

impl RecipientFields {
    /// Takes a field; false if the group has it.
    fn take(&mut self, field: &Field) -> bool {
        let Some(name) = NAMES.into_iter().find(|name| *name == field.name) else {
            return true;
        };
        if self.get(name).is_some() {
            return false;
        }
        self.fields.push((name, field.value.clone()));
        true
    }

    fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.0 == name);
        field.map(|field| field.1.as_str())
    }

    fn end(&mut self, found: &mut FoundReport) {
        let group = std::mem::take(self);
        if let Some(id) = group.get("original-envelope-id") {
            found.envelope_id.get_or_insert_with(|| id.to_owned());
        }
        let names = ["final-recipient", "original-recipient", "action", "status"];
        if !names.iter().any(|name| group.get(name).is_some()) {
            return;
        }
        // Without a word of what happened nothing is known to have happened.
        let Some(recipient) = group.recipient() else {
            return;
        };
        match found.recipients.len() < MAX_RECIPIENTS {
            true => found.recipients.push(recipient),
            false => found.omitted += 1,
        }
    }

    fn recipient(&self) -> Option<ReturnedRecipient> {
        // Comments may follow, as in `failed (user unknown)`.
        let word = |name| {
            let mut words = self.get(name)?.split([' ', '\t', '(', ';']);
            words.find(|word| !word.is_empty())
        };
        let status = word("status").and_then(EnhancedCode::parse);
        let action = match word("action").map(str::to_ascii_lowercase).as_deref() {
            Some("failed") => DeliveryAction::Failed,
            Some("delayed") => DeliveryAction::Delayed,
            Some("delivered") => DeliveryAction::Delivered,
            Some("relayed") => DeliveryAction::Relayed,
            Some("expanded") => DeliveryAction::Expanded,
            // RFC 3464 section 2.3.3 knows no others, and requires one.
            _ => match status?.class {
                5 => DeliveryAction::Failed,
                4 => DeliveryAction::Delayed,
                _ => DeliveryAction::Delivered,
            },
        };
        let diagnostic = self.get("diagnostic-code").map(without_type);
        let reply = diagnostic.map(ReplyCodes::read).unwrap_or_default();
        Some(ReturnedRecipient {
            address: self.get("final-recipient").and_then(address),
            original: self.get("original-recipient").and_then(address),
            action,
            status,
            code: reply.code,
            enhanced: reply.enhanced,
            remote: self.get("remote-mta").map(without_type).and_then(host),
            reason: diagnostic.map(cleaned).unwrap_or_default(),
        })
    }
}

/// The codes at the beginning of a reply.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReplyCodes {
    pub(super) code: Option<u16>,
    pub(super) enhanced: Option<EnhancedCode>,
}

impl ReplyCodes {
    /// Reads `550 5.1.1 no`, `550-5.1.1 no`, `550 #5.1.1`, `550`, `5.1.1 no`. qmail has its enhanced code at the end: `no. (#5.1.1)`.
    pub(super) fn read(text: &str) -> ReplyCodes {
        let digits = text.get(..3).filter(|digits| is_code(digits));
        let after = digits.map(|_| &text[3..]);
        let code =
            after.filter(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.'));
        let rest = code.unwrap_or(text);
        let first = rest.trim_start_matches([' ', '\t', '-']);
        let first = first.split([' ', '\t']).next().unwrap_or_default();
        let first = EnhancedCode::parse(first.trim_start_matches('#').trim_end_matches([':', ',']));
        let in_brackets = || {
            let (_, after) = text.split_once("(#")?;
            EnhancedCode::parse(after.split_once(')')?.0)
        };
        ReplyCodes {
            code: code.and(digits).and_then(|digits| digits.parse().ok()),
            enhanced: first.or_else(in_brackets),
        }
    }
}

/// RFC 5321 section 4.2: 2yz to 5yz; the second digit is 0 to 5.
pub(super) fn is_code(digits: &str) -> bool {
    matches!(digits.as_bytes(), [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9'])
}

/// What stands behind `smtp;`, `rfc822;`, `dns;` (RFC 3464 section 2.1.2). Some leave the type out.
fn without_type(value: &str) -> &str {
    let is_type = |text: &str| {
        let text = text.trim();
        !text.is_empty()
            && text.len() <= 40
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match value.split_once(';') {
        Some((kind, rest)) if is_type(kind) => rest.trim(),
        _ => value.trim(),
    }
}

/// An address; one that is not ASCII may have its characters by number (RFC 6533 section 3).
fn address(value: &str) -> Option<String> {
    let text = without_type(value);
    let text = text.strip_prefix('<').unwrap_or(text);
    let text = text.strip_suffix('>').unwrap_or(text).trim();
    let is_one = !text.is_empty() && text.len() <= MAX_ADDRESS;
    is_one.then(|| cleaned(&unescaped(text)))
}

/// `\x{fc}` as `ü`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\x{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let character = part.split_once('}').and_then(|(number, rest)| {
            let number = u32::from_str_radix(number, 16).ok()?;
            Some((char::from_u32(number)?, rest))
        });
        match character {
            Some((c, rest)) => {
                out.push(c);
                out.push_str(rest);
            }
            None => {
                out.push_str("\\x{");
                out.push_str(part);
            }
        }
    }
    out
}

fn host(text: &str) -> Option<String> {
    let name = text.split([' ', '\t', '(']).find(|word| !word.is_empty())?;
    let name = name.strip_suffix('.').unwrap_or(name);
    (name.len() <= MAX_ADDRESS).then(|| cleaned(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_reply() {
        #[rustfmt::skip]
        let rows = [
            ("550 5.1.1 no such user", Some(550), "5.1.1", "usual"),
            ("550-5.1.1 The account 550 5.1.1 does", Some(550), "5.1.1", "the first line of several"),
            ("550 no such user", Some(550), "", "bare"),
            ("550", Some(550), "", "nothing else"),
            ("550 #5.1.1 no", Some(550), "5.1.1", "Ironport's"),
            ("550 5.1.1: no", Some(550), "5.1.1", "a colon"),
            ("5.1.1 no", None, "5.1.1", "no digits"),
            ("550 sorry, no mailbox here. (#5.1.1)", Some(550), "5.1.1", "qmail's"),
            ("Sorry. (#5.7.1)", None, "5.7.1", "qmail's own"),
            ("5500 x", None, "", "no code"),
            ("587 x", None, "", "a port"),
            ("192.0.2.1 x", None, "", "an address"),
            ("550.x", None, "", "no code"),
            ("unknown user: \"x\"", None, "", "Postfix's own words"),
            ("\u{fc}\u{fc}", None, "", "no ASCII"),
            ("", None, "", "nothing"),
        ];
        for (text, code, enhanced, why) in rows {
            let found = ReplyCodes::read(text);
            let shown = found
                .enhanced
                .map(|code| code.to_string())
                .unwrap_or_default();
            assert_eq!(
                (found.code, shown.as_str()),
                (code, enhanced),
                "{text}: {why}"
            );
        }
    }

    #[test]
    fn addresses_by_type() {
        for (value, expected, why) in [
            ("rfc822; a@b.example", Some("a@b.example"), "usual"),
            ("RFC822;<a@b.example>", Some("a@b.example"), "in brackets"),
            ("a@b.example", Some("a@b.example"), "no type"),
            (
                "utf-8; m\\x{fc}ller@b.example",
                Some("müller@b.example"),
                "RFC 6533",
            ),
            (
                "utf-8; müller@b.example",
                Some("müller@b.example"),
                "the same",
            ),
            (
                "utf-8; \\x{110000}\\x{",
                Some("\\x{110000}\\x{"),
                "no character",
            ),
            ("LOCAL; root", Some("root"), "no domain"),
            (
                "\"a;b\"@c.example",
                Some("\"a;b\"@c.example"),
                "a semicolon in quotes",
            ),
            (
                "rfc822; a\u{202e}@b.example",
                Some("a\\u{202e}@b.example"),
                "what turns text around",
            ),
            ("rfc822;", None, "nothing"),
        ] {
            assert_eq!(address(value).as_deref(), expected, "{value}: {why}");
        }
    }
}
