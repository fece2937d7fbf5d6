//! The collector's law: what the sender's send() accepted = counted + malformed + dropped, and the sum of the counts in
//! the day files = the policies of what was counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tlsrptd_tests::harness::day;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::{TXT, stats};

#[test]
fn nothing_vanishes_under_pressure() {
    let table = [
        (20_000, "everything fits"),
        (1, "a queue so short that much is dropped"),
    ];
    for (queue, reason) in table {
        let lab = Lab::new();
        let stats_file = lab.file("stats");
        let collectd = lab
            .collectd()
            .set("max_queued_datagrams", queue)
            .set("stats_file", stats_file.display());
        let collectd = lab.start_ready(&collectd);
        lab.mta().send(&mta::success("first.test", TXT));
        lab.wait_for_sessions(&lab.collectd_db(), 1);
        let accepted = 1 + flood(&lab);
        collectd.stop().success();

        let stats = stats(&stats_file);
        let [received, counted, malformed, dropped] =
            ["received", "counted", "malformed", "dropped"].map(|key| stats[key]);
        assert_eq!(
            received, accepted,
            "{reason}: what was queued at the stop is read too"
        );
        assert_eq!(
            counted + malformed + dropped,
            accepted,
            "{reason}: {stats:?}"
        );
        assert_eq!(dropped > 0, queue == 1, "{reason}: {stats:?}");
        let total = day::sessions(&lab.collectd_db(), None).unsigned_abs();
        assert_eq!(total, counted, "{reason}: one policy each");
    }
}

/// Two senders that never wait, each datagram another one, some malformed. The number that the kernel accepted.
fn flood(lab: &Lab) -> u64 {
    let accepted = AtomicU64::new(0);
    let send = |sender: usize| {
        let mta = lab.mta();
        for number in 0..3_000 {
            let datagram = match number % 50 {
                0 => format!("{{{sender} {number}").into_bytes(),
                _ => mta::failure(&format!("d{number}.s{sender}.test"), TXT, 203),
            };
            if mta.try_send(&datagram).is_ok() {
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| send(1));
        scope.spawn(|| send(2));
    });
    accepted.into_inner()
}
