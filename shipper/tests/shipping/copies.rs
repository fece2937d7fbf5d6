//! Folders that are not what they were: restored from a backup, copied to another host, put back without their newest rows.

use nix::sys::signal::Signal;
use tlsrptd_proto::day::Day;

use crate::harness::{Host, REFUSED, await_that, clock::FakeClock, today};

const COPY: &str = "the database knows more of this collector than its folder";

/// What the old one had told stays, what the new one counts is added, and what stands in the backup is not told twice: also by the
/// next start, and when the day is closed.
#[test]
fn a_backup() {
    let Some(mut host) = Host::new() else { return };
    let day = today().back(3);
    let at_noon = format!("{day}T12:00:00Z");
    let Some(clock) = FakeClock::or_skip(host.folder.path(), &at_noon) else {
        return;
    };
    host.clock = Some(clock.clone());
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 60, 6);
    host.await_counted("today", 60);
    host.await_shipped(day, (60, 6, 12));
    host.stop_shipper();
    host.stop_collector();
    let backup = host.copy_of_folder("backup");
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 40, 4);
    host.await_counted("today", 100);
    host.await_shipped(day, (100, 10, 20));
    host.kill_shipper();
    host.stop_collector();
    // The host is lost, and comes back.
    host.put_folder(&backup);
    host.start_collector();
    host.start_shipper();
    host.await_log(COPY);
    host.await_number("SELECT count(*) FROM collector", 2);
    host.count("a.test", 40, 2);
    host.count("b.test", 3, 0);
    host.await_counted("today", 103);
    host.await_shipped(day, (143, 12, 24));
    host.stop_shipper();
    host.start_shipper();
    host.count("b.test", 4, 0);
    host.await_counted("today", 107);
    host.await_shipped(day, (147, 12, 24));
    clock.jump(&format!("{}T00:00:05Z", day.next()));
    host.await_number(&done(day), 1);
    assert_eq!(host.shipped(day), (147, 12, 24));
    assert_eq!(host.log().matches(COPY).count(), 1);
    assert_eq!(host.number("SELECT count(*) FROM collector"), 2);
}

fn done(day: Day) -> String {
    format!("SELECT count(*) FROM shipment WHERE day = '{day}' AND done")
}

/// A virtual machine that is cloned with its counts, and goes on beside the first one.
#[test]
fn a_clone() {
    let Some(mut first) = Host::new() else { return };
    first.start_collector();
    first.start_shipper();
    first.count("a.test", 10, 0);
    first.await_counted("today", 10);
    first.await_shipped(today(), (10, 0, 0));
    first.stop_shipper();
    first.stop_collector();
    let copy = first.copy_of_folder("copy");
    first.start_collector();
    first.start_shipper();
    first.count("a.test", 5, 0);
    first.await_shipped(today(), (15, 0, 0));
    first.refuse("UPDATE ON collector FOR EACH ROW WHEN (NEW.name <> OLD.name)");
    let mut second = Host::on(first.database.clone());
    second.name = "mx2";
    second.put_folder(&copy);
    second.start_collector();
    second.start_shipper();
    second.await_log(COPY);
    // It has looked at what it has by then.
    second.await_number("SELECT count(*) FROM collector", 2);
    second.await_number("SELECT count(*) FROM collector WHERE name = 'mx2'", 1);
    second.count("a.test", 7, 0);
    second.await_counted("today", 17);
    first.await_shipped(today(), (22, 0, 0));
    first.count("a.test", 7, 0);
    first.await_shipped(today(), (29, 0, 0));
    // Whoever came first is what it was, and has never borne another's name.
    assert!(!second.log().contains(REFUSED), "{}", second.log());
    assert!(!first.log().contains(COPY), "{}", first.log());
    first.await_number("SELECT count(*) FROM collector WHERE name = 'mx1'", 1);
    assert_eq!(first.number("SELECT count(*) FROM collector"), 2);
}

/// An image in which tlsrpt-shipper had run, and reached no database.
#[test]
fn an_image() {
    let Some(mut image) = Host::new() else { return };
    image.ship_to = Some("postgresql://nobody@%2Fnonexistent/none".to_owned());
    image.start_shipper();
    image.await_log("cannot ship");
    image.stop_shipper();
    let copy = image.copy_of_folder("copy");
    let mut hosts: Vec<Host> = ["mx1", "mx2", "mx3"]
        .map(|name| {
            let mut host = Host::on(image.database.clone());
            host.name = name;
            host.put_folder(&copy);
            host.start_collector();
            host
        })
        .into();
    for host in &mut hosts {
        host.start_shipper();
        host.count("a.test", 10, 1);
        host.await_counted("today", 10);
    }
    image.await_shipped(today(), (30, 3, 6));
    for host in &hosts {
        host.count("a.test", 5, 0);
    }
    image.await_shipped(today(), (45, 3, 6));
    assert_eq!(image.number("SELECT count(*) FROM collector"), 3);
    let name = "SELECT count(DISTINCT name) FROM collector";
    image.await_number(name, 3);
}

/// Counts of a file that came anew are told once, also those of domains that had none before.
#[test]
fn a_new_file_with_other_domains() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(today(), (10, 0, 0));
    for how in ["while it runs", "while it is stopped"] {
        let told = host.shipped(today()).0;
        if how != "while it runs" {
            host.stop_shipper();
        }
        host.stop_collector();
        std::fs::remove_file(host.storage()).unwrap();
        host.start_collector();
        host.count("b.test", 4, 0);
        host.await_counted("today", 4);
        if how != "while it runs" {
            host.start_shipper();
        }
        host.await_shipped(today(), (told + 4, 0, 0));
        // And stays so.
        host.count("c.test", 1, 0);
        host.await_shipped(today(), (told + 5, 0, 0));
    }
    let done = "SELECT count(*) FROM shipment WHERE done";
    assert_eq!(host.number(done), 2, "nobody waits for those that were");
}

#[test]
fn a_day_that_is_shipped_is_not_rotated() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(today(), (10, 0, 0));
    host.signal_collector(Signal::SIGUSR2);
    let log = host.path("tlsrpt-collectd.log");
    await_that("the log says so", || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("SIGUSR2 is not obeyed")
    });
    host.count("a.test", 1, 0);
    host.await_counted("today", 11);
}

/// The one that no day waits for says so while it is at work, not at its next start alone.
#[test]
fn two_hosts_of_one_name() {
    let Some(mut older) = Host::new() else { return };
    older.start_collector();
    older.start_shipper();
    older.count("a.test", 1, 0);
    older.await_shipped(today(), (1, 0, 0));
    let mut newer = Host::on(older.database.clone());
    newer.start_shipper();
    newer.await_log("connected");
    let line = "another host ships under the same ship_as";
    older.await_log(line);
    older.count("a.test", 2, 0);
    older.await_shipped(today(), (3, 0, 0));
    assert_eq!(older.log().matches(line).count(), 1, "once");
    assert!(!newer.log().contains(line), "the newer one is waited for");
}
