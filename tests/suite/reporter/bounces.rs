//! Mails that come back, as an MTA hands them to `tlsrptctl bounce`.

use std::fs;
use std::path::PathBuf;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::running::Ended;
use tlsrptd_tests::harness::sys4::Sys4;

use crate::in_turn::{patient, their_reporter};

const RECORD: &str = "v=TLSRPTv1; rua=mailto:a@one.test";
const STATUS: &str = "SELECT status FROM destinations";

/// What a mail system says of an address (RFC 3464).
fn bounce(lab: &Lab, address: &str) -> PathBuf {
    let path = lab.file("bounce.eml");
    let text = format!(
        "From: MAILER-DAEMON@mx.one.test\nTo: <back@sender.example>\nSubject: Undelivered\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
         It failed.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.one.test\n\n\
         Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n--b--\n"
    );
    fs::write(&path, text).unwrap();
    path
}

/// As a shell hands it a file.
fn hand_over(ctl: Program, mail: &std::path::Path, recipient: &str) -> Ended {
    let read = format!("exec \"$0\" \"$@\" <{}", mail.display());
    let ctl = ctl.under(&["/bin/sh", "-c", &read]).arg("bounce");
    ctl.arg("--recipient").arg(recipient).run()
}

#[test]
fn a_report_that_comes_back_is_refused_once() {
    let lab = Lab::new();
    lab.dns.tlsrpt("one.test", RECORD);
    lab.collect([mta::failure("one.test", RECORD, 203)]);
    let reportd = patient(lab.reportd()).set("bounce_address", "back@sender.example");
    let running = reportd.start();
    lab.deliveries();
    let sender = lab.smtp.mails()[0].from.clone();
    assert!(sender.starts_with("back+d"), "{sender}");
    assert!(sender.ends_with("@sender.example"), "{sender}");
    let mail = bounce(&lab, "a@one.test");

    let forged = sender.replace("back+db", "back+dc");
    for (recipient, why) in [
        (forged.as_str(), "another number"),
        ("back@sender.example", "no tag"),
    ] {
        let ended = hand_over(lab.ctl(), &mail, recipient);
        assert_eq!(ended.code(), Some(67), "{why}: {}", ended.stderr);
        assert!(ended.stdout.starts_with("5.1.1 "), "{}", ended.stdout);
    }
    assert_eq!(lab.query(&lab.reportd_db(), STATUS), [["sent"]]);

    let ended = hand_over(lab.ctl(), &mail, &sender.to_uppercase()).success();
    assert!(ended.stdout.starts_with("refused: "), "{}", ended.stdout);
    lab.wait_for_query(&lab.reportd_db(), STATUS, "refused");
    let again = hand_over(lab.ctl(), &mail, &sender).success();
    assert!(again.stdout.starts_with("repeated: "), "{}", again.stdout);
    for command in ["why one.test", "deliveries", "show one.test", "status"] {
        let words = command.split(' ');
        let said = words
            .fold(lab.ctl(), |ctl, word| ctl.arg(word))
            .run()
            .stdout;
        let wanted = match command {
            "status" => "1 refused",
            "show one.test" => "refused",
            _ => "550 5.1.1 no such user",
        };
        assert!(said.contains(wanted), "{command}: {said}");
    }
    running.stop().success();

    // sys4's reporter on that database: the word is final to it, and our tables are none of its.
    if let Some(sys4) = Sys4::or_skip() {
        let again = "UPDATE fetchjobs SET status = NULL, nexttry = '2001-01-01 00:00:00+00:00'";
        let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
        db.execute(again, []).unwrap();
        drop(db);
        let theirs = their_reporter(&lab, &sys4, "nobody").start();
        let asked = "SELECT count(*) FROM fetchjobs WHERE status IS NULL";
        lab.wait_for_query(&lab.reportd_db(), asked, "0");
        drop(theirs);
        assert!(lab.their_mails().is_empty());
        assert_eq!(lab.query(&lab.reportd_db(), STATUS), [["refused"]]);
        assert_eq!(lab.smtp.mails().len(), 1);
    }
}

/// Whatever is wrong here, the mail stays with the MTA.
#[test]
fn no_mail_is_lost_for_a_fault_of_ours() {
    let lab = Lab::new();
    lab.dns.tlsrpt("one.test", RECORD);
    lab.collect([mta::failure("one.test", RECORD, 203)]);
    let reportd = patient(lab.reportd()).set("bounce_address", "back@sender.example");
    let running = reportd.start();
    lab.deliveries();
    running.stop().success();
    let sender = lab.smtp.mails()[0].from.clone();
    let mail = bounce(&lab, "a@one.test");
    let absent = lab.file("none.sqlite");
    let lock = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for (ctl, why) in [
        (lab.ctl(), "locked"),
        (lab.ctl().set("dbname", absent.display()), "no database"),
        (lab.ctl().set("nonsense", 1), "no such option"),
        (
            lab.ctl().arg("--until").arg("2026-01-01"),
            "another command's option",
        ),
    ] {
        let ended = hand_over(ctl, &mail, &sender);
        assert_eq!(
            ended.code(),
            Some(75),
            "{why}: {}{}",
            ended.stdout,
            ended.stderr
        );
        assert!(!ended.stderr.is_empty(), "{why}");
    }
    lock.execute_batch("ROLLBACK").unwrap();
    drop(lock);
    hand_over(lab.ctl(), &mail, &sender).success();
    // No reporter was there: the next one applies it.
    let running = reportd.start();
    lab.wait_for_query(&lab.reportd_db(), STATUS, "refused");
    running.stop().success();

    // As after keep_days.
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    db.execute_batch("DELETE FROM destinations; DELETE FROM reports; DELETE FROM tlsrptd_bounces")
        .unwrap();
    drop(db);
    let late = hand_over(lab.ctl(), &mail, &sender).success();
    assert!(late.stdout.starts_with("gone: "), "{}", late.stdout);
    let count = "SELECT count(*) FROM tlsrptd_bounces";
    assert_eq!(lab.query(&lab.reportd_db(), count), [["0"]]);
}
