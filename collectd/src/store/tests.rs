//! What every storage engine promises, asked through the ports alone: a new one is a row of `engines`.

use std::{path::Path, sync::Arc};

use tlsrptd_config::Storage;
use tlsrptd_proto::{
    datagram::{Datagram, TextLimits},
    day::Day,
    domain::Domain,
    session_result::SessionResult,
};

use super::{DayQuestion, FoldLimits, TodaysRows, open, read_day};

fn engines(dir: &Path) -> Vec<Storage> {
    vec![Storage::Sqlite {
        url: "sqlite".into(),
        path: dir.join("db"),
    }]
}

fn failure(domain: &str) -> Arc<[SessionResult]> {
    let text = format!(
        r#"{{"d":"{domain}","pr":"v","policies":[{{"policy-type":9,"failure-details":[{{"c":203}}],"t":1,"f":1}}]}}"#
    );
    let datagram = Datagram::parse(text.as_bytes(), &TextLimits::default()).unwrap();
    datagram.into_session_results().into()
}

/// Each domain of a closed day with its sessions.
fn read(storage: &Storage, day: Day) -> Vec<(String, u64)> {
    let question = DayQuestion { day, only: None };
    let days = read_day(storage, &question, day.ahead(9)).unwrap();
    let domains = days.domains().unwrap().map(|entry| {
        let (domain, counts) = entry.unwrap();
        let alone = days.counts_as_asked(&domain, domain.as_str()).unwrap();
        assert_eq!(alone.sessions(), counts.sessions(), "{domain}");
        (domain.to_string(), counts.sessions())
    });
    domains.collect()
}

#[test]
fn what_was_counted_is_read_when_the_day_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    for storage in engines(dir.path()) {
        let today = Day::parse("2026-11-20").unwrap();
        let mut store = open(&storage, FoldLimits::new(100, 100), 10).unwrap();
        store.add(today, &failure("b.test"));
        store.add(today, &failure("a.test"));
        store.count(0, 4);
        assert_eq!(store.uncommitted(), 6);
        assert_eq!(store.flush().unwrap().datagrams, 6);
        store.start_epoch();
        store.add(today, &failure("a.test"));
        store.flush().unwrap();
        let size = store.day_size(today).unwrap();
        assert_eq!((size.domains, size.policies), (2, 2));

        let closed = store.close_days(today.next(), TodaysRows::Stay).unwrap();
        assert_eq!(closed.iter().map(|closed| closed.day).max(), Some(today));
        assert_eq!(store.newest_closed(), Some(today));
        store.start_epoch();
        store.add(today.next(), &failure("c.test"));
        store.flush().unwrap();
        let want = [("a.test", 2), ("b.test", 5)].map(|(name, n)| (name.to_owned(), n));
        assert_eq!(read(&storage, today), want, "{}", storage.url());
        let unknown = Domain::parse("c.test").unwrap();
        let question = DayQuestion {
            day: today,
            only: Some("c.test"),
        };
        let days = read_day(&storage, &question, today.next()).unwrap();
        assert_eq!(days.newest_complete(), Some(today));
        assert_eq!(
            days.counts_as_asked(&unknown, "c.test").unwrap().sessions(),
            0
        );

        // SIGUSR2: what is counted so far is added to the day that was closed.
        store
            .close_days(today.next(), TodaysRows::BecomeYesterdays)
            .unwrap();
        assert_eq!(read(&storage, today).len(), 3);
        let days = read_day(&storage, &question, today.next()).unwrap();
        assert_eq!(days.growth().unwrap()[&today], 1, "readers are told so");
        store.finish().unwrap();
    }
}
