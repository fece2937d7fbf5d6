//! What is lost: the newest rows of the database, the database for a while, the collector's folder.

use tlsrptd_cluster::Cluster;
use tlsrptd_fleet::{Address, Session};

use crate::harness::{Host, remove_files, today};

/// As a failover to a replica that lags: the newest batches are not there.
fn lose_the_tail(host: &Host, batches: i64) {
    let transaction = host.session.begin().unwrap();
    for sql in ["TRUNCATE count", "TRUNCATE key"] {
        transaction.batch(sql).unwrap();
    }
    let sql = "UPDATE shipment SET batch = batch - $1, sessions = 0";
    transaction.execute(sql, &[&batches]).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn the_newest_rows() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    for n in 0..20 {
        host.count(&format!("d{n}.test"), 2, 1);
    }
    host.await_counted("today", 40);
    let sums = host.counted("today").unwrap();
    host.await_shipped(today(), sums);
    for is_seen in [true, false] {
        // Twice more, so that there is something to lose.
        let batch = host.number("SELECT batch FROM shipment");
        host.count(&format!("more{is_seen}.test"), 1, 0);
        host.await_number("SELECT count(*) FROM shipment WHERE batch > 0", 1);
        host.await_number(
            &format!("SELECT count(*) FROM shipment WHERE batch > {batch}"),
            1,
        );
        lose_the_tail(&host, 1);
        if is_seen {
            host.end_connections();
        }
        // A connection that goes on, as by a pooler, sees it with the next batch.
        host.count(&format!("next{is_seen}.test"), 1, 0);
        let counted = 42 + u64::from(!is_seen) * 2;
        host.await_counted("today", counted);
        host.await_shipped(today(), host.counted("today").unwrap());
        assert_eq!(
            host.number("SELECT sessions FROM shipment"),
            i64::try_from(counted).unwrap()
        );
    }
    assert!(host.log().contains("the database has lost its newest rows"));
}

#[test]
fn the_database_for_a_while() {
    let Some(mut cluster) = Cluster::start(&[]) else {
        return;
    };
    let mut host = Host::on(cluster.database());
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(today(), (10, 0, 0));
    for (signal, sessions) in [("INT", 20), ("QUIT", 30)] {
        cluster.stop(signal);
        host.count("a.test", 10, 0);
        host.await_counted("today", sessions);
        host.await_log("cannot ship");
        cluster.run();
        host.session = Session::connect(Address::parse(&host.database).unwrap()).unwrap();
        host.await_shipped(today(), (sessions, 0, 0));
    }
    host.await_log("shipping works again");
    assert_eq!(
        host.log().matches("cannot ship").count(),
        1,
        "{}",
        host.log()
    );
}

#[test]
fn the_folder() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(today(), (10, 0, 0));
    host.stop_collector();
    host.stop_shipper();
    remove_files(&host.path("spool"));
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 4, 0);
    host.await_counted("today", 4);
    host.await_shipped(today(), (14, 0, 0));
    let collectors = "SELECT count(*) FROM collector WHERE name = 'mx1'";
    assert_eq!(host.number(collectors), 2);
}

#[test]
fn the_day_file_alone_while_both_work() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(today(), (10, 0, 0));
    host.stop_collector();
    std::fs::remove_file(host.storage()).unwrap();
    host.start_collector();
    host.count("a.test", 4, 0);
    host.await_counted("today", 4);
    host.await_shipped(today(), (14, 0, 0));
    assert!(
        host.log()
            .contains("the collector counts less of today than before")
    );
}
