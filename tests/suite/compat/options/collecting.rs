//! The options of `tlsrpt-collectd` and `tlsrpt-fetcher`.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::{until_true, within};

use super::super::scene::{DAY, end, listed};
use super::effect::{Effect, Of};
use super::site::{MAIL, Site, is};

const SESSIONS: &str = "SELECT coalesce(sum(cntrtotal), 0) FROM finalresults";

pub(super) fn effects() -> Vec<Effect> {
    [process(), commits(), bounds(), fetcher()]
        .into_iter()
        .flatten()
        .collect()
}

#[rustfmt::skip]
fn process() -> Vec<Effect> {
    let of = Of("tlsrpt-collectd");
    vec![
        of.turn("storage", ["sqlite://{folder}/c.sqlite", "sqlite://{folder}/other.sqlite"], ["no", "yes"], |site, collector| {
            let _running = site.scene.started(&collector);
            is(within(Duration::from_secs(2), || site.scene.file("other.sqlite").exists().then_some(())).is_some())
        }),
        of.turn("socketname", ["{folder}/c.sock", "{folder}/other.sock"], ["no", "yes"], |site, collector| {
            let _running = collector.start();
            let exists = |name: &str| site.scene.file(name).exists();
            until_true("a socket", || exists("c.sock") || exists("other.sock"));
            is(exists("other.sock"))
        }),
        of.set("socketuser", "no-such-user", ["listens", "exit 7"], listens),
        of.set("socketgroup", "no-such-group", ["listens", "exit 7"], listens),
        of.turn("socketmode", ["0600", "0222"], ["100600", "100222"], |site, collector| {
            let _running = site.scene.started(&collector);
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::symlink_metadata(site.scene.socket()).unwrap());
            format!("100{:o}", mode & 0o777)
        }),
        of.set("pidfilename", "{folder}/kept/pid", ["no", "yes"], leaves_a_file),
        of.set("logfilename", "{folder}/kept/log", ["no", "yes"], leaves_a_file),
        of.set("stats_file", "{folder}/kept/stats", ["no", "yes"], |site, collector| {
            site.scene.started(&collector).stop().success();
            is(site.scene.file("kept/stats").exists())
        }),
        of.set("observation_socket", "{folder}/kept/observe", ["no", "yes"], leaves_a_file),
        of.set("log_level", "info", ["no", "yes"], |site, collector| {
            is(site.scene.started(&collector).stop().stderr.contains(" INFO "))
        }),
        of.set("daily_rollover_script", "touch {folder}/kept/told", ["no", "yes"], |site, collector| {
            let _running = site.scene.started(&collector);
            is(within(Duration::from_secs(2), || site.scene.file("kept/told").exists().then_some(())).is_some())
        }),
        of.set("dump_path_for_invalid_datagram", "{folder}/kept/dump", ["no", "yes"], |site, collector| {
            let running = site.scene.started(&collector);
            site.scene.send(b"invalid");
            running.stop();
            is(site.scene.file("kept/dump").exists())
        }),
        of.set("clock_confirmation", "0", ["no", "yes"], |site, collector| {
            let asked = collector.setting("clock_confirmation").is_some();
            let Some(clock) = FakeClock::or_skip(site.scene.folder(), "2026-03-01T12:00:00Z") else {
                return is(asked);
            };
            let collector = collector.clock(&clock);
            let collector = if asked { collector } else { collector.unset("clock_confirmation") };
            let running = site.scene.started(&collector);
            clock.jump("2026-03-05T12:00:00Z");
            let closed = || running.log().contains("accepted the new system time").then_some(());
            is(within(Duration::from_secs(4), closed).is_some())
        }),
        of.set("keep_days", "1", ["yes", "no"], |site, collector| {
            // The files are of long ago.
            let collector = collector.set("clock_confirmation", 0);
            site.scene.storage("old");
            fs::rename(site.scene.file("old.sqlite.yesterday"), site.scene.file("c.sqlite.2026-01-01")).unwrap();
            let five_days_ago = site.scene.rows_or_none("c.sqlite.2026-01-01", "SELECT date('now', '-5 days')").unwrap();
            let old = site.scene.file(&format!("c.sqlite.{five_days_ago}"));
            fs::rename(site.scene.file("c.sqlite.2026-01-01"), &old).unwrap();
            let change = rusqlite::Connection::open(&old).unwrap();
            change.execute_batch("UPDATE finalresults SET day = date('now', '-5 days'); UPDATE daystatus SET daycomplete = date('now', '-5 days')").unwrap();
            drop(change);
            let running = site.scene.started(&collector);
            site.scene.close(&running, &["a.test"]);
            is(within(Duration::from_secs(2), || (!old.exists()).then_some(())).is_none())
        }),
    ]
}

