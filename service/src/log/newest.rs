//! The newest warnings and errors, for whoever observes a daemon: a bounded number, in bounded memory.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use tracing::Level;

/// So many lines,
const MOST: usize = 50;
/// of so many bytes at most.
const LONGEST: usize = 1000;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestWarning {
    /// When it was written.
    pub at: Timestamp,
    /// `warn` or `error`.
    pub level: &'static str,
    /// Its text, cut where it is long.
    pub text: String,
}

#[derive(Debug, Default)]
pub(super) struct Newest(Mutex<VecDeque<NewestWarning>>);

impl Newest {
    /// Keeps the line, if it is a warning or an error.
    pub(super) fn add(&self, level: Level, text: &str) {
        let level = match level {
            Level::ERROR => "error",
            Level::WARN => "warn",
            _ => return,
        };
        let end = (0..=LONGEST.min(text.len())).rev();
        let end = end.into_iter().find(|end| text.is_char_boundary(*end));
        let line = NewestWarning {
            // Nothing depends on the time of a log line, so it is read here and is no argument.
            at: Timestamp::now(),
            level,
            text: text[..end.unwrap_or(0)].to_owned(),
        };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MOST {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn all(&self) -> Vec<NewestWarning> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_none_is_long() {
        let newest = Newest::default();
        newest.add(Level::INFO, "an outcome");
        newest.add(Level::DEBUG, "the rest");
        assert_eq!(newest.all(), []);
        for number in 0..=MOST {
            newest.add(Level::WARN, &format!("warning {number}"));
        }
        newest.add(Level::ERROR, &"\u{20ac}".repeat(LONGEST));
        let all = newest.all();
        assert_eq!(all.len(), MOST);
        assert_eq!((all[0].level, all[0].text.as_str()), ("warn", "warning 2"));
        let last = &all[MOST - 1];
        assert_eq!((last.level, last.text.len()), ("error", LONGEST - 1));
    }
}
