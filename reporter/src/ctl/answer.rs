//! What a command says.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;
use tlsrptd_config::{ctl::AnswerForm, exit, visible};

use crate::error::Error;

/// For whoever waits: a line on standard error.
pub(super) fn say(text: &str) {
    // If standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", visible::one_line(text));
}

/// The answer to one command: for people, for programs, and how it went.
#[derive(Debug)]
pub(crate) struct CommandAnswer {
    /// Lines for people.
    pub(crate) text: String,
    /// The same for programs.
    pub(crate) json: Value,
    /// The exit status.
    pub(crate) exit: u8,
    /// What goes into a file as it is, in place of the text: a mail.
    pub(crate) verbatim: Option<Vec<u8>>,
    /// JSON that goes out as it is, in place of `json`: a report's bytes.
    pub(crate) verbatim_json: Option<Vec<u8>>,
    /// For whoever reads beside it: standard error.
    pub(crate) notes: Vec<String>,
}

impl CommandAnswer {
    /// What was asked for.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> CommandAnswer {
        CommandAnswer {
            text: text.into(),
            json,
            exit: exit::OK,
            verbatim: None,
            verbatim_json: None,
            notes: Vec::new(),
        }
    }

    /// There is none of what was asked for.
    pub(crate) fn none(text: impl Into<String>, json: Value) -> CommandAnswer {
        CommandAnswer::new(text, json).with_exit(exit::FAILED)
    }

    /// With this exit status.
    pub(crate) fn with_exit(self, exit: u8) -> CommandAnswer {
        CommandAnswer { exit, ..self }
    }

    /// Prints it. Whoever wrote what stands in it: nothing in it hides.
    pub(crate) fn print(&self, form: AnswerForm) -> Result<u8, Error> {
        let mut out = io::stdout();
        for note in &self.notes {
            say(note);
        }
        let verbatim = match form {
            AnswerForm::Json => &self.verbatim_json,
            AnswerForm::Text => &self.verbatim,
        };
        let bytes = match (form, verbatim) {
            (_, Some(bytes)) if !out.is_terminal() => bytes.clone(),
            (AnswerForm::Json, Some(bytes)) => {
                json_for_people(&String::from_utf8_lossy(bytes)).into_bytes()
            }
            (AnswerForm::Json, None) => json_line(&self.json).into_bytes(),
            (AnswerForm::Text, Some(bytes)) => {
                let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
                visible::lines(&text).into_owned().into_bytes()
            }
            (AnswerForm::Text, None) => visible::lines(&self.text).into_owned().into_bytes(),
        };
        match out.write_all(&bytes).and_then(|()| out.flush()) {
            // `tlsrptctl status | head` is no error.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
            _ => Ok(self.exit),
        }
    }
}

/// One line. Characters that a terminal would obey, or not show, are escaped as JSON escapes them: they stand in texts alone.
pub(crate) fn json_line(value: &Value) -> String {
    json_for_people(&value.to_string())
}

fn json_for_people(text: &str) -> String {
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
