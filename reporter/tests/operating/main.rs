//! What operators see of a fleet, and do to it, on a real PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod cuts;
mod health;
mod moving;
#[allow(dead_code)] // the daemon's tests use the rest
#[path = "../environment/proxy.rs"]
mod proxy;
mod view;

use tlsrptd_cluster::Cluster;
use tlsrptd_config::{Start, reportd::Reportd};
use tlsrptd_fleet::{Address, Session, schema};

/// Settings with this database.
fn settings(dbname: &str, more: &[&str]) -> Reportd {
    let mut arguments = vec![
        format!("--dbname={dbname}"),
        "--organization_name=O".to_owned(),
        "--contact_info=c@example.com".to_owned(),
    ];
    arguments.extend(more.iter().map(|one| (*one).to_owned()));
    match tlsrptd_config::reportd::load(arguments.into_iter().map(Into::into), []) {
        Start::Run(settings) => settings.values,
        Start::Done { stderr, .. } => panic!("{stderr}"),
    }
}

/// A server of its own; `None`, and the test skipped by name, where there is no PostgreSQL.
fn cluster(test: &str, settings: &[&str]) -> Option<Cluster> {
    let cluster = Cluster::start(settings);
    if cluster.is_none() {
        skipped(test);
    }
    cluster
}

/// A new database; the same.
fn database(test: &str) -> Option<String> {
    let database = tlsrptd_cluster::database();
    if database.is_none() {
        skipped(test);
    }
    database
}

fn skipped(test: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{test}: there is no PostgreSQL (apt-get install postgresql)"
    );
    eprintln!("skipped {test}: there is no PostgreSQL (apt-get install postgresql)");
}

/// A session to it, with the tables made.
fn made(dbname: &str) -> Session {
    let session = Session::connect(Address::parse(dbname).unwrap()).unwrap();
    schema::migrate(&session).unwrap();
    session
}

/// Several statements.
fn run(session: &Session, sql: &str) {
    let transaction = session.begin().unwrap();
    transaction.batch(sql).unwrap();
    transaction.commit().unwrap();
}
