//! Today's file was replaced, and the way to another number is cut short: whatever step it was, the day waits, and all is told.

use tlsrptd_proto::day::Day;

use crate::harness::{Host, REFUSED, await_that, clock::FakeClock, today};

/// The first step that does not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Another number is registered.
    Registered,
    /// The former one is done.
    Done,
    /// It is that number.
    Taken,
}

impl Host {
    /// The database refuses a step.
    fn refuse_step(&self, cut: Cut) {
        let of = match cut {
            Cut::Registered => "INSERT ON collector FOR EACH ROW",
            Cut::Done | Cut::Taken => "UPDATE ON shipment FOR EACH ROW WHEN (NEW.done)",
        };
        self.refuse(of);
    }

    /// Collectors of which the day waits.
    fn awaited(&self, day: Day) -> i64 {
        self.number(&format!(
            "SELECT count(*) FROM collector c LEFT JOIN shipment s ON s.collector = c.id AND s.day = '{day}' \
             WHERE c.first_day <= '{day}' AND NOT coalesce(s.done, false)"
        ))
    }
}

#[test]
fn at_each_step() {
    for cut in [Cut::Registered, Cut::Done, Cut::Taken] {
        let Some(mut host) = Host::new() else { return };
        let day = today().back(3);
        let noon = format!("{day}T12:00:00Z");
        let Some(clock) = FakeClock::or_skip(host.folder.path(), &noon) else {
            return;
        };
        host.clock = Some(clock.clone());
        host.start_collector();
        host.start_shipper();
        host.count("a.test", 10, 0);
        host.await_shipped(day, (10, 0, 0));
        host.refuse_step(cut);
        host.stop_collector();
        std::fs::remove_file(host.storage()).unwrap();
        host.start_collector();
        host.count("a.test", 4, 0);
        host.await_log(REFUSED);
        host.kill_shipper();
        host.refuse_no_more();
        if cut == Cut::Taken {
            host.run("UPDATE shipment SET done = true");
        }
        let registered = "SELECT count(*) FROM collector";
        let (collectors, awaited) = match cut {
            Cut::Registered => (1, 1),
            Cut::Done => (2, 2),
            Cut::Taken => (2, 1),
        };
        assert_eq!(host.number(registered), collectors, "{cut:?}");
        assert_eq!(host.awaited(day), awaited, "{cut:?}: the day waits");
        clock.jump(&format!("{}T12:00:00Z", day.next()));
        await_that("the day is closed", || {
            host.counted(&day.to_string()) == Some((4, 0, 0))
        });
        host.start_shipper();
        await_that("the day is done", || {
            host.make_days();
            host.awaited(day) == 0
        });
        assert_eq!(host.shipped(day), (14, 0, 0), "{cut:?}");
        assert_eq!(host.number(registered), 2, "{cut:?}: it goes on with that");
    }
}