#[rustfmt::skip]
fn commits() -> Vec<Effect> {
    let of = Of("tlsrpt-collectd");
    vec![
        of.set("sockettimeout", "100000", ["yes", "no"], |site, collector| {
            let running = site.scene.started(&collector);
            site.scene.send(&mta::success("synced.test", MAIL));
            site.scene.wait_for("c.sqlite", SESSIONS, "1");
            // Not in the WAL beside it: a checkpoint has brought it there.
            let there = || fs::read(site.scene.file("c.sqlite")).is_ok_and(|bytes| bytes.windows(11).any(|text| text == b"synced.test"));
            let synced = within(Duration::from_secs(7), || there().then_some(()));
            drop(running);
            is(synced.is_some())
        }),
        of.set("max_uncommited_datagrams", "1", ["few commits", "many commits"], |site, collector| {
            let running = site.scene.started(&collector);
            running.signal(Signal::SIGSTOP);
            for number in 0..9 {
                site.scene.send(&mta::success(&format!("d{number}.test"), MAIL));
            }
            running.signal(Signal::SIGCONT);
            if figure(&running.stop().stderr, "commits") > 4 { "many commits" } else { "few commits" }.to_owned()
        }),
        of.set("retry_commit_datagram_count", "1", ["few attempts", "many attempts"], |site, collector| {
            let running = site.scene.started(&collector.set("sockettimeout", 1000).set("log_level", "debug"));
            let lock = rusqlite::Connection::open(site.scene.file("c.sqlite")).unwrap();
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
            for number in 0..5 {
                site.scene.send(&mta::success(&format!("d{number}.test"), MAIL));
                std::thread::yield_now();
                // Each a failure of its own, if it is tried.
                within(Duration::from_millis(1500), || None::<()>);
            }
            lock.execute_batch("ROLLBACK").unwrap();
            let failures = figure(&running.stop().stderr, "commit_failures");
            if failures > 1 { "many attempts" } else { "few attempts" }.to_owned()
        }),
    ]
}

fn listens(site: &Site, collector: Program) -> String {
    match site.scene.start(&collector) {
        Ok(_running) => "listens".to_owned(),
        Err(ended) => end(&ended),
    }
}

/// Whether one is in the folder that is empty at first.
fn leaves_a_file(site: &Site, collector: Program) -> String {
    let _running = site.scene.started(&collector);
    let file = || {
        fs::read_dir(site.scene.file("kept"))
            .unwrap()
            .next()
            .map(|_| ())
    };
    is(within(Duration::from_secs(3), file).is_some())
}

/// A number of the line that a collector logs at its end.
fn figure(log: &str, key: &str) -> u64 {
    let words = log
        .lines()
        .filter(|line| line.contains("stopped figures="))
        .flat_map(str::split_whitespace);
    let pairs = words.filter_map(|word| {
        word.trim_start_matches("figures=")
            .trim_matches('"')
            .split_once('=')
    });
    pairs
        .filter(|(found, _)| *found == key)
        .find_map(|(_, number)| number.parse().ok())
        .unwrap_or(0)
}

