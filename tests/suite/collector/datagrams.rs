//! Datagrams of every kind, from the socket to the fetcher's lines.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::counts::Counts;
use super::fetching::{fetched_as_stream, fetched_one_by_one};
use super::{TXT, stats};

#[test]
fn what_postfix_sent_is_counted_and_fetched() {
    let lab = Lab::new();
    let datagrams: Vec<Vec<u8>> = mta::recorded()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    let expected = Counts::of(&datagrams);
    assert!(expected.domains().len() > 40, "there is something to count");
    lab.collect(&datagrams);
    let closed = lab.closed_db();
    Counts::in_file(&lab, &closed, &lab.day()).assert_are(&expected, "in the day's file");
    fetched_one_by_one(&lab).assert_are(&expected, "asked for domain by domain");
    fetched_as_stream(&lab).assert_are(&expected, "asked for all at once");
    let policies = lab.day_file(&closed).of("dane-multi.test").results;
    let reordered = policies
        .iter()
        .filter(|row| row.policy.contains("mx2.dane-multi.test"));
    assert_eq!(
        reordered.count(),
        1,
        "a TLSA set in any order is one policy"
    );
}

/// A made datagram: what it is, its bytes, and the rows that it comes to: policy-type, policy-domain, sessions, failed
/// sessions, failures.
type Made = (&'static str, Vec<u8>, Vec<&'static str>);

