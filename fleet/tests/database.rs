//! The database as all programs of a fleet use it, against a real PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

use tlsrptd_fleet::{
    Address, Fault, KeyHash, LONGEST_FAILURE, LONGEST_POLICY, LONGEST_RECORD, PgDay, PgTime,
    Session, are_texts_taken, key_hash, schema, shard_of, text_hash,
};
use tlsrptd_proto::day::Day;

fn session() -> Option<Session> {
    let address = tlsrptd_cluster::database()?;
    let session = Session::connect(Address::parse(&address).unwrap()).unwrap();
    schema::migrate(&session).unwrap();
    Some(session)
}

#[test]
fn tables_are_made_once_and_days_with_them() {
    let Some(session) = session() else { return };
    let first = schema::installation(&session).unwrap();
    schema::migrate(&session).unwrap();
    assert_eq!(
        schema::installation(&session).unwrap(),
        first,
        "it stays the same"
    );
    let day = Day::parse("2026-11-29").unwrap();
    for _ in 0..2 {
        schema::make_day(&session, day).unwrap();
    }
    let leaf = schema::leaf("count", day, 63);
    session
        .query(&format!("SELECT count(*) FROM {leaf}"), &[])
        .unwrap();
    let transaction = session.begin().unwrap();
    transaction
        .execute("UPDATE meta SET version = 99", &[])
        .unwrap();
    transaction.commit().unwrap();
    for fault in [schema::migrate(&session), schema::check(&session)] {
        assert!(matches!(fault, Err(Fault::Version(text)) if text.contains("99")));
    }
}

#[test]
fn members_that_start_at_once_make_the_tables_together() {
    for _ in 0..5 {
        let Some(address) = tlsrptd_cluster::database() else {
            return;
        };
        let address = Address::parse(&address).unwrap();
        let ready = std::sync::Barrier::new(4);
        let start = || {
            let session = Session::connect(address.clone()).unwrap();
            ready.wait();
            schema::migrate(&session).unwrap();
            schema::installation(&session).unwrap()
        };
        let made: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
            let members: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            let made = members.into_iter().map(|member| member.join().unwrap());
            made.map(|id| id.to_string()).collect()
        });
        assert_eq!(made.len(), 1, "all work on the same: {made:?}");
    }
}

#[test]
fn a_table_of_somebody_else_is_told_of() {
    let Some(address) = tlsrptd_cluster::database() else {
        return;
    };
    let session = Session::connect(Address::parse(&address).unwrap()).unwrap();
    for made in ["CREATE SCHEMA tlsrpt", "CREATE TABLE tlsrpt.shard(x int)"] {
        session.query(made, &[]).unwrap();
    }
    let fault = schema::migrate(&session).unwrap_err().to_string();
    assert!(
        fault.contains("shard") && fault.contains("42P07"),
        "{fault}"
    );
}

#[test]
fn a_backup_does_not_hold_up_the_tables_of_a_new_day() {
    let Some(session) = session() else { return };
    let other = Session::connect(session.address().clone()).unwrap();
    let backup = other.begin().unwrap();
    for table in ["count", "key", "answer", "report", "delivery"] {
        backup
            .query(&format!("SELECT count(*) FROM {table}"), &[])
            .unwrap();
    }
    let day = Day::parse("2026-11-29").unwrap();
    let asked = std::time::Instant::now();
    schema::make_day(&session, day).unwrap();
    assert!(
        asked.elapsed() < std::time::Duration::from_secs(25),
        "it would wait for 30 s"
    );
    let indexes = "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
                   WHERE c.relname = 'delivery_20261129' AND i.indisvalid";
    let of_table = indexes.replace("delivery_20261129", "delivery");
    let number = |sql: &str| {
        session
            .query_opt(sql, &[])
            .unwrap()
            .unwrap()
            .get::<_, i64>(0)
    };
    assert_eq!(number(indexes), number(&of_table), "none twice");
    drop(backup);
}

