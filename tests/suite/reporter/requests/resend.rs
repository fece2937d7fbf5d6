//! A report once more.

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::wait::until_true;

use super::{MAILBOX, OPEN, ctl, json_of, reported, rows, words};
use crate::{in_turn::patient, reporter::assert_law};

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
    let listed = json_of(&ctl(&lab, &["requests", "list", "--json"]).success());
    let waits = &listed["requests"][0];
    assert_eq!(
        [&waits["kind"], &waits["domain"], &waits["destination"]],
        ["resend", "one.test", MAILBOX]
    );
    assert!(waits["asked_at"].is_string(), "{waits}");
    assert!(told(waits).contains("451 4.3.0 down"), "{waits}");
    for command in [
        &["status"][..],
        &[
            "deliveries",
            "yesterday",
            "--domain",
            "one.test",
            "--status",
            "waiting",
        ],
        &["why", "one.test", "yesterday"],
    ] {
        let said = json_of(&words(&lab, command).arg("--json").run());
        assert_eq!(said["requests"][0]["id"], waits["id"], "{command:?}");
        let shown = ctl(&lab, command).stdout;
        assert!(shown.contains("451 4.3.0 down"), "{command:?}: {shown}");
    }
    lab.smtp.heal();
    lab.wait_for_query(&lab.reportd_db(), OPEN, "0");
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 2);
    let ended = ctl(&lab, &["requests", "list"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout);
    assert_eq!(ended.stdout, "no request waits\n");
    running.stop().success();
}

fn told(request: &serde_json::Value) -> &str {
    request["answer"].as_str().unwrap_or_default()
}

#[test]
fn what_waits_can_be_taken_back() {
    let lab = Lab::new();
    let running = reported(&lab);
    lab.smtp
        .script(Stage::Mail, Act::reply("451 4.3.0 down for a while"));
    let resend = ["resend", "one.test", "yesterday", "--to", MAILBOX];
    ctl(&lab, &[&resend[..], &["--no-wait"]].concat()).success();
    let listed = || json_of(&ctl(&lab, &["requests", "list", "--json"]));
    until_true("the relay has denied it", || {
        let waits = &listed()["requests"][0];
        waits["state"] == "waiting" && told(waits).contains("451 4.3.0")
    });
    let id = listed()["requests"][0]["id"].to_string();
    let again = ctl(&lab, &resend);
    let how = format!("tlsrptctl requests withdraw {id} takes that back");
    assert!(again.stdout.contains(&how), "{}", again.stdout);
    let taken = ctl(&lab, &["requests", "withdraw", &id]).success();
    let want = format!("{id}: one.test {} to {MAILBOX}: taken back\n", lab.day());
    assert_eq!(taken.stdout, want);
    for (numbers, want) in [
        (&[id.as_str()][..], "taken back"),
        (&[id.as_str(), "99"], "99: there is no such request"),
    ] {
        let ended = ctl(&lab, &[&["requests", "withdraw"], numbers].concat());
        assert!(ended.stdout.contains(want), "{}", ended.stdout);
        assert_eq!(ended.code(), Some(i32::from(numbers.len() > 1)));
    }
    lab.smtp.heal();
    // Another that is sent shows that the reporter has looked at all of them.
    ctl(
        &lab,
        &["resend", "one.test", "yesterday", "--to", "b@else.test"],
    )
    .success();
    assert_eq!(lab.smtp.mails_to("a@one.test").len(), 1);
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
    let again = ctl(
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
    assert_eq!(again.code(), Some(1), "{}{}", again.stdout, again.stderr);
    assert!(
        again.stdout.contains("it is asked for already"),
        "{}",
        again.stdout
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
