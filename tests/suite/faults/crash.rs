//! `kill -9` under full load.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::load::Load;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::sys4::Sys4;

use super::{Content, freeze, times};

/// What one kill did.
struct Kill {
    in_transaction: bool,
    accepted: u64,
    lost: u64,
    /// How long before the kill the first lost datagram was sent.
    since: Duration,
}

#[test]
fn killed_it_loses_what_came_after_the_last_commit_and_damages_nothing() {
    let lab = Lab::new();
    let sys4 = Sys4::or_skip();
    let kills: Vec<Kill> = (0..times(10, 100))
        .map(|round| {
            let database = lab.file(&format!("round{round}.sqlite"));
            // At another moment of its work each time.
            let kill = kill_under_load(&lab, &database, 4_000 + 3_770 * (round as u64 % 10));
            let sys4 = sys4.as_ref().filter(|_| round % 5 == 4);
            recover(&lab, &database, sys4);
            kill
        })
        .collect();
    tell(&kills);
    let worst = kills.iter().map(|kill| kill.since).max().unwrap();
    // A commit is due every tenth of a second; the rest is for a machine that runs other tests too.
    assert!(worst < Duration::from_secs(5), "{worst:?}");
}

fn kill_under_load(lab: &Lab, database: &Path, datagrams: u64) -> Kill {
    let collectd = lab.start_ready(&on(lab.collectd(), database));
    let load = Load::start(&lab.socket());
    load.wait_for_more(datagrams);
    // Frozen, then killed: it does nothing in between, and we see where it was.
    freeze(&collectd);
    let frozen = Instant::now();
    let in_transaction = holds_write_lock(database);
    let committed = Content::look(database);
    collectd.kill();
    let sent = load.stop();

    // A copy of what it left, so that the next collector finds it as it is.
    let copy = copy_of(database);
    let found = Content::read(&copy);
    assert!(
        found.total >= committed.total && found.numbers.is_superset(&committed.numbers),
        "what was committed is there"
    );
    assert!(found.total <= sent.count(), "nothing is counted twice");
    let first_lost = sent.accepted_at(found.first_missing());
    Kill {
        in_transaction,
        accepted: sent.count(),
        lost: sent.count() - found.total,
        since: first_lost.map_or(Duration::ZERO, |sent| {
            frozen.saturating_duration_since(sent)
        }),
    }
}

/// The next collector takes the file up: ours, or sys4's.
fn recover(lab: &Lab, database: &Path, sys4: Option<&Sys4>) {
    let before = Content::read(&copy_of(database)).total;
    let collectd = match sys4 {
        None => lab.collectd(),
        Some(sys4) => lab.their_collectd(sys4),
    };
    let collectd = lab.start_ready(&on(collectd, database));
    lab.mta().send(&mta::success(
        "next.test",
        "v=TLSRPTv1; rua=mailto:a@b.test",
    ));
    lab.wait_for_sessions(database, i64::try_from(before).unwrap() + 1);
    let ended = collectd.stop();
    // sys4 complains of its own socket at the end.
    assert!(
        sys4.is_some() || ended.code() == Some(0),
        "{}",
        ended.stderr
    );
    assert_eq!(Content::read(database).total, before + 1);
}

fn on(collectd: Program, database: &Path) -> Program {
    collectd.set("storage", format!("sqlite://{}", database.display()))
}

/// Whether somebody is inside a writing transaction: SQLite's WAL_WRITE_LOCK is byte 120 of the file of shared memory
/// (walIndex format, sqlite.org/walformat.html 2.3.1), held from BEGIN IMMEDIATE to the end of COMMIT.
fn holds_write_lock(database: &Path) -> bool {
    let shared = beside(database, "-shm");
    let file = File::open(&shared).unwrap();
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 120,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_GETLK(&mut lock)).unwrap();
    lock.l_type != libc::F_UNLCK as libc::c_short
}

fn copy_of(database: &Path) -> PathBuf {
    let copy = beside(database, ".copy");
    for end in ["", "-wal"] {
        let _ = fs::remove_file(beside(&copy, end));
        let from = beside(database, end);
        if from.exists() {
            fs::copy(from, beside(&copy, end)).unwrap();
        }
    }
    let _ = fs::remove_file(beside(&copy, "-shm"));
    copy
}

fn beside(database: &Path, end: &str) -> PathBuf {
    format!("{}{end}", database.display()).into()
}

fn tell(kills: &[Kill]) {
    let inside = kills.iter().filter(|kill| kill.in_transaction).count();
    let accepted: u64 = kills.iter().map(|kill| kill.accepted).sum();
    let mut lost: Vec<u64> = kills.iter().map(|kill| kill.lost).collect();
    let mut since: Vec<Duration> = kills.iter().map(|kill| kill.since).collect();
    lost.sort_unstable();
    since.sort_unstable();
    let middle = kills.len() / 2;
    println!(
        "{} kills, {inside} inside a transaction; of {accepted} datagrams accepted {} lost; a kill: median {}, most {}; \
         first lost datagram sent before the kill: median {:?}, most {:?}",
        kills.len(),
        lost.iter().sum::<u64>(),
        lost[middle],
        lost[kills.len() - 1],
        since[middle],
        since[kills.len() - 1],
    );
}
