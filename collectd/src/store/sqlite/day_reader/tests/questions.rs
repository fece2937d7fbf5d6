//! What is asked, and how it is told.

use super::*;

#[test]
fn the_list() {
    let bench = Bench::new();
    bench.put(
        "db.yesterday",
        "2026-11-20",
        &[
            ("2026-11-20", "b.test", NONE, 1),
            ("2026-11-20", "a.test", NONE, 1),
            ("2026-11-20", "a.test", DANE, 1),
            ("2026-11-19", "only-in-the-day-before.test", NONE, 1),
        ],
    );
    bench.put(
        "db.2026-11-19",
        "2026-11-19",
        &[("2026-11-19", "c.test", NONE, 1)],
    );
    for (day, want, why) in [
        ("2026-11-20", "a.test\nb.test\n", "in order, each once"),
        (
            "2026-11-19",
            "c.test\nonly-in-the-day-before.test\n",
            "from both files",
        ),
        ("2026-11-18", "", "no data is no error"),
    ] {
        let want = format!(
            "TLSRPT FETCHER v1devel-c domain list\n2026-11-21 08:09:10\n2026-11-20\n{want}.\n"
        );
        assert_eq!(bench.ask(day, None).unwrap(), want, "{why}");
    }
}

#[test]
fn the_details() {
    let bench = Bench::new();
    bench.put(
        "db.yesterday",
        "2026-11-20",
        &[
            ("2026-11-20", "a.test", DANE, 2),
            ("2026-11-20", "a.test", DANE_REORDERED, 3),
            ("2026-11-20", "a.test", NONE, 1),
        ],
    );
    let told = bench.ask("2026-11-20", Some("a.test")).unwrap();
    assert!(
        told.starts_with("{\n    \"d\": \"a.test\",\n    \"policies\": {\n        \"t\": {\n"),
        "{told}"
    );
    assert_eq!(
        told.matches("cntrtotal").count(),
        2,
        "one RRset is one policy: {told}"
    );
    assert!(told.contains("\"cntrtotal\": 5,"), "{told}");
    assert!(
        told.contains(r#"\"policy-domain\": \"a.test\""#),
        "filled in: {told}"
    );
    assert!(told.ends_with("}\n"));
    for unknown in ["b.test", "not a domain"] {
        let want = format!("{{\n    \"d\": \"{unknown}\",\n    \"policies\": {{}}\n}}\n");
        assert_eq!(bench.ask("2026-11-20", Some(unknown)).unwrap(), want);
    }
    assert!(
        bench
            .ask("2026-11-20", Some("A.test."))
            .unwrap()
            .contains("cntrtotal"),
        "as an operator may write it"
    );
}

#[test]
fn the_stream_is_in_order_whatever_names_others_wrote() {
    let bench = Bench::new();
    bench.put(
        "db.yesterday",
        "2026-11-20",
        &[
            ("2026-11-20", "a.test", DANE, 2),
            ("2026-11-20", "a.test", DANE_REORDERED, 3),
            ("2026-11-20", "m\u{fc}ller.test", NONE, 4),
            ("2026-11-20", "xn--mller-kva.test", NONE, 5),
            ("2026-11-20", "z.test", NONE, 6),
            ("2026-11-20", "b.test.", NONE, 7),
            ("2026-11-20", "no domain", NONE, 8),
        ],
    );
    bench.put(
        "db.2026-11-20",
        "2026-11-20",
        &[("2026-11-20", "z.test", NONE, 10)],
    );
    let mut parser = Parser::new();
    let mut counted = Vec::new();
    for line in bench.ask("2026-11-20", Some(".")).unwrap().lines() {
        if let Event::Counts(domain, counts) = parser.line(line).unwrap() {
            counted.push((domain.to_string(), counts.sessions()));
        }
    }
    parser.finish().unwrap();
    let want = [
        ("a.test", 5),
        ("b.test", 7),
        ("xn--mller-kva.test", 9),
        ("z.test", 16),
    ];
    assert_eq!(counted, want.map(|(domain, n)| (domain.to_owned(), n)));
}

#[test]
fn more_names_than_a_page() {
    let bench = Bench::new();
    let names: Vec<String> = (0..10_000).map(|n| format!("d{n}.test")).collect();
    let rows: Vec<_> = names
        .iter()
        .map(|name| ("2026-11-20", name.as_str(), NONE, 1))
        .collect();
    let path = bench.dir.path().join("db.yesterday");
    let db = file::open_plain(&path).unwrap();
    let transaction = db.unchecked_transaction().unwrap();
    for (day, domain, policy, n) in rows {
        transaction
            .execute("INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal) VALUES(?1, ?2, 't', ?3, ?4)", (day, domain, policy, n))
            .unwrap();
    }
    transaction.commit().unwrap();
    file::close(db, &path).unwrap();
    let told = bench.ask("2026-11-20", Some(".")).unwrap();
    assert!(told.ends_with("\n. 10000\n"));
    assert_eq!(
        bench.ask("2026-11-20", None).unwrap().lines().count(),
        10_003,
        "no day is complete, so no third line"
    );
}

#[test]
fn an_answer_is_bounded_and_its_counters_exact() {
    let bench = Bench::new();
    bench.put("db.yesterday", "2026-11-20", &[]);
    let db = rusqlite::Connection::open(bench.at("db.yesterday")).unwrap();
    let transaction = db.unchecked_transaction().unwrap();
    // Thirty policies of 20 KB, each with thirty failures of 20 KB: 18 MB of failures. One of each is seen often.
    for policy in 0..30 {
        let long = "y".repeat(20_000);
        let policy = format!(
            r#"{{"policy-type": 2, "policy-domain": "a.test", "policy-string": ["{policy}{long}"]}}"#
        );
        let insert = "INSERT INTO finalresults VALUES('2026-11-20', 'a.test', 't', ?1, 60, 30, '')";
        transaction.execute(insert, [&policy]).unwrap();
        for failure in 0..30 {
            let reason = format!(r#"{{"c": 203, "f": "{failure}{long}"}}"#);
            let times = if failure == 29 { 7 } else { 1 };
            let insert = "INSERT INTO failures VALUES('2026-11-20', 'a.test', 't', ?1, ?2, ?3)";
            transaction
                .execute(insert, (&policy, &reason, times))
                .unwrap();
        }
    }
    transaction.commit().unwrap();
    let line = bench.ask("2026-11-20", Some(".")).unwrap();
    let details = bench.ask("2026-11-20", Some("a.test")).unwrap();
    for (told, form) in [(&line, "line"), (&details, "details")] {
        assert!(
            told.len() < 9 << 20 && told.len() > 7 << 20,
            "{form}: {}",
            told.len()
        );
    }
    let domain = tlsrptd_proto::domain::Domain::parse("a.test").unwrap();
    let counts = tlsrptd_proto::fetch::parse_details(&details, &domain).unwrap();
    assert_eq!((counts.sessions(), counts.failed()), (30 * 60, 30 * 30));
    let policies: Vec<_> = counts.records["t"].values().collect();
    let failures = policies.iter().flat_map(|policy| policy.failures.iter());
    assert_eq!(failures.clone().map(|(_, n)| n).sum::<u64>(), 30 * (29 + 7));
    let often = failures.filter(|(key, n)| **n == 7 && key.as_str().contains("29y"));
    assert_eq!(often.count(), 30, "what is seen often keeps its details");
}
