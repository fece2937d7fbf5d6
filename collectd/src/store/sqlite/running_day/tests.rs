//! Today's file under readers, while the store commits and closes days.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tlsrptd_config::paths;
use tlsrptd_proto::{
    counts::DomainCounts,
    datagram::{Datagram, TextLimits},
    day::Day,
    domain::Domain,
};

use super::super::{ClosedFiles, Sqlite, Store};
use crate::store::{
    DayQuestion, DayReader, Detail, FoldLimits, Look, RunningDay, RunningDayReader, TodaysRows,
};

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("db")
    }

    fn store(&self) -> Sqlite {
        Sqlite::open("sqlite:///db", &self.path(), FoldLimits::new(100, 100), 10).unwrap()
    }

    fn wal_bytes(&self) -> u64 {
        fs::metadata(paths::beside(&self.path(), "-wal")).map_or(0, |file| file.len())
    }
}

fn day() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn running(store: &Sqlite) -> Arc<dyn RunningDay> {
    store.running_day().unwrap()
}

fn add(store: &mut Sqlite, domain: &str) {
    let text = format!(
        r#"{{"d":"{domain}","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":2,"policy-domain":"{domain}","policy-string":["x"],"failure-details":[{{"c":203,"f":"r"}}],"t":1,"f":1}}]}}"#
    );
    let parsed = Datagram::parse(text.as_bytes(), &TextLimits::default());
    store.add(day(), &parsed.unwrap().into_session_results().into());
}

/// A row as sys4's collector writes it: with the name as it came.
fn add_as_sys4(bench: &Bench, name: &str) {
    let db = Connection::open(bench.path()).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    let insert = "INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure) VALUES(?1, ?2, 't', '{\"policy-type\": 9}', 5, 0)";
    db.execute(insert, (day().to_string(), name)).unwrap();
}

fn all(reader: &mut dyn RunningDayReader, detail: Detail) -> Vec<(Domain, DomainCounts)> {
    let mut found = Vec::new();
    while let Look::Domains(domains) = reader.look(detail).unwrap() {
        found.extend(domains);
    }
    found
}

#[test]
fn today_is_told_as_it_will_be_when_it_is_closed() {
    let bench = Bench::new();
    let mut store = bench.store();
    for n in 0..1000 {
        add(&mut store, &format!("d{n}.test"));
    }
    store.flush().unwrap();
    for name in [
        "A.test",
        "d5.TEST",
        "D5.test",
        "zz.test.",
        "no name",
        "d999x.test",
    ] {
        add_as_sys4(&bench, name);
    }
    add(&mut store, "uncommitted.test");
    let open = || running(&store).begin(day()).unwrap();
    let told = all(&mut *open(), Detail::Counts);
    let names: Vec<_> = all(&mut *open(), Detail::Names)
        .into_iter()
        .map(|(domain, _)| domain)
        .collect();
    let d5 = Domain::parse("d5.test").unwrap();
    let as_asked = open().counts_as_asked(&d5, "D5.test").unwrap();
    let normal = open().counts_as_asked(&d5, "d5.Test").unwrap();

    // Without what is not committed yet.
    drop(store);
    let mut store = bench.store();
    store.close_days(day().next(), TodaysRows::Stay).unwrap();
    let question = DayQuestion {
        day: day(),
        only: None,
    };
    let closed = ClosedFiles::open(&bench.path(), &question, day().next()).unwrap();
    let closed_told: Vec<_> = closed.domains().unwrap().map(Result::unwrap).collect();
    assert_eq!(told, closed_told);
    assert_eq!(told.len(), 1003);
    assert!(names.iter().eq(told.iter().map(|(domain, _)| domain)));
    assert_eq!(as_asked, closed.counts_as_asked(&d5, "D5.test").unwrap());
    assert_eq!(normal, closed.counts_as_asked(&d5, "d5.Test").unwrap());
    assert_ne!(as_asked, normal);
}

