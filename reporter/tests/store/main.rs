//! The store alone, through its ports: any engine has to pass.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod additions;
mod bounces;
mod cleaned;
mod deliveries;
mod deliveries_view;
mod digests;
mod domain_day;
#[path = "../environment/mod.rs"]
mod environment;
mod failures;
mod history;
mod jobs;
mod kept;
mod shipped;
mod suppressions;
mod sys4_file;
mod used;

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    model::{
        CollectorCommand, CountedRows, DecidedDomain, Decision, Delivery, Destination, FetchJob,
        NamedBy, NewReport,
    },
    store::{AttemptEnd, Claimed, Disposition, Store},
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn day() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn open(settings: &Reportd) -> Box<dyn Store> {
    tlsrptd_reporter::store::open(settings, None).unwrap()
}

fn jobs(store: &mut dyn Store, commands: &[&str]) -> Vec<FetchJob> {
    let jobs: Vec<CollectorCommand> = (1..)
        .zip(commands)
        .map(|(index, command)| CollectorCommand {
            index,
            command: (*command).to_owned(),
        })
        .collect();
    store.make_jobs(&[day()], &jobs, at("21T00:00:00")).unwrap();
    store.due_jobs(at("21T00:00:00")).unwrap()
}

fn decision(domain: &str, uris: &[&str], due: Timestamp) -> DecidedDomain {
    let to = |uri: &&str| (Destination::new(*uri, NamedBy::Record), due);
    report(domain, "{}", uris.iter().map(to).collect())
}

fn report(domain: &str, json: &str, destinations: Vec<(Destination, Timestamp)>) -> DecidedDomain {
    DecidedDomain {
        domain: domain.into(),
        uniqid: 1,
        rows: CountedRows {
            sessions: 1,
            ..CountedRows::default()
        },
        decision: Decision::Report(NewReport {
            json: json.to_owned(),
            destinations,
            suppressed: Vec::new(),
        }),
        named: Vec::new(),
    }
}

fn claim(store: &mut dyn Store, now: Timestamp, limit: usize) -> Vec<Delivery> {
    claim_room(store, now, limit, 2)
}

fn claim_room(store: &mut dyn Store, now: Timestamp, limit: usize, room: usize) -> Vec<Delivery> {
    let claims = store.claim(now, limit.into(), &|_| room).unwrap();
    let delivery = |claimed| match claimed {
        Claimed::Delivery(delivery) => delivery,
        Claimed::Corrupt(row) => panic!("{row:?}"),
    };
    claims.into_iter().map(delivery).collect()
}

fn later(claimed: &Delivery, at: Timestamp) -> AttemptEnd {
    AttemptEnd {
        r_id: claimed.r_id,
        destination: claimed.destination.clone(),
        gzip: None,
        disposition: Disposition::Retry {
            at,
            begins: None,
            reason: "451".into(),
        },
    }
}