#[rustfmt::skip]
fn bounds() -> Vec<Effect> {
    let of = Of("tlsrpt-collectd");
    vec![
        of.set("max_queued_datagrams", "1", ["no", "yes"], |site, collector| {
            let running = site.scene.started(&collector);
            let lock = rusqlite::Connection::open(site.scene.file("c.sqlite")).unwrap();
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
            for number in 0..30 {
                site.scene.send(&mta::success(&format!("d{number}.test"), MAIL));
            }
            lock.execute_batch("ROLLBACK").unwrap();
            is(figure(&running.stop().stderr, "dropped") > 0)
        }),
        of.set("max_datagram_size", "1024", ["counted", "malformed"], |site, collector| {
            let log = sent(site, collector, &[mta::huge("a.test", MAIL, 5000)]);
            if figure(&log, "malformed") > 0 { "malformed" } else { "counted" }.to_owned()
        }),
        of.set("max_text_length", "256", ["whole", "clipped"], |site, collector| {
            sent(site, collector, &[mta::success("a.test", &format!("{MAIL}; x={}", "y".repeat(2000)))]);
            let length = site.scene.rows("c.sqlite", "SELECT length(tlsrptrecord) > 1000 FROM finalresults");
            if length == "1" { "whole" } else { "clipped" }.to_owned()
        }),
        of.set("max_policies_per_domain", "1", ["3", "2"], |site, collector| {
            let policies = ["b.test", "c.test", "d.test"].map(|name| mta::policy(9, name, &[]));
            sent(site, collector, &[mta::made("a.test", MAIL, policies.to_vec())]);
            site.scene.rows("c.sqlite", "SELECT count(*) FROM finalresults")
        }),
        of.set("max_failures_per_policy", "1", ["3", "2"], |site, collector| {
            let mut policy = mta::policy(9, "a.test", &[203, 203, 203]);
            for (number, failure) in policy["failure-details"].as_array_mut().unwrap().iter_mut().enumerate() {
                failure["n"] = json!(format!("mx{number}.test"));
            }
            sent(site, collector, &[mta::made("a.test", MAIL, vec![policy])]);
            site.scene.rows("c.sqlite", "SELECT count(*) FROM failures")
        }),
        of.set("max_domains_in_memory", "1", ["no", "yes"], |site, collector| {
            // What is remembered is counted without the queue, which is full.
            let running = site.scene.started(&collector.set("max_queued_datagrams", 1));
            let datagrams = ["a.test", "b.test"].map(|name| mta::success(name, MAIL));
            for (datagram, count) in datagrams.iter().zip(["1", "2"]) {
                site.scene.send(datagram);
                site.scene.wait_for("c.sqlite", SESSIONS, count);
            }
            let lock = rusqlite::Connection::open(site.scene.file("c.sqlite")).unwrap();
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
            for datagram in datagrams.iter().cycle().take(40) {
                site.scene.send(datagram);
            }
            lock.execute_batch("ROLLBACK").unwrap();
            drop(lock);
            is(figure(&running.stop().stderr, "dropped") > 0)
        }),
        of.set("max_day_file_size", "1048576", ["no", "yes"], |site, collector| {
            let txt = format!("{MAIL}; x={}", "y".repeat(10_000));
            let datagrams: Vec<_> = (0..400).map(|number| mta::success(&format!("d{number}.test"), &txt)).collect();
            let log = sent(site, collector, &datagrams);
            is(figure(&log, "dropped") > 0)
        }),
    ]
}

/// What a collector logs that was sent these datagrams.
fn sent(site: &Site, collector: Program, datagrams: &[Vec<u8>]) -> String {
    let running = site.scene.started(&collector);
    for datagram in datagrams {
        site.scene.send(datagram);
    }
    running.stop().success().stderr
}

#[rustfmt::skip]
fn fetcher() -> Vec<Effect> {
    let of = Of("tlsrpt-fetcher");
    vec![
        of.turn("storage", ["sqlite://{folder}/a.sqlite", "sqlite://{folder}/b.sqlite"], ["a.test", "b.test"], |site, fetcher| {
            site.scene.storage("b");
            listed(&fetcher.arg(DAY).run())
        }),
        of.set("logfilename", "{folder}/kept/log", ["no", "yes"], |site, fetcher| {
            fetcher.arg(DAY).run().success();
            is(site.scene.file("kept/log").exists())
        }),
        of.set("observation_socket", "{folder}/kept/observe", ["exit 2", "exit 1"], |_, fetcher| end(&fetcher.arg("status").run())),
        of.set("log_level", "error", ["yes", "no"], |site, fetcher| {
            // Of two storages it warns.
            let storages = format!("{},{}", site.scene.storage("b"), site.scene.storage("c"));
            is(fetcher.set("storage", storages).arg(DAY).run().success().stderr.contains(" WARN "))
        }),
    ]
}
