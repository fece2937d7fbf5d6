//! What store and daemons say at one time: what pages and metrics show.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use tlsrptd_config::{paths, reportd::Reportd, statusd::Statusd};
use tlsrptd_proto::day::Day;
use tlsrptd_service::observe::{AskError, Client};

use super::limits;
use crate::{
    answers::{
        metrics::StoredFigures,
        status::{
            Asker, CollectorFigures, CollectorReply, CollectorStatus, DaemonsAnswers,
            ReporterStatus, Status,
        },
    },
    store::{self, OperatorAccess, OperatorStore, StoreError},
};

/// A daemon answers at once, or something is wrong. Whoever asks us does not wait for long either.
const DAEMON: Duration = Duration::from_secs(2);

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct StatusSnapshot {
    /// When it was taken.
    pub(crate) now: Timestamp,
    /// What the daemons say of themselves.
    pub(crate) daemons: DaemonsAnswers,
    /// What the store says; or why it says nothing, in one sentence.
    pub(crate) stored: Result<StoredAnswers, String>,
}

/// What the store says, and more than one answer needs. What a page alone shows, it asks itself.
#[derive(Clone, Debug)]
pub(crate) struct StoredAnswers {
    /// Together with the daemons' answers.
    pub(crate) status: Status,
    /// What only metrics tell.
    pub(crate) figures: StoredFigures,
}

/// Whom a snapshot asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotSources<'a> {
    /// The reporter's settings.
    pub(crate) reportd: &'a Reportd,
    /// Observation sockets of collectors of this host; `None`: the usual one, where a collector is to be expected.
    pub(crate) collector_sockets: Option<&'a [PathBuf]>,
    /// That of the packages.
    pub(crate) usual_collector_socket: &'a Path,
}

impl<'a> SnapshotSources<'a> {
    /// Those of a configuration.
    pub(crate) fn of(settings: &'a Statusd) -> SnapshotSources<'a> {
        SnapshotSources {
            reportd: &settings.reportd,
            collector_sockets: settings.collector_sockets.as_deref(),
            usual_collector_socket: Path::new(Statusd::USUAL_COLLECTOR_SOCKET),
        }
    }
}

impl StatusSnapshot {
    /// Asks all of them, the daemons at the same time. What does not answer is told as that.
    pub(crate) fn take(sources: SnapshotSources<'_>, now: Timestamp) -> StatusSnapshot {
        let reportd = sources.reportd;
        let socket = reportd.observation_socket.as_deref();
        let (reporter, collectors) = thread::scope(|scope| {
            let collectors = scope.spawn(|| collectors(sources));
            let reporter = ReporterStatus::ask_within(socket, DAEMON);
            (reporter, collectors.join().unwrap_or_default())
        });
        let daemons = DaemonsAnswers {
            asker: Asker::of(reportd),
            reporter,
            collectors,
            fetch_deadline: reportd.fetch_deadline,
        };
        let stored = open(reportd).and_then(|store| read(store.as_ref(), &daemons, now));
        StatusSnapshot {
            now,
            daemons,
            stored: stored.map_err(|error| in_words(&error)),
        }
    }
}

/// The store, for one look.
///
/// # Errors
/// When it is not there, or cannot be read.
pub(crate) fn open(reportd: &Reportd) -> Result<Box<dyn OperatorStore>, StoreError> {
    store::open_for_operator(reportd, OperatorAccess::ReadWithin(limits::STORE))
}

/// Each question is a read transaction of its own: nothing is held between two.
fn read(
    store: &dyn OperatorStore,
    daemons: &DaemonsAnswers,
    now: Timestamp,
) -> Result<StoredAnswers, StoreError> {
    let last_closed = Day::of(now).previous();
    Ok(StoredAnswers {
        status: Status::of(store, daemons.clone(), now)?,
        figures: StoredFigures::find(store, last_closed)?,
    })
}

/// For people, who may not know what SQLite calls it.
pub(crate) fn in_words(error: &StoreError) -> String {
    let text = error.to_string();
    match error {
        StoreError::Denied { database, who } => {
            // Whoever asks is not the service, and shall not be: it is not told as whom to run.
            let who = who.split(" (allowed:").next().unwrap_or_default();
            let remedy = match is_left_behind(Path::new(database)) {
                true => {
                    "a reporter that ended early has left a journal beside it: start tlsrpt-reportd, which takes it in"
                }
                false => "let its group read it (chmod g+r), and run tlsrpt-statusd in that group",
            };
            format!("cannot read the database {database}: {who}; {remedy}")
        }
        _ if text.contains("interrupted") => {
            format!(
                "the store took longer than {} s to answer, and was not waited for",
                limits::STORE.as_secs()
            )
        }
        _ => text,
    }
}

/// Whether a journal stands beside a database without its index, which a reader may not make.
fn is_left_behind(database: &Path) -> bool {
    paths::beside(database, "-wal").exists() && !paths::beside(database, "-shm").exists()
}

/// First those of `fetchers`, then what else there is on this host.
fn collectors(sources: SnapshotSources<'_>) -> Vec<CollectorStatus> {
    let mut here = of_this_host(sources);
    let fetchers = sources.reportd.fetchers.iter();
    let mut local = fetchers.clone().filter(|fetcher| is_local(&fetcher.words));
    // One collector here, and one fetcher that asks here: the same.
    let same = match (local.next(), local.next(), here.len()) {
        (Some(only), None, 1) => here.pop().map(|answered| (&only.text, answered.told)),
        _ => None,
    };
    let mut all: Vec<CollectorStatus> = fetchers
        .map(|fetcher| CollectorStatus {
            command: fetcher.text.clone(),
            told: match &same {
                Some((text, told)) if **text == fetcher.text => told.clone(),
                _ => CollectorReply::NotAsked,
            },
        })
        .collect();
    all.append(&mut here);
    all
}

/// Whether a fetcher runs on this host by itself: not through ssh or a script.
fn is_local(words: &[String]) -> bool {
    let program = words.first().map(|word| Path::new(word).file_name());
    program
        .flatten()
        .is_some_and(|name| name == "tlsrpt-fetcher")
}

/// Named by their sockets.
fn of_this_host(sources: SnapshotSources<'_>) -> Vec<CollectorStatus> {
    let usual = [sources.usual_collector_socket.to_owned()];
    let is_expected = || {
        let mut fetchers = sources.reportd.fetchers.iter();
        fetchers.any(|fetcher| is_local(&fetcher.words))
    };
    let sockets = match sources.collector_sockets {
        Some(named) => named,
        // A collector that has stopped has taken its socket away: it is missed where the reporter fetches from this host.
        None if usual[0].exists() || is_expected() => &usual,
        // A host that only reports has no collector, and nothing is wrong with it.
        None => &[],
    };
    thread::scope(|scope| {
        let asked = sockets.iter().map(|socket| scope.spawn(|| told(socket)));
        // All are asked before the first is waited for.
        let asked: Vec<_> = asked.collect();
        let told = asked.into_iter().filter_map(|asked| asked.join().ok());
        told.collect()
    })
}

fn told(socket: &Path) -> CollectorStatus {
    CollectorStatus {
        command: socket.display().to_string(),
        told: match ask(socket) {
            Ok(status) => CollectorReply::Figures(CollectorFigures::read(status)),
            Err(error) => CollectorReply::Failed(error.to_string()),
        },
    }
}

fn ask(socket: &Path) -> Result<serde_json::Value, AskError> {
    Client::connect_within(socket, DAEMON)?.ask(&json!({ "request": "status" }))
}

#[cfg(test)]
mod tests;
