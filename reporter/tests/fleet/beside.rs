//! What one member does while another is in the middle of something.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{PgDay, PgTime, Shard, schema, shard_of};
use tlsrptd_proto::{counts::ReportCounts, day::Day, domain::Domain};
use tlsrptd_reporter::{
    model::{
        CountedRows, DecidedDomain, Decision, Destination, DomainDay, MxHost, MxShare, NamedBy,
    },
    store::{self, Store},
};

use crate::{
    environment::{Engine, dane},
    party::{Fleet, settings, tend_until},
};

const LEASE: f64 = 60.0;

/// Two members with half of the work each.
struct Pair {
    fleet: Fleet,
    one: Box<dyn Store>,
    two: Box<dyn Store>,
    /// Whether a shard is the first one's.
    is_ones: HashMap<Shard, bool>,
}

impl Pair {
    fn new() -> Pair {
        let fleet = Fleet::of(Engine::Postgres.folder(), LEASE);
        let settings = settings(fleet.folder.path(), &["--mx_reports=yes"]);
        let open = || store::open(&settings, None).unwrap();
        let mut one = open();
        let first = fleet.newest();
        let mut two = open();
        tend_until(
            &mut [&mut one, &mut two],
            || fleet.shares() == [32, 32],
            "halves",
        );
        let shards = fleet.ask("SELECT shard, owner FROM shard", &[]);
        let is_ones = shards
            .iter()
            .map(|row| (row.get(0), row.get::<_, i64>(1) == first));
        Pair {
            is_ones: is_ones.collect(),
            fleet,
            one,
            two,
        }
    }

    /// A name in a shard of the first, or of the second.
    fn name(&self, begin: &str, is_ones: bool) -> String {
        let mut names = (0..).map(|number| format!("{begin}{number}.example"));
        let found = names.find(|name| self.is_ones[&shard_of(name)] == is_ones);
        found.unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.fleet.ask(sql, &[])[0].get(0)
    }
}

fn day() -> Day {
    Day::parse("2024-11-28").unwrap()
}

fn now() -> Timestamp {
    "2024-11-29T03:00:00Z".parse().unwrap()
}

/// No report on the domain; its sessions count for the host.
fn decided(found: &DomainDay, host: &Arc<MxHost>) -> DecidedDomain {
    let domain = Domain::parse(&found.domain).unwrap();
    let data = found.rows[0].data.as_deref().unwrap();
    let counts = ReportCounts::from_json(data, &domain).unwrap();
    DecidedDomain {
        domain: found.domain.clone(),
        uniqid: found.reports + 1,
        rows: CountedRows {
            sessions: counts.sessions(),
            used: vec![found.rows[0].fetcher.clone()],
            mx_shares: vec![MxShare {
                host: Arc::clone(host),
                counts,
            }],
            ..CountedRows::default()
        },
        decision: Decision::NoReport("it has no record".to_owned()),
        named: Vec::new(),
    }
}

/// Begins to compose, and stores what there is to decide.
fn compose(store: &mut Box<dyn Store>, host: &Arc<MxHost>) {
    store.normalize_domains(day(), now()).unwrap();
    let found = store.undecided(day(), None, 64, 1 << 20).unwrap();
    assert_eq!(found.len(), 1);
    let decisions: Vec<DecidedDomain> = found.iter().map(|of| decided(of, host)).collect();
    store.store_decisions(day(), &decisions, now()).unwrap();
}

/// The sessions of the only MX host, and a decision on it.
fn read_host(store: &mut dyn Store) -> (u64, DecidedDomain) {
    let hosts = store.mx_hosts(day(), 64, 1 << 20).unwrap();
    assert_eq!(hosts.len(), 1, "all domains are decided on");
    let sessions = hosts[0].counts.sessions();
    let decided = DecidedDomain {
        domain: hosts[0].host.clone(),
        uniqid: hosts[0].reports + 1,
        rows: CountedRows {
            sessions,
            ..CountedRows::default()
        },
        decision: Decision::NoReport("too few".to_owned()),
        named: Vec::new(),
    };
    (sessions, decided)
}

/// Both have decided on a domain with sessions at one host, 15 in all, whose decision is the first one's.
fn with_a_host(pair: &mut Pair) -> Arc<MxHost> {
    let host = pair.name("mx", true);
    let destination = Destination::new("mailto:tls@hoster.example", NamedBy::Record);
    let mx_host = Arc::new(MxHost {
        name: Domain::parse(&host).unwrap(),
        destinations: vec![destination],
    });
    schema::make_reports(&pair.fleet.db, day()).unwrap();
    let collector = pair.name("collector", false);
    pair.fleet.ask(
        "INSERT INTO fetch_job(day, job, command, place, next, created, closed, outcome) \
         VALUES($1, 1, 'one', 1, $2, $2, $2, 'answered'), ($1, 2, $3, 2, $2, $2, NULL, NULL)",
        &[&PgDay(day()), &PgTime(now()), &collector],
    );
    for (begin, is_ones, sessions) in [("a", true, 5), ("b", false, 10)] {
        let name = pair.name(begin, is_ones);
        pair.fleet.ask(
            "INSERT INTO answer(day, shard, domain, job, command, state, data) VALUES($1, $2, $3, 1, 'one', 'fetched', $4)",
            &[&PgDay(day()), &shard_of(&name), &name, &dane(&name, &host, sessions, 0).data],
        );
    }
    compose(&mut pair.two, &mx_host);
    pair.two.close_day(day(), &[], now()).unwrap();
    compose(&mut pair.one, &mx_host);
    mx_host
}

