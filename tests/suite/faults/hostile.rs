//! Strangers who send nothing twice: memory and disk stay within their bounds.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use rusqlite::Connection;
use tlsrptd_tests::harness::day;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::wait::until_true;

use super::{Content, day_files, times};
use crate::collector::stats;

/// The bound of the day's file in this test, so small that it is reached.
const FILE: u64 = 24 << 20;
/// What may stand beside it: the WAL, with a transaction of the largest datagrams.
const BESIDE: u64 = 128 << 20;
/// Resident memory, whatever comes: INTERNALS.md.
const MEMORY: u64 = 256 << 20;

#[test]
fn distinct_hostile_datagrams_fill_neither_memory_nor_disk() {
    let lab = Lab::new();
    let stats_file = lab.file("stats");
    let collectd = lab
        .collectd()
        .set("stats_file", stats_file.display())
        .set("max_day_file_size", FILE)
        .set("log_level", "warn");
    let collectd = lab.start_ready(&collectd);
    let socket = UnixDatagram::unbound().unwrap();
    socket.connect(lab.socket()).unwrap();
    let marker = mta::success("marker.test", "v=TLSRPTv1;");
    lab.mta().send(&marker);
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    let (number, step) = (times(60_000, 10_000_000) as u64, 5_000);
    let mut disk = 0;
    for begin in (0..number).step_by(step) {
        let end = begin + step as u64;
        for n in begin..end {
            socket.send(&hostile(n)).unwrap();
        }
        // Until the writer has come so far: what its queue drops costs neither memory nor disk.
        socket.send(&marker).unwrap();
        let markers = i64::try_from(end / step as u64 + 1).unwrap();
        until_true("the marker", || {
            day::sessions(&lab.collectd_db(), Some("marker.test")) == markers
        });
        disk = disk.max(size(lab.folder()));
    }
    let number = number + number / step as u64 + 1;
    let memory = peak_memory(&collectd);
    collectd.stop().success();

    let stats = stats(&stats_file);
    let total: u64 = day_files(&lab)
        .iter()
        .map(|file| Content::read(file).total)
        .sum();
    println!(
        "{number} distinct hostile datagrams: {} MiB resident at most (bound {}), {} MiB on the disk at most (bound {}), {total} counted, {stats:?}",
        memory >> 20,
        MEMORY >> 20,
        disk >> 20,
        (FILE + BESIDE) >> 20,
    );
    assert!(memory <= MEMORY && disk <= FILE + BESIDE);
    assert_eq!(stats["received"], number);
    assert_eq!(stats["counted"], total);
    assert_eq!(total + stats["malformed"] + stats["dropped"], number);
    assert!(
        stats["dropped{day-full}"] > 0 && stats["folded{policy}"] > 0,
        "the bound was reached: {stats:?}"
    );
}

#[test]
fn what_waits_for_a_storage_stays_within_memory() {
    type Make = fn(u64) -> Vec<u8>;
    let mixes: [(&str, u64, Make); 4] = [
        (
            "twenty tiny failures",
            times(35_000, 1_000_000) as u64,
            |n| failures(n, 20, 1),
        ),
        ("many short ones", times(0, 1_000_000) as u64, |n| {
            failures(n, 5, 1)
        }),
        ("long texts", times(6_000, 100_000) as u64, |n| {
            failures(n, 3, 5_000)
        }),
        ("everything", times(0, 1_000_000) as u64, hostile),
    ];
    // Some are for the long form alone: a day's worth of datagrams takes its time.
    for (what, number, make) in mixes.into_iter().filter(|(_, number, _)| *number > 0) {
        let lab = Lab::new();
        let (stats_file, dump) = (lab.file("stats"), lab.file("dump"));
        let collectd = lab
            .collectd()
            .set("stats_file", stats_file.display())
            // Each try waits for the lock.
            .set("retry_commit_datagram_count", 1_000_000)
            .set("dump_path_for_invalid_datagram", dump.display())
            .set("log_level", "error");
        let mut collectd = lab.start_ready(&collectd);
        lab.mta().send(&mta::success("before.test", "v=TLSRPTv1;"));
        lab.wait_for_sessions(&lab.collectd_db(), 1);
        let lock = Connection::open(lab.collectd_db()).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(lab.socket()).unwrap();
        for begin in (0..number).step_by(1_000) {
            for n in begin..begin + 1_000 {
                socket.send(&make(n)).unwrap();
            }
            // Until the writer has come so far, which it shows by what it dumps.
            let mark = format!("mark {begin}");
            socket.send(mark.as_bytes()).unwrap();
            until_true("the writer", || {
                fs::read_to_string(&dump).is_ok_and(|dumped| dumped == mark)
            });
        }
        collectd.wait_for_log("cannot commit, counts stay in memory");
        let memory = peak_memory(&collectd);
        assert_eq!(
            collectd.stop().code(),
            Some(6),
            "what waited is lost, and told"
        );
        drop(lock);
        let stats = stats(&stats_file);
        println!("{what}: {} MiB resident at most, {stats:?}", memory >> 20);
        assert!(memory <= MEMORY, "{what}: {} MiB", memory >> 20);
        let ended = stats["counted"] + stats["malformed"] + stats["dropped"];
        assert_eq!(stats["received"], ended, "{what}");
        assert!(stats["dropped{storage}"] > 0, "{what}: {stats:?}");
    }
}

/// A domain with so many failures of so many bytes.
fn failures(n: u64, number: u64, bytes: usize) -> Vec<u8> {
    let long = "x".repeat(bytes);
    let details: Vec<String> = (0..number)
        .map(|k| format!(r#"{{"c":203,"f":"{k}{long}"}}"#))
        .collect();
    let details = details.join(",");
    format!(
        r#"{{"dpv":"1","d":"d{n}.test","pr":"v=TLSRPTv1;","policies":[{{"policy-type":9,"policy-domain":"d{n}.test","failure-details":[{details}],"t":{number},"f":1}}]}}"#
    )
    .into_bytes()
}

/// Another one each time: domains, policies, reasons, records, long texts, rubbish.
fn hostile(n: u64) -> Vec<u8> {
    let long = "x".repeat(n as usize * 37 % 9_000);
    let (d, pr, string, reason) = match n % 6 {
        0 => (format!("d{n}.test"), "v=TLSRPTv1;", "s".into(), "r".into()),
        1 => (
            "one.test".into(),
            "v=TLSRPTv1;",
            format!("policy {n}"),
            "r".into(),
        ),
        2 => (
            "one.test".into(),
            "v=TLSRPTv1;",
            "s".into(),
            format!("reason {n}"),
        ),
        3 => (
            format!("long{}.test", n % 1_000),
            "v=TLSRPTv1;",
            format!("{n} {long}"),
            long.clone(),
        ),
        4 => (format!("d{n}.test"), &*long, "s".into(), format!("{n}")),
        _ => return format!("{{\"rubbish\": {n}, {long}").into_bytes(),
    };
    format!(
        r#"{{"dpv":"1","d":"{d}","pr":"{pr}","policies":[{{"policy-type":2,"policy-domain":"{d}","policy-string":["{string}"],"failure-details":[{{"c":205,"f":"{reason}"}}],"t":1,"f":1}}]}}"#
    )
    .into_bytes()
}

/// The most that was ever resident.
fn peak_memory(collectd: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", collectd.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap();
    kib << 10
}

/// Bytes of all databases and what stands beside them.
fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().contains(".sqlite"))
        .filter_map(|file| file.metadata().ok())
        .map(|found| found.len())
        .sum()
}
