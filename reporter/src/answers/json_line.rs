//! JSON in one line.

use serde_json::Value;
use tlsrptd_config::visible;

/// One line. Characters that a terminal would obey, or not show, are escaped as JSON escapes them: they stand in texts alone.
pub(crate) fn json_line(value: &Value) -> String {
    json_for_people(&value.to_string())
}

/// The same of a text that is JSON.
pub(crate) fn json_for_people(text: &str) -> String {
    let mut line = String::with_capacity(text.len() + 1);
    let mut units = [0; 2];
    for c in text.chars() {
        // A line end stands between two texts, if anywhere.
        match c != '\n' && visible::is_hidden(c) {
            true => line.extend(
                c.encode_utf16(&mut units)
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            ),
            false => line.push(c),
        }
    }
    if !line.ends_with('\n') {
        line.push('\n');
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_of_json_hides_nothing() {
        for (text, want, why) in [
            ("a.example", r#"["a.example"]"#, "as it is"),
            ("a\nb\u{1b}[31m", r#"["a\nb\u001b[31m"]"#, "controls"),
            (
                "\u{7f}\u{9b}",
                r#"["\u007f\u009b"]"#,
                "those that serde_json leaves",
            ),
            ("\u{202e}x", r#"["\u202ex"]"#, "a direction override"),
            ("\u{e0041}", r#"["\udb40\udc41"]"#, "beyond the first plane"),
            ("müller 漢", r#"["müller 漢"]"#, "letters"),
        ] {
            let line = json_line(&json!([text]));
            assert_eq!(line, format!("{want}\n"), "{why}");
            assert_eq!(
                serde_json::from_str::<Value>(&line).unwrap(),
                json!([text]),
                "{why}"
            );
        }
    }
}