/// The second gets a late domain with seven sessions there, and decides on it.
fn comes_late(pair: &mut Pair, host: &Arc<MxHost>) {
    let job = pair.two.due_jobs(now()).unwrap().remove(0);
    let late = dane(&pair.name("c", false), host.name.as_str(), 7, 0);
    pair.two.store_rows(&job, &[late], now()).unwrap();
    pair.two.job_answered(&job, None, now()).unwrap();
    compose(&mut pair.two, host);
}

const SUMS: &str = "SELECT coalesce(sum(sessions), 0)::bigint FROM mx_session";

#[test]
fn sessions_at_a_mx_host_that_come_late_are_in_its_report() {
    Engine::Postgres.test(|| {
        let mut pair = Pair::new();
        let host = with_a_host(&mut pair);
        let (sessions, decision) = read_host(&mut *pair.one);
        assert_eq!(sessions, 15);
        // Before the first has stored that.
        comes_late(&mut pair, &host);
        let stored = pair.one.store_mx_decisions(day(), &[decision], now());
        assert!(!stored.unwrap());
        assert_eq!(pair.number("SELECT count(*) FROM report WHERE mx"), 0);
        assert_eq!(pair.number(SUMS), 22, "nothing unread is deleted");
        for member in [&mut pair.two, &mut pair.one] {
            member.close_day(day(), &[], now()).unwrap();
        }
        pair.one.normalize_domains(day(), now()).unwrap();
        let (sessions, decision) = read_host(&mut *pair.one);
        assert_eq!(sessions, 22);
        let stored = pair.one.store_mx_decisions(day(), &[decision], now());
        assert!(stored.unwrap());
        assert_eq!(pair.number(SUMS), 0);
        assert_eq!(pair.number("SELECT count(*) FROM report WHERE mx"), 1);
    });
}

/// The other member has decided on them once more, to the end, before the first has stored what it has read.
#[test]
fn sums_of_a_mx_host_that_grow_meanwhile_lose_what_was_read() {
    Engine::Postgres.test(|| {
        let mut pair = Pair::new();
        let host = with_a_host(&mut pair);
        let (sessions, decision) = read_host(&mut *pair.one);
        assert_eq!(sessions, 15);
        comes_late(&mut pair, &host);
        pair.two.close_day(day(), &[], now()).unwrap();
        let stored = pair.one.store_mx_decisions(day(), &[decision], now());
        assert!(stored.unwrap());
        assert_eq!(pair.number(SUMS), 7, "what came meanwhile stays");
        let (sessions, decision) = read_host(&mut *pair.one);
        assert_eq!((sessions, decision.uniqid), (7, 2));
        let stored = pair.one.store_mx_decisions(day(), &[decision], now());
        assert!(stored.unwrap());
        assert_eq!(pair.number(SUMS), 0);
        assert_eq!(pair.number("SELECT count(*) FROM mx_host"), 0);
        assert_eq!(pair.number("SELECT count(*) FROM report WHERE mx"), 2);
    });
}

/// Nobody was at work: whoever comes first, and has a part of the shards or none, does it for all.
#[test]
fn an_absence_of_all_is_made_up_for_once() {
    Engine::Postgres.test(|| {
        let mut pair = Pair::new();
        schema::make_reports(&pair.fleet.db, day()).unwrap();
        pair.fleet.ask(
            "INSERT INTO delivery(day, r_id, uri_hash, shard, uri, origin, queue, due, first) \
             SELECT $1, shard, gen_random_uuid(), shard, 'mailto:a@b.example', 'record', 'mail', $2, $2 FROM shard",
            &[&PgDay(day()), &PgTime(now())],
        );
        // One of them is nobody's so far.
        pair.fleet.ask("UPDATE shard SET owner = NULL WHERE shard = 40", &[]);
        let hours = SignedDuration::from_hours;
        // By how many hours the windows of how many shards have moved.
        let moved = |pair: &Pair| -> Vec<(i64, i64)> {
            let sql = "SELECT (extract(epoch FROM first - $1) / 3600)::bigint, count(*) FROM delivery GROUP BY 1 ORDER BY 1";
            let rows = pair.fleet.ask(sql, &[&PgTime(now())]);
            rows.iter().map(|row| (row.get(0), row.get(1))).collect()
        };
        let since = now() - hours(5);
        pair.two.make_up_for_absence(since, hours(5), now()).unwrap();
        pair.one.make_up_for_absence(since, hours(5), now()).unwrap();
        // As when the answer to a COMMIT was lost.
        pair.two.make_up_for_absence(since, hours(5), now()).unwrap();
        assert_eq!(moved(&pair), [(5, 64)]);
        let at = pair.fleet.ask("SELECT at FROM clock", &[])[0].get::<_, PgTime>(0);
        assert_eq!(at.0, now(), "the next member knows that somebody is there");
        pair.one.make_up_for_absence(now(), hours(2), now() + hours(2)).unwrap();
        pair.two.make_up_for_absence(now(), hours(2), now() + hours(2)).unwrap();
        assert_eq!(moved(&pair), [(7, 64)], "another absence");
        // The first has been at work for long.
        pair.fleet.ask("UPDATE member SET since = since - interval '1 hour' WHERE id = (SELECT min(id) FROM member WHERE NOT fenced)", &[]);
        let since = now() + hours(3);
        pair.two.make_up_for_absence(since, hours(3), since + hours(3)).unwrap();
        assert_eq!(moved(&pair), [(7, 64)], "none of the fleet");
        // A clock that was set is one member's.
        let own = pair.is_ones.values().filter(|is_ones| **is_ones).count() as i64;
        pair.fleet.ask("UPDATE shard SET owner = (SELECT owner FROM shard WHERE shard = 39) WHERE shard = 40", &[]);
        pair.one.extend_windows(hours(1)).unwrap();
        assert_eq!(moved(&pair), [(7, 64 - own), (8, own)]);
    });
}
