//! A relay that takes no mail from us: nothing is lost, nobody is blamed, and the operator hears of it once.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::smtp::{Act, Smtp, Stage};
use tlsrptd_tests::harness::stored::Stored;
use tlsrptd_tests::harness::tls::Ca;
use tlsrptd_tests::harness::wait::until_true;

use super::{by_domain, closed_day, fill, rua};

const DENIES: &str = "the relay takes no mail from us: reports wait until it does";

/// More domains than it takes for the queue to be throttled, and than are under way meanwhile.
fn site() -> Lab {
    let names: Vec<String> = (0..20).map(|number| format!("d{number}.test")).collect();
    let lab = Lab::new();
    let record = |name: &String| (name.clone(), rua(&format!("mailto:a@{name}")));
    let records: Vec<_> = names.iter().map(record).collect();
    fill(
        &lab,
        records
            .iter()
            .map(|(name, record)| (name.as_str(), record.clone())),
    );
    lab
}

#[test]
fn what_it_says_of_us_is_held_against_nobody_and_told_once() {
    #[rustfmt::skip]
    let table = [
        (Stage::Rcpt, "554 5.7.1 <{}>: Relay access denied", "mynetworks", "the mistake of the first day"),
        (Stage::Rcpt, "550 5.1.8 Sender address rejected", "sender_address", "the sender"),
        (Stage::Rcpt, "504 5.5.2 Helo command rejected", "helo_name", "our name"),
        (Stage::Mail, "553 5.1.8 no such sender", "sender_address", "the sender"),
        (Stage::End, "554 5.7.1 blocked by the filter", "log", "a milter"),
        (Stage::Ehlo, "501 syntax", "helo_name", "our name"),
        (Stage::Rcpt, "451 4.3.5 server configuration error", "log", "itself"),
    ];
    for (stage, reply, remedy, why) in table {
        let lab = site();
        lab.smtp.script(stage, Act::reply(reply));
        let running = lab.reportd().start();
        until_true(&format!("a warning: {why}"), || {
            running.log().contains(DENIES)
        });
        // The queue is throttled after five, and one attempt asks after half a minute.
        lab.wait_for_stored("five attempts", |stored| tried(stored) >= 5);
        let status = lab.ctl().arg("status").run().success().stdout;
        let said = reply.split('<').next().unwrap().trim();
        assert!(status.contains(said), "{why}: the reason is in {status}");
        let stored = lab.stored();
        let ended = stored.deliveries.iter().filter(|row| row.status.is_some());
        let found = (stored.deliveries.len(), ended.count(), stored.failures());
        assert_eq!(found, (20, 0, 0), "{why}: charged to nobody");
        assert!(stored.refusals.is_empty(), "{why}: {:?}", stored.refusals);
        let log = running.stop().success().stderr;
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(DENIES)).collect();
        assert_eq!(lines.len(), 1, "{why}: {lines:?}");
        assert!(
            lines[0].contains(said) && lines[0].contains(remedy),
            "{why}: {lines:?}"
        );
        assert!(!log.contains("result=refused"), "{why}");
    }
}

#[test]
fn when_it_is_over_the_reports_go_out_and_one_line_says_so() {
    let lab = site();
    lab.smtp
        .script(Stage::Rcpt, Act::reply("554 5.7.1 Relay access denied"));
    let running = lab.reportd().start();
    lab.wait_for_stored("five attempts", |stored| tried(stored) >= 5);
    lab.smtp.heal();
    // After half a minute, by the next one asked with.
    until_true("an end of it", || {
        running.log().contains("the relay takes mail from us again")
    });
    lab.smtp.wait_for_mails(3);
    let log = running.stop().success().stderr;
    assert_eq!(log.matches("takes mail from us again").count(), 1, "{log}");
    assert_eq!(log.matches(DENIES).count(), 1, "{log}");
    assert!(!log.contains("reachable again"), "one line is enough");
}

