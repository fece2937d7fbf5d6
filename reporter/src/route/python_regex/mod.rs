//! Python's regular expressions, in which destination maps are written.
//!
//! Patterns are parsed by Python's rules and translated for the `fancy_regex` engine, construct by construct. Constructs
//! that differ (`$`, `\w`, `\s`, `\b`) are spelled out; those without an equivalent are an error when the map is read. Text
//! that was not parsed is never passed on.

mod class;
mod escape;
mod group;
mod pattern;
#[cfg(test)]
mod table;
mod template;

use fancy_regex::{Captures, Regex};

use template::{Template, TemplatePart};

/// Why a pattern or substitution cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    /// Not valid in Python.
    #[error("{0}")]
    Invalid(String),
    /// Valid in Python, but without an equivalent in the engine.
    #[error("{0} has no equal here")]
    NoEqual(String),
    /// The engine refused the translation, usually for its size.
    #[error("the pattern cannot be compiled: {0}")]
    Engine(String),
}

impl PatternError {
    fn invalid(reason: impl Into<String>) -> PatternError {
        PatternError::Invalid(reason.into())
    }
}

/// A pattern exceeded the engine's backtracking limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern could not be run: {0}")]
pub(crate) struct RunError(String);

impl From<fancy_regex::Error> for RunError {
    fn from(error: fancy_regex::Error) -> RunError {
        RunError(error.to_string())
    }
}

/// `re.match(pattern, text)`: anchored at the start, not at the end.
#[derive(Debug)]
pub(crate) struct Matcher(Regex);

impl Matcher {
    pub(crate) fn compile(pattern: &str) -> Result<Matcher, PatternError> {
        let translated = pattern::translate(pattern)?;
        engine(&format!(r"\A(?:{})", translated.text)).map(Matcher)
    }

    pub(crate) fn matches(&self, text: &str) -> Result<bool, RunError> {
        Ok(self.0.is_match(text)?)
    }
}

/// `re.sub(pattern, template, text)`: every occurrence.
#[derive(Debug)]
pub(crate) struct Substitution {
    first: Regex,
    /// The same pattern, but no empty match where the search starts: Python 3.7
    /// replaces an empty match next to a non-empty one, but never the same empty
    /// match twice.
    after_empty: Regex,
    template: Template,
}

impl Substitution {
    pub(crate) fn compile(pattern: &str, template: &str) -> Result<Substitution, PatternError> {
        let translated = pattern::translate(pattern)?;
        Ok(Substitution {
            first: engine(&format!("(?:{})", translated.text))?,
            after_empty: engine(&format!(r"(?:{})(?!\G)", translated.text))?,
            template: Template::parse(template, translated.groups, &translated.names)?,
        })
    }

    pub(crate) fn apply(&self, text: &str) -> Result<String, RunError> {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut from, mut last_was_empty) = (0, 0, false);
        loop {
            let regex = if last_was_empty {
                &self.after_empty
            } else {
                &self.first
            };
            let Some(found) = regex.captures_from_pos(text, from)? else {
                break;
            };
            let Some(whole) = found.get(0) else { break };
            out.push_str(&text[copied..whole.start()]);
            self.expand(&found, &mut out);
            (copied, from) = (whole.end(), whole.end());
            last_was_empty = whole.start() == whole.end();
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }

    fn expand(&self, found: &Captures<'_, str>, out: &mut String) {
        for part in &self.template.0 {
            match part {
                TemplatePart::Text(text) => out.push_str(text),
                // A group that took no part in the match is empty text.
                TemplatePart::Group(number) => {
                    out.push_str(found.get(*number).map_or("", |m| m.as_str()))
                }
            }
        }
    }
}

fn engine(translation: &str) -> Result<Regex, PatternError> {
    Regex::new(translation).map_err(|error| PatternError::Engine(error.to_string()))
}
