//! What the operator does not want to be reported: days, small domains, and destinations that `tlsrptctl suppress` names.

use rusqlite::Connection;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

use super::{assert_arrived, assert_law, fates, report};
use crate::in_turn::{PENDING, patient, their_domains, their_reporter};

fn record(domain: &str) -> String {
    format!("v=TLSRPTv1; rua=mailto:a@{domain}")
}

#[test]
fn days_without_failures_and_small_domains_are_left_out_when_so_wished() {
    #[rustfmt::skip]
    let domains: &[(&str, u32, u32, &str, &str, &str)] = &[
        ("calm.test", 5, 0, "report_days: no session failed", "", "nothing failed"),
        ("once.test", 0, 1, "min_sessions: 1 are too few", "min_sessions: 1 are too few", "one session"),
        ("two.test", 1, 1, "min_sessions: 2 are too few", "min_sessions: 2 are too few", "one too few"),
        ("quiet.test", 2, 0, "report_days: no session failed", "min_sessions: 2 are too few", "both"),
        ("three.test", 2, 1, "", "", "just enough"),
    ];
    for (days, column) in [("failures", 0), ("all", 1)] {
        let lab = Lab::new();
        let mut datagrams = Vec::new();
        for (domain, good, bad, ..) in domains {
            lab.dns.tlsrpt(domain, &record(domain));
            datagrams.extend((0..*good).map(|_| mta::success(domain, &record(domain))));
            datagrams.extend((0..*bad).map(|_| mta::failure(domain, &record(domain), 203)));
        }
        lab.collect(datagrams);
        let reportd = lab.reportd().set("report_days", days);
        let fates = report(&lab, &reportd.set("min_sessions", 3));
        for (domain, _, _, failures, all, why) in domains {
            let reason = [failures, all][column];
            assert_eq!(fates[*domain].reason, *reason, "{days}: {domain}: {why}");
            let sent = usize::from(reason.is_empty());
            assert_eq!(fates[*domain].sent().len(), sent, "{days}: {domain}: {why}");
        }
        assert_arrived(&lab, &fates);
    }
}

/// `tlsrptctl suppress WORDS`, in words.
fn suppress(lab: &Lab, words: &[&str]) -> Program {
    words
        .iter()
        .fold(lab.ctl().arg("suppress"), |ctl, word| ctl.arg(word))
}

/// What the list shows, its first day as TODAY.
fn list(lab: &Lab) -> String {
    let shown = suppress(lab, &["list"]).run().success().stdout;
    let today = jiff::Timestamp::now().to_string();
    shown.replace(&format!("since {}", &today[..10]), "since TODAY")
}

/// The words after `suppress`, the exit code, what is printed or a part of the complaint, and why.
type Row = (&'static [&'static str], i32, &'static str, &'static str);

#[rustfmt::skip]
const COMMANDS: &[Row] = &[
    (&["list"], 0, "nothing is suppressed\n", "an empty list"),
    (&["add", "TLS@Example.COM"], 0, "suppressed: mailto:tls@example.com until removed\n", "an address"),
    (&["add", "https://Example.com:443/a/../b", "--until", "2999-12-31", "--reason", "asked\nby mail"], 0, "suppressed: https://example.com/b until 2999-12-31\n", "a URL"),
    (&["add", "--reason=all of \u{202e}them", ".example.net"], 0, "suppressed: .example.net until removed\n", "subdomains, the option first"),
    (&["add", "https://example.com/b", "--reason", "still"], 0, "changed: https://example.com/b until removed\n", "it is there already"),
    (&["list"], 0, ".example.net            until removed     since TODAY  by operator           all of \\u{202e}them\n\
                    https://example.com/b   until removed     since TODAY  by operator           still\n\
                    mailto:tls@example.com  until removed     since TODAY  by operator\n", "in order"),
    (&["remove", "mailto:\"T\\LS\"@EXAMPLE.com"], 0, "removed: mailto:tls@example.com\n", "in another form"),
    (&["remove", "TLS@example.com"], 1, "TARGET: mailto:tls@example.com is not on the list", "it is gone"),
    (&["remove", "example.net"], 1, "TARGET: example.net is not on the list", "not its subdomains"),
    (&["add", "no domain"], 2, "TARGET: ", "no target"),
    (&["remove", "a..b"], 2, "TARGET: no address, no https: URL, and as NAME or .NAME: a label is empty or too long (allowed: 1 to 63 octets)\n", "what is allowed, once"),
    (&["remove", "mailto:x"], 2, "TARGET: it has no local part and domain (allowed: LOCAL@DOMAIN)\n", "what is allowed, once"),
    (&["add", "example.org", "--until", "2020-01-01"], 2, "--until: 2020-01-01 has passed (allowed: YYYY-MM-DD, from today, ", "it would have no effect"),
    (&["add", "example.org", "--until", "soon"], 2, "--until: \"soon\" is no date (allowed: YYYY-MM-DD, from today, ", "no date"),
    (&["clear"], 2, "clear: unknown command (allowed: ", "no such word"),
    (&["add"], 2, "add: wrong number of arguments (allowed: ", "what?"),
    (&["list"], 0, ".example.net           until removed     since TODAY  by operator           all of \\u{202e}them\n\
                    https://example.com/b  until removed     since TODAY  by operator           still\n", "mistakes change nothing"),
];

