//! DNS that does not answer at all, for a day of thousands of domains.

use std::fs;

use tlsrptd_tests::harness::{dns::Trouble, lab::Lab, mta, stored::ReportRow};

/// Answers for two days, `DOMAINS` each, in order; for the second one when there is a file `go`, and some time
/// after: while the resolver is unavailable, it is probed every two seconds.
const COLLECTOR: &str = r#"
printf 'TLSRPTD FETCHER v1 day stream\n%s\n%s\n' "$(date -u '+%Y-%m-%d %H:%M:%S')" "$closed"
case $1 in
    $before) name=first ;;
    $closed) name=second; until [ -e "${0%/*}/go" ]; do sleep 0.05; done; sleep 3 ;;
    *) echo '. 0'; exit 0 ;;
esac
i=1000
while [ $i -lt $((1000 + domains)) ]; do
    d=$name-$i.test
    printf '{"d": "%s", "policies": {"v=TLSRPTv1; rua=mailto:seen@%s": {"{\\"policy-type\\": 9, \\"policy-domain\\": \\"%s\\"}": ' $d $d $d
    printf '{"cntrtotal": 1, "cntrfailure": 0, "failures": {}}}}}\n'
    i=$((i + 1))
done
echo ". $domains"
"#;
const DOMAINS: usize = 3000;

#[test]
fn a_day_goes_on_without_dns_and_the_next_one_with_it() {
    let lab = Lab::new();
    lab.dns.go_silent(true);
    let (closed, path) = (lab.day(), lab.file("collector.sh"));
    let before: jiff::civil::Date = closed.parse().unwrap();
    let before = before.yesterday().unwrap();
    let text = format!("closed={closed} before={before} domains={DOMAINS}\n{COLLECTOR}");
    fs::write(&path, text).unwrap();
    let reportd = lab
        .reportd()
        .set("fetchers", format!("/bin/sh {}", path.display()))
        .set("dns_timeout", 1)
        .set("spread_out_delivery", 36000)
        .set("log_level", "warn");
    let mut running = reportd.start();
    running.wait_for_log("resolver unavailable");
    wait_for_day(&lab, &before.to_string());
    let seen = lab.stored().deliveries;
    let seen = seen
        .iter()
        .filter(|row| row.uri.starts_with("mailto:seen@first-"));
    assert_eq!(seen.count(), DOMAINS, "the record that the MTA saw");
    // 256 at a time are asked three times each, over UDP and TCP; after those nobody is asked but now and then.
    let asked = lab.dns.asked_in_all();
    assert!(asked < DOMAINS, "{asked} questions");

    lab.dns.go_silent(false);
    fs::write(lab.file("go"), "").unwrap();
    running.wait_for_log("resolver available again");
    wait_for_day(&lab, &closed);
    let log = running.stop().success().stderr;
    for line in ["resolver unavailable", "resolver available again"] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    let reports = lab.stored().reports;
    let opted_out =
        |row: &ReportRow| row.reason.as_deref() == Some("opted out: no such name in DNS");
    assert!(reports.iter().any(opted_out), "DNS decides again");
}

/// Names of one owner that never answer are no outage: the others are asked for as ever. The silent ones come first.
#[test]
fn names_that_never_answer_are_nobody_elses_outage() {
    const SILENT: usize = 300;
    const OTHERS: usize = 500;
    let lab = Lab::new();
    let silent = |n: usize| format!("a{n}.silent.test");
    let other = |n: usize| format!("b{n}.test");
    for n in 0..SILENT {
        let name = format!("_smtp._tls.{}", silent(n));
        lab.dns.trouble(&name, Trouble::Silent);
    }
    for n in 0..OTHERS {
        lab.dns
            .tlsrpt(&other(n), "v=TLSRPTv1; rua=mailto:dns@x.test");
    }
    let domains = (0..SILENT).map(silent).chain((0..OTHERS).map(other));
    lab.collect(domains.map(|domain| mta::success(&domain, "v=TLSRPTv1; rua=mailto:seen@x.test")));
    let reportd = lab
        .reportd()
        .set("dns_timeout", 1)
        .set("spread_out_delivery", 36000)
        .set("log_level", "warn");
    let running = reportd.start();
    wait_for_day(&lab, &lab.day());
    let log = running.stop().success().stderr;
    assert!(!log.contains("resolver unavailable"), "{log}");
    let (mut others, mut silent) = (0, 0);
    for row in lab.stored().deliveries {
        match (row.domain.ends_with(".silent.test"), row.uri.as_str()) {
            (false, "mailto:dns@x.test") => others += 1,
            (true, "mailto:seen@x.test") => silent += 1,
            _ => panic!("{row:?}"),
        }
    }
    assert_eq!((others, silent), (OTHERS, SILENT));
}

fn wait_for_day(lab: &Lab, day: &str) {
    lab.wait_for_stored(day, |stored| {
        let job = stored.jobs.iter().find(|job| job.day == day);
        job.is_some_and(|job| job.status() == "ok")
    });
}