/// A client that takes nothing: its reader has the file open, and does not look.
#[test]
fn a_day_is_closed_though_readers_have_it_open() {
    let bench = Bench::new();
    let mut store = bench.store();
    for n in 0..500 {
        add(&mut store, &format!("d{n}.test"));
    }
    store.flush().unwrap();
    let running = running(&store);
    let mut readers: Vec<_> = (0..5).map(|_| running.begin(day()).unwrap()).collect();
    for reader in &mut readers {
        reader.look(Detail::Counts).unwrap();
    }
    let began = Instant::now();
    let closed = store.close_days(day().next(), TodaysRows::Stay).unwrap();
    assert_eq!(closed.len(), 1);
    assert!(began.elapsed() < Duration::from_secs(5));
    for reader in &mut readers {
        let error = reader.look(Detail::Counts).unwrap_err();
        assert!(
            error.to_string().contains("the day is being closed"),
            "{error}"
        );
    }
    let mut reader = running.begin(day().next()).expect("the next day is read");
    assert!(all(&mut *reader, Detail::Counts).is_empty());
    store.finish().unwrap();
    assert!(reader.look(Detail::Counts).is_err(), "nor at the end");
    assert!(!paths::beside(&bench.path(), "-wal").exists());
}

#[test]
fn nobody_reads_while_the_gate_is_closed() {
    let bench = Bench::new();
    let store = bench.store();
    let running = running(&store);
    let closed = store.gate.close();
    let within = store.gate.close();
    drop(within);
    assert!(running.begin(day()).is_err());
    drop(closed);
    assert!(running.begin(day()).is_ok());
}

/// Readers that look without a pause, while the operator ends day after day, and the store commits between.
#[test]
fn rollovers_and_commits_under_readers_that_never_pause() {
    const READERS: usize = 3;
    let bench = Bench::new();
    let mut store = bench.store();
    let (ended, looks) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (running, ended, looks) = (running(&store), Arc::clone(&ended), Arc::clone(&looks));
            thread::spawn(move || {
                let mut taken_away = 0;
                while !ended.load(SeqCst) {
                    let Ok(mut reader) = running.begin(day()) else {
                        continue;
                    };
                    loop {
                        looks.fetch_add(1, SeqCst);
                        match reader.look(Detail::Counts) {
                            Ok(Look::Domains(_)) => {}
                            Ok(Look::End) => break,
                            Err(_) => {
                                taken_away += 1;
                                break;
                            }
                        }
                    }
                }
                taken_away
            })
        })
        .collect();
    let (mut slowest_commit, mut slowest_close, mut most_wal) = (Duration::ZERO, Duration::ZERO, 0);
    for round in 0..5 {
        for commit in 0..8 {
            for n in 0..50 {
                add(&mut store, &format!("d{n}.c{commit}.r{round}.test"));
            }
            let began = Instant::now();
            store.flush().unwrap();
            slowest_commit = slowest_commit.max(began.elapsed());
            most_wal = most_wal.max(bench.wal_bytes());
        }
        store.sync().unwrap();
        let began = Instant::now();
        store
            .close_days(day(), TodaysRows::BecomeYesterdays)
            .unwrap();
        slowest_close = slowest_close.max(began.elapsed());
        store.start_epoch();
    }
    ended.store(true, SeqCst);
    let taken_away: usize = readers
        .into_iter()
        .map(|reader| reader.join().unwrap())
        .sum();
    let looks = looks.load(SeqCst);
    println!(
        "{looks} looks, {taken_away} taken away, {slowest_commit:?} a commit, {slowest_close:?} a close, {most_wal} bytes of WAL"
    );
    assert!(looks > 10 * READERS && taken_away > 0, "they did read");
    store.finish().unwrap();
    let db = Connection::open(bench.dir.path().join("db.yesterday")).unwrap();
    let rows: i64 = db
        .query_row("SELECT count(*) FROM finalresults", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 5 * 8 * 50, "nothing is lost");
}

/// Commits of the same rows: the WAL starts anew again and again, though somebody always reads.
#[test]
fn the_wal_does_not_grow_under_a_reader_that_never_ends() {
    let bench = Bench::new();
    let mut store = bench.store();
    for n in 0..400 {
        add(&mut store, &format!("d{n}.test"));
    }
    store.flush().unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let reader = {
        let (running, ended) = (running(&store), Arc::clone(&ended));
        thread::spawn(move || {
            let mut reader = running.begin(day()).unwrap();
            while !ended.load(SeqCst) {
                if let Look::End = reader.look(Detail::Counts).unwrap() {
                    reader = running.begin(day()).unwrap();
                }
                // Its client takes its time.
                thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let mut most = 0;
    for _ in 0..60 {
        for id in 0..400 {
            store.count(id, 1);
        }
        store.flush().unwrap();
        store.sync().unwrap();
        most = most.max(bench.wal_bytes());
    }
    ended.store(true, SeqCst);
    reader.join().unwrap();
    println!("{most} bytes of WAL at most");
    assert!(most < 8 << 20, "{most}");
}
