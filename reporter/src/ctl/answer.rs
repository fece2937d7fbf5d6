//! What a command says.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;
use tlsrptd_config::{ctl::AnswerForm, exit, visible};

use crate::{
    answers::json_line::{json_for_people, json_line},
    error::Error,
};

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
