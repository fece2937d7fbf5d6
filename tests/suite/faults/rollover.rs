//! A power cut while a day is closed: after each sync and each rename of it. What was synced before is there afterwards,
//! and is there once.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::day::DayFile;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::shim::Shim;
use tlsrptd_tests::harness::wait::until_true;

use super::{Content, times};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@b.test";
const SESSIONS: u64 = 40;

#[test]
fn a_power_cut_while_a_day_is_closed_costs_nothing_that_was_synced() {
    let lab = Lab::new();
    let Some(shim) = Shim::or_skip(lab.folder()) else {
        return;
    };
    // In the suite after every fourth.
    let cuts = (1..)
        .step_by(times(4, 1))
        .take_while(|nth| cut(&lab, &shim, *nth));
    let cuts = cuts.count();
    println!("{cuts} power cuts while a day was closed");
    assert!(cuts > 2, "it syncs more often than that");
}

/// Cuts the power at the n-th sync or rename of a rollover; false when there are fewer.
fn cut(lab: &Lab, shim: &Shim, nth: usize) -> bool {
    shim.stop_after(0);
    let name = format!("cut{nth}.sqlite");
    let mut collectd = lab.start_ready(&shim.under(on(lab, &name)));
    let domain = |number: u64| format!("d{number}.load.test");
    lab.mta()
        .send_all((0..SESSIONS).map(|number| mta::success(&domain(number), TXT)));
    // Until all of it would outlive a cut.
    let mut state = 0;
    until_true("a sync", || {
        state += 1;
        let copy = after_the_cut(
            lab,
            shim,
            &name,
            &format!("synced{state}-{nth}.sqlite"),
            false,
        );
        total(&copy) == SESSIONS
    });
    shim.stop_after(nth);
    collectd.signal(Signal::SIGUSR2);
    // The first start has closed an empty day.
    until_true("the cut, or the closed day", || {
        stands_still(&collectd) || collectd.log().matches("day closed day=").count() > 1
    });
    let is_cut = stands_still(&collectd);
    if is_cut {
        for (with_rest, what) in [(false, "synced"), (true, "written")] {
            let state = format!("{what}-after{nth}.sqlite");
            after_the_cut(lab, shim, &name, &state, with_rest);
            next_collector_finds_all(lab, &state, &format!("cut {nth}, {what}"));
        }
    }
    shim.stop_after(0);
    collectd.signal(Signal::SIGCONT);
    let _ = collectd.is_running();
    collectd.kill();
    let _ = fs::remove_file(lab.socket());
    is_cut
}

fn on(lab: &Lab, name: &str) -> Program {
    lab.collectd()
        .set("storage", format!("sqlite://{}", lab.file(name).display()))
}

fn stands_still(running: &Running) -> bool {
    let text = fs::read_to_string(format!("/proc/{}/stat", running.pid())).unwrap();
    text.rsplit(") ")
        .next()
        .is_some_and(|rest| rest.starts_with('T'))
}

/// The day files of `name` as the disk holds them, under another name: what was synced, and the rest if it got there.
fn after_the_cut(lab: &Lab, shim: &Shim, name: &str, state: &str, with_rest: bool) -> PathBuf {
    for entry in fs::read_dir(lab.folder()).unwrap().flatten() {
        let file = entry.file_name().into_string().unwrap();
        let Some(end) = file.strip_prefix(name) else {
            continue;
        };
        // Shared memory is no file, and is made anew.
        if end.ends_with("-shm") || !entry.path().is_file() {
            continue;
        }
        let bytes = match with_rest {
            true => fs::read(entry.path()).ok(),
            false => shim.synced(&file),
        };
        if let Some(bytes) = bytes {
            fs::write(lab.file(&format!("{state}{end}")), bytes).unwrap();
        }
    }
    lab.file(state)
}

fn total(file: &Path) -> u64 {
    match file.is_file() {
        true => Content::read(file).total,
        false => 0,
    }
}

fn next_collector_finds_all(lab: &Lab, state: &str, what: &str) {
    let _ = fs::remove_file(lab.socket());
    let collectd = lab.start_ready(&on(lab, state));
    lab.mta().send(&mta::success("next.test", TXT));
    until_true("its session", || {
        let day = DayFile::read(&lab.file(state)).unwrap_or_default();
        day.of("next.test").results.len() == 1
    });
    collectd.stop().success();
    let files = fs::read_dir(lab.folder()).unwrap().flatten();
    // What stands beside a database is read with it.
    let beside = ["-wal", "-shm", "-journal", "-mj"];
    let is_beside = |name: &str| beside.iter().any(|part| name.contains(part));
    let days = files.filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.starts_with(state) && !is_beside(&name)
    });
    let mut found: Vec<usize> = Vec::new();
    let mut sessions = 0;
    for day in days {
        let content = Content::read(&day.path());
        found.extend(content.numbers);
        sessions += content.total;
    }
    found.sort_unstable();
    assert!(
        found.iter().copied().eq(0..SESSIONS as usize),
        "{what}: {found:?}"
    );
    assert_eq!(sessions, SESSIONS + 1, "{what}: each counted once");
}

#[test]
fn a_rollover_that_has_to_wait_is_not_forgotten_at_the_stop() {
    type Hold = fn(&rusqlite::Connection);
    let writer: Hold = |db| db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let reader: Hold = |db| {
        let read = "BEGIN; SELECT count(*) FROM finalresults";
        db.execute_batch(read).unwrap();
    };
    for (hold, sign, released, why) in [
        (writer, "cannot commit", true, "another program writes"),
        (
            reader,
            "cannot close the day",
            true,
            "another program reads",
        ),
        (writer, "cannot commit", false, "it writes for too long"),
    ] {
        let lab = Lab::new();
        let mut collectd = lab.start_collectd();
        lab.mta().send(&mta::success("a.test", TXT));
        lab.wait_for_sessions(&lab.collectd_db(), 1);
        let other = rusqlite::Connection::open(lab.collectd_db()).unwrap();
        hold(&other);
        lab.mta().send(&mta::success("b.test", TXT));
        collectd.signal(Signal::SIGUSR2);
        collectd.signal(Signal::SIGTERM);
        collectd.wait_for_log(sign);
        if released {
            drop(other);
            collectd.wait().success();
            assert_eq!(total(&lab.closed_db()), 2, "{why}");
        } else {
            let end = collectd.wait();
            assert_eq!(end.code(), Some(6), "{why}");
            assert!(end.stderr.contains("send SIGUSR2 again"), "{}", end.stderr);
        }
    }
}
