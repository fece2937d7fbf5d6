//! The text of one event: the message, then `key=value`.

use std::fmt::{Debug, Write};

use tracing::{
    Event,
    field::{Field, Visit},
};

use tlsrptd_config::visible;

/// The longest line, in bytes: journald cuts at 48 KiB and takes what follows for another entry.
const MAX_LINE: usize = 8192;

/// `message key=value key="value with space"`, always one line and never a long one.
pub(super) fn text(event: &Event<'_>) -> String {
    let mut event_text = EventText::default();
    event.record(&mut event_text);
    bounded(event_text.message + &event_text.fields)
}

fn bounded(mut line: String) -> String {
    if line.len() > MAX_LINE {
        // A character has four bytes at most; 0 is always a boundary.
        let is_boundary = |end: &usize| line.is_char_boundary(*end);
        let end = (0..=MAX_LINE).rev().find(is_boundary).unwrap_or(0);
        let left_out = line.len() - end;
        line.truncate(end);
        line.push_str(&format!("... ({left_out} bytes more)"));
    }
    line
}

#[derive(Default)]
struct EventText {
    message: String,
    fields: String,
}

impl Visit for EventText {
    /// Comes with `?value`, where a text has quotes already, and with `%value`, where it can be anything.
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() != "message" && is_quoted(&text) {
            self.name(field);
            escape(&text, &mut self.fields);
        } else {
            self.put(field, &text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, &value.to_string());
    }
}

impl EventText {
    fn name(&mut self, field: &Field) {
        // Writing to a String cannot fail.
        let _ = write!(self.fields, " {}=", field.name());
    }

    fn put(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            escape(value, &mut self.message);
            return;
        }
        self.name(field);
        value_text(value, &mut self.fields);
    }
}

/// Without quotes where that cannot be mistaken for more than one value.
fn value_text(value: &str, into: &mut String) {
    let bare =
        !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
    if bare {
        return escape(value, into);
    }
    into.push('"');
    escape(&value.replace('\\', "\\\\").replace('"', "\\\""), into);
    into.push('"');
}

/// Whether this is one quoted text from its first to its last character. A text that only begins and ends with quotes,
/// as `"x" result=sent y="`, would forge keys.
fn is_quoted(text: &str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let Some(inner) = inner else {
        return false;
    };
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

/// Strangers wrote some of these texts: none may begin a second line or move a terminal's cursor.
fn escape(text: &str, into: &mut String) {
    into.push_str(&visible::text(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_whatever_strangers_write() {
        for (value, want, why) in [
            ("plain text", "plain text", "as it is"),
            (
                "two\nlines",
                "two\\nlines",
                "a line feed would forge an entry",
            ),
            (
                "\x1b[31m",
                "\\u{1b}[31m",
                "an escape sequence would reach the terminal",
            ),
            (
                "\u{202e}evil",
                "\\u{202e}evil",
                "a direction override would hide what is written",
            ),
            ("müller", "müller", "letters of all scripts stay readable"),
        ] {
            let mut got = String::new();
            escape(value, &mut got);
            assert_eq!(got, want, "{why}");
        }
    }

    #[test]
    fn only_a_quoted_text_is_taken_for_one() {
        for (text, want, why) in [
            (r#""plain text""#, true, "as Debug writes it"),
            (r#""with \"quotes\" in it""#, true, "escaped"),
            (r#""""#, true, "empty"),
            (r#"""#, false, "one quote"),
            (r#""x" result=sent y=""#, false, "would forge a key"),
            (r#""x\""#, false, "the last quote is part of the text"),
            (r#""x\\""#, true, "here the backslash is"),
            ("x", false, "none"),
        ] {
            assert_eq!(is_quoted(text), want, "{text}: {why}");
        }
    }

    #[test]
    fn values_forge_no_keys() {
        for (value, want, why) in [
            ("a@b.example", "a@b.example", "nothing to take wrongly"),
            ("", r#""""#, "empty"),
            ("x result=sent", r#""x result=sent""#, "a space"),
            (
                r#""x" result=sent y=""#,
                r#""\"x\" result=sent y=\"""#,
                "its own quotes",
            ),
        ] {
            let mut got = String::new();
            value_text(value, &mut got);
            assert_eq!(got, want, "{why}");
        }
    }

    #[test]
    fn no_line_is_long() {
        assert_eq!(bounded("x".repeat(MAX_LINE)).len(), MAX_LINE);
        let line = bounded("ü".repeat(40_000));
        assert!(line.ends_with("... (71808 bytes more)"), "{}", line.len());
        assert!(line.len() < MAX_LINE + 40);
    }
}
