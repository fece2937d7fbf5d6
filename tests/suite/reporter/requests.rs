//! What the operator asks the reporter for by a row: `tlsrptctl resend` and `send-test`; and what it says on its observation
//! socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::running::{Ended, Running};
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::wait::until_true;

use super::assert_law;
use crate::in_turn::patient;

const MAILBOX: &str = "mailto:a@one.test";
const OPEN: &str = "SELECT count(*) FROM tlsrptd_requests WHERE ended IS NULL";

/// A site whose one report is sent by mail and by post, with its reporter at work.
fn reported(lab: &Lab) -> Running {
    let record = format!("v=TLSRPTv1; rua={MAILBOX},{}", lab.https.url("/one"));
    lab.dns.tlsrpt("one.test", &record);
    lab.collect([mta::failure("one.test", &record, 203)]);
    let reportd = patient(lab.reportd()).set("observation_socket", socket(lab).display());
    let running = reportd.start();
    lab.deliveries();
    running
}

fn socket(lab: &Lab) -> std::path::PathBuf {
    lab.file("reportd.observe")
}

fn words(lab: &Lab, words: &[&str]) -> Program {
    words.iter().fold(lab.ctl(), |ctl, word| ctl.arg(word))
}

fn ctl(lab: &Lab, command: &[&str]) -> Ended {
    words(lab, command).run()
}

fn json_of(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr))
}

/// All that a resend must leave as it is.
fn rows(lab: &Lab) -> Vec<Vec<String>> {
    let sql = "SELECT destination, d_r_id, retries, status, nexttry FROM destinations \
               UNION ALL SELECT domain, r_id, uniqid, tlsrptd_sessions, '' FROM reports ORDER BY 1, 2";
    lab.query(&lab.reportd_db(), sql)
}

#[test]
fn a_report_is_sent_once_more_as_it_was() {
    let lab = Lab::new();
    let running = reported(&lab);
    let before = rows(&lab);
    let ended = ctl(&lab, &["resend", "One.test", "yesterday"]);
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    let id = lab.report_id("one.test");
    assert!(
        ended.stdout.starts_with(&format!("report {id}\n")),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains(&format!("{MAILBOX}: sent after ")),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("/one: sent after "),
        "{}",
        ended.stdout
    );
    let mails = lab.smtp.mails_to("a@one.test");
    assert_eq!(mails.len(), 2);
    let [first, again] = [0, 1].map(|at| ReportMail::parse(&mails[at].bytes));
    assert_eq!(first.gzip(), again.gzip(), "the same bytes");
    assert_eq!(
        first.header("Subject"),
        again.header("Subject"),
        "the same report-id"
    );
    assert_ne!(
        first.header("Message-ID"),
        again.header("Message-ID"),
        "a server that has seen the first would drop it"
    );
    let posts = lab.https.posts_to("/one");
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].body, posts[1].body);

    let ended = ctl(
        &lab,
        &[
            "resend",
            "one.test",
            &lab.day(),
            "--to",
            "b@else.test",
            "--json",
        ],
    );
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    let said = json_of(&ended);
    assert_eq!(said["wait"], "answered");
    assert_eq!(said["domain"], "one.test");
    assert_eq!(said["requests"][0]["state"], "sent");
    assert_eq!(said["requests"][0]["destination"], "mailto:b@else.test");
    assert_eq!(said["requests"][0]["report_id"], id.as_str());
    assert!(said["requests"][0]["took_seconds"].is_number(), "{said}");
    let elsewhere = lab.smtp.mails_to("b@else.test");
    assert_eq!(ReportMail::parse(&elsewhere[0].bytes).gzip(), first.gzip());
    assert_eq!(rows(&lab), before, "no row of sys4's tables has changed");
    running.stop().success();
    assert_law(&lab);
}

#[test]
fn what_is_suppressed_is_left_out_unless_it_is_named() {
    let lab = Lab::new();
    let running = reported(&lab);
    let added = ctl(&lab, &["suppress", "add", "one.test"]).success().stdout;
    assert!(
        added.contains(&format!(
            "covers also, of what stored reports went to:\n  {MAILBOX}\n"
        )),
        "{added}"
    );
    let ended = ctl(&lab, &["resend", "one.test", "yesterday"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout);
    let left_out = format!(
        "{MAILBOX}: left out: it is suppressed (one.test for ever); --to sends it all the same\n"
    );
    assert!(ended.stdout.contains(&left_out), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("/one: sent after "),
        "{}",
        ended.stdout
    );
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 1);
    let ended = ctl(&lab, &["resend", "one.test", "yesterday", "--to", MAILBOX]).success();
    assert!(
        ended.stdout.contains("--to names it, so it is sent"),
        "{}",
        ended.stdout
    );
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 2);
    running.stop().success();
}

