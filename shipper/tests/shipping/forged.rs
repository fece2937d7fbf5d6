//! Somebody has the shippers' password, and says that collectors have told more than they have: nothing is lost for that, nothing
//! counted twice, and there is no collector more than a few.

use crate::harness::{Host, today};

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
