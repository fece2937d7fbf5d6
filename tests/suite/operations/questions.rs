//! The twelve questions, while the reporter works and while it is stopped. Which answers each command has besides, its own
//! tests say.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tlsrptd_tests::harness::{
    library,
    mail::{self, ReportMail},
    smtp::{Act, Stage},
};

use super::site::{ASKED, Morning};

/// Domain and status of an answer's deliveries.
fn statuses(answer: &Value) -> BTreeMap<&str, &str> {
    let rows = answer["deliveries"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            (
                row["domain"].as_str().unwrap(),
                row["status"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn which_reports_went_out_yesterday_and_to_whom() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["deliveries"]);
        assert_eq!(answer["day"], morning.lab.day(), "the last closed day");
        let want = [
            ("example.com", "sent"),
            ("example.net", "waiting"),
            ("example.org", "sent"),
            ("refusing.example", "refused"),
        ];
        assert_eq!(statuses(&answer), want.into());
        let text = morning.text(&["deliveries", &morning.lab.day()]);
        for part in [
            "tlsrpt@example.com",
            "250 2.0.0 kept",
            "550 5.1.1 no such user",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let sent = morning.json(&["deliveries", "--status", "sent"]);
        assert_eq!(statuses(&sent).len(), 2);
    });
}

#[test]
fn show_me_that_of_a_domain() {
    Morning::new().working_and_stopped(|morning| {
        let sent = &morning.lab.smtp.mails_to("tlsrpt@example.com")[0];
        let report = ReportMail::parse(&sent.bytes).gzip();
        let shown = morning.ask(&["show", "example.com", "--json"]).success();
        assert_eq!(shown.stdout, mail::gunzip(&report), "as it was sent");
        let whole = morning.ask(&["show", "example.com", "--mail"]).success();
        assert_eq!(whole.stdout.as_bytes(), sent.bytes, "the whole mail");
        let text = morning.text(&["show", "example.com"]);
        assert!(
            text.contains("Sessions:        3, 0 of them failed"),
            "{text}"
        );
        assert_eq!(morning.ask(&["show", "nobody.example"]).code(), Some(1));
    });
}

#[test]
fn what_will_go_out_tonight() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["deliveries", "today"]);
        let counted =
            ["domains", "sessions", "failed", "deliveries"].map(|name| answer[name].clone());
        assert_eq!(counted, [2, 3, 1, 2].map(Value::from), "{answer}");
        let preview = morning.json(&["show", "new.example", "today"]);
        let failures = &preview["policies"][0]["failure-details"][0];
        assert_eq!(failures["result-type"], "starttls-not-supported");
        let text = morning.text(&["show", "example.com", "today"]);
        assert!(text.contains("nothing has been sent"), "{text}");
    });
}

#[test]
fn send_that_one_again() {
    let mut morning = Morning::new();
    let day = morning.lab.day();
    let smtp = &morning.lab.smtp;
    let text = morning.text(&["resend", "example.com", &day]);
    assert!(text.contains("250 2.0.0 kept"), "{text}");
    let sent = smtp.mails_to("tlsrpt@example.com");
    let [first, again] = [0, 1].map(|nth| ReportMail::parse(&sent[nth].bytes));
    assert_eq!(again.gzip(), first.gzip(), "the same report");
    let elsewhere = "me@elsewhere.example";
    let uri = format!("mailto:{elsewhere}");
    morning.text(&["resend", "example.com", &day, "--to", &uri]);
    let copy = &smtp.mails_to(elsewhere)[0];
    assert_eq!(ReportMail::parse(&copy.bytes).gzip(), first.gzip());
    let unknown = morning.ask(&["resend", "nobody.example", &day]);
    assert_ne!(unknown.code(), Some(0), "there is none");

    morning.stop();
    let ended = morning.ask(&["resend", "example.com", &day]);
    assert_ne!(ended.code(), Some(0));
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("tlsrpt-reportd"), "who has to run: {said}");
}

