//! A reporter on a PostgreSQL to which something happens, and what must hold after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::store::{CommitHook, StoreError};
use tokio::time::Instant;

use crate::environment::{
    self, Seen, TestEnvironment, contradiction, counted, dane, settings, stored, totals,
};

pub const HOUR: Duration = Duration::from_secs(3600);
/// The days that are reported: the one before the begin, and each day that ends.
pub const BEGIN: &str = "2026-11-20T22:00:00Z";
/// So many domains have mail each day, each with two destinations.
const DOMAINS: u64 = 12;
/// After an end that was no order, a service manager starts it again.
const RESTART: Duration = Duration::from_secs(5);

/// A delivery: day, domain and address.
pub type Key = (String, String, String);

pub struct World {
    pub settings: Reportd,
    pub environment: Arc<TestEnvironment>,
    /// What was in hand when the reporter ended without an order: nobody knows how that ended.
    pub unknown: BTreeSet<Key>,
}

impl World {
    /// In a folder that names the database.
    pub fn new(folder: &Path) -> World {
        let mut environment = TestEnvironment::new(BEGIN);
        environment.gather = Box::new(|_, _| {
            let row = |number: u64| match number % 3 {
                0 => dane(&format!("d{number}.example"), "mx.example", number + 1, 1),
                _ => counted(&format!("d{number}.example"), number + 1),
            };
            Ok((0..DOMAINS).map(row).collect())
        });
        environment.receive = Box::new(|_, _| (environment::sent(), Duration::from_secs(30)));
        let options = ["--loop_guard=no", "--max_report_age=86400"];
        World {
            settings: settings(folder, &options),
            environment: Arc::new(environment),
            unknown: BTreeSet::new(),
        }
    }

    /// Lives for so long, started again whenever it ends by itself.
    pub async fn live(&mut self, time: Duration, mut hook: impl FnMut() -> Option<CommitHook>) {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match environment::run(&self.settings, &self.environment, hook(), left).await {
                Ok(()) => return,
                Err(StoreError::Fenced) => {}
                Err(StoreError::Open { .. }) => {}
                Err(error) if error.may_pass() => {}
                Err(error) => panic!("{error}"),
            }
            let in_hand = stored(&self.settings).deliveries.into_iter();
            let in_hand = in_hand.filter(|row| row.in_hand && row.status.is_none());
            self.unknown
                .extend(in_hand.map(|row| (row.day, row.domain, row.uri)));
            tokio::time::sleep(RESTART).await;
        }
    }

    /// What must hold at the end: of each of these days all arrived, counted once, and repeated is only what is said.
    pub fn judge(&self, what: &str, days: &[&str], may_repeat: &BTreeSet<Key>) {
        let taken = self.environment.taken();
        let expected: BTreeSet<Key> = days.iter().flat_map(|day| deliveries(day)).collect();
        let arrived: BTreeSet<Key> = taken.keys().cloned().collect();
        let missing: Vec<&Key> = expected.difference(&arrived).collect();
        assert!(missing.is_empty(), "{what}: did not arrive: {missing:?}");
        let more: Vec<&Key> = arrived.difference(&expected).collect();
        assert!(more.is_empty(), "{what}: nobody asked for {more:?}");
        for (key, seen) in &taken {
            let may_repeat = may_repeat.contains(key) || self.unknown.contains(key);
            assert!(
                seen.len() == 1 || may_repeat,
                "{what}: {key:?} was repeated: {seen:?}"
            );
            assert!(
                seen.iter().all(|again| is_same(again, &seen[0])),
                "{what}: {key:?}: a repeat is the same bytes: {seen:?}"
            );
        }
        self.judge_stored(what, days);
    }

    fn judge_stored(&self, what: &str, days: &[&str]) {
        let dbname = &self.settings.dbname;
        assert!(environment::is_whole(dbname), "{what}");
        let rows = stored(&self.settings).deliveries;
        assert_eq!(rows.len() as u64, days.len() as u64 * DOMAINS * 2, "{what}");
        for row in rows {
            assert_eq!(
                (row.status(), row.in_hand),
                ("sent", false),
                "{what}: {row:?}"
            );
        }
        let totals = totals(dbname);
        let told: Vec<String> = totals.iter().map(|day| day.day.to_string()).collect();
        assert_eq!(told, days, "{what}");
        let sessions: u64 = (1..=DOMAINS).sum();
        for day in &totals {
            assert_eq!(contradiction(dbname, day), None, "{what}");
            assert_eq!(
                (
                    day.domains,
                    day.sessions,
                    day.failed,
                    day.reports,
                    day.deliveries
                ),
                (DOMAINS, sessions, DOMAINS / 3, DOMAINS, DOMAINS * 2),
                "{what}: counted once"
            );
            assert_eq!(
                (day.ended("sent"), day.waiting()),
                (DOMAINS * 2, 0),
                "{what}: {day:?}"
            );
        }
    }

    /// What arrived for the first time in between.
    pub fn arrived_between(&self, from: Duration, until: Duration) -> BTreeSet<Key> {
        let begin = self.environment.begin;
        let taken: BTreeMap<Key, Vec<Seen>> = self.environment.taken();
        let taken = taken.into_iter().filter(|(_, seen)| {
            // Its outcome is recorded some time after it began.
            (begin + from..begin + until).contains(&(seen[0].at + Duration::from_secs(60)))
                || (begin + from..begin + until).contains(&seen[0].at)
        });
        taken.map(|(key, _)| key).collect()
    }
}

fn is_same(one: &Seen, other: &Seen) -> bool {
    // When it was made may differ: it may have been composed again.
    (&one.bytes.0, one.bytes.1) == (&other.bytes.0, other.bytes.1)
}

fn deliveries(day: &str) -> Vec<Key> {
    let uris = |number: u64| {
        let domain = format!("d{number}.example");
        let uris = [
            format!("mailto:reports@{domain}"),
            format!("https://reports.example/{domain}"),
        ];
        uris.map(|uri| (day.to_owned(), domain.clone(), uri))
    };
    (0..DOMAINS).flat_map(uris).collect()
}
