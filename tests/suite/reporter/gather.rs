//! Collectors of all kinds: merged, late, broken. None of them holds up the others.

use std::fs;

use serde_json::json;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until;

use super::collector::script;
use super::newest_jobs;

/// What a fetcher does, the job's status, the sessions reported (0: none), a part of the job's reason, and why.
/// `$d` is the row's own domain.
type Row = (&'static str, &'static str, i64, &'static str, &'static str);

#[rustfmt::skip]
const TROUBLES: &[Row] = &[
    (r#"stream; counts $d 1; echo '. 1'"#, "ok", 1, "", "all is well"),
    (r#"case $what in .) echo '{"d": ".", "policies": {}}';; '') list; echo $d; echo .;; *) counts $d 2;; esac"#, "ok", 2, "", "sys4's protocol"),
    (r#"case $what in .|'') list; echo $d; echo .;; *) counts $d 3;; esac"#, "ok", 3, "", "a list in place of the stream"),
    (r#"stream; sleep 1; counts $d 4; sleep 1; echo '. 1'"#, "ok", 4, "", "slow"),
    (r#"attempt; stream; counts $d 5; [ $n = 1 ] || echo '. 1'"#, "ok", 5, "", "cut off once: asked again, counted once"),
    (r#"attempt; stream; [ $n = 1 ] && { counts $d 99; exit 0; }; counts $d 6; echo '. 1'"#, "ok", 6, "", "the whole answer replaces the part"),
    (r#"stream; counts $d 7"#, "timedout", 7, "cut off", "always cut off: what came is used"),
    (r#"stream; counts $d 8; printf '{"d": "x.te'"#, "timedout", 8, "cut off", "cut in the middle of a line"),
    (r#"echo 'Welcome to mx1!'; stream; counts $d 9; echo '. 1'"#, "timedout", 0, "Welcome to mx1!", "a banner before the answer"),
    (r#"echo 'TLSRPTD FETCHER v2 day stream'; stream; counts $d 10; echo '. 1'"#, "timedout", 0, "first line", "another version"),
    (r#"attempt; [ $n = 1 ] && { stream 2001-01-01; echo '. 0'; exit 0; }; stream; counts $d 11; echo '. 1'"#, "ok", 11, "", "not ready, then ready"),
    (r#"stream 2001-01-01; counts $d 12; echo '. 1'"#, "timedout", 0, "not ready: its newest complete day is 2001-01-01", "never ready"),
    (r#"printf 'TLSRPT FETCHER v1devel-c domain list\n%s\n.\n' "$now""#, "timedout", 0, "not ready: its newest complete day is none", "no closed day at all"),
    (r#"now='2001-01-01 00:00:00'; stream; counts $d 14; echo '. 1'"#, "ok", 14, "", "its clock differs: only a warning"),
    (r#"stream; counts $d 15; echo '. 1'; exit 3"#, "timedout", 15, "exit status: 3", "fails after a good answer"),
    (r#"echo 'no route to host' >&2; exit 255"#, "timedout", 0, "no route to host", "fails with a message"),
    (r#"stream; counts $d 17; echo rubbish; counts 'bad domain' 1; echo '. 3'"#, "ok", 17, "", "a broken line spoils no other"),
    (r#"stream; counts $d 18; echo '. 5'"#, "timedout", 18, "number of domains", "fewer domains than it says"),
    (r#"case $what in .) echo '{"d": ".", "policies": {}}';; '') list; echo $d; echo .;; *) attempt; [ $n = 1 ] || counts $d 19;; esac"#, "ok", 19, "", "a domain's details fail once"),
    (r#"case $what in .) echo '{"d": ".", "policies": {}}';; '') list; echo $d; echo .;; *) exit 1;; esac"#, "timedout", 0, "exit status: 1", "a domain's details always fail"),
    (r#"case $what in .) echo '{"d": ".", "policies": {}}';; '') list; echo $d; echo .;; *) counts other.test 1;; esac"#, "timedout", 0, "another domain", "details of another domain"),
];

#[test]
fn a_collector_in_trouble_holds_up_no_other() {
    let lab = Lab::new();
    let mut fetchers: Vec<String> = Vec::new();
    for (number, (body, ..)) in TROUBLES.iter().enumerate() {
        let domain = format!("f{number:02}.test");
        lab.dns
            .tlsrpt(&domain, &format!("v=TLSRPTv1; rua=mailto:a@{domain}"));
        fetchers.push(script(
            &lab,
            &format!("f{number:02}"),
            &format!("d={domain}\n{body}"),
        ));
    }
    fetchers.push("/nonexistent/tlsrpt-fetcher".to_owned());
    let mut reportd = lab
        .reportd()
        .set("fetchers", fetchers.join(", "))
        .set("max_retries_domainlist", 2)
        .set("min_wait_domainlist", 0)
        .set("max_wait_domainlist", 1)
        .set("max_retries_domaindetails", 2)
        .set("min_wait_domaindetails", 0)
        .set("max_wait_domaindetails", 1)
        .start();
    lab.deliveries();
    let index = TROUBLES
        .iter()
        .position(|row| row.0.starts_with("now="))
        .unwrap()
        + 1;
    reportd.wait_for_log("the collector's clock differs by");
    assert!(
        reportd.log().contains(&format!("Fetcher {index} ")),
        "a different clock is no fault"
    );
    reportd.stop().success();
    let (jobs, reports) = (newest_jobs(&lab), lab.stored().reports);
    for (number, (body, status, sessions, reason, why)) in TROUBLES.iter().enumerate() {
        let job = &jobs[number];
        assert_eq!(job.status(), *status, "{why}: {body}: {job:?}");
        let found = job.reason.as_deref().unwrap_or_default();
        assert!(found.contains(reason), "{why}: {body}: {job:?}");
        let domain = format!("f{number:02}.test");
        let reported = reports.iter().filter(|row| row.domain == domain);
        let reported: i64 = reported.map(|row| row.sessions).sum();
        assert_eq!(reported, *sessions, "{why}: {body}");
        let mails = lab.smtp.mails_to(&format!("a@f{number:02}.test")).len();
        assert_eq!(mails, usize::from(*sessions > 0), "{why}: {body}");
    }
    let last = &jobs[TROUBLES.len()];
    assert_eq!(last.status(), "timedout", "no such program");
    assert!(
        last.reason
            .as_deref()
            .unwrap_or_default()
            .contains("cannot run /nonexistent/tlsrpt-fetcher"),
        "{last:?}"
    );
}

#[test]
fn several_collectors_make_one_report() {
    merged(&Lab::new(), None);
}

#[test]
fn sys4s_collector_is_merged_with_ours() {
    if let Some(sys4) = Sys4::or_skip() {
        merged(&Lab::new(), Some(&sys4));
    }
}

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

/// The same policy and failure in several JSON texts, from our fetcher (and sys4's on the same file) and from two
/// more collectors, one of each protocol.
fn merged(lab: &Lab, sys4: Option<&Sys4>) {
    lab.dns.tlsrpt("a.test", TXT);
    lab.dns.tlsrpt("b.test", TXT);
    let policy = |strings: [&str; 2]| {
        let mut policy = mta::policy(1, "mx.a.test", &[203]);
        policy["policy-string"] = json!(strings);
        policy["failure-details"] = json!([{"c": 203, "n": "mx.a.test", "r": "192.0.2.7"}]);
        policy
    };
    // The second is the same RRset in another order.
    lab.collect([
        mta::made("a.test", TXT, vec![policy(["2 0 1 BBCC", "3 1 1 AADD"])]),
        mta::made("a.test", TXT, vec![policy(["3 1 1 AADD", "2 0 1 BBCC"])]),
    ]);
    // Other key orders, white space, letters.
    let foreign = r#"{"d": "a.test", "policies": {"v=TLSRPTv1; rua=mailto:a@reports.test": {
        "{\"policy-string\":[\"3 1 1 aadd\",\"2 0 1 bbcc\"], \"policy-domain\":\"MX.a.test.\",\"policy-type\":1}":
        {"cntrtotal": 10, "cntrfailure": 4, "failures": {"{\"r\":\"192.0.2.7\",\"c\":203,\"n\":\"mx.a.test\"}": 4}}}}}"#;
    fs::write(lab.file("details.json"), foreign).unwrap();
    fs::write(lab.file("line.json"), foreign.replace('\n', " ") + "\n").unwrap();
    let folder = lab.folder().display();
    let stream = script(
        lab,
        "stream",
        &format!("stream; cat {folder}/line.json; counts b.test 1; echo '. 2'"),
    );
    let list = script(
        lab,
        "list",
        &format!(
            r#"case $what in .) echo '{{"d": ".", "policies": {{}}}}';; '') list; echo a.test; echo .;; *) cat {folder}/details.json;; esac"#
        ),
    );
    let mut fetchers = vec![lab.fetcher().command_line(), stream, list];
    fetchers.extend(sys4.map(|sys4| lab.their_fetcher(sys4).command_line()));
    // Ours, and sys4's on the same file as if it were another one's, count 2 each; the scripts 10 each.
    let (failed, total) = if sys4.is_some() { (12, 24) } else { (10, 22) };
    let reportd = lab.reportd().set("fetchers", fetchers.join(",")).start();
    lab.deliveries();
    reportd.stop().success();
    let mails = lab.smtp.mails();
    assert_eq!(mails.len(), 2, "one report a domain");
    let reports = mails
        .iter()
        .map(|mail| ReportMail::parse(&mail.bytes).report());
    let report = until("the report on a.test", || {
        reports
            .clone()
            .find(|report| report["policies"][0]["policy"]["policy-domain"] == "mx.a.test")
    });
    assert_eq!(
        report["policies"].as_array().unwrap().len(),
        1,
        "{report:#}"
    );
    let policy = &report["policies"][0];
    assert_eq!(
        policy["policy"]["policy-string"],
        json!(["2 0 1 BBCC", "3 1 1 AADD"])
    );
    let summary = json!({"total-successful-session-count": total - failed, "total-failure-session-count": failed});
    assert_eq!(policy["summary"], summary);
    let details = policy["failure-details"].as_array().unwrap();
    assert_eq!(details.len(), 1, "{report:#}");
    assert_eq!(details[0]["failed-session-count"], failed);
}
