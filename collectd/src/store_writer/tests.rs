//! When a store that fails is tried again.

use super::*;

/// A disk that is full.
struct Full(u64);

impl Store for Full {
    fn name(&self) -> &str {
        "full"
    }

    fn add(&mut self, _: Day, _: &Arc<[SessionResult]>) {
        self.0 += 1;
    }

    fn count(&mut self, _: u32, times: u64) {
        self.0 += times;
    }

    fn uncommitted(&self) -> u64 {
        self.0
    }

    fn waiting_bytes(&self) -> usize {
        0
    }

    fn flush(&mut self) -> Result<Flushed, StoreError> {
        Err(StoreError::InDoubt("full".into()))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget(&mut self) {}

    fn close_days(&mut self, _: Day, _: bool) -> Result<Vec<crate::store::Closed>, StoreError> {
        Ok(Vec::new())
    }

    fn census(&mut self, _: Day) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn a_boundary_does_not_make_a_failing_store_forget_that_it_rests() {
    let pace = CommitPolicy {
        full: 1_000,
        retry: 1_000,
        timeout: Duration::from_secs(3_600),
    };
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let (stats, scripts) = (Arc::default(), Arc::new(Scripts::new().unwrap()));
    let mut store_writer = StoreWriter::new(Box::new(Full(1)), stats, scripts);
    assert!(!store_writer.flush(&pace, now));
    let due = store_writer.due(&pace);
    assert!(due.is_some(), "a failed commit is tried again");
    let boundary = EpochChange {
        today: Day::of(now),
        rotate: false,
        closing: crate::queue::Closing::AsUsual,
        spare: 0,
    };
    store_writer.boundary(boundary, false, &pace, now);
    assert_eq!(
        store_writer.due(&pace),
        due,
        "at the time that was set before"
    );
}