#[test]
fn values_come_back() {
    let Some(session) = session() else { return };
    let (day, at) = (
        PgDay(Day::parse("2026-11-29").unwrap()),
        PgTime("2026-11-29T01:02:03.000004Z".parse().unwrap()),
    );
    let key = text_hash("a");
    let row = session
        .query_opt("SELECT $1::date, $2::timestamptz, $3::uuid, $3::uuid::text, $1::date::text, $2::timestamptz::text", &[&day, &at, &key])
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<_, PgDay>(0), day);
    assert_eq!(row.get::<_, PgTime>(1), at);
    assert_eq!(row.get::<_, KeyHash>(2), key);
    assert_eq!(row.get::<_, String>(3).replace('-', ""), key.to_string());
    assert_eq!(row.get::<_, String>(4), "2026-11-29");
    assert_eq!(row.get::<_, String>(5), "2026-11-29 01:02:03.000004+00");
}

#[test]
fn a_lost_connection_ends_its_transaction_and_nothing_else() {
    let Some(session) = session() else { return };
    let cut = || {
        // Another connection ends ours.
        let other = Session::connect(session.address().clone()).unwrap();
        other
            .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", &[])
            .unwrap();
    };
    let transaction = session.begin().unwrap();
    transaction
        .execute("UPDATE meta SET installation = 'half'", &[])
        .unwrap();
    cut();
    let fault = transaction
        .execute("UPDATE meta SET installation = 'whole'", &[])
        .unwrap_err();
    assert!(fault.may_pass(), "{fault}");
    let again = transaction.execute("UPDATE meta SET installation = 'whole'", &[]);
    assert!(
        again.is_err(),
        "nothing of a transaction comes to another connection"
    );
    drop(transaction);
    let ask = "SELECT count(*) FROM meta WHERE installation IN ('half', 'whole')";
    assert_eq!(
        session
            .query_opt(ask, &[])
            .unwrap()
            .unwrap()
            .get::<_, i64>(0),
        0,
        "a new connection, by itself"
    );
    cut();
    drop(session.begin().unwrap());
    let transaction = session.begin().unwrap();
    assert_eq!(
        transaction.query(ask, &[]).unwrap().len(),
        1,
        "behind one that was dropped"
    );
}

#[test]
fn what_is_asked_behind_a_dropped_transaction_is_not_undone_with_it() {
    let Some(session) = session() else { return };
    let transaction = session.begin().unwrap();
    transaction
        .execute("UPDATE meta SET installation = 'dropped'", &[])
        .unwrap();
    drop(transaction);
    session
        .query(
            "UPDATE meta SET installation = 'kept' WHERE installation <> 'dropped' RETURNING 1",
            &[],
        )
        .unwrap();
    drop(session.begin().unwrap());
    let row = session.query_opt("SELECT installation FROM meta", &[]);
    assert_eq!(row.unwrap().unwrap().get::<_, String>(0), "kept");
}

#[test]
fn what_may_pass() {
    let Some(session) = session() else { return };
    for (sql, passes, why) in [
        (
            "SELECT $1::int",
            false,
            "a value of another type: a mistake of ours",
        ),
        ("SELEC", false, "so is a statement that is none"),
        ("SELECT 1 / 0", false, "so is a value that is refused"),
        ("DO 'BEGIN RAISE disk_full; END'", true, "a full disk"),
        ("DO 'BEGIN RAISE lock_not_available; END'", true, "a lock"),
        (
            "DO 'BEGIN RAISE insufficient_privilege; END'",
            true,
            "a right that may be granted",
        ),
        (
            "SELECT pg_terminate_backend(pg_backend_pid())",
            true,
            "a server that ends",
        ),
    ] {
        let parameters: &[&(dyn tlsrptd_fleet::ToSql + Sync)] = match sql.contains("$1") {
            true => &[&"text"],
            false => &[],
        };
        let transaction = session.begin().unwrap();
        let fault = transaction.query(sql, parameters).unwrap_err();
        assert_eq!(fault.may_pass(), passes, "{sql}: {fault}: {why}");
    }
    assert!(session.query("SELECT 1", &[]).is_ok());
}

