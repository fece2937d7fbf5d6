//! What the daemon shows of itself on its observation socket.
//!
//! Whoever asks is answered by threads of their own, from a copy. The main loop makes the copy when somebody wants one, once a
//! second at most, and never waits for them.

mod collectors;
mod published;
mod snapshot;

use std::{path::Path, process, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_service::{
    log::{LogHandle, NewestWarning},
    observe::{AnswerWriter, Handler, Request, Server},
};

use super::Daemon;
use crate::environment::Environment;

pub(super) use collectors::CollectorBoard;
pub(super) use published::Published;
pub(super) use snapshot::Snapshot;

/// What may be asked.
const KNOWN: &[&str] = &["status"];

/// Answers from now on, until what it returns is dropped. Without a socket the reporter goes on, and it is made when it can be.
pub(super) fn serve(
    socket: Option<&Path>,
    published: Arc<Published<Snapshot>>,
    log: LogHandle,
) -> Option<Server> {
    let path = socket?;
    let started = Timestamp::now();
    let handler = move |request: &Request, out: &mut dyn AnswerWriter| match request.name() {
        "status" => {
            let snapshot = published.fresh();
            out.json(&status(
                started,
                snapshot.as_deref(),
                &log.newest_warnings(),
            ))
        }
        _ => out.error(&request.unknown(KNOWN)),
    };
    let handler: Arc<Handler> = Arc::new(handler);
    Server::start(path, handler)
        .inspect_err(|error| {
            tracing::warn!(%error, "nobody can observe the reporter: it works without its observation socket");
        })
        .ok()
}

fn status(started: Timestamp, snapshot: Option<&Snapshot>, warnings: &[NewestWarning]) -> Value {
    let mut answer = json!({
        "program": "tlsrpt-reportd",
        "version": env!("CARGO_PKG_VERSION"),
        "pid": process::id(),
        "started": time(started),
        "now": time(Timestamp::now()),
        "warnings": warnings.iter().map(warning).collect::<Vec<_>>(),
    });
    if let (Some(Value::Object(more)), Value::Object(fields)) =
        (snapshot.map(Snapshot::json), &mut answer)
    {
        fields.extend(more);
    }
    answer
}

fn warning(warning: &NewestWarning) -> Value {
    json!({ "time": time(warning.at), "level": warning.level, "text": warning.text })
}

/// RFC 3339, UTC, whole seconds.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl<E: Environment> Daemon<E> {
    /// Makes the copy that somebody waits for.
    pub(super) fn publish(&mut self) {
        let snapshot = Snapshot::of(self);
        self.published.publish(snapshot);
    }
}
