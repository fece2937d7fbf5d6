//! The first datagrams of a domain, whose rows are made without a look into the file.

use super::*;

/// Makes the rows of `from` for another domain, counted five times, as another program would.
const COPY: [&str; 2] = [
    "INSERT INTO finalresults SELECT day, 'b.test', tlsrptrecord, replace(policy, 'a.test', 'b.test'), 5, 5, its
        FROM finalresults WHERE domain='a.test'",
    "INSERT INTO failures SELECT day, 'b.test', tlsrptrecord, replace(policy, 'a.test', 'b.test'), reason, 5
        FROM failures WHERE domain='a.test'",
];

#[test]
fn rows_that_another_program_has_made_meanwhile_are_added_to() {
    for (copied, why) in [
        (&COPY[..], "both rows"),
        (&COPY[..1], "the session alone"),
        (&COPY[1..], "the failure alone"),
    ] {
        let bench = Bench::new();
        let mut store = bench.store();
        store.add(today(), &failure("a.test", "y"));
        store.flush().unwrap();
        let other = Connection::open(bench.path()).unwrap();
        for sql in copied {
            assert_eq!(other.execute(sql, []).unwrap(), 1, "{why}");
        }
        drop(other);
        store.add(today(), &failure("b.test", "y"));
        store.add(today(), &success("c.test", "x"));
        store.flush().unwrap();
        store.count(1, 3);
        store.flush().unwrap();
        store.finish().unwrap();
        let counts = |table: &str, counter: &str| {
            bench.sum(&format!(
                "(SELECT count(*) * 100 + sum({counter}) FROM {table} WHERE domain='b.test')"
            ))
        };
        let has = |sql: &str| copied.contains(&sql);
        let before = |sql| if has(sql) { 5 } else { 0 };
        let sessions = counts("finalresults", "cntrtotal");
        assert_eq!(sessions, 100 + 4 + before(COPY[0]), "{why}");
        assert_eq!(
            counts("failures", "cntr"),
            100 + 4 + before(COPY[1]),
            "{why}"
        );
    }
}

#[test]
fn what_a_file_holds_is_known_after_a_start() {
    let bench = Bench::new();
    for run in 1..=3 {
        let mut store = bench.store();
        store.add(today(), &failure("a.test", "y"));
        store.add(today(), &success("a.test", &format!("policy {run}")));
        let flushed = store.flush().unwrap();
        assert_eq!(flushed.new_domains, u64::from(run == 1), "start {run}");
        store.finish().unwrap();
    }
    assert_eq!(bench.total(), 6);
    assert_eq!(bench.sum("(SELECT count(*) FROM finalresults)"), 4);
    assert_eq!(bench.sum("(SELECT sum(cntr) FROM failures)"), 3);
}

#[test]
fn one_failure_that_stands_twice_in_a_datagram_has_one_row() {
    let bench = Bench::new();
    let mut store = bench.store();
    let detail = r#"{"c":203,"f":"y"}"#;
    store.add(
        today(),
        &results(&format!(
            r#"{{"d":"a.test","pr":"v","policies":[{{"policy-type":9,"failure-details":[{detail},{detail}],"t":2,"f":1}}]}}"#
        )),
    );
    store.flush().unwrap();
    store.finish().unwrap();
    assert_eq!(bench.sum("(SELECT count(*) FROM failures)"), 1);
    assert_eq!(bench.sum("(SELECT sum(cntr) FROM failures)"), 2);
    assert_eq!(bench.total(), 1);
}

#[test]
fn limits_hold_for_the_first_of_a_domain_too() {
    for (limits, policies, failures) in
        [(FoldLimits::new(1, 1), 1, 1), (FoldLimits::new(2, 1), 2, 1)]
    {
        let bench = Bench::new();
        let mut store = bench.store_with(limits);
        for n in 0..10 {
            store.add(today(), &failure("a.test", &format!("reason {n}")));
            store.add(today(), &success("a.test", &format!("policy {n}")));
        }
        store.flush().unwrap();
        store.finish().unwrap();
        assert_eq!(bench.total(), 20);
        // Those of each type are folded into one more.
        let rows = bench.sum("(SELECT count(*) FROM finalresults)");
        assert_eq!(rows, policies + 1, "{policies}");
        let details = "(SELECT count(*) FROM failures WHERE reason LIKE '%reason%')";
        assert_eq!(bench.sum(details), failures);
        assert_eq!(bench.sum("(SELECT sum(cntr) FROM failures)"), 10);
    }
}
