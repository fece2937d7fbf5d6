//! What happens to the room in the file, and in a transaction, when strangers are at work.

use super::*;

#[test]
fn a_full_file_counts_what_it_knows_and_nothing_vanishes() {
    let bench = Bench::new();
    let mut store = bench.store_with(FoldLimits::new(100, 100).in_file_of(1 << 20));
    store.add(today(), &success("known.test", "x"));
    let (mut refused, mut tight, mut sent) = (0, false, 1);
    for flush in 0..40 {
        for n in 0..200 {
            store.add(today(), &failure(&format!("d{flush}-{n}.test"), "y"));
        }
        // The first is known, and so is the last, be it as one that is dropped.
        store.count(0, 3);
        store.count(200 * flush + 200, 2);
        sent += 205;
        let flushed = store.flush().unwrap();
        refused += flushed.refused;
        tight |= flushed.tight;
    }
    let policies = bench.sum("(SELECT count(*) FROM finalresults)");
    store.add(today(), &success("known.test", "another policy"));
    store.count(200 * 40, 7);
    let last = store.flush().unwrap();
    assert_eq!(last.refused, 8, "no room for its folded policy either");
    store.finish().unwrap();
    assert!(tight && refused > 0);
    assert_eq!(
        u64::try_from(bench.total()).unwrap() + refused,
        sent,
        "counted or refused"
    );
    let known = "(SELECT cntrtotal FROM finalresults WHERE domain='known.test')";
    assert_eq!(bench.sum(known), 121, "what has its row is still counted");
    assert_eq!(bench.sum("(SELECT count(*) FROM finalresults)"), policies);
    let size = fs::metadata(bench.path()).unwrap().len();
    assert!(size < (1 << 20) + (256 << 10), "{size}");
}

/// A name of its own each time, with a policy of `strings` texts of `length` bytes and one failure.
fn wide(domain: &str, n: usize, strings: usize, length: usize) -> Arc<[SessionResult]> {
    let strings: Vec<String> = (0..strings)
        .map(|k| format!("\"{n}-{k}-{}\"", "x".repeat(length)))
        .collect();
    results(&format!(
        r#"{{"d":"{domain}","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":2,"policy-domain":"{domain}","policy-string":[{}],"failure-details":[{{"c":203,"f":"reason {n}"}}],"t":1,"f":1}}]}}"#,
        strings.join(",")
    ))
}

const FILE: u64 = 32 << 20;

fn add(sum: &mut Flushed, more: Flushed) {
    sum.folded_policies += more.folded_policies;
    sum.over_share += more.over_share;
    sum.refused += more.refused;
    sum.tight |= more.tight;
}

#[test]
fn one_wildcard_domain_does_not_fill_the_file_of_others() {
    let bench = Bench::new();
    let mut store = bench.store_with(FoldLimits::new(100, 100).in_file_of(FILE));
    let mut flushed = Flushed::default();
    let mut sent = 0;
    // Two starts in between: what the file says is remembered.
    for run in 0..3 {
        for n in 0..400 {
            store.add(
                today(),
                &wide(&format!("n{run}-{n}.evil.test"), n, 4, 2_000),
            );
            sent += 1;
            if n % 100 == 99 {
                add(&mut flushed, store.flush().unwrap());
            }
        }
        store.count(0, 3);
        sent += 3;
        add(&mut flushed, store.flush().unwrap());
        store.finish().unwrap();
        store = bench.store_with(FoldLimits::new(100, 100).in_file_of(FILE));
    }
    assert!(
        flushed.folded_policies > 0,
        "first details give way: {flushed:?}"
    );
    let evil = bench.total();
    assert_eq!(u64::try_from(evil).unwrap() + flushed.over_share, sent);
    assert_eq!(flushed.refused, 0, "the file is not full");
    let used = fs::metadata(bench.path()).unwrap().len();
    assert!(used < FILE / 4, "{used} bytes of {FILE}");

    // Others come with details, a thousand of them, and under the same public suffix too.
    for n in 0..1_000 {
        let domain = format!("d{n}.{}", ["test", "co.uk", "example"][n % 3]);
        store.add(today(), &wide(&domain, n, 1, 50));
    }
    let others = store.flush().unwrap();
    assert_eq!(
        (
            others.datagrams,
            others.over_share,
            others.refused,
            others.folded_policies
        ),
        (1_000, 0, 0, 0)
    );
    store.finish().unwrap();
    let details = "(SELECT count(*) FROM finalresults WHERE domain NOT LIKE '%evil.test' AND policy LIKE '%x%')";
    assert_eq!(bench.sum(details), 1_000);
}

#[test]
fn many_wildcard_domains_leave_room_for_others() {
    let bench = Bench::new();
    let mut store = bench.store_with(FoldLimits::new(100, 100).in_file_of(FILE));
    let mut flushed = Flushed::default();
    for evil in 0..30 {
        for n in 0..60 {
            store.add(
                today(),
                &wide(&format!("n{n}.evil{evil}.test"), n, 4, 2_000),
            );
        }
        add(&mut flushed, store.flush().unwrap());
    }
    assert!(
        flushed.folded_policies > 0 && flushed.refused == 0,
        "{flushed:?}"
    );
    let before = flushed.tight;
    for n in 0..3_000 {
        store.add(today(), &wide(&format!("d{n}.test"), n, 1, 50));
    }
    let others = store.flush().unwrap();
    assert_eq!(
        (others.over_share, others.refused),
        (0, 0),
        "{before} {others:?}"
    );
    store.finish().unwrap();
    assert!(fs::metadata(bench.path()).unwrap().len() < FILE);
}

#[test]
fn what_waited_long_is_written_in_parts() {
    let bench = Bench::new();
    let mut store = bench.store();
    let lock = Connection::open(bench.path()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let strings = vec![format!("\"{}\"", "x".repeat(4_000)); 8].join(",");
    for n in 0..150 {
        // 32 KiB of policy beside each of the failures.
        let failures: Vec<String> = (0..10)
            .map(|k| format!(r#"{{"c":203,"f":"{k}"}}"#))
            .collect();
        store.add(today(), &results(&format!(
            r#"{{"d":"d{n}.test","pr":"v","policies":[{{"policy-type":2,"policy-string":[{}],"failure-details":[{}],"t":10,"f":1}}]}}"#,
            strings, failures.join(",")
        )));
    }
    store.count(149, 4);
    store.count(0, 1);
    assert!(store.flush().is_err());
    drop(lock);
    let (mut flushes, mut datagrams) = (0, 0);
    while store.uncommitted() > 0 {
        datagrams += store.flush().unwrap().datagrams;
        flushes += 1;
        let wal = fs::metadata(bench.dir.path().join("db-wal")).unwrap().len();
        assert!(wal < 100 << 20, "{wal} bytes of WAL");
    }
    assert!(flushes > 2, "{flushes}");
    assert_eq!(datagrams, 155);
    store.finish().unwrap();
    assert_eq!(bench.total(), 155);
    assert_eq!(
        bench.sum("(SELECT cntrtotal FROM finalresults WHERE domain='d149.test')"),
        5
    );
}
