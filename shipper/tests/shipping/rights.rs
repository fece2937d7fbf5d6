//! The rights that the manual gives the shipper's user: they suffice, and are no more than that.

use tlsrptd_cluster::Cluster;
use tlsrptd_fleet::{Address, Session};

use crate::harness::{Host, await_that, today};

const PAGE: &str = include_str!("../../../packaging/man/tlsrpt-shipper.8.in");
const ROLE: &str = "tlsrpt_shipper";

/// What the manual says to give it.
fn grants() -> String {
    let sql = PAGE.split(".Bd -literal -offset indent\n").nth(1).unwrap();
    sql.split("\n.Ed").next().unwrap().replace("\\(aq", "'")
}

fn run(session: &Session, sql: &str) {
    let transaction = session.begin().unwrap();
    transaction.batch(sql).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn those_of_the_manual() {
    // Roles are a cluster's: of its own, no other test meets it.
    let Some(cluster) = Cluster::start(&[]) else {
        return;
    };
    let mut host = Host::on(cluster.database());
    run(&host.session, &grants());
    let theirs = host.database.replace("//tlsrpt@", &format!("//{ROLE}@"));
    host.ship_to = Some(theirs.clone());
    assert_eq!(host.check_config(), "");
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

/// What keeps it from shipping is said before it is started, and by its log at error, with what to do.
#[test]
fn what_is_missing_is_said() {
    let Some(cluster) = Cluster::start(&[]) else {
        return;
    };
    let mut host = Host::on(cluster.database());
    let address = |user: &str, database: &str| {
        cluster
            .address(database)
            .replace("//tlsrpt@", &format!("//{user}@"))
    };
    let ours = host.database.rsplit_once('/').unwrap().1.to_owned();
    run(&host.session, "CREATE ROLE tlsrpt_shipper LOGIN");
    let empty = cluster.database();
    let empty = empty.rsplit_once('/').unwrap().1;
    host.start_collector();
    for (user, database, said, why) in [
        (ROLE, "none", "createdb", "no such database"),
        ("nobody", ours.as_str(), "createuser", "no such user"),
        (ROLE, empty, "start tlsrpt-reportd first", "without tables"),
        (ROLE, ours.as_str(), "tlsrpt-shipper(8)", "without rights"),
    ] {
        host.ship_to = Some(address(user, database));
        let told = host.check_config();
        assert!(told.starts_with("Some(2) "), "{why}: {told}");
        assert!(told.contains("ship_to: "), "{why}: {told}");
        assert!(told.contains(said), "{why}: {told}");
        host.start_shipper();
        await_that(why, || {
            let told =
                |line: &str| line.contains("somebody has to see to it") && line.contains(said);
            host.log().lines().any(told)
        });
        host.stop_shipper();
    }
    let grants = grants();
    let grants = grants.split_once(";\n").unwrap().1;
    run(&host.session, grants);
    assert_eq!(host.check_config(), "");
    for (revoked, said) in [
        ("INSERT ON tlsrpt.count", "lacks INSERT ON tlsrpt.count;"),
        (
            "UPDATE (name, seen) ON tlsrpt.collector",
            "lacks UPDATE (name) ON tlsrpt.collector, UPDATE (seen) ON tlsrpt.collector;",
        ),
        ("USAGE ON SCHEMA tlsrpt", "permission denied for schema"),
    ] {
        run(&host.session, &format!("REVOKE {revoked} FROM {ROLE}"));
        let told = host.check_config();
        assert!(told.contains(said), "{revoked}: {told}");
        run(&host.session, grants);
    }
    host.ship_to = Some(format!(
        "postgresql://{ROLE}@localhost/{ours}?sslrootcert=/nonexistent/ca.pem"
    ));
    let told = host.check_config();
    let said = "ship_to: sslrootcert: /nonexistent/ca.pem is not there";
    assert!(told.contains(said), "{told}");
}
