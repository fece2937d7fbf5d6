//! Requests and answers.

use std::io;

use serde_json::{Map, Value, json};

/// What a client asks: one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    name: String,
    fields: Map<String, Value>,
}

/// Takes an answer.
pub trait AnswerWriter {
    /// The answer is long, and who reads it may have to wait for others' answers meanwhile: it has more time
    /// ([`Limits::long_write`](super::Limits), [`Limits::long_client`](super::Limits)). Few such clients may be there at once: that is the
    /// handler's to see to.
    fn expect_long(&mut self) {}

    /// Sends what was written so far: what follows takes its time. At its end an answer is sent in any case.
    ///
    /// # Errors
    ///
    /// As [`AnswerWriter::bytes`].
    fn send(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Writes bytes as they are: an answer that is no JSON, after a first line that is.
    ///
    /// # Errors
    ///
    /// The client is gone, or too slow: the handler returns the error at once.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes a line of JSON.
    ///
    /// # Errors
    ///
    /// As [`AnswerWriter::bytes`].
    fn json(&mut self, answer: &Value) -> io::Result<()> {
        let mut line = answer.to_string();
        line.push('\n');
        self.bytes(line.as_bytes())
    }

    /// Writes why there is no answer.
    ///
    /// # Errors
    ///
    /// As [`AnswerWriter::bytes`].
    fn error(&mut self, why: &str) -> io::Result<()> {
        self.json(&json!({ "error": why }))
    }
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What to tell the client: the line is no JSON object, or has no `request`.
    pub fn parse(line: &[u8]) -> Result<Request, String> {
        let value: Value =
            serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
        let Value::Object(mut fields) = value else {
            return Err("not a JSON object (allowed: {\"request\":\"status\"})".to_owned());
        };
        match fields.remove("request") {
            Some(Value::String(name)) => Ok(Request { name, fields }),
            Some(_) => Err("`request` is not a text".to_owned()),
            None => {
                Err("no `request` in the object (allowed: {\"request\":\"status\"})".to_owned())
            }
        }
    }

    /// What is asked for: `status` and the like.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A further field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A further field that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(Value::as_str)
    }

    /// What to tell a client that asks for something else than `known`.
    pub fn unknown(&self, known: &[&str]) -> String {
        let name: String = self.name.chars().take(64).collect();
        let known = known.join(", ");
        format!("unknown request {name:?} (allowed: {known})")
    }
}
