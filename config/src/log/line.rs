//! The text of one event: the message, then `key=value`.

use std::fmt::{Debug, Write};

use tracing::{
    Event,
    field::{Field, Visit},
};

/// `message key=value key="value with space"`, always one line.
pub(super) fn text(event: &Event<'_>) -> String {
    let mut parts = Parts::default();
    event.record(&mut parts);
    parts.message + &parts.fields
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, &value.to_string());
    }
}

impl Parts {
    fn put(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            escape(value, &mut self.message);
            return;
        }
        // Writing to a String cannot fail.
        let _ = write!(self.fields, " {}=", field.name());
        let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
        let bare = !value.is_empty()
            && !value.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
        if bare || quoted {
            escape(value, &mut self.fields);
        } else {
            self.fields.push('"');
            escape(
                &value.replace('\\', "\\\\").replace('"', "\\\""),
                &mut self.fields,
            );
            self.fields.push('"');
        }
    }
}

/// Strangers' texts come here too: none may make a second line or move a terminal's cursor.
fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            into.extend(c.escape_default());
        } else {
            into.push(c);
        }
    }
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
}
