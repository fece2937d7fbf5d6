//! Closed days that are untold when a collector becomes another one: they are told under the number that they belong to, whatever
//! comes in between, and nothing of today waits for that.

use tlsrptd_proto::day::Day;

use crate::harness::{Host, REFUSED, await_that, clock::FakeClock, today};

const ALL_TOLD: &str = "all days are shipped under the number that this collector had before";

/// A host on the day behind its first one, of which 10 sessions are untold, as it has no tables, and 6 of today are told.
fn host_behind() -> Option<(Host, FakeClock, Day)> {
    let mut host = Host::new()?;
    let day = today().back(4);
    let clock = FakeClock::or_skip(host.folder.path(), &format!("{day}T12:00:00Z"))?;
    host.clock = Some(clock.clone());
    host.start_collector();
    host.ship_to = Some("postgresql://nobody@%2Fnonexistent/none".to_owned());
    host.start_shipper();
    host.await_log("cannot ship");
    host.stop_shipper();
    host.ship_to = None;
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    clock.jump(&format!("{}T12:00:00Z", day.next()));
    await_that("the day is closed", || {
        host.counted(&day.to_string()).is_some()
    });
    host.count("a.test", 6, 0);
    host.await_counted("today", 6);
    tlsrptd_fleet::schema::make_day(&host.session, day.next()).unwrap();
    host.start_shipper();
    host.await_told(day.next(), 6);
    Some((host, clock, day))
}

impl Host {
    /// Makes no tables.
    fn await_told(&self, day: Day, sessions: u64) {
        await_that(&format!("{sessions} of {day} are told"), || {
            self.shipped(day).0 == sessions
        });
    }

    fn await_collectors(&self, number: i64) {
        await_that("another collector", || {
            self.number("SELECT count(*) FROM collector") == number
        });
    }

    /// The day is told whole under the first number, which it belongs to, and nobody has taken part in it under another. Whether it
    /// is called done.
    fn assert_told_by_the_first(&self, day: Day, is_done: bool) {
        let of =
            |which: &str| format!("SELECT count(*) FROM shipment WHERE day = '{day}' AND {which}");
        let first = "collector = (SELECT min(id) FROM collector)";
        match is_done {
            true => self.await_number(&of(&format!("done AND {first}")), 1),
            false => self.await_log(ALL_TOLD),
        }
        assert_eq!(self.number(&of("done")), i64::from(is_done));
        assert_eq!(self.shipped(day), (10, 0, 0));
        assert_eq!(self.number(&of(&format!("NOT {first}"))), 0);
        let begun = format!(
            "SELECT count(*) FROM collector WHERE first_day = '{}'",
            day.next()
        );
        assert_eq!(
            self.number(&begun),
            self.number("SELECT count(*) - 1 FROM collector")
        );
    }
}

/// Today goes on at once; yesterday follows when its tables are there.
#[test]
fn todays_file_is_replaced() {
    let Some((mut host, _clock, day)) = host_behind() else {
        return;
    };
    host.stop_collector();
    std::fs::remove_file(host.storage()).unwrap();
    host.start_collector();
    host.count("b.test", 2, 0);
    host.await_counted("today", 2);
    host.await_told(day.next(), 8);
    assert_eq!(host.shipped(day).0, 0, "nobody has made its tables");
    host.await_shipped(day, (10, 0, 0));
    host.assert_told_by_the_first(day, true);
    host.await_log(ALL_TOLD);
    // A failover to a replica that lags: the end of it is not there.
    host.run(&format!(
        "DELETE FROM count WHERE day = '{day}'; UPDATE shipment SET batch = 0, sessions = 0, done = false WHERE day = '{day}'"
    ));
    host.end_connections();
    host.await_told(day, 10);
    host.assert_told_by_the_first(day, true);
}

/// Days wait for the newest number of a name: in a new database, too, that which the collector has comes behind those that it had.
#[test]
fn the_database_knows_none_of_them() {
    let Some((mut host, _clock, day)) = host_behind() else {
        return;
    };
    host.stop_collector();
    std::fs::remove_file(host.storage()).unwrap();
    host.start_collector();
    host.count("b.test", 2, 0);
    host.await_told(day.next(), 8);
    host.stop_shipper();
    for table in ["shipment", "collector"] {
        let empty = format!("DELETE FROM {table}");
        host.session.query(&empty, &[]).unwrap();
    }
    host.start_shipper();
    host.await_collectors(2);
    let in_order = "SELECT count(*) FROM collector c JOIN collector n ON n.id > c.id WHERE n.first_day > c.first_day";
    assert_eq!(host.number(in_order), 1);
}

/// The one that had told more is gone for good. Nobody can know that: the day waits for it.
#[test]
fn the_folder_comes_back_from_a_backup() {
    let Some((mut host, _clock, day)) = host_behind() else {
        return;
    };
    host.stop_shipper();
    host.stop_collector();
    let backup = host.copy_of_folder("backup");
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 4, 0);
    host.await_told(day.next(), 10);
    host.kill_shipper();
    host.stop_collector();
    host.put_folder(&backup);
    host.start_collector();
    host.start_shipper();
    host.await_collectors(2);
    host.count("a.test", 5, 0);
    host.await_counted("today", 11);
    host.await_told(day.next(), 15);
    // The next process knows of it, too.
    host.kill_shipper();
    host.start_shipper();
    host.count("b.test", 1, 0);
    host.await_told(day.next(), 16);
    assert_eq!(host.shipped(day).0, 0, "nobody has made its tables");
    host.await_shipped(day, (10, 0, 0));
    host.assert_told_by_the_first(day, false);
}

