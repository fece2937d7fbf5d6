mod again;
mod locks;

use std::collections::{BTreeMap, BTreeSet};

use tlsrptd_cluster::{database, skip::or_skip};
use tlsrptd_config::{Start, reportd::Reportd};
use tlsrptd_fleet::{Address, SHARDS, Session, schema, shard_of};

use super::*;
use crate::{
    model::{
        CountedRows, DecidedDomain, Decision, DeliveryStatus, Destination, NamedBy, NewReport,
    },
    store::{CommitHook, CommitSide, Decisions as _, Disposition, HookVerdict},
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn day() -> Day {
    "2026-11-20".parse().unwrap()
}

fn settings(address: &str) -> Reportd {
    let args = [
        "--dbname=/unused",
        "--fetchers=one",
        "--organization_name=Org",
        "--contact_info=tls@sender.example",
        "--max_kept_reports_size=1000",
    ];
    match tlsrptd_config::reportd::load(args.map(Into::into), []) {
        Start::Run(settings) => {
            let mut values = settings.values;
            values.dbname = address.into();
            values
        }
        Start::Done { stderr, .. } => panic!("{stderr}"),
    }
}

/// Two reporters, of which one has the even shards.
struct Fleet {
    db: Session,
    members: Vec<PostgresStore>,
}

impl Fleet {
    fn new(hook: Option<CommitHook>) -> Option<Fleet> {
        let address = or_skip(database(), "there is no PostgreSQL here")?;
        let db = Session::connect(Address::parse(&address).unwrap()).unwrap();
        schema::migrate(&db).unwrap();
        schema::make_day(&db, day()).unwrap();
        let settings = settings(&address);
        let mut hook = hook;
        let open = |_| PostgresStore::open(&settings, hook.take()).unwrap();
        let mut fleet = Fleet {
            db,
            members: (0..2).map(open).collect(),
        };
        for (number, of) in (0..2).map(|of| (usize::from(of == 1), of)) {
            let its: Vec<Shard> = (0..SHARDS).filter(|shard| shard % 2 == of).collect();
            fleet.give(number, &its);
        }
        Some(fleet)
    }

    fn give(&mut self, number: usize, shards: &[Shard]) {
        let sql = "UPDATE shard SET owner = $1 WHERE shard = ANY($2)";
        let member = &mut self.members[number].member;
        self.db.query(sql, &[&member.id(), &shards]).unwrap();
        member.set_shards(shards.to_vec());
    }

    fn owner(&mut self, name: &str) -> &mut PostgresStore {
        &mut self.members[usize::from(shard_of(name) % 2 == 1)]
    }

    /// A report on a domain, decided by whose it is.
    fn decide(&mut self, domain: &str, uris: &[String]) {
        let owner = self.owner(domain);
        owner
            .store_decisions(day(), &[decided(domain, uris)], decided_at())
            .unwrap();
    }

    fn number(&self, sql: &str) -> i64 {
        self.db.query(sql, &[]).unwrap()[0].get(0)
    }
}

fn decided_at() -> Timestamp {
    at("21T00:00:00")
}

/// A report on a domain.
fn decided(domain: &str, uris: &[String]) -> DecidedDomain {
    let to = |uri: &String| {
        let to = Destination::new(uri.as_str(), NamedBy::Record);
        (to, decided_at())
    };
    DecidedDomain {
        domain: domain.to_owned(),
        uniqid: 1,
        rows: CountedRows::default(),
        decision: Decision::Report(NewReport {
            json: format!("{{\"of\": \"{domain}\"}}"),
            destinations: uris.iter().map(to).collect(),
            suppressed: Vec::new(),
        }),
        named: Vec::new(),
    }
}

fn claim(store: &mut PostgresStore, now: &str) -> Vec<Delivery> {
    let mut all = Vec::new();
    loop {
        let claims = store.claim(at(now), 7.into(), &|_| 2).unwrap();
        if claims.is_empty() && store.next_delivery(at(now)).unwrap() != Some(at(now)) {
            return all;
        }
        all.extend(claims.into_iter().map(|claimed| match claimed {
            Claimed::Delivery(delivery) => delivery,
            Claimed::Corrupt(row) => panic!("{row:?}"),
        }));
    }
}

fn end(delivery: &Delivery, disposition: Disposition) -> AttemptEnd {
    AttemptEnd {
        r_id: delivery.r_id,
        destination: delivery.destination.clone(),
        disposition,
        gzip: Some(vec![b'x'; 300].into()),
    }
}

fn sent(delivery: &Delivery) -> AttemptEnd {
    let (status, reason) = (DeliveryStatus::Sent, "250 ok".to_owned());
    end(delivery, Disposition::Final { status, reason })
}

#[test]
fn nothing_is_claimed_twice_and_a_hosts_queue_is_one_members() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let domains: Vec<String> = (0..40).map(|n| format!("d{n}.example")).collect();
    // They have looked before others add to their shards.
    for member in &mut fleet.members {
        assert!(claim(member, "21T00:00:00").is_empty());
    }
    for (n, domain) in domains.iter().enumerate() {
        let hosts = [n % 6, n % 5 + 6].map(|host| format!("https://h{host}.example/{n}"));
        let mail = format!("mailto:t@{domain}");
        fleet.decide(domain, &[&hosts[..], &[mail]].concat());
    }
    let mut claimed = BTreeSet::new();
    let mut members: BTreeMap<QueueKey, BTreeSet<usize>> = BTreeMap::new();
    for now in ["21T00:00:01", "21T00:00:06"] {
        for number in [0, 1] {
            for delivery in claim(&mut fleet.members[number], now) {
                let key = (delivery.r_id, delivery.destination.uri().to_owned());
                assert!(claimed.insert(key), "twice: {delivery:?}");
                members.entry(delivery.queue).or_default().insert(number);
            }
        }
    }
    assert_eq!(claimed.len(), 120, "all, also what others have added");
    members.remove(&QueueKey::Relay);
    assert_eq!(members.len(), 11);
    assert!(members.values().all(|of| of.len() == 1), "{members:?}");
}

