//! When each collector has answered, and why one did not.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::visible;

use super::time;
use crate::model::{CollectorCommand, collector_of};

/// Shared by those who ask collectors.
#[derive(Clone, Debug, Default)]
pub(in crate::daemon) struct CollectorBoard(Arc<Mutex<Vec<CollectorState>>>);

/// What is known of a collector since the start.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct CollectorState {
    index: i64,
    command: String,
    last_success: Option<Timestamp>,
    /// Since the last success.
    last_error: Option<(Timestamp, String)>,
}

impl CollectorBoard {
    pub(in crate::daemon) fn new(fetchers: &[CollectorCommand]) -> CollectorBoard {
        let state = |fetcher: &CollectorCommand| CollectorState {
            index: fetcher.index,
            command: fetcher.command.clone(),
            last_success: None,
            last_error: None,
        };
        CollectorBoard(Arc::new(Mutex::new(fetchers.iter().map(state).collect())))
    }

    /// It has answered, or not: why.
    pub(in crate::daemon) fn note(
        &self,
        command: &str,
        result: Result<(), &dyn std::error::Error>,
        now: Timestamp,
    ) {
        let collector = collector_of(command);
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = |state: &&mut CollectorState| collector_of(&state.command) == collector;
        for state in states.iter_mut().filter(of_it) {
            match result {
                Ok(()) => (state.last_success, state.last_error) = (Some(now), None),
                Err(error) => {
                    state.last_error = Some((now, visible::one_line(&error.to_string())));
                }
            }
        }
    }

    pub(in crate::daemon) fn states(&self) -> Vec<CollectorState> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl CollectorState {
    pub(in crate::daemon) fn json(&self) -> Value {
        let (failed, error) = self.last_error.clone().unzip();
        json!({
            "index": self.index,
            "command": self.command,
            "last_success": self.last_success.map(time),
            "last_failure": failed.map(time),
            "last_error": error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_an_error() {
        let board = CollectorBoard::new(&[CollectorCommand {
            index: 1,
            command: "ssh a  tlsrpt-fetcher".to_owned(),
        }]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let state = || board.states()[0].json();
        let error = std::io::Error::other("no\nroute");
        board.note(
            "ssh a tlsrpt-fetcher",
            Err(&error),
            at("2026-11-20T00:00:00Z"),
        );
        assert_eq!(state()["last_error"], "no route");
        assert_eq!(state()["last_failure"], "2026-11-20T00:00:00Z");
        assert_eq!(state()["last_success"], Value::Null);
        board.note("ssh a tlsrpt-fetcher", Ok(()), at("2026-11-20T00:01:00Z"));
        assert_eq!(state()["last_error"], Value::Null);
        assert_eq!(state()["last_success"], "2026-11-20T00:01:00Z");
        board.note("another", Err(&error), at("2026-11-20T00:02:00Z"));
        assert_eq!(state()["last_error"], Value::Null, "not its");
    }
}
