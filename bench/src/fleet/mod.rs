//! A fleet on PostgreSQL beside one host on SQLite: counts into a shared day, and deliveries claimed and recorded.
//!
//! Both engines are measured in this process, by the library of the programs, in turn. The cluster is one of its own, of the
//! distribution's PostgreSQL, and keeps what is committed as in production: nothing of that is switched off.

mod counts;
mod queue;

use std::path::PathBuf;

use tlsrptd_cluster::Cluster;

use crate::{
    daemon::Kind,
    error::BenchError,
    figure::{Goal, Unit},
    machine::Machine,
    table::{Row, Table},
};

/// What to measure.
#[derive(Debug)]
pub(crate) struct FleetPlan {
    pub(crate) quick: bool,
    pub(crate) runs: Option<usize>,
    pub(crate) folder: PathBuf,
}

/// Runs of each figure.
const RUNS: usize = 5;
/// Hosts that count into one day, and members that deliver.
const HOSTS: usize = 8;
const MEMBERS: usize = 4;
/// What an administrator would set for a server of some size; the rest is PostgreSQL's default.
pub(crate) const SETTINGS: [&str; 5] = [
    "fsync=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "wal_compression=on",
];

/// Runs it, and prints the table.
pub(crate) fn run(plan: &FleetPlan) -> Result<(), BenchError> {
    let machine = Machine::look(&plan.folder);
    let Some(cluster) = Cluster::start(&SETTINGS) else {
        eprintln!("SKIPPED the fleet: there is no PostgreSQL");
        return Ok(());
    };
    let runs = plan.runs.unwrap_or(if plan.quick { 1 } else { RUNS });
    let (a_host, reports) = match plan.quick {
        true => (20_000, 10_000),
        false => (200_000, 100_000),
    };
    let mut table = Table::default();
    for _ in 0..runs {
        table.add_run(vec![
            counts(plan, &cluster, a_host)?,
            deliveries(plan, &cluster, reports)?,
        ]);
    }
    print!(
        "{}{}{table}{}",
        machine.describe(),
        notes(&cluster),
        table.summary()
    );
    Ok(())
}

fn counts(plan: &FleetPlan, cluster: &Cluster, a_host: u64) -> Result<Row, BenchError> {
    let mut row = Row::new(
        &format!("counts a second into one shared day, {HOSTS} hosts; floor: one SQLite writer"),
        Unit::Number,
    )
    .asked(Goal::OfFloor(5.0));
    row.push(Kind::Floor, counts::sqlite(&plan.folder, HOSTS, a_host)?);
    row.push(Kind::Ours, counts::postgresql(cluster, HOSTS, a_host)?);
    Ok(row)
}

fn deliveries(plan: &FleetPlan, cluster: &Cluster, number: usize) -> Result<Row, BenchError> {
    let mut row = Row::new(
        &format!("deliveries a second claimed and recorded, {MEMBERS} members; floor: one reporter on SQLite"),
        Unit::Number,
    )
    .asked(Goal::OfFloor(1.2));
    row.push(Kind::Floor, queue::sqlite(&plan.folder, number)?);
    row.push(Kind::Ours, queue::postgresql(cluster, MEMBERS, number)?);
    Ok(row)
}

fn notes(cluster: &Cluster) -> String {
    let version = cluster
        .query("postgres", "SHOW server_version")
        .unwrap_or_default();
    format!(
        "PostgreSQL {version} on the same cores, with {}; SQLite in WAL mode, as the programs use it\n\
         counts: {HOSTS} hosts, each tells its keys five times, 10,000 a transaction, sorted for SQLite; their texts are there already;\n\
         deliveries: mails, each report of 1 KiB; each attempt succeeds at once, and its outcome is recorded\n",
        SETTINGS.join(", ")
    )
}