#[rustfmt::skip]
fn made() -> Vec<Made> {
    let policy = |kind, domain: &str, changes: Value| {
        let mut policy = mta::policy(kind, domain, &[]);
        for (key, value) in changes.as_object().unwrap() {
            policy[key] = value.clone();
        }
        policy
    };
    let without = |key: &str, datagram: Vec<u8>| {
        let mut datagram: Value = serde_json::from_slice(&datagram).unwrap();
        datagram.as_object_mut().unwrap().remove(key);
        datagram.to_string().into_bytes()
    };
    vec![
        ("text that is not UTF-8", mta::invalid_utf8("utf8.test", TXT), vec!["2 utf8.test 1 1 1"]),
        ("several policies", mta::several_policies("several.test", TXT),
            vec!["1 mx.several.test 1 1 1", "2 several.test 1 1 2", "9 several.test 1 0 0"]),
        ("several failures, two of them alike", mta::made("failures.test", TXT, vec![mta::policy(2, "failures.test", &[201, 202, 201])]),
            vec!["2 failures.test 1 1 3"]),
        ("one policy twice", mta::made("twice.test", TXT, vec![mta::policy(9, "twice.test", &[]), mta::policy(9, "twice.test", &[])]),
            vec!["9 twice.test 2 0 0"]),
        ("no dpv, as libtlsrpt before 0.5", without("dpv", mta::success("no-dpv.test", TXT)), vec!["9 no-dpv.test 1 0 0"]),
        ("no policy-domain, as Postfix before 3.10.5", mta::made("no-pd.test", TXT, vec![json!({"policy-type": 9, "t": 0, "f": 0})]),
            vec!["9 no-pd.test 1 0 0"]),
        ("extra keys", mta::made("extra.test", TXT, vec![policy(9, "extra.test", json!({"x-new": {"a": [1, "ü"]}}))]),
            vec!["9 extra.test 1 0 0"]),
        ("200 kB, near the most that the kernel carries", mta::huge("huge.test", TXT, 200_000), vec!["2 huge.test 1 0 0"]),
        ("an unknown policy-type", mta::made("type.test", TXT, vec![policy(7, "type.test", json!({}))]), vec!["9 type.test 1 0 0"]),
        ("an unknown code", mta::failure("code.test", TXT, 299), vec!["2 code.test 1 1 1"]),
        ("no TXT record", without("pr", mta::success("no-pr.test", TXT)), vec!["9 no-pr.test 1 0 0"]),
        ("a future version", String::from_utf8(mta::success("dpv.test", TXT)).unwrap().replace(r#""dpv":"1""#, r#""dpv":"2""#).into_bytes(),
            vec!["9 dpv.test 1 0 0"]),
        ("t that is wrong", mta::made("t.test", TXT, vec![policy(9, "t.test", json!({"t": 3}))]), vec!["9 t.test 1 0 0"]),
        ("f above 1", mta::made("f.test", TXT, vec![policy(9, "f.test", json!({"f": 5}))]), vec!["9 f.test 1 1 0"]),
        ("capitals and a dot at the end", mta::success("CAPITALS.Test.", TXT), vec!["9 capitals.test 1 0 0"]),
    ]
}

#[test]
fn what_is_odd_is_counted_and_what_is_no_datagram_disturbs_nobody() {
    let lab = Lab::new();
    let (dump, stats_file) = (lab.file("dump"), lab.file("stats"));
    let program = lab
        .collectd()
        .set("dump_path_for_invalid_datagram", dump.display());
    let collectd = lab.start_ready(&program.set("stats_file", stats_file.display()));
    let (made, hostile) = (made(), mta::hostile());
    let mut calm = 0;
    let mut send = |datagram: &[u8]| {
        lab.mta().send(datagram);
        lab.mta().send(&mta::failure("calm.test", TXT, 203));
        calm += 1;
    };
    made.iter().for_each(|(_, datagram, _)| send(datagram));
    hostile.iter().for_each(|(_, datagram)| send(datagram));
    let sessions: i64 = made
        .iter()
        .map(|(_, datagram, _)| mta::sessions_of(datagram))
        .sum();
    lab.close_day(&collectd, sessions + calm);

    let mut rows = rows_by_domain(&lab);
    let undisturbed = format!("2 calm.test {calm} {calm} {calm}");
    assert_eq!(
        rows.remove("calm.test"),
        Some(vec![undisturbed]),
        "another domain"
    );
    for (what, datagram, wanted) in &made {
        let found = rows.remove(&mta::domain_of(datagram)).unwrap_or_default();
        assert_eq!(&found, wanted, "{what}");
    }
    assert!(rows.is_empty(), "nothing of what is no datagram: {rows:?}");
    kept_as_it_was(&lab);

    let log = collectd.stop().success().stderr;
    let (_, last) = hostile.last().unwrap();
    assert_eq!(
        &fs::read(&dump).unwrap(),
        last,
        "the last one is in the dump"
    );
    let mode = fs::metadata(&dump).unwrap().permissions().mode();
    assert_eq!(mode & 0o137, 0, "it tells who mails whom");
    assert_eq!(
        log.matches("malformed datagram").count(),
        1,
        "a stranger does not fill the log:\n{log}"
    );

    let stats = stats(&stats_file);
    let reasons = [
        ("empty", 1),
        ("not-json", 5),
        ("not-an-object", 1),
        ("no-domain", 1),
        ("bad-domain", 3),
        ("no-policies", 2),
    ];
    for (reason, n) in reasons {
        assert_eq!(
            stats.get(&format!("malformed{{{reason}}}")),
            Some(&n),
            "{reason}"
        );
    }
    let counted = made.len() as u64 + calm.unsigned_abs();
    let [received, malformed] = [counted + hostile.len() as u64, hostile.len() as u64];
    assert_eq!(
        [
            stats["received"],
            stats["malformed"],
            stats["dropped"],
            stats["counted"]
        ],
        [received, malformed, 0, counted]
    );
}

/// Details that a count does not show.
fn kept_as_it_was(lab: &Lab) {
    let of = |domain| lab.day_file(&lab.closed_db()).of(domain);
    assert_eq!(
        of("extra.test").results[0].policy,
        r#"{"policy-type": 9, "policy-domain": "extra.test", "x-new": {"a": [1, "\u00fc"]}}"#,
        "unknown keys of a policy"
    );
    let record = &of("no-pr.test").results[0].record;
    assert_eq!(record, "", "no record is an empty one");
    let reason = |domain| serde_json::from_str::<Value>(&of(domain).failures[0].reason).unwrap();
    assert_eq!(reason("code.test")["c"], 299, "an unknown code");
    let mut counts = Vec::from_iter(of("failures.test").failures.iter().map(|row| row.count));
    counts.sort();
    assert_eq!(counts, [1, 2], "equal failures share a row");
    let host = &reason("utf8.test")["a"];
    assert_eq!(
        host, "M\u{fffd}\u{fffd}\u{fffd}ller",
        "replaced, not dropped"
    );
}

/// The closed day's rows by domain, each as in [`Made`].
fn rows_by_domain(lab: &Lab) -> BTreeMap<String, Vec<String>> {
    let sql = r#"SELECT domain, json_extract(policy, '$."policy-type"'), json_extract(policy, '$."policy-domain"'), cntrtotal, cntrfailure,
        (SELECT coalesce(sum(cntr), 0) FROM failures f
            WHERE f.day = r.day AND f.domain = r.domain AND f.tlsrptrecord = r.tlsrptrecord AND f.policy = r.policy)
        FROM finalresults r ORDER BY 1, 2"#;
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in lab.query(&lab.closed_db(), sql) {
        rows.entry(row[0].clone())
            .or_default()
            .push(row[1..].join(" "));
    }
    rows
}