#[test]
fn the_list_is_edited_while_no_reporter_runs_and_on_sys4s_file() {
    let lab = Lab::new();
    let none = suppress(&lab, &["add", "example.com"]).run();
    assert_eq!(none.code(), Some(3), "{}", none.stderr);
    assert!(!lab.reportd_db().exists(), "asking makes none");
    match Sys4::or_skip() {
        Some(sys4) => {
            let running = lab.their_reportd(&sys4).start();
            let made = "SELECT count(*) FROM dbversion";
            lab.wait_for_query(&lab.reportd_db(), made, "1");
            until_true("sys4 is at work", || !running.log().is_empty());
            running.stop();
        }
        None => {
            let mut running = lab.reportd().start();
            running.wait_for_log("is at work");
            running.stop().success();
        }
    }
    let mode = "PRAGMA journal_mode";
    let before = lab.query(&lab.reportd_db(), mode);
    for (words, code, expected, why) in COMMANDS {
        let shown = match words {
            ["list"] => list(&lab),
            _ => {
                let ended = suppress(&lab, words).run();
                assert_eq!(ended.code(), Some(*code), "{why}: {}", ended.stderr);
                assert!(code == &0 || ended.stdout.is_empty(), "{why}");
                ended.stdout + &ended.stderr
            }
        };
        match code {
            0 => assert_eq!(shown, *expected, "{why}"),
            _ => assert!(shown.starts_with(expected), "{why}: {shown}"),
        }
    }
    assert_eq!(lab.query(&lab.reportd_db(), mode), before);
    let mut beside: Vec<String> = std::fs::read_dir(lab.folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("reportd.sqlite-"))
        .collect();
    beside.retain(|name| !name.ends_with("lock"));
    assert!(beside.is_empty(), "{beside:?}");
}

#[test]
fn an_entry_holds_at_once_while_the_reporter_works() {
    let lab = Lab::new();
    let domains = ["one.test", "two.test", "three.test"];
    for domain in domains {
        lab.dns.tlsrpt(domain, &record(domain));
        let later = Act::reply("451 4.2.1 later");
        lab.smtp
            .script_for(&format!("a@{domain}"), Stage::Rcpt, later);
    }
    lab.collect(domains.map(|domain| mta::success(domain, &record(domain))));
    let running = patient(lab.reportd()).set("log_level", "info").start();
    lab.wait_for_stored("three failures", |stored| {
        let pending = stored.deliveries.iter().filter(|row| row.status.is_none());
        pending.filter(|row| row.failures > 0).count() == 3
    });
    for (words, word) in [
        (&["add", "one.test", "--reason", "moved"][..], "suppressed"),
        (&["add", "a@two.test", "--reason", "moved"], "suppressed"),
    ] {
        let said = suppress(&lab, words).run().success().stdout;
        assert!(said.starts_with(word), "{said}");
    }
    lab.wait_for_stored("two suppressed", |stored| stored.ended("suppressed") == 2);
    assert!(
        running
            .log()
            .contains("result=suppressed reason=\"one.test for ever: moved\""),
        "{}",
        running.log()
    );
    let id = format!(" report={} ", lab.report_id("one.test"));
    assert!(
        running.log().contains(&id),
        "the report-id, as receivers quote it"
    );
    lab.smtp.heal();
    assert_eq!(
        lab.deliveries(),
        [
            ("mailto:a@one.test", "suppressed"),
            ("mailto:a@three.test", "sent"),
            ("mailto:a@two.test", "suppressed")
        ]
        .map(|(uri, status)| (uri.to_owned(), status.to_owned()))
    );
    let said = suppress(&lab, &["remove", "one.test"]).run().success();
    assert_eq!(said.stdout, "removed: one.test\n");
    running.stop().success();
    assert_law(&lab);
    assert_arrived(&lab, &fates(&lab));
}

#[test]
fn what_is_suppressed_is_never_pending_for_the_theirs() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let running = lab.their_reportd(&sys4).start();
    lab.wait_for_query(&lab.reportd_db(), "SELECT count(*) FROM dbversion", "1");
    running.stop();
    // Jobs for an empty day would keep it from being asked again.
    let db = Connection::open(lab.reportd_db()).unwrap();
    db.execute_batch("DELETE FROM fetchjobs").unwrap();
    drop(db);
    for words in [["add", ".in.test"], ["add", "a@all.test"]] {
        suppress(&lab, &words).run().success();
    }
    let half = "v=TLSRPTv1; rua=mailto:a@half.test,mailto:a@mail.in.test";
    lab.dns.tlsrpt("half.test", half);
    lab.dns.tlsrpt("all.test", &record("all.test"));
    lab.dns.tlsrpt("none.test", &record("none.test"));
    lab.smtp
        .script_for("a@none.test", Stage::Rcpt, Act::reply("451 4.2.1 later"));
    lab.collect([
        mta::success("half.test", half),
        mta::success("all.test", &record("all.test")),
        mta::success("none.test", &record("none.test")),
    ]);
    let running = patient(lab.reportd()).start();
    let settled = "SELECT count(*) FROM destinations WHERE status IS NOT NULL OR retries > 0";
    lab.wait_for_query(&lab.reportd_db(), settled, "3");
    running.stop().success();

    let running = their_reporter(&lab, &sys4, "nobody").start();
    lab.wait_for_query(&lab.reportd_db(), PENDING, "1");
    until_true("sys4 has looked", || {
        running.log().contains("Send out reports")
    });
    running.stop();
    assert_eq!(
        their_domains(&lab),
        ["none.test"],
        "only what ours had left pending"
    );
    let all = fates(&lab);
    assert_eq!(
        all["all.test"].reason,
        "suppressed: mailto:a@all.test for ever"
    );
    assert_eq!(
        all["half.test"].destinations,
        [
            ("mailto:a@half.test".to_owned(), "sent".to_owned()),
            ("mailto:a@mail.in.test".to_owned(), "suppressed".to_owned()),
        ]
    );
    assert!(list(&lab).contains(".in.test "), "{}", list(&lab));
    assert_law(&lab);
}
