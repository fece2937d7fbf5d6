//! What a collector is called changes: no day waits for what it was under its old name, and nobody else loses theirs.

use tlsrptd_fleet::Session;

use crate::harness::{Host, await_that, remove_files, today};

fn of_name(name: &str) -> String {
    format!("SELECT count(*) FROM collector WHERE name = '{name}'")
}

/// A host that had two numbers before: its folder was lost, which its files know nothing of, and then today's file.
fn host_of_three_numbers() -> Option<Host> {
    let mut host = Host::new()?;
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_shipped(today(), (10, 0, 0));
    host.stop_collector();
    host.stop_shipper();
    remove_files(&host.path("spool"));
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 4, 0);
    host.await_shipped(today(), (14, 0, 0));
    host.stop_collector();
    std::fs::remove_file(host.storage()).unwrap();
    host.start_collector();
    host.count("a.test", 2, 0);
    host.await_shipped(today(), (16, 0, 0));
    Some(host)
}

#[test]
fn what_it_was_is_called_as_it_is() {
    let Some(mut host) = host_of_three_numbers() else {
        return;
    };
    assert_eq!(host.number(&of_name("mx1")), 3);
    host.stop_shipper();
    host.name = "mx7";
    host.start_shipper();
    host.await_number(&of_name("mx7"), 3);
    assert_eq!(host.number(&of_name("mx1")), 0);
}

/// Whoever holds one of the rows keeps the old name there for so long, and nothing else back.
#[test]
fn a_row_that_is_held() {
    let Some(mut host) = host_of_three_numbers() else {
        return;
    };
    let other = Session::connect(host.session.address().clone()).unwrap();
    let holds = other.begin().unwrap();
    let first = "SELECT 1 FROM collector ORDER BY id LIMIT 1 FOR UPDATE";
    holds.query(first, &[]).unwrap();
    host.stop_shipper();
    host.name = "mx7";
    host.start_shipper();
    host.count("b.test", 3, 0);
    host.await_shipped(today(), (19, 0, 0));
    assert_eq!(host.number(&of_name("mx1")), 3, "all of them, or none");
    drop(holds);
    drop(other);
    host.await_number(&of_name("mx7"), 3);
}

/// Two hosts of one name, and the newer one gets a name of its own, while the older one is away.
#[test]
fn another_host_keeps_its_name() {
    let Some(mut older) = Host::new() else { return };
    older.start_collector();
    older.start_shipper();
    older.count("a.test", 1, 0);
    older.await_shipped(today(), (1, 0, 0));
    let mut newer = Host::on(older.database.clone());
    newer.start_shipper();
    newer.await_log("connected");
    let was_seen =
        "SELECT count(*) FROM collector o JOIN collector n ON n.id > o.id WHERE o.seen > n.since";
    await_that("the older one goes on", || older.number(was_seen) == 1);
    older.stop_shipper();
    newer.stop_shipper();
    newer.start_collector();
    newer.name = "mx2";
    newer.start_shipper();
    newer.await_number(&of_name("mx2"), 1);
    assert_eq!(newer.number(&of_name("mx1")), 1, "it is waited for again");
}
