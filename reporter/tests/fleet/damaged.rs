//! A row of the database that cannot be read any more, or not be written: what else there is to do goes on.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use tlsrptd_cluster::skip::or_skip;
use tlsrptd_fleet::{PgDay, PgTime, schema, shard_of};
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::model::{CountedRows, DecidedDomain, Decision};

use crate::{
    environment::{Engine, counted, dane},
    party::Fleet,
    world::{HOUR, World},
};

const LEASE: f64 = 60.0;

fn day() -> Day {
    Day::parse("2024-11-28").unwrap()
}

fn now() -> Timestamp {
    "2024-11-29T03:00:00Z".parse().unwrap()
}

/// One collector has told these domains of two shards, each with so much more text.
fn answer(fleet: &Fleet, domains: &[(&str, i32); 2]) {
    let [one, other] = domains.map(|(name, _)| shard_of(&name.to_ascii_lowercase()));
    assert_ne!(one, other);
    schema::make_reports(&fleet.db, day()).unwrap();
    fleet.ask(
        "INSERT INTO fetch_job(day, job, command, place, next, created, closed, outcome) \
         VALUES($1, 1, 'one', 1, $2, $2, $2, 'answered')",
        &[&PgDay(day()), &PgTime(now())],
    );
    for (name, more) in domains {
        let domain = name.to_ascii_lowercase();
        fleet.ask(
            "INSERT INTO answer(day, shard, domain, job, command, state, data) \
             SELECT $1, $2, $3, 1, 'one', 'fetched', \
             $4 || coalesce((SELECT string_agg(md5(n::text), '') FROM generate_series(1, $5) AS n), '')",
            &[
                &PgDay(day()),
                &shard_of(&domain),
                name,
                &counted(&domain, 5).data,
                more,
            ],
        );
    }
}

/// A long text stands in a table of its own, of which a page is lost.
fn damage(fleet: &Fleet) {
    let table = "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = $1";
    let table: String = fleet.ask(table, &[&schema::of_day("answer", day())])[0].get(0);
    fleet.ask("CREATE EXTENSION pg_surgery SCHEMA tlsrpt", &[]);
    let lose = format!("SELECT heap_force_kill('{table}'::regclass, array_agg(ctid)) FROM {table}");
    fleet.ask(&lose, &[]);
}

fn has_surgery(fleet: &Fleet) -> bool {
    let sql = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_surgery'";
    let has = !fleet.ask(sql, &[]).is_empty();
    or_skip(
        has.then_some(()),
        "PostgreSQL's extension pg_surgery is not here",
    )
    .is_some()
}

#[test]
fn a_row_that_cannot_be_read_holds_back_its_shard_alone() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        if !has_surgery(&fleet) {
            return;
        }
        let mut store = fleet.member();
        answer(&fleet, &[("a.example", 0), ("b.example", 1000)]);
        damage(&fleet);
        assert!(store.normalize_domains(day(), now()).unwrap());
        let found = store.undecided(day(), None, 64, 1 << 20).unwrap();
        let names: Vec<&str> = found.iter().map(|of| of.domain.as_str()).collect();
        assert_eq!(names, ["a.example"]);
        let decided = DecidedDomain {
            domain: "a.example".to_owned(),
            uniqid: 1,
            rows: CountedRows {
                sessions: 5,
                used: vec![found[0].rows[0].fetcher.clone()],
                ..CountedRows::default()
            },
            decision: Decision::NoReport("it has no record".to_owned()),
            named: Vec::new(),
        };
        store.close_day(day(), &[decided], now()).unwrap();
        let open = "SELECT shard FROM compose WHERE NOT decided";
        let open: Vec<i16> = fleet.ask(open, &[]).iter().map(|row| row.get(0)).collect();
        assert_eq!(open, [shard_of("b.example")]);
        assert!(
            !store.gathered_days().unwrap().contains(&day()),
            "it is not begun again at once"
        );
    });
}

