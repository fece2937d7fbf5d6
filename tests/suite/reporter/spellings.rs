//! One domain in two spellings, and two reporters on one database in turn.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::sys4::Sys4;

use crate::in_turn::{PENDING, patient, their_reporter};

/// As sys4's, which keeps a name as the MTA gave it: two sessions by the one, three by the other.
const COLLECTOR: &str = r#"
details() {
    printf '{"d": "%s", "policies": {"v=TLSRPTv1; rua=mailto:a@reports.test": ' "$1"
    printf '{"{\\"policy-type\\": 9, \\"policy-domain\\": \\"xn--bcher-kva.test\\"}": '
    printf '{"cntrtotal": %s, "cntrfailure": 0, "failures": {}}}}}\n' "$2"
}
case "$2" in
    '')
        printf 'TLSRPT FETCHER v1devel-c domain list\n%s\n%s\n' "$(date -u '+%Y-%m-%d %H:%M:%S')" "$closed"
        [ "$1" = "$closed" ] && printf 'bücher.test\nxn--bcher-kva.test\n'
        echo . ;;
    bücher.test) details "$2" 2 ;;
    xn--bcher-kva.test) details "$2" 3 ;;
    *) printf '{"d": "%s", "policies": {}}\n' "$2" ;;
esac
"#;

/// Killed when the spellings are one and nothing is decided: sys4, which lists and asks anew, reports each session once.
#[test]
fn a_crash_before_the_decision_doubles_nothing_for_the_theirs() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for collectors in [1, 2] {
        let lab = Lab::new();
        lab.dns.go_silent(true);
        let text = format!("closed={}\n{COLLECTOR}", lab.day());
        let command = |number| {
            let path = lab.file(&format!("collector-{number}.sh"));
            fs::write(&path, &text).unwrap();
            format!("/bin/sh {}", path.display())
        };
        let commands: Vec<String> = (0..collectors).map(command).collect();
        let with = |reportd: Program| reportd.set("fetchers", commands.join(","));
        let running = with(patient(lab.reportd())).set("dns_timeout", 60).start();
        let one = "SELECT count(*) > 0 FROM reportdata WHERE tlsrptd_reason LIKE 'listed as %'";
        lab.wait_for_query(&lab.reportd_db(), one, "1");
        running.kill();

        let running = with(their_reporter(&lab, &sys4, "nobody")).start();
        lab.wait_for_query(&lab.reportd_db(), PENDING, "1");
        let jobs = "SELECT count(*) FROM fetchjobs WHERE status IS NULL";
        lab.wait_for_query(&lab.reportd_db(), jobs, "0");
        lab.wait_for_query(&lab.reportd_db(), PENDING, "1");
        running.stop();
        assert_eq!(sessions(&lab), 5 * collectors, "{collectors} collectors");

        lab.dns.go_silent(false);
        lab.dns.tlsrpt(
            "xn--bcher-kva.test",
            "v=TLSRPTv1; rua=mailto:a@reports.test",
        );
        let mut running = with(patient(lab.reportd())).start();
        running.wait_for_log("is at work");
        lab.deliveries();
        running.stop().success();
        assert_eq!(lab.smtp.mails().len(), 0, "nothing is reported again");
    }
}

/// In all reports that sys4 has mailed.
fn sessions(lab: &Lab) -> u64 {
    let reports = lab
        .their_mails()
        .into_iter()
        .map(|mail| ReportMail::parse(&mail).report());
    let sum = |report: serde_json::Value| -> u64 {
        let policies = report["policies"].as_array().unwrap();
        let total = |policy: &serde_json::Value| {
            policy["summary"]["total-successful-session-count"]
                .as_u64()
                .unwrap()
        };
        policies.iter().map(total).sum()
    };
    reports.map(sum).sum()
}
