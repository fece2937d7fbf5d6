//! Which failures are remembered, and what is answered of them.

use tlsrptd_proto::failure::ResultType;
use tlsrptd_reporter::store::{FailureQuestion, FailureRow};

use crate::{
    at, day,
    environment::{contradiction, each_engine, folder, settings, totals},
    history::{failing, question, reader, texts},
    open,
};

#[each_engine]
fn the_most_frequent_failures_stay() {
    let folder = folder();
    let three = settings(folder.path(), &["--history_failures=3"]);
    let mut store = open(&three);
    let now = at("21T00:00:00");
    let top = |limit| texts(&reader(&three).failures(&question(limit)).unwrap());
    type Row<'a> = (&'a [(&'a str, u64)], &'a [&'a str], &'a str);
    let rows: [Row; 5] = [
        (
            &[("m1", 5), ("m2", 1)],
            &["a.example m1 5", "a.example m2 1"],
            "room for all",
        ),
        (
            &[("m1", 1)],
            &["a.example m1 5", "a.example m2 1", "b.example m1 1"],
            "the last place",
        ),
        (
            &[("m1", 1), ("m2", 1)],
            &[
                "a.example m1 5",
                "a.example m2 1",
                "b.example m1 1",
                "* - 2",
            ],
            "of equals the first stay",
        ),
        (
            &[("m1", 1_000_000)],
            &[
                "d.example m1 1000000",
                "a.example m1 5",
                "b.example m1 1",
                "* - 3",
            ],
            "the last in the alphabet",
        ),
        (
            &[("m1", 2), ("m2", 7)],
            &[
                "d.example m1 1000000",
                "e.example m2 7",
                "a.example m1 5",
                "* - 6",
            ],
            "several",
        ),
    ];
    for ((failures, want, why), letter) in rows.into_iter().zip('a'..) {
        let decided = failing(&format!("{letter}.example"), failures);
        store.store_decisions(day(), &[decided], now).unwrap();
        assert_eq!(top(9), want, "{why}");
        // What is in memory is no more than what is in the table.
        if letter == 'c' {
            store.close().unwrap();
            store = open(&three);
        }
    }
    assert_eq!(
        top(1),
        ["d.example m1 1000000", "* - 6"],
        "beyond the limit, what was folded"
    );
    assert_eq!(
        contradiction(&three.dbname, &totals(&three.dbname)[0]),
        None
    );
    // Late sessions go to the row that there is.
    let mut late = failing("a.example", &[("m1", 3), ("m9", 1)]);
    late.uniqid = 2;
    store.store_decisions(day(), &[late], now).unwrap();
    assert_eq!(
        top(9),
        [
            "d.example m1 1000000",
            "a.example m1 8",
            "e.example m2 7",
            "* - 7"
        ]
    );
    store.close().unwrap();
    // The option became less.
    let one = settings(folder.path(), &["--history_failures=1"]);
    open(&one)
        .store_decisions(day(), &[failing("f.example", &[("m1", 1)])], now)
        .unwrap();
    assert_eq!(top(9), ["d.example m1 1000000", "* - 23"]);
    assert_eq!(contradiction(&one.dbname, &totals(&one.dbname)[0]), None);
}

#[each_engine]
fn failures_of_several_days() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    let days: [&[(&str, u64)]; 3] = [
        &[("a", 1), ("b", 9)],
        &[("b", 1), ("c", 4)],
        &[("a", 3), ("b", 2)],
    ];
    for (at, domains) in days.iter().enumerate() {
        let decided: Vec<_> = domains
            .iter()
            .map(|(name, n)| failing(&format!("{name}.example"), &[("mx", *n)]))
            .collect();
        store
            .close_day(day().ahead(at as u32), &decided, now)
            .unwrap();
    }
    let ask = |from: u32, to: u32, domain: Option<&str>, since: Option<u32>, limit| {
        let question = FailureQuestion {
            from: day().ahead(from),
            to: day().ahead(to),
            domain: domain.map(str::to_owned),
            new_since: since.map(|since| day().ahead(since)),
            limit,
        };
        let rows = reader(&settings).failures(&question).unwrap();
        let text = |row: &FailureRow| {
            let name = row.domain.as_deref().unwrap_or("*");
            format!(
                "{} {} on {} of {} to {}",
                &name[..1],
                row.sessions,
                row.days,
                row.first_day,
                row.day
            )
        };
        rows.iter().map(text).collect::<Vec<_>>()
    };
    let all = [
        "b 12 on 3 of 2026-11-20 to 2026-11-22",
        "a 4 on 2 of 2026-11-20 to 2026-11-22",
        "c 4 on 1 of 2026-11-21 to 2026-11-21",
    ];
    assert_eq!(ask(0, 2, None, None, 9), all);
    assert_eq!(ask(0, 2, None, None, 1), all[..1]);
    assert_eq!(ask(0, 2, Some("a.example"), None, 9), all[1..2]);
    assert!(ask(0, 2, Some("x.example"), None, 9).is_empty());
    assert_eq!(
        ask(2, 2, None, Some(1), 9),
        ["a 3 on 1 of 2026-11-22 to 2026-11-22"],
        "it did not fail the day before"
    );
    assert!(
        ask(2, 2, None, Some(0), 9).is_empty(),
        "all have failed before"
    );
    assert!(ask(0, 2, None, None, 0).is_empty());
    let by_day = |domain: &str, from: u32, to: u32| {
        let (from, to) = (day().ahead(from), day().ahead(to));
        let rows = reader(&settings)
            .failures_by_day(&[domain], from, to)
            .unwrap();
        rows.iter()
            .map(|row| (row.day.to_string(), row.sessions))
            .collect::<Vec<_>>()
    };
    let on = |day: &str, sessions| (format!("2026-11-{day}"), sessions);
    assert_eq!(
        by_day("a.example", 0, 2),
        [on("20", 1), on("22", 3)],
        "days without one are absent"
    );
    assert_eq!(
        by_day("b.example", 1, 2),
        [on("21", 1), on("22", 2)],
        "of these days alone"
    );
    assert!(by_day("x.example", 0, 2).is_empty());
}

/// A domain fails anew when it has not failed in that way, with whichever of its MX hosts.
#[each_engine]
fn ways_to_fail_are_told_apart() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let (expired, no_starttls) = (
        ResultType::CertificateExpired,
        ResultType::StarttlsNotSupported,
    );
    let mut two_ways = failing("b.example", &[("mx", 1), ("mx", 1)]);
    two_ways.rows.details.failures[1].result = no_starttls;
    two_ways.rows.details.by_result = [(expired, 1), (no_starttls, 1)].into();
    let days = [
        vec![
            failing("b.example", &[("mx", 4)]),
            failing("c.example", &[("mx", 2)]),
        ],
        vec![two_ways, failing("c.example", &[("mx2", 9)])],
    ];
    let now = at("22T00:00:00");
    for (at, decided) in (0..).zip(&days) {
        store.close_day(day().ahead(at), decided, now).unwrap();
    }
    let ask = |from: u32, new_since: Option<u32>| {
        let question = FailureQuestion {
            from: day().ahead(from),
            to: day().ahead(1),
            new_since: new_since.map(|since| day().ahead(since)),
            ..question(9)
        };
        let rows = reader(&settings).failures(&question).unwrap();
        let text = |(row, text): (&FailureRow, String)| format!("{text} {}", row.result_type);
        let rows = rows.iter().zip(texts(&rows)).map(text);
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        ask(0, None),
        [
            "c.example mx2 9 certificate-expired",
            "b.example mx 5 certificate-expired",
            "c.example mx 2 certificate-expired",
            "b.example mx 1 starttls-not-supported",
        ]
    );
    assert_eq!(
        ask(1, Some(0)),
        ["b.example mx 1 starttls-not-supported"],
        "c.example failed in that way, with another MX"
    );
    let by_day = reader(&settings).failures_by_day(
        &["b.example", "b.example", "x.example"],
        day(),
        day().ahead(1),
    );
    let mut by_day: Vec<String> = by_day
        .unwrap()
        .iter()
        .map(|of| format!("{} {} {}", of.day, of.result_type, of.sessions))
        .collect();
    by_day.sort();
    assert_eq!(
        by_day,
        [
            "2026-11-20 certificate-expired 4",
            "2026-11-21 certificate-expired 1",
            "2026-11-21 starttls-not-supported 1",
        ]
    );
}