/// As a damaged index does: it refuses rows.
fn refuse(fleet: &Fleet, table: &str, domains: &str, code: &str) {
    let tx = fleet.db.begin().unwrap();
    tx.batch(&format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'a page is damaged' USING ERRCODE = '{code}'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW WHEN (NEW.domain LIKE '{domains}') EXECUTE FUNCTION refuse()"
    ))
    .unwrap();
    tx.commit().unwrap();
}

#[test]
fn a_domain_that_cannot_be_written_holds_back_its_shard_alone() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        for (code, why) in [
            ("XX002", "an index is damaged"),
            ("22P05", "a value is refused, and would be for ever"),
        ] {
            let fleet = Fleet::new(LEASE);
            refuse(&fleet, "report", "d3.example", code);
            let mut world = World::new(fleet.folder.path());
            world.live(HOUR * 20, || None).await;
            let arrived = world.environment.taken().into_keys();
            let domains: BTreeSet<String> = arrived.map(|(_, domain, _)| domain).collect();
            assert!(!domains.contains("d3.example"), "{why}");
            assert_eq!(domains.len(), 11, "{why}: {domains:?}");
            let open = fleet.ask("SELECT DISTINCT shard FROM compose WHERE NOT decided", &[]);
            assert_eq!(open.len(), 1, "{why}");
            assert_eq!(open[0].get::<_, i16>(0), shard_of("d3.example"), "{why}");
        }
    });
}

/// It is tried again as a whole, as soon as there is room.
#[test]
fn a_full_disk_leaves_no_shard() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        let fleet = Fleet::new(LEASE);
        refuse(&fleet, "report", "%", "53100");
        let mut world = World::new(fleet.folder.path());
        world.live(HOUR, || None).await;
        assert_eq!(fleet.ask("SELECT 1 FROM report", &[]).len(), 0);
        let room = "DROP TRIGGER refuse ON report";
        fleet.ask(room, &[]);
        world.live(HOUR * 39, || None).await;
        world.judge(
            "a full disk",
            &["2026-11-19", "2026-11-20", "2026-11-21"],
            &BTreeSet::new(),
        );
    });
}

#[test]
fn a_name_that_cannot_be_written_holds_back_its_shard_alone() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let mut store = fleet.member();
        answer(&fleet, &[("A.example", 0), ("B.example", 0)]);
        refuse(&fleet, "answer", "b.example", "XX002");
        assert!(store.normalize_domains(day(), now()).unwrap());
        let found = store.undecided(day(), None, 64, 1 << 20).unwrap();
        let names: Vec<&str> = found.iter().map(|of| of.domain.as_str()).collect();
        assert_eq!(names, ["a.example"]);
    });
}

/// MX hosts wait for all domains, and not for each other.
#[test]
fn a_mx_host_that_cannot_be_written_holds_back_its_shard_alone() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        assert_ne!(shard_of("mx1.example"), shard_of("mx2.example"));
        for refused in ["mx1.example", "mx2.example"] {
            let fleet = Fleet::new(LEASE);
            refuse(&fleet, "report", refused, "XX002");
            let mut world = World::new(fleet.folder.path());
            world.settings.mx_reports = true;
            let environment = Arc::get_mut(&mut world.environment).unwrap();
            environment.gather = Box::new(|_, _| {
                Ok(vec![
                    dane("d1.example", "mx1.example", 3, 1),
                    dane("d2.example", "mx2.example", 3, 1),
                ])
            });
            world.live(HOUR * 20, || None).await;
            let arrived = world.environment.taken().into_keys();
            let domains: BTreeSet<String> = arrived.map(|(_, domain, _)| domain).collect();
            let mut want =
                BTreeSet::from(["d1.example", "d2.example", "mx1.example", "mx2.example"]);
            want.remove(refused);
            assert!(domains.iter().eq(want), "without {refused}: {domains:?}");
            let open = fleet.ask("SELECT DISTINCT shard FROM compose WHERE NOT done", &[]);
            let open: Vec<i16> = open.iter().map(|row| row.get(0)).collect();
            assert_eq!(open, [shard_of(refused)]);
        }
    });
}
