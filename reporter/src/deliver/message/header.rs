//! Header fields: folding, display names, msg-ids (RFC 5322, RFC 2047).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One field with its folded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::deliver) struct Header {
    pub(in crate::deliver) name: &'static str,
    pub(in crate::deliver) value: String,
}

/// Lines should be no longer (RFC 5322 section 2.1.1).
const WIDTH: usize = 78;

impl Header {
    /// Folds only at the spaces of `value`, and never before its first word: line-based readers find each word in one piece.
    pub(in crate::deliver) fn new(name: &'static str, value: &str) -> Header {
        let mut folded = String::with_capacity(value.len() + 8);
        let mut column = name.len() + 1;
        for (index, word) in value.split(' ').enumerate() {
            if index > 0 {
                let fits = column + 1 + word.len() <= WIDTH;
                folded.push_str(if fits { " " } else { "\r\n " });
                column = if fits { column } else { 0 };
            }
            folded.push_str(word);
            column += 1 + word.len();
        }
        Header {
            name,
            value: folded,
        }
    }

    pub(in crate::deliver) fn write(&self, out: &mut Vec<u8>) {
        for part in [self.name, ": ", &self.value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// A mailbox with its display name, encoded where it is not ASCII.
pub(super) fn mailbox(display: Option<&str>, address: &str) -> String {
    match display {
        None | Some("") => address.to_owned(),
        Some(name) => format!("{} <{address}>", phrase(name)),
    }
}

fn phrase(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    if name.chars().all(plain) && !name.contains("=?") {
        return name.to_owned();
    }
    if name.chars().all(|c| matches!(c, ' '..='~')) {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    encoded_words(name)
}

/// RFC 2047: at most 75 octets each, never split inside a character.
fn encoded_words(text: &str) -> String {
    const MAX: usize = 45;
    let mut words = vec![String::new()];
    for c in text.chars() {
        if words
            .last()
            .is_none_or(|word| word.len() + c.len_utf8() > MAX)
        {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let encode = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join(" ")
}

/// A text as the left part of a msg-id: a dot-atom. sys4 writes colons into its
/// report-ids, which a msg-id does not allow.
pub(super) fn msg_id_left(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let atoms = text.split('.').filter(|atom| !atom.is_empty());
    let atoms = atoms.map(|atom| atom.replace(|c| !allowed(c), "_"));
    let left = atoms.collect::<Vec<_>>().join(".");
    if left.is_empty() {
        "report".to_owned()
    } else {
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_words_whole() {
        let long = "x".repeat(253);
        #[rustfmt::skip]
        let rows = [
            ("a b c", "a b c".to_owned(), "short"),
            (long.as_str(), long.clone(), "a word that is too long stays on the field's line"),
        ];
        for (value, expected, why) in rows {
            assert_eq!(Header::new("Subject", value).value, expected, "{why}");
        }
        let value = format!("Report Domain: {long} Submitter: {long}");
        let folded = Header::new("Subject", &value).value;
        assert_eq!(
            folded,
            format!("Report Domain:\r\n {long}\r\n Submitter:\r\n {long}")
        );
        assert_eq!(folded.replace("\r\n", ""), value, "unfolds to itself");
    }

    #[test]
    fn display_names() {
        for (display, expected) in [
            (None, "a@x.example"),
            (Some(""), "a@x.example"),
            (Some("TLS Reports"), "TLS Reports <a@x.example>"),
            (
                Some("Reports, Inc. \"X\""),
                "\"Reports, Inc. \\\"X\\\"\" <a@x.example>",
            ),
            (Some("=?utf-8?B?eA?="), "\"=?utf-8?B?eA?=\" <a@x.example>"),
            (Some("Müller"), "=?utf-8?B?TcO8bGxlcg==?= <a@x.example>"),
        ] {
            assert_eq!(mailbox(display, "a@x.example"), expected);
        }
        let long = encoded_words(&"ü".repeat(60));
        assert_eq!(long.split(' ').count(), 3);
        assert!(long.split(' ').all(|word| word.len() <= 75));
    }

    #[test]
    fn msg_ids() {
        for (text, expected) in [
            ("2026-11-20_idx7_example.com", "2026-11-20_idx7_example.com"),
            (
                "2026-11-20T00:00:00Z_idx7_example.com",
                "2026-11-20T00_00_00Z_idx7_example.com",
            ),
            ("a@b <c>", "a_b__c_"),
            ("..a..b.", "a.b"),
            ("", "report"),
        ] {
            assert_eq!(msg_id_left(text), expected);
        }
    }
}
