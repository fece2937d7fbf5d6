//! Reader and writers together, over real sockets and files, with a given clock.

mod bench;

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;

use self::bench::{Bench, MAX_SEEN};
use crate::stats::DropReason;

#[test]
fn every_datagram_is_counted_once() {
    let mut bench = Bench::new(10_000);
    // More domains than the table holds, in waves, so that it is begun anew in between.
    for n in 0..3000 {
        bench.send(n % 7 + n / 100);
    }
    bench.stop().unwrap();
    assert_eq!(bench.stats.counted.value(), 3000);
    assert_eq!(bench.total("db"), 3000);
}

#[test]
fn what_is_no_datagram_is_counted_by_reason() {
    let mut bench = Bench::new(10_000);
    for _ in 0..5 {
        bench.sender.send(b"junk").unwrap();
    }
    bench.sender.send(b"").unwrap();
    bench.sender.send(&[b' '; 2001]).unwrap();
    bench.sender.send(&[b' '; 2000]).unwrap();
    bench.send(1);
    bench.stop().unwrap();
    assert_eq!(bench.stats.counted.value(), 1);
    let text = bench.stats.summary();
    for want in [
        "malformed{too-long}=1",
        "malformed{empty}=1",
        "malformed{not-json}=6",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
}

#[test]
fn a_full_queue_drops_and_counts_what() {
    let mut bench = Bench::reading(2, &["db"]);
    for n in 0..200 {
        bench.send(n);
    }
    bench.until("all are read", || bench.stats.received.value() == 200);
    let dropped = [(DropReason::QueueFull, 198)];
    assert_eq!(bench.stats.dropped.by_reason(), dropped, "two wait");
    bench.stop().unwrap();
    assert_eq!(bench.stats.dropped.by_reason(), dropped);
    assert_eq!((bench.stats.counted.value(), bench.total("db")), (2, 2));
}

#[test]
fn a_storage_whose_queue_was_full_for_a_moment_counts_everything_again() {
    let mut bench = Bench::reading(2, &["well", "sick"]);
    bench.release();
    let (well, sick) = (Arc::clone(&bench.stats), Arc::clone(&bench.stats.others[0]));
    for n in 0..3 {
        bench.send(n);
        bench.until("the healthy one counts", || {
            well.counted.value() == n as u64 + 1
        });
    }
    assert_eq!(
        sick.dropped.by_reason(),
        [(DropReason::QueueFull, 1)],
        "of the other's queue two fill it"
    );
    bench.release();
    bench.until("it counts the third too", || {
        bench.send(2);
        sick.counted.value() > 2
    });
    bench.until("all are counted", || {
        well.counted.value() == well.received.value()
    });
    let missed = sick.dropped.total();
    for _ in 0..100 {
        bench.send(2);
    }
    bench.stop().unwrap();
    assert_eq!(sick.dropped.total(), missed, "nothing more is missed");
    assert_eq!(bench.total("well"), well.received.value());
    assert_eq!(bench.total("sick"), well.received.value() - missed);
}

#[test]
fn midnight_divides() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.send(1);
    bench.committed(2);
    bench.clock("2026-11-21T00:00:00Z");
    bench.until("the day is closed", || bench.stats.days_closed.value() == 2);
    for _ in 0..3 {
        bench.send(1);
    }
    bench.committed(5);
    bench.clock("2026-11-20T23:30:00Z");
    bench.send(1);
    bench.committed(6);
    bench.stop().unwrap();
    assert_eq!(
        (bench.total("db.yesterday"), bench.total("db")),
        (2, 4),
        "a closed day stays closed"
    );
}

#[test]
fn rolled_over_by_signal() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.committed(1);
    bench.control.rotate();
    bench.until("rolled over", || bench.stats.days_closed.value() == 2);
    bench.send(1);
    bench.stop().unwrap();
    assert_eq!((bench.total("db.yesterday"), bench.total("db")), (1, 1));
}

#[test]
fn a_locked_file_delays_and_loses_nothing() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.committed(1);
    let other = Connection::open(bench.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..50 {
        bench.send(1);
        bench.send(2);
    }
    bench.until("all are read", || bench.stats.received.value() == 101);
    bench.clock("2026-11-21T00:00:00Z");
    bench.until("a commit fails", || bench.stats.commit_failures.value() > 0);
    bench.send(3);
    bench.until("all are seen", || bench.stats.counted.value() == 102);
    drop(other);
    bench.until("the day is closed late", || {
        bench.stats.days_closed.value() == 2
    });
    bench.send(3);
    bench.stop().unwrap();
    assert_eq!(bench.total("db.yesterday") + bench.total("db"), 103);
    assert_eq!(
        bench.total("db.yesterday"),
        101,
        "by the time of arrival, not of the commit"
    );
}

#[test]
fn memory_is_bounded_when_no_storage_answers() {
    let mut bench = Bench::new(10_000);
    let other = Connection::open(bench.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..200 {
        bench.send(n);
    }
    bench.until("all are seen", || {
        bench.stats.counted.value() + bench.stats.dropped.total() == 200
    });
    assert_eq!(bench.stats.counted.value(), 2 * MAX_SEEN as u64);
    drop(other);
    bench.until("it recovers", || bench.stats.uncommitted.value() == 0);
    bench.until("and takes new ones again", || {
        bench.send(7);
        std::thread::sleep(Duration::from_millis(100));
        bench.stats.counted.value() > 2 * MAX_SEEN as u64
    });
    bench.stop().unwrap();
    assert_eq!(bench.total("db"), bench.stats.counted.value());
}

#[test]
fn a_storage_that_never_answers_is_an_error_at_the_end() {
    let mut bench = Bench::new(10_000);
    let other = Connection::open(bench.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    bench.send(1);
    let unwritten = bench.stop().unwrap_err();
    assert_eq!(unwritten.datagrams, 1);
}

#[test]
fn a_removed_file_comes_back_whole() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.committed(1);
    std::fs::remove_file(bench.path("db")).unwrap();
    bench.send(1);
    bench.send(2);
    bench.committed(3);
    bench.send(1);
    bench.stop().unwrap();
    assert_eq!(bench.total("db"), 4);
}
