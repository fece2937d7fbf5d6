//! Words, numbers and strangers' texts.

use std::{borrow::Cow, fmt::Write as _};

use jiff::Timestamp;
use maud::{Markup, html};
use tlsrptd_config::visible;

use crate::answers::number::{counted, grouped, short};

/// The bytes of markup that a text takes at most. Domains have 253 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextRoom {
    /// A name of a host or domain, whole.
    Name,
    /// A reason, an answer, the command of a collector.
    Line,
    /// A sentence of ours with strangers' texts in it.
    Sentence,
}

impl TextRoom {
    fn bytes(self) -> usize {
        match self {
            TextRoom::Name => 260,
            TextRoom::Line => 240,
            TextRoom::Sentence => 4096,
        }
    }
}

/// A text that somebody else wrote, on one line, apart from what stands around it.
pub(super) fn stranger(text: &str, room: TextRoom) -> Markup {
    html! { bdi { (clipped(text, room)) } }
}

/// The same without markup, for places that have none (an attribute, the title).
pub(super) fn clipped(text: &str, room: TextRoom) -> String {
    let most = room.bytes();
    // Hidden characters become longer, never shorter.
    let begin: String = text.chars().take(most + 1).collect();
    let shown = visible::one_line(&begin);
    let mut bytes = 0;
    let mut end = 0;
    for (at, c) in shown.char_indices() {
        bytes += escaped_bytes(c);
        if bytes > most {
            return format!("{}…", &shown[..end]);
        }
        if bytes + '…'.len_utf8() <= most {
            end = at + c.len_utf8();
        }
    }
    shown
}

/// What a character takes once it is escaped.
pub(super) fn escaped_bytes(c: char) -> usize {
    match c {
        '&' => "&amp;".len(),
        '<' | '>' => "&lt;".len(),
        '"' => "&quot;".len(),
        c => c.len_utf8(),
    }
}

/// A part of a URL's path: whatever it is, it stays that part.
pub(super) fn path_part(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if text.bytes().all(is_plain) && !text.starts_with('.') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        match is_plain(byte) && byte != b'.' {
            true => out.push(char::from(byte)),
            false => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Cow::Owned(out)
}

/// A link to a domain's page; what is longer than a domain can be is none.
pub(super) fn domain_link(domain: &str) -> Markup {
    const LONGEST: usize = 253;
    if domain.len() > LONGEST {
        return stranger(domain, TextRoom::Name);
    }
    html! { a href={ "/domain/" (path_part(domain)) } { (stranger(domain, TextRoom::Name)) } }
}

/// A time, in UTC.
pub(super) fn time(at: Timestamp) -> Markup {
    let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! { time datetime=(machine) { (at.strftime("%Y-%m-%d %H:%M")) } }
}

/// A number in a column: short where it is long, with all digits to see when pointed at.
pub(super) fn number(number: u64) -> Markup {
    let all = grouped(number);
    let brief = short(number);
    match number < 100_000 {
        true => html! { (all) },
        false => html! { span title=(all) { (brief) } },
    }
}

/// How often something failed.
pub(super) fn times(failures: u64) -> String {
    counted(failures, "failed attempt", "failed attempts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_texts_are_harmless_and_bounded() {
        for (written, want, why) in [
            ("plain", "plain", "as it is"),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
                "an element",
            ),
            (
                "\" onload=\"x",
                "&quot; onload=&quot;x",
                "out of an attribute",
            ),
            ("a\r\n\tb", "a b", "one line"),
            ("\u{202e}evil", "\\u{202e}evil", "a direction override"),
            ("x\0y", "x y", "a control character"),
            ("&lt;", "&amp;lt;", "what looks escaped"),
            ("😀 漢 \u{5d0}", "😀 漢 \u{5d0}", "letters of all scripts"),
        ] {
            let html = stranger(written, TextRoom::Line).into_string();
            assert_eq!(html, format!("<bdi>{want}</bdi>"), "{why}");
        }
        for (unit, why) in [
            ("a", "letters"),
            ("\"", "what grows most when escaped"),
            ("\u{202e}", "hidden ones"),
            ("😀", "four bytes"),
        ] {
            for number in [1, 10, 100, 253, 10_000, 1_000_000] {
                let html = stranger(&unit.repeat(number), TextRoom::Name).into_string();
                let most = TextRoom::Name.bytes() + "<bdi></bdi>".len();
                assert!(html.len() <= most, "{number} of {why}: {}", html.len());
                let whole: usize = visible::one_line(&unit.repeat(number))
                    .chars()
                    .map(escaped_bytes)
                    .sum();
                assert_eq!(
                    html.contains('…'),
                    whole > TextRoom::Name.bytes(),
                    "{number} of {why} say that they are cut: {html}"
                );
            }
        }
        let longest = "a".repeat(253);
        assert_eq!(
            clipped(&longest, TextRoom::Name),
            longest,
            "a domain is whole"
        );
    }

    #[test]
    fn a_part_of_a_path_stays_one() {
        for (text, want) in [
            ("a.example", "a.example"),
            ("..", "%2E%2E"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("\"><x", "%22%3E%3Cx"),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(path_part(text), want);
        }
    }
}
