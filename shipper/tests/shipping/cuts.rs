//! Connections that break at a COMMIT: before it, or before its answer.

use std::{path::Path, sync::atomic::Ordering::SeqCst};

use crate::harness::{Host, await_that, proxy::Proxy, today};

#[test]
fn at_every_commit() {
    let Some(mut host) = Host::new() else { return };
    let (folder, name) = host
        .database
        .rsplit_once('@')
        .unwrap()
        .1
        .split_once('/')
        .unwrap();
    let folder = folder.replace("%2F", "/");
    // Registering, texts and counts all meet both cuts.
    let proxy = Proxy::start(Path::new(&folder), 3);
    host.ship_to = Some(format!("postgresql://tlsrpt@{}/{name}", proxy.host()));
    host.start_collector();
    host.start_shipper();
    let mut sessions = 0;
    for round in 0..400_u64 {
        let more = 1 + round % 5;
        host.count(&format!("d{round}.test"), more, more / 2);
        host.count("hot.test", more, 0);
        sessions += 2 * more;
        host.await_counted("today", sessions);
        host.make_days();
        if proxy.cuts.load(SeqCst) >= 24 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(proxy.cuts.load(SeqCst) >= 8, "it was cut");
    let sums = host.counted("today").unwrap();
    await_that("all is shipped", || {
        // What waits for ten minutes is told by growing on.
        host.shipped(today()).0 * 11 / 10 >= sums.0
    });
    host.kill_shipper();
    host.ship_to = None;
    host.start_shipper();
    host.await_shipped(today(), sums);
    assert_eq!(
        host.number("SELECT count(*) FROM collector"),
        1,
        "registered once"
    );
    let more = "SELECT count(*) FROM count WHERE NOT EXISTS (SELECT FROM key WHERE key.day = count.day AND key.shard = count.shard AND key.key = count.key)";
    assert_eq!(host.number(more), 0, "each count has its texts");
}
