//! In which files a day is found.

use super::*;

#[test]
fn damage() {
    let bench = Bench::new();
    let told = bench.ask("2026-11-20", None).unwrap_err();
    assert!(told.to_string().contains("db.yesterday"), "missing: {told}");
    assert_eq!(told.exit_code(), 2);
    fs::write(
        bench.dir.path().join("db.yesterday"),
        "rubbish ".repeat(1000),
    )
    .unwrap();
    assert_eq!(bench.ask("2026-11-20", None).unwrap_err().exit_code(), 2);
    fs::remove_file(bench.dir.path().join("db.yesterday")).unwrap();

    bench.put(
        "db.yesterday",
        "2026-11-20",
        &[("2026-11-20", "a.test", NONE, 1)],
    );
    fs::write(
        bench.dir.path().join("db.2026-11-18"),
        "rubbish ".repeat(1000),
    )
    .unwrap();
    assert!(
        bench.ask("2026-11-20", None).unwrap().contains("a.test"),
        "another day's damage is no matter"
    );
    assert!(bench.ask("2026-11-18", None).is_err(), "that day's is");
}

/// Sessions of a domain that the stream tells.
fn sessions(told: &str, domain: &str) -> u64 {
    let mut parser = Parser::new();
    let mut found = 0;
    for line in told.lines() {
        if let Event::Counts(name, counts) = parser.line(line).unwrap()
            && name.as_str() == domain
        {
            found += counts.sessions();
        }
    }
    parser.finish().unwrap();
    found
}

#[test]
fn one_day_is_told_from_one_file() {
    type Make = fn(&Bench);
    let rows: [(Make, &str); 7] = [
        (|_| {}, "as it is"),
        (
            |bench| {
                fs::copy(bench.at("db.yesterday"), bench.at("db.2026-11-20")).unwrap();
            },
            "a script copied it",
        ),
        (
            |bench| fs::hard_link(bench.at("db.yesterday"), bench.at("db.2026-11-20")).unwrap(),
            "opened as the one, found again as the other",
        ),
        (
            |bench| {
                std::os::unix::fs::symlink(bench.at("db.yesterday"), bench.at("db.2026-11-20"))
                    .unwrap();
            },
            "a link",
        ),
        (
            |bench| fs::rename(bench.at("db.yesterday"), bench.at("db.2026-11-20")).unwrap(),
            "a script moved it",
        ),
        (
            |bench| {
                fs::copy(bench.at("db.yesterday"), bench.at("db.2026-11-20")).unwrap();
                fs::copy(bench.at("db.yesterday"), bench.at("db.2026-11-03")).unwrap();
            },
            "two copies, one under another day",
        ),
        (
            |bench| {
                fs::copy(bench.at("db.yesterday"), bench.at("db.2026-11-20")).unwrap();
                let db = rusqlite::Connection::open(bench.at("db.2026-11-20")).unwrap();
                // What the copy was made of has been added to since.
                db.execute_batch("UPDATE finalresults SET cntrtotal=cntrtotal-1; VACUUM")
                    .unwrap();
            },
            "an older copy",
        ),
    ];
    for (make, why) in rows {
        let bench = Bench::new();
        bench.put(
            "db.yesterday",
            "2026-11-20",
            &[
                ("2026-11-20", "a.test", DANE, 2),
                ("2026-11-20", "a.test", NONE, 3),
            ],
        );
        make(&bench);
        let told = bench.ask("2026-11-20", Some(".")).unwrap();
        assert_eq!(sessions(&told, "a.test"), 5, "{why}");
        let told = bench.ask("2026-11-20", Some("a.test")).unwrap();
        assert!(told.contains("\"cntrtotal\": 3,"), "{why}: {told}");
    }
}

#[test]
fn what_was_added_is_told_alone() {
    let bench = Bench::new();
    let day = "2026-11-20";
    bench.put(
        "db.yesterday",
        day,
        &[(day, "a.test", NONE, 10), (day, "b.test", NONE, 1)],
    );
    bench.put(
        "db.2026-11-19",
        "2026-11-19",
        &[("2026-11-19", "a.test", NONE, 1)],
    );
    let db = rusqlite::Connection::open(bench.dir.path().join("db.yesterday")).unwrap();
    db.execute_batch(
        r#"CREATE TABLE tlsrptd_closed(day TEXT PRIMARY KEY, additions INTEGER);
        CREATE TABLE tlsrptd_added(day TEXT, domain TEXT, number INTEGER, tlsrptrecord TEXT, policy TEXT, reason TEXT,
            total INTEGER, failed INTEGER);
        INSERT INTO tlsrptd_closed VALUES('2026-11-20', 2), ('2026-11-18', 0);
        INSERT INTO tlsrptd_added VALUES
            ('2026-11-20', 'a.test', 1, 't', '{"policy-type": 9}', NULL, 3, 0),
            ('2026-11-20', 'a.test', 2, 't', '{"policy-type": 9}', NULL, 2, 1),
            ('2026-11-20', 'a.test', 2, 't', '{"policy-type": 9}', '{"c": 201}', 1, 0),
            ('2026-11-20', 'b.test', 2, 't', '{"policy-type": 9}', NULL, 1, 0);"#,
    )
    .unwrap();
    drop(db);
    for (asked, want, why) in [
        (
            ".",
            vec!["grown 2026-11-20 2", "a.test 10 0", "b.test 1 0"],
            "the whole day",
        ),
        (
            ".0",
            vec!["grown 2026-11-20 2", "a.test 5 1", "b.test 1 0"],
            "both additions",
        ),
        (
            ".1",
            vec!["grown 2026-11-20 2", "a.test 2 1", "b.test 1 0"],
            "the second",
        ),
        (".2", vec!["grown 2026-11-20 2"], "none"),
    ] {
        let mut parser = Parser::new();
        let mut told = Vec::new();
        for line in bench.ask(day, Some(asked)).unwrap().lines() {
            match parser.line(line).unwrap() {
                Event::Counts(domain, counts) => {
                    told.push(format!(
                        "{domain} {} {}",
                        counts.sessions(),
                        counts.failed()
                    ));
                }
                Event::Grown(day, additions) => told.push(format!("grown {day} {additions}")),
                _ => {}
            }
        }
        parser.finish().unwrap();
        assert_eq!(told, want, "{why}");
    }
    assert!(
        bench
            .ask("2026-11-19", Some(".0"))
            .unwrap()
            .ends_with("\n. 0\n"),
        "nothing was added to that day"
    );
}

#[test]
fn who_asks_for_one_domain_has_only_that_one_compared() {
    let bench = Bench::new();
    let day = "2026-11-20";
    bench.put("db.yesterday", day, &[(day, "a.test", NONE, 2)]);
    fs::copy(bench.at("db.yesterday"), bench.at("db.2026-11-20")).unwrap();
    // A row each that the other one lacks: as wholes they are no copies.
    for (name, domain) in [("db.yesterday", "b.test"), ("db.2026-11-20", "c.test")] {
        let db = rusqlite::Connection::open(bench.at(name)).unwrap();
        let insert = "INSERT INTO finalresults VALUES('2026-11-20', ?1, 't', 'p', 3, 0, '')";
        db.execute(insert, [domain]).unwrap();
    }
    for (asked, want) in [("a.test", 2), ("A.test.", 2), ("b.test", 3), ("c.test", 3)] {
        let told = bench.ask(day, Some(asked)).unwrap();
        let want = format!("\"cntrtotal\": {want},");
        assert!(told.contains(&want), "{asked}: {told}");
    }
}