#[test]
fn a_test_report_goes_the_whole_way() {
    let morning = Morning::new();
    let text = morning.text(&["send-test", "mailto:you@sender.example"]);
    assert!(text.contains("250 2.0.0 kept"), "{text}");
    let mails = morning.lab.smtp.mails_to("you@sender.example");
    assert_eq!(mails.len(), 1);
    let mail = ReportMail::parse(&mails[0].bytes);
    let subject = mail.header("Subject").unwrap();
    assert!(subject.to_lowercase().contains("test"), "{subject}");
    assert!(
        mail.text().to_lowercase().contains("test"),
        "{}",
        mail.text()
    );
    let signed = library::dkim(&mails[0].bytes, &morning.lab.dns);
    assert!(
        signed.iter().all(|verdict| verdict.starts_with("ok")),
        "{signed:?}"
    );
    assert_eq!(signed.len(), 2, "both keys");
    let refused = morning.ask(&["send-test", "mailto:tlsrpt@refusing.example"]);
    assert!(
        refused.stdout.contains("550 5.1.1 no such user"),
        "{}",
        refused.stdout
    );
    assert_ne!(refused.code(), Some(0));
}

#[test]
fn why_there_was_none() {
    Morning::new().working_and_stopped(|morning| {
        #[rustfmt::skip]
        let rows = [
            ("quiet.example", "asks for no reports", 0, "DNS has no record any more"),
            ("left-alone.example", ASKED, 0, "the operator's own list"),
            ("example.net", "452 4.2.2 mailbox full", 0, "it waits"),
            ("refusing.example", "550 5.1.1 no such user", 0, "the receiver's word"),
            ("example.com", "250 2.0.0 kept", 0, "there was one"),
            ("nobody.example", "nobody.example", 1, "no session was counted"),
        ];
        for (domain, part, code, why) in rows {
            let ended = morning.ask(&["why", domain]);
            assert!(
                ended.stdout.contains(part),
                "{domain}: {why}: {}",
                ended.stdout
            );
            assert_eq!(ended.code(), Some(code), "{domain}: {why}");
            assert_eq!(
                ended.stdout.trim_end().lines().count(),
                1,
                "one sentence: {}",
                ended.stdout
            );
        }
    });
}

#[test]
fn which_destinations_fail_when_we_send() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["failures"]);
        let rows = answer["failures"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{answer}");
        for (field, want) in [
            ("domain", json!("example.org")),
            ("mx", json!("mx.example.org")),
            ("address", json!("2001:db8::25")),
            ("policy_type", json!("sts")),
            ("result_type", json!("certificate-expired")),
            ("sessions", json!(2)),
        ] {
            assert_eq!(rows[0][field], want, "{field}");
        }
        let text = morning.text(&["failures", "--explain"]);
        for part in ["The certificate of the MX host had expired", "postmaster@"] {
            assert!(text.contains(part), "{text}");
        }
    });
}

#[test]
fn how_many_sessions_and_where_it_goes() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["history", "--days", "7"]);
        let days = answer["days"].as_array().unwrap();
        assert_eq!(days.len(), 1, "{answer}");
        for (field, want) in [
            ("day", json!(morning.lab.day())),
            ("domains", json!(6)),
            ("sessions", json!(10)),
            ("failed", json!(2)),
            ("reports", json!(4)),
            ("without_report", json!(2)),
            ("waiting", json!(1)),
            ("outcomes", json!({"sent": 2, "refused": 1})),
        ] {
            assert_eq!(days[0][field], want, "{field}");
        }
    });
}

/// `ok`, `warn` or `fail` of each finding on that area, in their order.
fn levels<'a>(answer: &'a Value, area: &str) -> Vec<&'a str> {
    let findings = answer["findings"].as_array().unwrap();
    let of_area = findings.iter().filter(|finding| finding["area"] == area);
    of_area
        .map(|finding| finding["level"].as_str().unwrap())
        .collect()
}