/// A stolen host's password must not take away what others have counted, nor break the sums.
#[test]
fn no_count_is_below_zero() {
    let Some(session) = session() else { return };
    let day = PgDay(Day::parse("2026-11-29").unwrap());
    schema::make_day(&session, day.0).unwrap();
    let key = text_hash("a");
    for (total, failed, is_taken) in [(-1_i64, 0_i64, false), (0, -1, false), (0, 0, true)] {
        let sql = "INSERT INTO count(total, failed, day, collector, shard, key) VALUES($1, $2, $3, 1, 0, $4)";
        let told = session.query(sql, &[&total, &failed, &day, &key]);
        assert_eq!(told.is_ok(), is_taken, "{total} {failed}: {told:?}");
    }
}

/// What a key stands for.
type Texts<'t> = (&'t str, &'t str, &'t str, Option<&'t str>);

fn insert_key(session: &Session, shard: i16, key: KeyHash, texts: Texts<'_>) -> Result<(), String> {
    let (domain, record, policy, failure) = texts;
    let day = PgDay(Day::parse("2026-11-29").unwrap());
    let sql = "INSERT INTO key(day, shard, key, domain, record, policy, failure) VALUES($1, $2, $3, $4, $5, $6, $7)";
    let inserted = session.query(
        sql,
        &[&day, &shard, &key, &domain, &record, &policy, &failure],
    );
    inserted.map(drop).map_err(|fault| fault.to_string())
}

/// Whoever comes first on a day says what a key stands for: so the server computes its hash, too.
#[test]
fn a_key_stands_for_its_own_texts_alone() {
    let Some(session) = session() else { return };
    schema::make_day(&session, Day::parse("2026-11-29").unwrap()).unwrap();
    let all: [Texts<'_>; 6] = [
        ("a.example", "", "", None),
        ("a.example", "", "", Some("")),
        (
            "a.example",
            "v=TLSRPTv1",
            "{\"p\": \"\u{e9}\u{1f4e7}\\\\n\"}",
            Some("\n\\x41\u{1}"),
        ),
        ("\u{e9}.example", "b", "c", Some("d")),
        ("a.example", "bc", "", None),
        ("a.exampleb", "c", "", None),
    ];
    for texts in all {
        let (domain, record, policy, failure) = texts;
        let (shard, key) = (shard_of(domain), key_hash(domain, record, policy, failure));
        let refused = insert_key(&session, shard, text_hash("another"), texts).unwrap_err();
        assert!(refused.contains("key_is_of_its_texts"), "{refused}");
        let refused = insert_key(&session, (shard + 1) % 64, key, texts).unwrap_err();
        assert!(refused.contains("shard_is_of_its_domain"), "{refused}");
        insert_key(&session, shard, key, texts).unwrap();
    }
}

#[test]
fn texts_that_no_collector_makes_are_not_taken() {
    let Some(session) = session() else { return };
    schema::make_day(&session, Day::parse("2026-11-29").unwrap()).unwrap();
    let longest = [LONGEST_RECORD, LONGEST_POLICY, LONGEST_FAILURE];
    for (too_long, why) in [
        ([0, 0, 0], "all are as long as may be"),
        ([1, 0, 0], "the record"),
        ([0, 1, 0], "the policy"),
        ([0, 0, 1], "the failure"),
    ] {
        let [record, policy, failure] = [0, 1, 2].map(|at| "x".repeat(longest[at] + too_long[at]));
        let texts: Texts<'_> = ("a.example", &record, &policy, Some(&failure));
        let key = key_hash(texts.0, texts.1, texts.2, texts.3);
        let taken = insert_key(&session, shard_of("a.example"), key, texts);
        let is_taken = are_texts_taken(texts.1, texts.2, texts.3);
        assert_eq!(taken.is_ok(), is_taken, "{why}: {taken:?}");
        assert_eq!(is_taken, too_long == [0, 0, 0], "{why}");
    }
}

/// Each reader of days would stumble over such a row, for ever.
#[test]
fn days_that_are_none_are_not_taken() {
    let Some(session) = session() else { return };
    for day in ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"] {
        for sql in [
            format!("INSERT INTO day(day) VALUES('{day}')"),
            format!(
                "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '{day}')"
            ),
        ] {
            let refused = session.query(&sql, &[]).unwrap_err().to_string();
            assert!(refused.contains("check"), "{sql}: {refused}");
        }
    }
}
