//! Somebody has the shippers' password, and says that collectors have told more than they have: nothing is lost for that, nothing
//! counted twice, and there is no collector more than a few.

use crate::harness::{Host, await_that, clock::FakeClock, today};

const APART: &str = "the database knows more of this collector than its folder";

impl Host {
    /// As whoever has the password can, of all collectors.
    fn raise_batches(&self, to: &str) {
        let sql = format!("UPDATE shipment SET batch = {to}");
        let transaction = self.session.begin().unwrap();
        transaction.execute(&sql, &[]).unwrap();
        transaction.commit().unwrap();
    }

    /// After an orderly stop, all is told, exactly.
    fn assert_all_is_told(&mut self) {
        self.stop_shipper();
        assert_eq!(self.shipped(today()), self.counted("today").unwrap());
    }
}

const COLLECTORS: &str = "SELECT count(*) FROM collector";

#[test]
fn while_it_runs() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("hot.test", 1000, 100);
    host.await_counted("today", 1000);
    host.await_shipped(today(), (1000, 100, 200));
    // Less than a tenth more waits, while somebody writes.
    host.count("hot.test", 50, 5);
    host.await_counted("today", 1050);
    host.raise_batches("batch + 1000");
    host.count("new.test", 3, 1);
    host.await_log(APART);
    host.await_number(COLLECTORS, 2);
    host.await_shipped(today(), (1053, 106, 212));
    // Its rows are lowered, and raised when all is told again.
    host.raise_batches("0");
    host.count("other.test", 1, 0);
    host.await_log("the database has lost its newest rows");
    host.raise_batches("batch + 1000");
    host.count("third.test", 1, 1);
    host.await_number(COLLECTORS, 3);
    host.assert_all_is_told();
}

#[test]
fn while_it_is_stopped() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("hot.test", 1000, 100);
    host.await_counted("today", 1000);
    host.await_shipped(today(), (1000, 100, 200));
    host.kill_shipper();
    host.count("hot.test", 50, 5);
    host.count("new.test", 7, 2);
    host.await_counted("today", 1057);
    host.raise_batches("batch + 1");
    host.start_shipper();
    host.await_log(APART);
    host.await_number(COLLECTORS, 2);
    host.await_shipped(today(), (1057, 107, 214));
    host.count("hot.test", 1, 1);
    host.await_counted("today", 1058);
    host.assert_all_is_told();
}

#[test]
fn again_and_again() {
    let Some(mut host) = Host::new() else { return };
    let often = "this collector has become another one too often";
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 1, 0);
    host.await_shipped(today(), (1, 0, 0));
    for n in 2..=12_u64 {
        host.raise_batches("batch + 7");
        host.count(&format!("d{n}.test"), 1, 0);
        host.await_counted("today", n);
        host.await_shipped(today(), (n, 0, 0));
    }
    assert_eq!(host.number(COLLECTORS), 1 + 8);
    assert_eq!(host.log().matches(often).count(), 1, "once in half an hour");
    // The next process counts on; and the largest number there is does not keep it from shipping.
    for (n, to) in [(13, "batch + 7"), (14, "9223372036854775807")] {
        host.kill_shipper();
        host.raise_batches(to);
        host.start_shipper();
        host.count(&format!("d{n}.test"), 1, 0);
        host.await_counted("today", n);
        host.await_shipped(today(), (n, 0, 0));
    }
    host.count("a.test", 1, 0);
    host.await_counted("today", 15);
    host.await_shipped(today(), (15, 0, 0));
    assert_eq!(host.number(COLLECTORS), 1 + 8);
    host.assert_all_is_told();
}

/// A day is called done, and more of it known than there is: it is told all the same, and what comes too late for that is late.
#[test]
fn a_day_that_is_not_done() {
    for (is_running, is_closed) in [(true, false), (false, false), (false, true)] {
        let Some(mut host) = Host::new() else { return };
        let day = today().back(3);
        let noon = format!("{day}T12:00:00Z");
        let Some(clock) = FakeClock::or_skip(host.folder.path(), &noon) else {
            return;
        };
        host.clock = Some(clock.clone());
        host.start_collector();
        host.start_shipper();
        host.count("a.test", 100, 0);
        host.await_counted("today", 100);
        host.await_shipped(day, (100, 0, 0));
        if !is_running {
            host.kill_shipper();
        }
        // Less than a tenth: they wait.
        host.count("a.test", 5, 0);
        host.await_counted("today", 105);
        let forge = "UPDATE shipment SET done = true, sessions = 1000000 RETURNING day";
        host.session.query(forge, &[]).unwrap();
        clock.jump(&format!("{}T12:00:00Z", day.next()));
        let of = |what: &str| format!("SELECT {what} FROM shipment WHERE day = '{day}'");
        if !is_running {
            await_that("the day is closed", || {
                host.counted(&day.to_string()) == Some((105, 0, 0))
            });
            if is_closed {
                host.close(day);
            }
            host.start_shipper();
        }
        if is_closed {
            host.await_number(&of("late_sessions"), 5);
            host.await_log("these sessions are in no report");
            assert_eq!(host.shipped(day), (100, 0, 0));
            continue;
        }
        host.await_shipped(day, (105, 0, 0));
        host.await_number(&of("count(*)").replace("WHERE", "WHERE done AND"), 1);
        // Who starts again knows what it has told.
        let rows = host.number(&of("rows"));
        host.stop_shipper();
        host.start_shipper();
        host.count("a.test", 1, 0);
        host.await_shipped(day.next(), (1, 0, 0));
        assert_eq!(host.number(&of("rows")), rows);
    }
}
