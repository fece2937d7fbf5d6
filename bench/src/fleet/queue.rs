//! Deliveries: claimed, and their outcomes recorded, as a reporter does it whose attempts all succeed at once.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_cluster::Cluster;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    model::{
        CollectorCommand, CountedRows, DecidedDomain, Decision, DeliveryStatus, Destination,
        NamedBy, NewReport,
    },
    store::{self, AttemptEnd, Claimed, Disposition, Store, StoreError},
};

use crate::error::BenchError;

/// Reports that are stored in one transaction.
const A_TRANSACTION: usize = 1000;
/// As many as a reporter has claimed.
const IN_HAND: usize = 256;

/// Deliveries a second of one reporter.
pub(super) fn sqlite(folder: &Path, number: usize) -> Result<f64, BenchError> {
    let folder =
        tempfile::tempdir_in(folder).map_err(BenchError::io("make a folder in", folder))?;
    measure(folder.path().join("reportd.sqlite"), 1, number)
        .map_err(BenchError::other("the SQLite store"))
}

/// The same of so many members.
pub(super) fn postgresql(
    cluster: &Cluster,
    members: usize,
    number: usize,
) -> Result<f64, BenchError> {
    measure(cluster.database().into(), members, number)
        .map_err(BenchError::other("the PostgreSQL store"))
}

fn measure(dbname: PathBuf, members: usize, number: usize) -> Result<f64, StoreError> {
    let settings = Reportd {
        dbname,
        keep_days: 10,
        history_failures: 1000,
        ..Reportd::default()
    };
    let mut first = store::open(&settings, None)?;
    fill(first.as_mut(), number)?;
    let mut stores = vec![first];
    for _ in 1..members {
        stores.push(store::open(&settings, None)?);
    }
    share(&mut stores)?;
    let left = Arc::new(AtomicUsize::new(number));
    let begun = Instant::now();
    let workers: Vec<_> = stores
        .into_iter()
        .map(|store| {
            let left = Arc::clone(&left);
            thread::spawn(move || deliver(store, &left))
        })
        .collect();
    for worker in workers {
        if let Ok(done) = worker.join() {
            done?;
        }
    }
    Ok(number as f64 / begun.elapsed().as_secs_f64())
}

/// Until each member has its part of the work.
fn share(stores: &mut [Box<dyn Store>]) -> Result<(), StoreError> {
    // A member that has too much gives it in one pass, the others take it in the next.
    for _ in 0..10 {
        for store in stores.iter_mut() {
            store.tend(Timestamp::now(), None)?;
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

fn fill(store: &mut dyn Store, number: usize) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let day = Day::of(now).previous();
    store.tend(now, None)?;
    store.make_jobs(
        &[day],
        &[CollectorCommand {
            index: 1,
            command: "tlsrpt-fetcher".to_owned(),
        }],
        now,
    )?;
    let numbers: Vec<usize> = (0..number).collect();
    for part in numbers.chunks(A_TRANSACTION) {
        let decisions: Vec<DecidedDomain> =
            part.iter().map(|number| decided(*number, now)).collect();
        store.store_decisions(day, &decisions, now)?;
    }
    Ok(())
}

fn decided(number: usize, now: Timestamp) -> DecidedDomain {
    let domain = format!("d{number:09}.example");
    let to = Destination::new(format!("mailto:tlsrpt@{domain}"), NamedBy::Record);
    DecidedDomain {
        domain,
        uniqid: 1,
        rows: CountedRows {
            sessions: 10,
            ..CountedRows::default()
        },
        decision: Decision::Report(NewReport {
            json: format!("{{\"text\": \"{}\"}}", "x".repeat(1000)),
            destinations: vec![(to, now)],
            suppressed: Vec::new(),
        }),
        named: Vec::new(),
    }
}

fn deliver(mut store: Box<dyn Store>, left: &AtomicUsize) -> Result<(), StoreError> {
    while left.load(Ordering::Relaxed) > 0 {
        let now = Timestamp::now();
        let claims = store.claim(now, IN_HAND.into(), &|_| IN_HAND)?;
        let ends: Vec<AttemptEnd> = claims.into_iter().map(taken).collect();
        if ends.is_empty() {
            store.tend(now, None)?;
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        store.record(&ends, now)?;
        left.fetch_sub(ends.len(), Ordering::Relaxed);
    }
    store.close()
}

fn taken(claimed: Claimed) -> AttemptEnd {
    let (r_id, destination) = match claimed {
        Claimed::Delivery(delivery) => (delivery.r_id, delivery.destination),
        Claimed::Corrupt(row) => (row.r_id, row.destination),
    };
    AttemptEnd {
        r_id,
        destination,
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: "250 taken".to_owned(),
        },
        gzip: None,
    }
}