/// How what is told beside the batches is committed.
fn note_commits(host: &Host) {
    host.run(
        "CREATE TABLE beside(day date, synchronous_commit text); \
         CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS \
         $$BEGIN INSERT INTO beside VALUES(NEW.day, current_setting('synchronous_commit')); RETURN NEW; END$$; \
         CREATE TRIGGER noted BEFORE UPDATE ON shipment FOR EACH ROW \
         WHEN (NEW.batch = OLD.batch AND NEW.rows > OLD.rows) EXECUTE FUNCTION note_commit()",
    );
}

/// Both have the closed day, and tell it under one number. The first one may have more of it, and says when it is done.
#[test]
fn the_folder_is_copied() {
    let Some((mut first, clock, day)) = host_behind() else {
        return;
    };
    first.stop_shipper();
    first.stop_collector();
    let copy = first.copy_of_folder("copy");
    first.start_collector();
    first.start_shipper();
    first.count("a.test", 3, 0);
    first.await_told(day.next(), 9);
    note_commits(&first);
    let mut second = Host::on(first.database.clone());
    second.name = "mx2";
    second.clock = Some(clock);
    second.put_folder(&copy);
    second.start_collector();
    second.start_shipper();
    second.await_collectors(2);
    second.count("b.test", 4, 0);
    second.await_told(day.next(), 13);
    first.count("b.test", 5, 0);
    first.await_told(day.next(), 18);
    first.stop_shipper();
    second.await_shipped(day, (10, 0, 0));
    second.assert_told_by_the_first(day, false);
    // Today as it was, and the closed day. A crash of the server undoes neither, as nobody would tell them again.
    assert_eq!(first.number("SELECT count(DISTINCT day) FROM beside"), 2);
    let later = "SELECT count(*) FROM beside WHERE synchronous_commit = 'off'";
    assert_eq!(first.number(later), 0);
    first.start_shipper();
    first.assert_told_by_the_first(day, true);
    assert!(!first.log().contains("ships as this collector"));
    first.await_number("SELECT count(*) FROM collector WHERE name = 'mx1'", 1);
    first.await_number("SELECT count(*) FROM collector WHERE name = 'mx2'", 1);
}

/// The copy starts when the first one is away, and could tell the closed day at once: it sees to who it is before that, also when
/// that fails at first.
#[test]
fn a_copy_that_has_just_been_started() {
    for fails in [false, true] {
        start_a_copy(fails);
    }
}

fn start_a_copy(fails: bool) {
    let Some((mut first, clock, day)) = host_behind() else {
        return;
    };
    first.stop_shipper();
    first.stop_collector();
    let copy = first.copy_of_folder("copy");
    first.start_collector();
    first.start_shipper();
    first.count("a.test", 3, 0);
    first.await_told(day.next(), 9);
    first.stop_shipper();
    first.make_days();
    let mut second = Host::on(first.database.clone());
    second.name = "mx2";
    second.clock = Some(clock);
    second.put_folder(&copy);
    second.start_collector();
    if fails {
        let of_today = format!("WHEN (NEW.day = '{}')", day.next());
        second.refuse(&format!("UPDATE ON shipment FOR EACH ROW {of_today}"));
    }
    second.start_shipper();
    if fails {
        second.await_log(REFUSED);
        await_that("it has tried that again", || {
            second.log().matches("connected again").count() >= 2
        });
        second.refuse_no_more();
    }
    second.await_collectors(2);
    second.await_shipped(day, (10, 0, 0));
    second.assert_told_by_the_first(day, false);
    first.start_shipper();
    first.assert_told_by_the_first(day, true);
}

/// The day on which it became another is over before the one before it is told.
#[test]
fn a_day_ends_meanwhile() {
    let Some((host, clock, day)) = host_behind() else {
        return;
    };
    let raise = format!(
        "UPDATE shipment SET batch = batch + 5 WHERE day = '{}' RETURNING day",
        day.next()
    );
    host.session.query(&raise, &[]).unwrap();
    host.count("b.test", 4, 0);
    host.await_told(day.next(), 10);
    host.await_collectors(2);
    host.count("a.test", 5, 0);
    host.await_counted("today", 15);
    tlsrptd_fleet::schema::make_day(&host.session, day.ahead(2)).unwrap();
    clock.jump(&format!("{}T00:00:05Z", day.ahead(2)));
    host.await_told(day.next(), 15);
    host.count("a.test", 1, 0);
    let done = "SELECT count(*) FROM shipment WHERE done";
    await_that("its day is done", || host.number(done) == 1);
    assert_eq!(host.shipped(day).0, 0, "nobody has made its tables");
    host.await_shipped(day, (10, 0, 0));
    host.await_shipped(day.ahead(2), (1, 0, 0));
    host.assert_told_by_the_first(day, false);
    assert_eq!(host.shipped(day.next()), (15, 0, 0));
}