/// Without that it reads all of a table for each delivery until its autovacuum comes.
#[test]
fn the_server_has_looked_at_the_tables_of_a_new_day() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let name = |n: u32| format!("d{n}.example");
    let of_first = (0..).map(name).filter(|name| shard_of(name) % 2 == 0);
    let decisions: Vec<DecidedDomain> = of_first
        .take(256)
        .map(|name| decided(&name, &[format!("mailto:t@{name}")]))
        .collect();
    for part in decisions.chunks(200) {
        let member = &mut fleet.members[0];
        member.store_decisions(day(), part, decided_at()).unwrap();
    }
    let known = "SELECT count(*) FROM pg_class WHERE relname IN ('report_20261120', 'delivery_20261120') AND reltuples = 256";
    assert_eq!(fleet.number(known), 2);
}

/// The answer to a COMMIT was lost: the daemon records the same once more.
#[test]
fn what_is_recorded_again_counts_once() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let uris = ["mailto:a@a.example", "mailto:b@a.example"].map(str::to_owned);
    fleet.decide("a.example", &uris);
    let owner = fleet.owner("a.example");
    let [one, other] = &claim(owner, "21T00:00:00")[..] else {
        panic!("two");
    };
    let retry = Disposition::Retry {
        at: at("21T01:00:00"),
        begins: None,
        reason: "451 \0 later".to_owned(),
    };
    let ends = [sent(one), end(other, retry)];
    for _ in 0..3 {
        owner.record(&ends, at("21T00:00:01")).unwrap();
    }
    let again = claim(owner, "21T01:00:00");
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].failures, again[0].first), (1, one.first));
    for (sql, want) in [
        ("SELECT sum(mails)::bigint FROM mails WHERE domain = ''", 1),
        (
            "SELECT sum(number)::bigint FROM history_total WHERE kind = 'delivery'",
            1,
        ),
        ("SELECT count(*) FROM delivery WHERE by IS NOT NULL", 1),
        (
            "SELECT count(*) FROM delivery WHERE reason = E'451 \u{fffd} later'",
            1,
        ),
    ] {
        assert_eq!(fleet.number(sql), want, "{sql}");
    }
}