#[test]
fn a_mail_that_no_relay_takes_holds_up_no_other() {
    let lab = Lab::new();
    let poisoned = "big@reports.test";
    lab.smtp
        .script_for(poisoned, Stage::End, Act::reply("552 5.3.4 too big"));
    let names: Vec<String> = (0..30).map(|number| format!("p{number}.test")).collect();
    let record = |(number, name): (usize, &String)| {
        let to = match number % 3 {
            0 => poisoned.to_owned(),
            _ => format!("a@{name}"),
        };
        (name.clone(), rua(&format!("mailto:{to}")))
    };
    let records: Vec<_> = names.iter().enumerate().map(record).collect();
    fill(
        &lab,
        records
            .iter()
            .map(|(name, record)| (name.as_str(), record.clone())),
    );
    let running = lab.reportd().start();
    let found = by_domain(&lab, &lab.reportd_db(), names.len());
    running.stop().success();
    for (number, name) in names.iter().enumerate() {
        let result = found[name].result();
        match number % 3 {
            0 => assert!(matches!(result, "retry" | "waits"), "{name}: {result}"),
            _ => assert_eq!(result, "sent", "{name}"),
        }
    }
    assert_eq!(lab.smtp.mails().len(), 20);
}

/// What relays in the field answer: three digits decide, at every stage.
#[test]
fn strange_replies() {
    /// The receiver, the stage, the bytes, the result, the mails that arrive, why.
    type Row<'a> = (&'a str, Stage, &'a [u8], &'a str, usize, &'a str);
    #[rustfmt::skip]
    let table: &[Row<'_>] = &[
        ("bare", Stage::End, b"250\r\n", "sent", 1, "a bare code"),
        ("space", Stage::End, b"250 \r\n", "sent", 1, "a bare code and a space"),
        ("latin", Stage::End, b"250 angenommen f\xfcr\r\n", "sent", 1, "Latin-1"),
        ("lf", Stage::End, b"250 ok\n", "sent", 1, "LF alone"),
        ("long", Stage::End, &[b"250 ".as_slice(), &[b'x'; 9000], b"\r\n"].concat(), "sent", 1, "a long line"),
        ("lines", Stage::End, b"250-kept\r\n250-and\r\n250\r\n", "sent", 1, "several lines"),
        ("banner", Stage::Banner, b"220\r\n", "sent", 1, "a bare greeting"),
        ("ehlo", Stage::Ehlo, b"250\r\n", "sent", 1, "a bare answer to EHLO"),
        ("from", Stage::Mail, b"250\r\n", "sent", 1, "a bare answer to MAIL"),
        ("to", Stage::Rcpt, b"250\r\n", "sent", 1, "a bare answer to RCPT"),
        ("data", Stage::Data, b"354\r\n", "sent", 1, "a bare answer to DATA"),
        ("early", Stage::Rcpt, b"250 ok\r\n354 go on\r\n250 kept\r\n", "waits", 0, "answers to what was not asked"),
        ("nodata", Stage::Data, b"250 ok\r\n", "waits", 0, "DATA is answered with 354"),
        ("another", Stage::End, b"354 go on\r\n", "retry", 0, "the end of a mail is not"),
        ("one", Stage::End, b"150 go on\r\n", "retry", 0, "no first digit of SMTP"),
        ("nul", Stage::Banner, b"220 \0\x1b[31m\r\n", "sent", 1, "what a terminal would obey"),
    ];
    let lab = closed_day([("a.test", rua("mailto:a@reports.test"))]);
    let start = |(row, stage, bytes, ..): &(&str, Stage, &[u8], &str, usize, &str)| {
        let relay = Smtp::start();
        relay.script(*stage, Act::bytes(bytes));
        let reportd = lab
            .reportd()
            .set("dbname", lab.file(row).display())
            .set("mail_transport", relay.transport());
        (relay, reportd.start())
    };
    let running: Vec<_> = table.iter().map(start).collect();
    for ((relay, reportd), (row, _, _, result, taken, why)) in running.into_iter().zip(table) {
        let found = by_domain(&lab, &lab.file(row), 1);
        let log = reportd.stop().success().stderr;
        assert!(!log.contains('\u{1b}'), "{row}: {why}");
        let delivery = &found["a.test"];
        assert_eq!(delivery.result(), *result, "{row}: {why}: {delivery:?}");
        assert_eq!(relay.mails().len(), *taken, "{row}: {why}");
    }
}

