//! What is added to a day while another member composes it: of one engine alone, as on the other there is nobody else.

use std::collections::BTreeSet;

use tlsrptd_reporter::{
    model::{CollectorCommand, DecidedDomain, DomainDay, FetchJob},
    store::Store,
};

use crate::{
    at, day,
    environment::{Engine, counted, settings},
    jobs, open,
    shipped::{all_undecided, decided, sessions},
};

/// Decides on these, and gives their sessions.
fn decide(store: &mut dyn Store, found: &[DomainDay]) -> i64 {
    let again = |found: &DomainDay| DecidedDomain {
        uniqid: found.reports + 1,
        ..decided(found)
    };
    let decisions: Vec<DecidedDomain> = found.iter().map(again).collect();
    store
        .close_day(day(), &decisions, at("22T02:00:00"))
        .unwrap();
    found.iter().flat_map(|of| &of.rows).map(sessions).sum()
}

/// The collector `one` tells of the second addition to its day: it is asked.
fn asked(store: &mut dyn Store) -> FetchJob {
    let (now, days) = (at("22T01:00:00"), BTreeSet::from([day()]));
    let grown = store.create_addition_jobs("one", &[(day(), 2)], &days, &|_| false, now);
    assert_eq!(grown.unwrap().asked, [day()]);
    let due = store.due_jobs(now).unwrap();
    due.into_iter().find(|job| job.command == "one").unwrap()
}

#[test]
fn a_part_of_them_is_not_used_before_all_have_come() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let made = jobs(&mut *store, &["one", "two"]);
        let now = at("21T00:00:01");
        let first = [counted("a.example", 10)];
        store.store_rows(&made[0], &first, now).unwrap();
        store.job_answered(&made[0], Some(1), now).unwrap();
        store.job_given_up(&made[1], now, "away").unwrap();
        let found = all_undecided(&mut *store);
        let mut told = decide(&mut *store, &found);
        // The other collector answers after all, and the day is composed once more.
        let collectors = [(1, "one"), (2, "two")].map(|(index, command)| CollectorCommand {
            index,
            command: command.to_owned(),
        });
        let now = at("22T00:00:00");
        store
            .reopen_given_up(&BTreeSet::from([day()]), &collectors, now)
            .unwrap();
        let two = store.due_jobs(now).unwrap().remove(0);
        let other = [counted("b.example", 1)];
        store.store_rows(&two, &other, now).unwrap();
        store.job_answered(&two, None, now).unwrap();
        assert_eq!(store.gathered_days().unwrap(), BTreeSet::from([day()]));
        // In the middle of that, the first is asked for what was added, and fails half-way.
        let job = asked(&mut *store);
        let more = [counted("a.example", 5)];
        assert_eq!(store.store_rows(&job, &more, now).unwrap(), 1);
        let found = all_undecided(&mut *store);
        told += decide(&mut *store, &found);
        store.job_given_up(&job, now, "cut short").unwrap();
        let found = all_undecided(&mut *store);
        told += decide(&mut *store, &found);
        assert_eq!(told, 11, "what has come of the additions is in no report");
        // It tells all of them again.
        let job = asked(&mut *store);
        assert_eq!(store.store_rows(&job, &more, now).unwrap(), 1);
        store.job_answered(&job, Some(2), now).unwrap();
        let found = all_undecided(&mut *store);
        told += decide(&mut *store, &found);
        assert_eq!(told, 16, "each session in one report");
        assert!(store.gathered_days().unwrap().is_empty());
    });
}