#[test]
fn while_the_relay_denies_it_waits_and_is_sent_afterwards() {
    let lab = Lab::new();
    let running = reported(&lab);
    lab.smtp
        .script(Stage::Mail, Act::reply("451 4.3.0 down for a while"));
    let ended = ctl(
        &lab,
        &[
            "resend",
            "one.test",
            "yesterday",
            "--to",
            MAILBOX,
            "--wait",
            "3",
        ],
    );
    assert_eq!(ended.code(), Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("waits until ") && ended.stdout.contains("451 4.3.0 down"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("tlsrpt-reportd goes on"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stderr
            .contains("waiting for tlsrpt-reportd (process "),
        "{}",
        ended.stderr
    );
    lab.smtp.heal();
    lab.wait_for_query(&lab.reportd_db(), OPEN, "0");
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 2);
    running.stop().success();
}

#[test]
fn a_kill_between_the_attempt_and_its_record_costs_one_mail_more() {
    let lab = Lab::new();
    let running = reported(&lab);
    lab.smtp
        .script_for("b@else.test", Stage::End, Act::AcceptAndHang);
    lab.smtp
        .script_for("c@else.test", Stage::End, Act::AcceptAndHang);
    let resend = words(
        &lab,
        &["resend", "one.test", "yesterday", "--to=b@else.test"],
    )
    .start();
    let test = words(&lab, &["send-test", "c@else.test"]).start();
    until_true("both are with the relay", || {
        ["b@else.test", "c@else.test"]
            .iter()
            .all(|to| !lab.smtp.mails_to(to).is_empty())
    });
    running.kill();
    lab.smtp.heal();
    let running = patient(lab.reportd()).start();
    let ended = resend.wait();
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    let ended = test.wait();
    assert_eq!(ended.code(), Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended
            .stdout
            .contains("unknown: the reporter ended before there was an answer"),
        "{}",
        ended.stdout
    );
    assert_eq!(lab.smtp.mails_to("b@else.test").len(), 2, "repeated once");
    assert_eq!(
        lab.smtp.mails_to("c@else.test").len(),
        1,
        "a test is not repeated"
    );
    running.stop().success();
}

#[test]
fn a_reporter_that_is_stopped_is_asked_for_nothing_unless_that_is_wished() {
    let lab = Lab::new();
    reported(&lab).stop().success();
    for command in [
        &["resend", "one.test", "yesterday"][..],
        &["send-test", "a@one.test"],
        &["send-test", "a@one.test", "--no-wait"],
    ] {
        let ended = ctl(&lab, command);
        assert_eq!(ended.code(), Some(1), "{command:?}");
        assert!(
            ended
                .stderr
                .contains("tlsrpt-reportd: it is not running on "),
            "{}",
            ended.stderr
        );
    }
    let all = "SELECT count(*) FROM tlsrptd_requests";
    assert_eq!(lab.query(&lab.reportd_db(), all), [["0"]]);
    let ended = ctl(
        &lab,
        &[
            "resend",
            "one.test",
            "yesterday",
            "--no-wait",
            "--to",
            MAILBOX,
        ],
    );
    assert_eq!(ended.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("sends it as soon as it can"),
        "{}",
        ended.stdout
    );
    let running = patient(lab.reportd()).start();
    lab.wait_for_query(&lab.reportd_db(), OPEN, "0");
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 2);

    // One that is interrupted takes back what has not begun.
    running.signal(Signal::SIGSTOP);
    let waits = words(&lab, &["resend", "one.test", "yesterday", "--to", MAILBOX]).start();
    lab.wait_for_query(&lab.reportd_db(), OPEN, "1");
    until_true("it listens", || waits.log().contains("waiting for"));
    waits.signal(Signal::SIGINT);
    let ended = waits.wait();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("taken back, nothing was sent"),
        "{}",
        ended.stdout
    );
    running.signal(Signal::SIGCONT);
    running.stop().success();
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 2);
}

