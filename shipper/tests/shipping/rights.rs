//! The rights that the manual gives the shipper's user: they suffice, and are no more than that.

use tlsrptd_fleet::{Address, Session};

use crate::harness::{Host, today};

const PAGE: &str = include_str!("../../../packaging/man/tlsrpt-shipper.8.in");
const ROLE: &str = "tlsrpt_shipper";

#[test]
fn those_of_the_manual() {
    let Some(mut host) = Host::new() else { return };
    let sql = PAGE.split(".Bd -literal -offset indent\n").nth(1).unwrap();
    let sql = sql.split("\n.Ed").next().unwrap().replace("\\(aq", "'");
    let transaction = host.session.begin().unwrap();
    transaction.batch(&sql).unwrap();
    transaction.commit().unwrap();
    let theirs = host.database.replace("//tlsrpt@", &format!("//{ROLE}@"));
    host.ship_to = Some(theirs.clone());
    host.start_collector();
    host.count("a.test", 10, 2);
    host.await_counted("today", 10);
    host.start_shipper();
    host.await_shipped(today(), host.counted("today").unwrap());
    // A day that is closed, and a done one.
    host.close(today());
    host.count("b.test", 1, 0);
    host.await_counted("today", 11);
    host.await_log("the fleet had closed the day");
    host.await_number("SELECT late_sessions FROM shipment", 1);
    host.stop_shipper();
    let session = Session::connect(Address::parse(&theirs).unwrap()).unwrap();
    session
        .query("UPDATE shipment SET done = true RETURNING day", &[])
        .unwrap();
    for refused in [
        "SELECT bounce_key FROM meta",
        "SELECT total FROM count",
        "SELECT domain FROM key",
        "DELETE FROM count",
        "UPDATE day SET state = 'open'",
        "UPDATE shipment SET closed = false",
        "UPDATE key SET domain = ''",
        "DELETE FROM collector",
        "SELECT * FROM report",
        "UPDATE shard SET owner = NULL",
        "CREATE TABLE tlsrpt.x()",
    ] {
        let fault = session.query(refused, &[]).unwrap_err().to_string();
        assert!(fault.contains("[42501]"), "{refused}: {fault}");
    }
}
