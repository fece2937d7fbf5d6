//! Days that end under full load: every datagram is in exactly one of them.

use std::path::Path;

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::load::Load;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::shim::Shim;
use tlsrptd_tests::harness::wait::until_true;

use super::{Content, check_law, day_files, times};

#[test]
fn midnights_under_load() {
    let lab = Lab::new();
    let Some(shim) = Shim::or_skip(lab.folder()) else {
        return;
    };
    shim.jump("2026-03-01T23:59:30Z");
    let stats = lab.file("stats");
    let collectd = lab
        .collectd()
        .set("stats_file", stats.display())
        .set("keep_days", 40);
    let collectd = lab.start_ready(&shim.under(collectd));
    let load = Load::paced(&lab.socket(), 4_000);
    let days = times(3, 25);
    for day in 0..days {
        load.wait_for_more(1_000);
        shim.jump(&format!("2026-03-{:02}T00:00:01Z", day + 2));
        until_true("the day to be closed", || {
            collectd.log().matches("day closed").count() > day + 1
        });
    }
    load.wait_for_more(1_000);
    let accepted = load.stop().count();
    collectd.stop().success();
    assert_eq!(
        day_files(&lab).len(),
        days + 2,
        "and the empty one before: {:?}",
        day_files(&lab)
    );
    check_law(&lab, &stats, accepted, "midnights");
    // Each file holds its own day.
    for file in day_files(&lab) {
        let days = lab.day_file(&file).days().len();
        assert!(days == 1 || Content::read(&file).total == 0);
    }
}

#[test]
fn days_ended_by_hand_under_load() {
    let lab = Lab::new();
    let stats = lab.file("stats");
    let collectd = lab
        .collectd()
        .set("stats_file", stats.display())
        // As in `disk`: what waits is to be counted within the time for a stop.
        .set("max_queued_datagrams", 5_000);
    let collectd = lab.start_ready(&collectd);
    let load = Load::start(&lab.socket());
    for round in 0..times(2, 20) {
        load.wait_for_more(500);
        collectd.signal(Signal::SIGUSR2);
        until_true("the day to be closed", || {
            collectd.log().matches("day closed").count() > round + 1
        });
    }
    let accepted = load.stop().count();
    collectd.stop().success();
    // The known domain is in both files; the others in one.
    check_law(&lab, &stats, accepted, "days ended by hand");
}

#[test]
fn a_start_after_the_clock_stepped_back_leaves_the_closed_day_alone() {
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T23:59:00Z") else {
        return;
    };
    let txt = "v=TLSRPTv1; rua=mailto:a@reports.test";
    let program = lab.collectd().clock(&clock);
    let collectd = lab.start_ready(&program);
    lab.mta().send(&mta::success("before.test", txt));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    clock.jump("2026-03-02T00:00:02Z");
    lab.wait_for_sessions(&lab.closed_db(), 1);
    collectd.stop().success();

    clock.jump("2026-03-01T23:10:00Z");
    let collectd = lab.start_ready(&program);
    lab.mta().send(&mta::success("after.test", txt));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    collectd.stop().success();
    let days = |file: &Path| {
        let rows = lab.day_file(file).results.into_iter();
        rows.map(|row| (row.day, row.domain)).collect::<Vec<_>>()
    };
    let row = |day: &str, domain: &str| (day.to_owned(), domain.to_owned());
    assert_eq!(days(&lab.closed_db()), [row("2026-03-01", "before.test")]);
    assert_eq!(
        days(&lab.collectd_db()),
        [row("2026-03-02", "after.test")],
        "its reports may be on their way"
    );
}