#[test]
fn a_test_report_goes_the_whole_way_and_says_that_it_is_one() {
    let lab = Lab::new();
    let running = reported(&lab);
    let before = rows(&lab);
    let ended = ctl(&lab, &["send-test", "mailto:me@here.test"]).success();
    assert!(
        ended
            .stdout
            .starts_with("mailto:me@here.test: sent after 0."),
        "{}",
        ended.stdout
    );
    let mail = ReportMail::parse(&lab.smtp.mails_to("me@here.test")[0].bytes);
    let subject = mail.header("Subject").unwrap();
    assert!(
        subject.starts_with(
            "Report Domain: sender.example Submitter: sender.example Report-ID: <test-"
        ),
        "{subject}"
    );
    assert!(subject.ends_with("> (TEST, please ignore)"), "{subject}");
    assert!(
        mail.text().starts_with("This is a TEST."),
        "{}",
        mail.text()
    );
    assert_eq!(
        mail.headers("DKIM-Signature").len(),
        2,
        "signed as any report"
    );
    let report = mail.report();
    assert_eq!(report["organization-name"], "Sender Example (TEST)");
    assert_eq!(
        report["policies"][0]["policy"],
        json!({"policy-type": "no-policy-found", "policy-domain": "sender.example"})
    );

    let url = lab.https.url("/test");
    let ended = ctl(&lab, &["send-test", &url, "--json"]).success();
    let said = json_of(&ended);
    assert_eq!(
        (&said["kind"], &said["requests"][0]["state"]),
        (&json!("test"), &json!("sent"))
    );
    let post = &lab.https.posts_to("/test")[0];
    let id = mail::report(&post.body)["report-id"].clone();
    assert!(id.as_str().unwrap().starts_with("test-"), "{id}");

    for (to, act, want, why) in [
        (
            "later@here.test",
            "451 4.2.1 greylisted",
            "failed",
            "one attempt: this is the answer",
        ),
        (
            "gone@here.test",
            "550 5.1.1 no such user",
            "refused",
            "the address",
        ),
        (
            "denied@here.test",
            "554 5.7.1 relay access denied",
            "failed",
            "the relay says it of us",
        ),
    ] {
        lab.smtp.script_for(to, Stage::Rcpt, Act::reply(act));
        let ended = ctl(&lab, &["send-test", to]);
        assert_eq!(ended.code(), Some(1), "{why}: {}", ended.stdout);
        assert!(
            ended
                .stdout
                .starts_with(&format!("mailto:{to}: {want} after ")),
            "{why}: {}",
            ended.stdout
        );
        assert!(ended.stdout.contains(act), "{why}: {}", ended.stdout);
    }
    lab.https.script("/busy", Answer::status(503));
    let ended = ctl(&lab, &["send-test", &lab.https.url("/busy")]);
    assert!(
        ended.stdout.contains("failed after ") && ended.stdout.contains("503"),
        "{}",
        ended.stdout
    );
    assert_eq!(lab.https.posts_to("/busy").len(), 1, "one attempt");
    assert_eq!(rows(&lab), before, "it is in no table of reports");
    let suspended = "SELECT count(*) FROM tlsrptd_refusals";
    assert_eq!(
        lab.query(&lab.reportd_db(), suspended),
        [["0"]],
        "nothing is held against anybody"
    );
    running.stop().success();
}

#[test]
fn hostile_words_are_refused_and_leave_no_row() {
    let lab = Lab::new();
    let running = reported(&lab);
    #[rustfmt::skip]
    let rows: &[(&[&str], i32, &str, &str)] = &[
        (&["send-test", "mailto:a@x.test%0d%0aBcc:b@y.test"], 1, "URI: ", "a header"),
        (&["send-test", "mailto:a@x.test,b@x.test"], 1, "one address is wanted", "two at once"),
        (&["send-test", "mailto://a@x.test"], 1, "URI: ", "no address"),
        (&["send-test", "http://x.test/"], 1, "scheme is unusable", "in plain"),
        (&["send-test", "file:///etc/passwd"], 1, "scheme is unusable", "no carrier"),
        (&["send-test", "directory:/tmp"], 1, "scheme is unusable", "a map's"),
        (&["send-test", "mailto:root@localhost"], 1, "URI: ", "a name of ours"),
        (&["send-test", "\"a@y.test\"@x.test"], 1, "URI: ", "a route"),
        (&["send-test", ""], 1, "URI: ", "nothing"),
        (&["resend", "one.test", "yesterday", "--to", "https://"], 1, "--to: ", "no host"),
        (&["resend", "no domain", "yesterday"], 1, "DOMAIN: ", "no domain"),
        (&["resend", "one.test", "2026-13-01"], 2, "DAY", "no day"),
        (&["resend", "two.test", "yesterday"], 1, "there is no report on two.test", "not reported"),
        (&["resend", "one.test", "2020-01-01"], 1, "there is no report on one.test", "long ago"),
        (&["send-test", "a@x.test", "--wait", "0"], 2, "--wait", "no time"),
    ];
    for (command, code, want, why) in rows {
        let ended = ctl(&lab, command);
        assert_eq!(
            ended.code(),
            Some(*code),
            "{why}: {}{}",
            ended.stdout,
            ended.stderr
        );
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains(want), "{why}: {said}");
    }
    // An operator wrote it by hand.
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    db.execute_batch(
        "INSERT INTO tlsrptd_requests(kind) VALUES('nothing'), (NULL), (x'ff00');
         INSERT INTO tlsrptd_requests(kind, destination, r_id, failures) VALUES('resend', x'ff', 'a', 'b'), ('resend', 'mailto:', 99, -1);",
    )
    .unwrap();
    drop(db);
    let failed = "SELECT count(*) FROM tlsrptd_requests WHERE state = 'failed'";
    lab.wait_for_query(&lab.reportd_db(), failed, "2");
    ctl(&lab, &["send-test", "a@x.test"]).success();
    running.stop().success();
}