#[test]
fn is_everything_set_up_right() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["doctor"]);
        for area in ["fetcher", "dns", "relay", "contact"] {
            let levels = levels(&answer, area);
            assert!(!levels.is_empty(), "{area}: {answer:#}");
            assert!(
                levels.iter().all(|level| *level == "ok"),
                "{area}: {answer:#}"
            );
        }
        let denied = Act::reply("554 5.7.1 relay access denied");
        morning.lab.smtp.script(Stage::Rcpt, denied);
        let ended = morning.ask(&["doctor"]);
        morning.lab.smtp.heal();
        assert_eq!(ended.code(), Some(2), "critical");
        let line = ended.stdout.lines().find(|line| line.starts_with("FAIL"));
        let line = line.unwrap_or_else(|| panic!("{}", ended.stdout));
        assert!(
            line.contains("relay access denied") && line.contains("=>"),
            "{line}"
        );
    });
}

#[test]
fn is_it_well() {
    let mut morning = Morning::new();
    let check = |morning: &Morning| {
        let ended = morning.ask(&["status", "--check"]);
        (ended.code(), ended.stdout)
    };
    let (code, line) = check(&morning);
    assert_eq!(line.trim_end().lines().count(), 1, "one line: {line}");
    let (text, performance) = line.split_once(" | ").unwrap_or_else(|| panic!("{line}"));
    assert!(text.starts_with("TLSRPT "), "{line}");
    assert!(
        matches!(code, Some(0 | 1)),
        "nothing is broken: {code:?} {line}"
    );
    for part in ["domains=6;", "sessions=10;"] {
        assert!(performance.contains(part), "{part}: {performance}");
    }
    let answer = morning.json(&["status"]);
    let totals = &answer["last_closed_day"]["totals"];
    assert_eq!(
        (&totals["domains"], &totals["failed"]),
        (&json!(6), &json!(2))
    );
    assert_eq!(answer["suppressed"], 1);
    let text = morning.text(&["status"]);
    assert!(
        text.contains("452 4.2.2 mailbox full"),
        "why it waits: {text}"
    );

    morning.stop();
    let (code, line) = check(&morning);
    assert_eq!(code, Some(2), "nobody sends reports: {line}");
    assert!(
        line.contains("CRITICAL") && line.contains("tlsrpt-reportd"),
        "{line}"
    );
    assert_eq!(
        morning.json(&["status"])["last_closed_day"]["totals"]["sessions"],
        10
    );
}

#[test]
fn which_dkim_record_is_published() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["dkim-record"]);
        let records = answer["records"].as_array().unwrap();
        assert_eq!(records.len(), 2);
        let published = morning.lab.dns.all_txt();
        let key = |text: &str| text.split("p=").nth(1).unwrap().to_owned();
        for record in records {
            let (name, text) = (
                record["name"].as_str().unwrap(),
                record["text"].as_str().unwrap(),
            );
            let name = name.trim_end_matches('.');
            let (_, in_dns) = published
                .iter()
                .find(|(published, _)| published.trim_end_matches('.') == name)
                .unwrap_or_else(|| panic!("{name} is not in {published:?}"));
            assert_eq!(key(text), key(in_dns), "{name}");
        }
    });
}

#[test]
fn what_waits_and_why() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["deliveries", "--status", "waiting"]);
        assert_eq!(statuses(&answer), [("example.net", "waiting")].into());
        let text = morning.text(&["deliveries", "--status", "waiting"]);
        assert!(text.contains("452 4.2.2 mailbox full"), "{text}");
        let status = morning.ask(&["status"]);
        assert!(
            status.stdout.contains("452 4.2.2 mailbox full"),
            "{}",
            status.stdout
        );
    });
}

#[test]
fn who_is_left_alone_and_why() {
    Morning::new().working_and_stopped(|morning| {
        let answer = morning.json(&["suppress", "list"]);
        let rows = answer["suppressed"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{answer}");
        for (field, want) in [
            ("target", "left-alone.example"),
            ("reason", ASKED),
            ("by", "operator"),
        ] {
            assert_eq!(rows[0][field], want, "{field}");
        }
    });
}
