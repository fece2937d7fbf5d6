//! A day that one reporter has gathered in part, and the other reports whole.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::sys4::Sys4;

use super::collector::script;
use crate::in_turn::{PENDING, our_domains, patient, their_domains, their_reporter};

/// Two collectors, of which one is ready only when the file `ready` is there.
fn two_collectors(lab: &Lab) -> String {
    let answer = |sessions: u32| {
        format!(
            r#"case $what in .) echo '{{"d": ".", "policies": {{}}}}';; '') list; echo both.test; echo .;; *) counts $what {sessions};; esac"#
        )
    };
    let first = script(lab, "first", &answer(1));
    let second = script(
        lab,
        "second",
        &format!(
            "[ -e ${{0%/*}}/ready ] || {{ list 2001-01-01; echo .; exit 0; }}\n{}",
            answer(2)
        ),
    );
    // sys4 takes the record from the counts.
    for name in ["first.sh", "second.sh"] {
        let text = fs::read_to_string(lab.file(name)).unwrap();
        let text = text.replace(
            r#""policies": {"": {"#,
            r#""policies": {"v=TLSRPTv1; rua=mailto:a@both.test": {"#,
        );
        fs::write(lab.file(name), text).unwrap();
    }
    lab.dns
        .tlsrpt("both.test", "v=TLSRPTv1; rua=mailto:a@both.test");
    [first, second].join(",")
}

/// Of what ours has sent only the number is left.
const SUCCESSES: &str = r#"SELECT coalesce(
    (SELECT sum(json_extract(value, '$.summary."total-successful-session-count"')) FROM json_each(report, '$.policies')),
    tlsrptd_sessions) FROM reports"#;
/// The first collector has answered, the second has been asked in vain.
const HALF: &str =
    "SELECT count(*) FROM fetchjobs j WHERE status IS NULL AND retries > 0 AND EXISTS
    (SELECT 1 FROM reportdata r WHERE r.day = j.day AND r.fetcherindex = 1)";

#[test]
fn a_day_that_ours_has_half_gathered_sys4_reports_whole() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for killed in [false, true] {
        let lab = Lab::new();
        let fetchers = two_collectors(&lab);
        let running = patient(lab.reportd()).set("fetchers", &fetchers).start();
        lab.wait_for_query(&lab.reportd_db(), HALF, "1");
        end(running, killed);
        let mut running = their_reporter(&lab, &sys4, "nobody")
            .set("fetchers", &fetchers)
            .start();
        running.wait_for_log("failed in run");
        running.wait_for_log("Send out reports");
        assert_eq!(
            lab.their_mails().len(),
            0,
            "no report without the second collector; killed: {killed}"
        );
        fs::write(lab.file("ready"), "").unwrap();
        lab.wait_for_query(&lab.reportd_db(), PENDING, "1");
        running.stop();
        assert_eq!(their_domains(&lab), ["both.test"]);
        assert_eq!(
            lab.query(&lab.reportd_db(), SUCCESSES),
            [["3"]],
            "both collectors are in it; killed: {killed}"
        );
        nothing_more(&lab, &fetchers);
        assert_eq!(lab.smtp.mails().len(), 0);
    }
}

#[test]
fn a_day_that_sys4_has_half_gathered_ours_reports_whole() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for killed in [false, true] {
        let lab = Lab::new();
        let fetchers = two_collectors(&lab);
        let running = their_reporter(&lab, &sys4, "nobody")
            .set("fetchers", &fetchers)
            .start();
        lab.wait_for_query(&lab.reportd_db(), HALF, "1");
        if killed {
            running.kill();
        } else {
            running.stop();
        }
        fs::write(lab.file("ready"), "").unwrap();
        nothing_more(&lab, &fetchers);
        assert_eq!(
            (lab.their_mails().len(), our_domains(&lab)),
            (0, vec!["both.test".to_owned()])
        );
        assert_eq!(
            lab.query(&lab.reportd_db(), SUCCESSES),
            [["3"]],
            "both collectors are in it; killed: {killed}"
        );
    }
}

/// Ours: its orderly stop is a success.
fn end(running: Running, killed: bool) {
    if killed {
        running.kill();
    } else {
        running.stop().success();
    }
}

fn nothing_more(lab: &Lab, fetchers: &str) {
    let mut running = patient(lab.reportd()).set("fetchers", fetchers).start();
    running.wait_for_log("is at work");
    lab.deliveries();
    running.stop().success();
}