/// 8 GiB in 14 s were once read for one reply.
#[test]
fn a_reply_without_end_takes_no_memory() {
    for stage in [Stage::Banner, Stage::Rcpt, Stage::End] {
        let lab = closed_day([("a.test", rua("mailto:a@reports.test"))]);
        lab.smtp.script(stage, Act::Flood);
        let running = lab.reportd().start();
        by_domain(&lab, &lab.reportd_db(), 1);
        let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: u64 = peak
            .and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse().ok())
            .unwrap();
        assert!(peak < 200 << 10, "{stage:?}: {peak} kB");
        running.stop().success();
    }
}

/// Whoever is on the way may write behind the relay's answer to STARTTLS what will be read inside TLS.
#[test]
fn what_stands_behind_the_answer_to_starttls_ends_the_session() {
    let ca = Ca::new();
    let relay = Smtp::start_with_starttls(&ca);
    let injected = b"220 go ahead\r\n250-injected\r\n250 AUTH PLAIN\r\n";
    relay.script(Stage::StartTls, Act::bytes(injected));
    let lab = closed_day([("a.test", rua("mailto:a@reports.test"))]);
    let running = lab
        .reportd()
        .set("mail_transport", relay.transport())
        .start();
    let found = by_domain(&lab, &lab.reportd_db(), 1);
    running.stop().success();
    assert_eq!(found["a.test"].result(), "sent", "{found:?}");
    let mails = relay.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].connection, mails[0].tls),
        (1, false),
        "by another session"
    );
}

/// A mail's Date is that of its first attempt: between its making and that may lie a day and a half.
#[test]
fn a_mail_is_dated_by_its_first_attempt() {
    let lab = closed_day([("a.test", rua("mailto:a@reports.test"))]);
    lab.smtp
        .script_times(Stage::Mail, Act::reply("450 4.3.2 not now"), 1);
    lab.smtp
        .script_times(Stage::End, Act::reply("452 4.2.2 full"), 1);
    let later = lab.reportd().set("spread_out_delivery", 31_536_000);
    let running = later.start();
    lab.wait_for_stored("a report", |stored| stored.deliveries.len() == 1);
    running.stop().success();
    let change = |sql: &str| {
        let database = rusqlite::Connection::open(lab.reportd_db()).unwrap();
        database.execute_batch(sql).unwrap();
    };
    change("UPDATE reports SET its = datetime('now', '-34 hours')");
    // Nothing of the first came to the relay; the second was shown to it, and is repeated.
    for tried in [
        "SELECT tlsrptd_reason LIKE 'MAIL%'",
        "SELECT retries = 1",
        "SELECT status = 'sent'",
    ] {
        change("UPDATE destinations SET nexttry = '2020-01-01 00:00:00+00:00'");
        let running = lab.reportd().start();
        lab.wait_for_query(
            &lab.reportd_db(),
            &format!("{tried} FROM destinations"),
            "1",
        );
        running.stop().success();
        if tried.contains("MAIL") {
            let dated = "SELECT tlsrptd_dated IS NULL FROM destinations";
            assert_eq!(lab.query(&lab.reportd_db(), dated), [["1"]]);
        }
    }
    let mails = lab.smtp.offered();
    assert_eq!(mails.len(), 2);
    assert_eq!(
        mails[0].bytes, mails[1].bytes,
        "what was shown once stays the same"
    );
    let age = |mail: &ReportMail| {
        let date = mail.header("Date").unwrap();
        let date = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp();
        jiff::Timestamp::now().duration_since(date).as_secs()
    };
    let age = age(&ReportMail::parse(&mails[1].bytes));
    assert!((0..3600).contains(&age), "{age} s old");
}

/// Deliveries whose last attempt failed for a reason.
fn tried(stored: &Stored) -> usize {
    let reasons = stored.deliveries.iter().filter(|row| row.reason.is_some());
    reasons.count()
}
