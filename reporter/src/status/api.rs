//! `/api/v1/COMMAND`: what `tlsrptctl COMMAND --json` prints, with its options in the query.
//!
//! No fetcher is started and DNS is not asked: of a day that has not ended, and of what would be decided, `tlsrptctl` tells.

use hyper::StatusCode;
use serde_json::json;
use tlsrptd_config::ctl::{self, Command, ShowForm};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    limits,
    response::{HttpReply, Media},
    route::Target,
    snapshot,
    worker::Sources,
};
use crate::{
    answers::{
        day,
        deliveries::{DeliveriesQuery, DeliveryList, StatusWord},
        failures::{Failures, FailuresQuery},
        history::SessionHistory,
        json_line::json_line,
        show::Shown,
        why::Why,
    },
    error::Error,
    store::OperatorStore,
};

/// The commands that are answered, with those of their operands that stand in the query, in their order.
const COMMANDS: [(&str, &[&str]); 6] = [
    ("status", &[]),
    ("history", &[]),
    ("failures", &[]),
    ("deliveries", &["day"]),
    ("show", &["domain", "day"]),
    ("why", &["domain", "day"]),
];

/// A question of `tlsrptctl`'s.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ApiQuestion {
    /// As on its command line.
    words: Vec<String>,
}

impl ApiQuestion {
    /// Of a request for a command.
    ///
    /// # Errors
    /// The answer to what cannot be asked.
    pub(super) fn of(command: &str, target: &Target) -> Result<ApiQuestion, HttpReply> {
        let Some((name, operands)) = COMMANDS.iter().find(|(name, _)| *name == command) else {
            let names = COMMANDS.map(|(name, _)| name).join(", ");
            let why = format!("there is no such question; there are {names}");
            return Err(problem(StatusCode::NOT_FOUND, &why));
        };
        let words = words(name, operands, &target.query)?;
        let question = ApiQuestion { words };
        question.command()?;
        Ok(question)
    }

    fn command(&self) -> Result<Command, HttpReply> {
        let asked = ctl::question(self.words.iter().cloned(), limits::BOUNDS);
        let asked = asked.map_err(|problems| {
            // Here they are parameters.
            let why = problems.join("; ").replace("--", "");
            problem(StatusCode::BAD_REQUEST, &why)
        })?;
        let why = match &asked {
            Command::DeliveriesToday(_) => {
                "day: today's are told by tlsrptctl, which asks the collectors"
            }
            Command::Show(asked) if asked.form == ShowForm::Mail => {
                "mail: tlsrptctl writes it, with the keys"
            }
            _ => return Ok(asked),
        };
        Err(problem(StatusCode::BAD_REQUEST, why))
    }

    /// The answer.
    pub(super) fn answer(&self, sources: &Sources<'_>) -> HttpReply {
        let answered = match self.command() {
            Ok(Command::Status(_)) => Ok(status(sources)),
            Ok(command) => sources
                .store()
                .map_err(Error::from)
                .and_then(|store| answer(&command, store.as_ref(), sources)),
            Err(refused) => return refused,
        };
        answered.unwrap_or_else(|error| match error {
            Error::Argument { .. } => problem(StatusCode::BAD_REQUEST, &error.to_string()),
            Error::State(error) => {
                problem(StatusCode::SERVICE_UNAVAILABLE, &snapshot::in_words(&error))
            }
            other => problem(StatusCode::SERVICE_UNAVAILABLE, &other.to_string()),
        })
    }
}

/// As on a command line: the command, its options, its operands.
fn words(
    command: &str,
    operands: &[&str],
    query: &[(String, String)],
) -> Result<Vec<String>, HttpReply> {
    let mut words = vec![command.to_owned()];
    let mut given = vec![None; operands.len()];
    for (name, value) in query {
        match operands.iter().position(|operand| operand == name) {
            Some(place) => given[place] = Some(value.clone()),
            None if value.is_empty() => words.push(format!("--{name}")),
            None => words.push(format!("--{name}={value}")),
        }
    }
    words.push("--".to_owned());
    let last = given.iter().rposition(Option::is_some);
    for (place, value) in given.into_iter().enumerate() {
        match value {
            Some(value) => words.push(value),
            // Left out at the end; whether it may be is the command's to say.
            None if last.is_none_or(|last| last < place) => {}
            None => {
                let why = format!("{}: required, but not given", operands[place]);
                return Err(problem(StatusCode::BAD_REQUEST, &why));
            }
        }
    }
    Ok(words)
}

fn status(sources: &Sources<'_>) -> HttpReply {
    match &sources.snapshot.stored {
        Ok(stored) => HttpReply::ok(Media::Json, json_line(&stored.status.json())),
        // As of `tlsrptctl status --check`.
        Err(why) => {
            let json = json!({ "severity": "unknown", "error": why });
            let status = StatusCode::SERVICE_UNAVAILABLE;
            HttpReply::with_status(status, Media::Json, json_line(&json))
        }
    }
}

fn answer(
    command: &Command,
    store: &dyn OperatorStore,
    sources: &Sources<'_>,
) -> Result<HttpReply, Error> {
    let now = sources.now;
    let last_closed = Day::of(now).previous();
    let json = match command {
        Command::History { days } => SessionHistory::find(store, last_closed, *days)?.json(),
        Command::Failures(asked) => {
            let question = FailuresQuery {
                to: last_closed,
                days: asked.days,
                domain: domain(asked.domain.as_deref())?,
                scope: asked.scope,
                meanings: asked.meanings,
                limit: asked.limit,
            };
            Failures::find(store, question)?.json()
        }
        Command::Deliveries(asked) => {
            let question = DeliveriesQuery {
                day: day::of(&asked.day, now)?,
                domain: domain(asked.domain.as_deref())?,
                status: StatusWord::of(asked.status.as_deref()),
                limit: asked.limit,
            };
            DeliveryList::find(store, question)?.json()
        }
        Command::Show(asked) => {
            let shown = Shown::stored(store, &asked.domain, day::of(&asked.day, now)?, now)?;
            return Ok(report(&shown));
        }
        Command::Why { domain, day } => {
            let reporter = &sources.snapshot.daemons.reporter;
            Why::stored(store, reporter, domain, day::of(day, now)?, now)?.json()
        }
        // None of them is in the list.
        _ => return Ok(problem(StatusCode::NOT_FOUND, "there is no such question")),
    };
    Ok(HttpReply::ok(Media::Json, json_line(&json)))
}

/// As it was sent.
fn report(shown: &Shown) -> HttpReply {
    match shown.verbatim_json() {
        Some(bytes) => HttpReply::ok(Media::Json, bytes),
        None => {
            let json = json_line(&shown.json());
            HttpReply::with_status(StatusCode::NOT_FOUND, Media::Json, json)
        }
    }
}

fn domain(text: Option<&str>) -> Result<Option<Domain>, Error> {
    let domain = text.map(Domain::parse).transpose();
    domain.map_err(|error| Error::Argument {
        what: "domain",
        problem: error.to_string(),
    })
}

fn problem(status: StatusCode, why: &str) -> HttpReply {
    HttpReply::with_status(status, Media::Json, json_line(&json!({ "error": why })))
}
