//! `/api/v1` is `tlsrptctl --json`, by another way.

use serde_json::Value;
use tlsrptd_tests::harness::statusd::Statusd;

use crate::operations::site::Morning;

#[test]
fn what_tlsrptctl_prints() {
    let mut morning = Morning::new();
    let page = Statusd::start(&morning.lab.statusd(&morning.reportd()));
    for (target, words, why) in [
        ("history", &["history"][..], "a month"),
        ("history?days=3", &["history", "--days", "3"], "some days"),
        ("failures", &["failures"], "the last day"),
        (
            "failures?days=7&new&explain&limit=1",
            &[
                "failures",
                "--days",
                "7",
                "--new",
                "--explain",
                "--limit",
                "1",
            ],
            "with everything",
        ),
        (
            "failures?domain=example.org",
            &["failures", "--domain", "example.org"],
            "of one",
        ),
        ("deliveries", &["deliveries"], "the last day"),
        (
            "deliveries?day=yesterday&status=waiting",
            &["deliveries", "yesterday", "--status", "waiting"],
            "some of them",
        ),
        (
            "deliveries?status=none",
            &["deliveries", "--status", "none"],
            "none",
        ),
        (
            "show?domain=example.com",
            &["show", "example.com"],
            "a report",
        ),
        (
            "show?domain=EXAMPLE.org.",
            &["show", "EXAMPLE.org."],
            "in any spelling",
        ),
        (
            "show?domain=never.example",
            &["show", "never.example"],
            "none",
        ),
        (
            "show?domain=quiet.example",
            &["show", "quiet.example"],
            "a reason",
        ),
        ("why?domain=example.com", &["why", "example.com"], "sent"),
        ("why?domain=example.net", &["why", "example.net"], "waits"),
        (
            "why?domain=refusing.example",
            &["why", "refusing.example"],
            "refused",
        ),
        (
            "why?domain=left-alone.example",
            &["why", "left-alone.example"],
            "suppressed",
        ),
    ] {
        let answer = page.get(&format!("/api/v1/{target}"));
        let ours: Value = serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("{target}: {error}: {answer:?}"));
        assert_eq!(ours, morning.json(words), "{target}: {why}");
        let is_there = target.starts_with("show") && ours.get("organization-name").is_none();
        let status = if is_there { 404 } else { 200 };
        assert_eq!(answer.status, status, "{target}: {why}");
    }
    // As it was sent, byte by byte.
    let sent = morning
        .ask(&["show", "example.com", "--json"])
        .success()
        .stdout;
    assert_eq!(page.get("/api/v1/show?domain=example.com").body, sent);
    // What only collectors know.
    let today = page.get("/api/v1/why?domain=example.com&day=today");
    assert_eq!(today.status, 400);
    assert!(
        today.body.contains("tlsrptctl asks the collectors"),
        "{today:?}"
    );
    status(&page, &morning);
    morning.stop();
}

/// The collector is asked at its own socket: it says the same.
fn status(page: &Statusd, morning: &Morning) {
    let [mut ours, mut theirs] = [
        serde_json::from_str::<Value>(&page.get("/api/v1/status").body).unwrap(),
        morning.json(&["status"]),
    ];
    for answer in [&mut ours, &mut theirs] {
        let sessions = &answer["collectors"][0]["status"]["storages"][0]["sessions_today"];
        assert_eq!(sessions, 3, "{answer}");
        // What the time tells.
        answer["now"] = Value::Null;
        answer["collectors"][0]["status"] = Value::Null;
        answer["reporter"]["status"] = Value::Null;
    }
    assert_eq!(ours, theirs);
}
