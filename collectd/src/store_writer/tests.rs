//! When a store that fails is tried again, and which day a rotation that had to wait is for.

use super::*;
use crate::{
    queue::{DayClosing, EpochChange},
    store::{self, ClosedDay, DayQuestion, DaySize, Flushed, FoldLimits, StoreError, TodaysRows},
};
use tlsrptd_config::Storage;
use tlsrptd_proto::{
    datagram::{Datagram, TextLimits},
    domain::Domain,
};

/// A disk that is full.
struct Full(u64);

impl Store for Full {
    fn name(&self) -> &str {
        "full"
    }

    fn add(&mut self, _: Day, _: &Arc<[SessionResult]>) {
        self.0 += 1;
    }

    fn count(&mut self, _: ResultsId, times: u64) {
        self.0 += times;
    }

    fn uncommitted(&self) -> u64 {
        self.0
    }

    fn waiting_bytes(&self) -> usize {
        0
    }

    fn flush(&mut self) -> Result<Flushed, StoreError> {
        Err(StoreError::new(FailureKind::Temporary, "the disk is full"))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn start_epoch(&mut self) {}

    fn close_days(&mut self, _: Day, _: TodaysRows) -> Result<Vec<ClosedDay>, StoreError> {
        Ok(Vec::new())
    }

    fn day_size(&mut self, _: Day) -> Result<DaySize, StoreError> {
        Ok(DaySize::default())
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn an_epoch_change_does_not_hasten_the_next_try_of_a_failed_commit() {
    let policy = CommitPolicy {
        max_uncommitted: 1_000,
        retry_after: 1_000,
        interval: Duration::from_secs(3_600),
    };
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let (stats, scripts) = (Arc::default(), Arc::new(ScriptQueue::new().unwrap()));
    let mut store_writer = StoreWriter::new(Box::new(Full(1)), stats, scripts, policy);
    assert!(!store_writer.flush(now));
    let due = store_writer.due();
    assert!(due.is_some(), "a failed commit is tried again");
    let change = EpochChange {
        today: Day::of(now),
        rotate: false,
        closing: DayClosing::AsUsual,
        extra_days: 0,
    };
    store_writer.start_epoch(change, false, now);
    assert_eq!(store_writer.due(), due, "at the time that was set before");
}

#[test]
fn a_rotation_that_had_to_wait_over_midnight_does_not_take_the_next_day() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::Sqlite {
        url: "u".into(),
        path: dir.path().join("db"),
    };
    let policy = CommitPolicy {
        max_uncommitted: 1_000,
        retry_after: 1_000,
        interval: Duration::from_secs(3_600),
    };
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let store = store::open(&storage, FoldLimits::new(100, 100), 10).unwrap();
    let (stats, scripts) = (Arc::default(), Arc::new(ScriptQueue::new().unwrap()));
    let mut store_writer = StoreWriter::new(store, stats, scripts, policy);
    let today = Day::of(now);
    let count = |store_writer: &mut StoreWriter, day: Day, domain: &str| {
        let text =
            format!(r#"{{"d":"{domain}","pr":"v","policies":[{{"policy-type":9,"t":0,"f":0}}]}}"#);
        let datagram = Datagram::parse(text.as_bytes(), &TextLimits::default()).unwrap();
        store_writer.add(day, &datagram.into_session_results().into());
        assert!(store_writer.flush(now));
    };
    let start_epoch = |store_writer: &mut StoreWriter, today: Day, rotate: bool, changed: bool| {
        let change = EpochChange {
            today,
            rotate,
            closing: DayClosing::AsUsual,
            extra_days: 0,
        };
        store_writer.start_epoch(change, changed, now);
    };
    count(&mut store_writer, today, "a.test");
    // Nothing can be closed for a while.
    let in_the_way = dir.path().join("db.yesterday");
    std::fs::create_dir(&in_the_way).unwrap();
    start_epoch(&mut store_writer, today, true, false);
    start_epoch(&mut store_writer, today.next(), false, true);
    count(&mut store_writer, today.next(), "b.test");
    std::fs::remove_dir(&in_the_way).unwrap();
    start_epoch(&mut store_writer, today.next(), false, false);
    assert!(store_writer.finish(), "nothing is owed");
    let sessions = |day: Day, domain: &str| {
        let question = DayQuestion { day, only: None };
        let days = store::read_day(&storage, &question, today.ahead(9)).unwrap();
        let domain = Domain::parse(domain).unwrap();
        days.counts_as_asked(&domain, domain.as_str())
            .unwrap()
            .sessions()
    };
    assert_eq!(sessions(today, "b.test"), 0, "it is the running day's");
    let mut next = store::open(&storage, FoldLimits::new(100, 100), 10).unwrap();
    next.close_days(today.ahead(2), TodaysRows::Stay).unwrap();
    assert_eq!(sessions(today.next(), "b.test"), 1);
    let closed = [today.previous(), today].map(|day| sessions(day, "a.test"));
    assert_eq!(closed.iter().sum::<u64>(), 1, "as far as the rotation came");
}

/// What waits when somebody removes the file is saved, and all figures tell of it.
#[test]
fn what_is_saved_of_a_removed_file_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let storage = Storage::Sqlite {
        url: "u".into(),
        path: path.clone(),
    };
    let policy = CommitPolicy {
        max_uncommitted: 1_000,
        retry_after: 1_000,
        interval: Duration::from_secs(3_600),
    };
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let store = store::open(&storage, FoldLimits::new(100, 100), 10).unwrap();
    let (stats, scripts) = (
        Arc::<Stats>::default(),
        Arc::new(ScriptQueue::new().unwrap()),
    );
    let mut store_writer = StoreWriter::new(store, Arc::clone(&stats), scripts, policy);
    let add = |store_writer: &mut StoreWriter, failed: u8| {
        let text = format!(
            r#"{{"d":"a.test","pr":"v","policies":[{{"policy-type":9,"t":0,"f":{failed}}}]}}"#
        );
        let datagram = Datagram::parse(text.as_bytes(), &TextLimits::default()).unwrap();
        store_writer.add(Day::of(now), &datagram.into_session_results().into());
    };
    add(&mut store_writer, 0);
    assert!(store_writer.flush(now));
    std::fs::remove_file(&path).unwrap();
    add(&mut store_writer, 0);
    add(&mut store_writer, 1);
    assert!(!store_writer.flush(now), "there is no file");
    assert!(store_writer.recover_replaced_file(now));
    let told = [&stats.committed, &stats.successful, &stats.failed].map(|it| it.value());
    assert_eq!(told, [3, 2, 1], "committed, successful, failed");
    assert_eq!(stats.dropped.total(), 0);
}