/// A claim came about, and nobody was told.
#[test]
fn what_is_in_hand_unknown_is_freed() {
    let lose = move |step, side| match (step, side) {
        (Step::Started, CommitSide::After) => HookVerdict::Crash,
        _ => HookVerdict::Continue,
    };
    let Some(mut fleet) = Fleet::new(Some(Box::new(lose))) else {
        return;
    };
    let mut hosts = (0..).map(|n| format!("h{n}.example"));
    let host = hosts.find(|host| shard_of(host) % 2 == 0).unwrap();
    fleet.decide("e.example", &[format!("https://{host}/")]);
    let owner = &mut fleet.members[0];
    let lost = owner.claim(at("21T00:00:06"), 9.into(), &|_| 2);
    assert!(matches!(lost, Err(StoreError::Stopped { .. })), "{lost:?}");
    owner.hook = None;
    let again = claim(owner, "21T00:00:10");
    assert_eq!(again.len(), 1);
    assert!(again[0].begins_window, "no attempt began");
}

#[test]
fn shards_are_taken_over_with_what_is_in_hand() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    fleet.decide("a.example", &["mailto:a@a.example".to_owned()]);
    let from = usize::from(shard_of("a.example") % 2 == 1);
    let before = claim(&mut fleet.members[from], "21T00:00:00");
    let shard = shard_of("a.example");
    assert!(fleet.members[from].shards_in_hand().contains(&shard));
    let mut all = fleet.members[1 - from].member.shards().to_vec();
    all.push(shard);
    fleet.give(1 - from, &all);
    let late = fleet.members[from].record(&[sent(&before[0])], at("21T00:00:02"));
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    let other = &mut fleet.members[1 - from];
    assert_eq!(other.release().unwrap(), 1, "an attempt is repeated");
    let after = claim(other, "21T00:10:00");
    assert_eq!(after.len(), 1);
    assert_eq!(
        (after[0].date, after[0].first),
        (before[0].date, before[0].first)
    );
    assert_eq!(after[0].report, before[0].report, "the same bytes");
    other.record(&[sent(&after[0])], at("21T00:10:01")).unwrap();
}

/// Its deliveries are in the queues of several members; who ends the last keeps it.
#[test]
fn a_report_is_kept_by_whoever_ends_its_last_delivery() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let hosts: Vec<String> = (0..6).map(|n| format!("https://h{n}.example/")).collect();
    for n in 0..5 {
        fleet.decide(&format!("d{n}.example"), &hosts);
    }
    let texts = "SELECT count(*) FROM report WHERE json IS NOT NULL";
    let mut open = 30;
    for number in [0, 1] {
        assert_eq!(fleet.number(texts), 5);
        let claims = claim(&mut fleet.members[number], "21T00:00:06");
        open -= claims.len();
        let ends: Vec<AttemptEnd> = claims.iter().map(sent).collect();
        assert!(!ends.is_empty());
        fleet.members[number]
            .record(&ends, at("21T00:00:07"))
            .unwrap();
    }
    assert_eq!((open, fleet.number(texts)), (0, 0));
    // The owner of shard 0 lets the oldest go: of 300 octets each, three are kept.
    fleet.decide("last.example", &["mailto:t@last.example".to_owned()]);
    fleet.give(1, &[]);
    let all: Vec<Shard> = (0..SHARDS).collect();
    fleet.give(0, &all);
    let claims = claim(&mut fleet.members[0], "21T00:02:00");
    fleet.members[0]
        .record(&[sent(&claims[0])], at("21T00:02:00"))
        .unwrap();
    assert_eq!(fleet.number("SELECT sum(bytes)::bigint FROM kept"), 900);
    assert_eq!(
        fleet.number("SELECT count(*) FROM report WHERE gzip IS NOT NULL"),
        3
    );
}

/// A record, and a map even more, may name places of any length.
#[test]
fn a_destination_of_any_length() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let long = format!("https://{}.example/{}", "h".repeat(4000), "p".repeat(9000));
    fleet.decide("a.example", &[long, format!("x{}:", "y".repeat(9000))]);
    let mut ends = Vec::new();
    for number in [0, 1] {
        let claims = claim(&mut fleet.members[number], "21T00:00:06");
        let refused = |delivery| {
            let reason = "no".to_owned();
            end(delivery, Disposition::Refused { reason })
        };
        let its: Vec<AttemptEnd> = claims.iter().map(refused).collect();
        fleet.members[number]
            .record(&its, at("21T00:00:07"))
            .unwrap();
        ends.extend(its);
    }
    assert_eq!(ends.len(), 2);
}
