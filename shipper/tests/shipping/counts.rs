//! What is counted today.

use crate::harness::{Host, await_that, today};

#[test]
fn counts_arrive_and_twice_changes_nothing() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    let day = today();
    for n in 0..300 {
        host.count(&format!("d{n}.test"), 1 + n % 3, n % 2);
    }
    host.count("hot.test", 1000, 10);
    host.await_counted("today", 600 + 1000);
    let sums = host.counted("today").unwrap();
    host.start_shipper();
    host.await_shipped(day, sums);
    assert_eq!(host.number("SELECT sessions FROM shipment"), 1600);
    assert_eq!(
        host.number("SELECT count(*) FROM count"),
        host.number("SELECT rows FROM shipment")
    );
    let rows = host.number("SELECT count(*) FROM count");
    // A new key comes with the next interval; a hot one that grew by little waits, and the end does not.
    host.count("hot.test", 5, 0);
    host.count("new.test", 1, 0);
    host.await_counted("today", 1606);
    host.await_number("SELECT count(*) FROM key WHERE domain = 'new.test'", 1);
    host.await_number("SELECT count(*) FROM count", rows + 1);
    assert_eq!(host.shipped(day).0, 1601, "five of a thousand wait");
    host.stop_shipper();
    let sums = host.counted("today").unwrap();
    assert_eq!(host.shipped(day), sums, "the end ships what waits");
    // Whoever starts again tells all again.
    let batch = host.number("SELECT batch FROM shipment");
    host.start_shipper();
    host.await_number(
        &format!("SELECT count(*) FROM shipment WHERE batch > {batch}"),
        1,
    );
    assert_eq!(host.shipped(day), sums);
    // Killed in the middle of something, and started again.
    host.kill_shipper();
    host.count("late.test", 7, 7);
    host.await_counted("today", 1613);
    host.start_shipper();
    host.await_shipped(day, host.counted("today").unwrap());
    assert_eq!(host.number("SELECT count(*) FROM collector"), 1);
    assert_eq!(
        host.number("SELECT count(*) FROM shipment WHERE done"),
        0,
        "today is not over"
    );
}

#[test]
fn hostile_texts_arrive_as_they_are() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    let long = "x".repeat(5000);
    for text in [
        r"\u0000\u0000",
        r#"a\"b\\c"#,
        "\u{1f600}",
        &long,
        r"a\r\nDROP TABLE day;",
    ] {
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        socket.connect(host.path("socket")).unwrap();
        let datagram = format!(
            r#"{{"dpv":"1","d":"hostile.test","pr":"v=TLSRPTv1;rua=mailto:{text}@b","policies":[{{"policy-type":9,"policy-string":["{text}"],"policy-domain":"hostile.test","t":1,"f":1,"failure-details":[{{"c":201,"r":"{text}"}}]}}]}}"#
        );
        socket.send(datagram.as_bytes()).unwrap();
    }
    host.await_counted("today", 5);
    host.start_shipper();
    host.await_shipped(today(), host.counted("today").unwrap());
}

#[test]
fn one_shipper_a_collector() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.await_log("connected");
    let mut other = Host::on(host.database.clone());
    let theirs = other.path("spool");
    std::fs::remove_dir(&theirs).unwrap();
    std::os::unix::fs::symlink(host.path("spool"), &theirs).unwrap();
    other.start_shipper();
    other.await_log("another tlsrpt-shipper works with");
    other.stop_shipper();
    await_that("one collector", || {
        host.number("SELECT count(*) FROM collector") == 1
    });
}