fn ask(socket: &Path, request: &str) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    writeln!(stream, "{}", json!({ "request": request })).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn the_reporter_says_how_it_is() {
    let lab = Lab::new();
    let running = reported(&lab);
    let status = ask(&socket(&lab), "status");
    assert_eq!(status["program"], "tlsrpt-reportd");
    assert_eq!(status["pid"], running.pid().as_raw());
    assert_eq!(status["clock"]["is_confirmed"], true);
    assert_eq!(status["resolver"]["state"], "available");
    assert_eq!(status["requests"], 0);
    let collector = &status["collectors"][0];
    assert!(collector["last_success"].is_string(), "{status}");
    assert_eq!(collector["last_error"], Value::Null, "{status}");
    assert!(ask(&socket(&lab), "secrets")["error"].is_string());

    // Five failures in a row throttle the relay's queue. The connection that is kept for the next mail is closed.
    lab.smtp.script(Stage::Mail, Act::Close);
    let out_of_order = "421 4.3.2 out of \u{202e}order";
    lab.smtp.script(Stage::Banner, Act::reply(out_of_order));
    let asked = words(&lab, &["resend", "one.test", "yesterday", "--to", MAILBOX]).start();
    until_true("the relay's queue is throttled", || {
        let status = ask(&socket(&lab), "status");
        let queues = status["queues"].as_array().unwrap();
        let relay = queues.iter().find(|queue| queue["key"] == "mailto:");
        relay.is_some_and(|relay| {
            relay["throttled_until"].is_string()
                && relay["reason"]
                    .as_str()
                    .is_some_and(|why| why.contains("421 4.3.2 out of"))
        })
    });
    until_true("the operator is told", || {
        asked.log().contains("mailto: is throttled")
    });
    let status = ask(&socket(&lab), "status");
    let warnings = status["warnings"].as_array().unwrap();
    let told = warnings.iter().any(|warning| {
        let text = warning["text"].as_str().unwrap();
        text.starts_with("the DKIM key is open to every user")
    });
    assert!(told, "{status}");
    assert_eq!(status["requests"], 1, "{status}");
    assert_documented(&status);
    // Whoever waits keeps no reporter from ending in order.
    running.stop().success();
    asked.signal(Signal::SIGTERM);
    let ended = asked.wait();
    assert!(
        ended.stdout.contains("taken back, nothing was sent"),
        "{}",
        ended.stdout
    );
    assert!(!socket(&lab).exists());
}

/// tlsrpt-observe(5) has each field.
fn assert_documented(status: &Value) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man/tlsrpt-observe.5.in");
    let page = std::fs::read_to_string(page).unwrap();
    let begin = page.find(".Sh THE REPORTER").unwrap();
    let page = &page[begin..page.find(".Sh FILES").unwrap()];
    let words: Vec<&str> = page.split([' ', ',', '\n']).collect();
    let nested = ["clock", "deliveries_in_hand", "resolver"].map(|name| &status[name]);
    let listed = ["queues", "collectors", "warnings"].map(|name| &status[name][0]);
    let mut told = 0;
    for object in nested.into_iter().chain(listed).chain([status]) {
        for field in object.as_object().unwrap().keys() {
            assert!(
                words.contains(&field.as_str()),
                "{field} is not in tlsrpt-observe(5)"
            );
            told += 1;
        }
    }
    assert!(told > 35, "{told}");
}
