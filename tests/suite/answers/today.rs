//! What is counted today, before anything is decided: previews, and what would go out tonight.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Ended, Program};
use tlsrptd_tests::harness::running::Running;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

/// A site whose collector answers questions.
struct Site {
    lab: Lab,
    collectd: Running,
}

impl Site {
    fn new() -> Site {
        let lab = Lab::new();
        let collectd = lab
            .collectd()
            .set("observation_socket", lab.file("observe").display());
        let collectd = lab.start_ready(&collectd);
        Site { lab, collectd }
    }

    fn fetcher(&self) -> Program {
        let socket = self.lab.file("observe");
        self.lab
            .fetcher()
            .set("observation_socket", socket.display())
    }

    /// Counts them, and waits until they are in the file.
    fn count(&self, datagrams: &[Vec<u8>]) {
        self.lab.mta().send_all(datagrams);
        let sessions = datagrams
            .iter()
            .map(|datagram| mta::sessions_of(datagram))
            .sum();
        self.lab
            .wait_for_sessions(&self.lab.collectd_db(), sessions);
    }

    fn ask_of(&self, fetchers: &str, words: &[&str]) -> Ended {
        let ctl = self.lab.full_ctl().set("fetchers", fetchers);
        words.iter().fold(ctl, |ctl, word| ctl.arg(word)).run()
    }

    fn ask(&self, words: &[&str]) -> Ended {
        self.ask_of(&self.fetcher().command_line(), words)
    }

    fn json(&self, words: &[&str]) -> serde_json::Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let ended = self.ask(&words);
        let value = serde_json::from_str(&ended.stdout);
        value.unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr))
    }
}

/// Datagrams of a real Postfix.
fn recorded(name: &str) -> Vec<u8> {
    let found = mta::recorded().into_iter().find(|(file, _)| file == name);
    found.unwrap().1
}

#[test]
fn a_preview_is_the_report_that_is_sent_later() {
    let site = Site::new();
    let lab = &site.lab;
    let datagrams = [
        "dane-mismatch.json",
        "dane-mismatch.json",
        "sts-expired.json",
    ]
    .map(recorded);
    let domain = mta::domain_of(&datagrams[0]);
    lab.dns
        .tlsrpt(&domain, "v=TLSRPTv1; rua=mailto:tls@reports.test");
    site.count(&datagrams);
    // No reporter has run yet: there is no database.
    let preview = site
        .ask(&["show", &domain, "today", "--json"])
        .success()
        .stdout;
    let text = site.ask(&["show", &domain, "today"]).success().stdout;
    for part in [
        &format!("Preview of the report on {domain} of "),
        "(UTC): nothing has been sent\n",
        &format!("DNS:             there is a TLSRPT record at _smtp._tls.{domain}\n"),
        "To:              mailto:tls@reports.test\n",
        "Sessions:        2, 2 of them failed\n",
        ": 2 sessions, 2 of them failed\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let mail_before = site
        .ask(&["show", &domain, "today", "--mail"])
        .success()
        .stdout;
    let mail_before = ReportMail::parse(mail_before.as_bytes());
    assert_eq!(mail::gunzip(&mail_before.gzip()), preview);
    assert_eq!(mail_before.headers("DKIM-Signature").len(), 2);
    let why = site.ask(&["why", &domain, "today"]).success().stdout;
    assert!(
        why.ends_with(": 2 sessions have been counted so far, 2 of them failed; after midnight UTC a report would go to mailto:tls@reports.test.\n"),
        "{why}"
    );
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    // What is today's becomes yesterday's.
    lab.close_day(&site.collectd, 3);
    let reportd = lab
        .reportd()
        .set("fetchers", site.fetcher().command_line())
        .start();
    let sent = lab.smtp.wait_for_mails(1).remove(0);
    assert_eq!(sent.to, ["tls@reports.test"]);
    reportd.stop().success();
    let report = mail::gunzip(&ReportMail::parse(&sent.bytes).gzip());
    let installation = &lab.query(&lab.reportd_db(), "SELECT id FROM tlsrptd_installation")[0][0];
    let preview = preview
        .replace(&today, &lab.day())
        .replace("0000000000000000", installation);
    // The fixture has a key of zeros, too.
    let report = report.replace("0000000000000000", installation);
    assert_eq!(
        preview, report,
        "the same bytes but for the day and the database's number"
    );
    let shown = site.ask(&["show", &domain, "--json"]).success().stdout;
    assert_eq!(shown.replace("0000000000000000", installation), report);
}

#[test]
fn what_goes_out_tonight() {
    let site = Site::new();
    let rua = |domain: &str| format!("v=TLSRPTv1; rua=mailto:tls@{domain}");
    let mut datagrams = Vec::new();
    for (domain, sessions) in [
        ("much.test", 5),
        ("some.test", 3),
        ("few.test", 1),
        ("other.test", 2),
    ] {
        datagrams.extend((0..sessions).map(|_| mta::success(domain, &rua(domain))));
    }
    datagrams.push(mta::failure("much.test", &rua("much.test"), 203));
    datagrams.push(mta::success("none.test", "v=spf1 -all"));
    site.count(&datagrams);
    let tonight = site.json(&["deliveries", "today", "--limit", "2"]);
    let totals = [
        "domains",
        "sessions",
        "failed",
        "reports",
        "deliveries",
        "more_rows",
    ];
    assert_eq!(
        totals.map(|total| tonight[total].as_u64().unwrap()),
        [5, 13, 1, 4, 4, 3],
        "{tonight}"
    );
    assert_eq!(
        tonight["without"],
        serde_json::json!([{"reason": "no record", "domains": 1, "sessions": 1}])
    );
    assert_eq!(
        tonight["rows"][0]["domain"], "much.test",
        "the most sessions first"
    );
    assert_eq!(
        tonight["rows"][0]["destinations"],
        serde_json::json!(["mailto:tls@much.test"])
    );
    let text = site
        .ask(&["deliveries", "today", "--limit", "2"])
        .success()
        .stdout;
    assert!(
        text.contains(" so far: 5 domains, 13 sessions, 1 of them failed.\n"),
        "{text}"
    );
    assert!(text.ends_with("\nand 3 more\n"), "{text}");
    for (words, rows, why) in [
        (&["--domain", "SOME.test"][..], 1, "one domain"),
        (&["--status", "none"], 1, "without a report"),
        (&["--status", "waiting"], 4, "with a report"),
        (&["--domain", "nobody.test"], 0, "not counted"),
    ] {
        let words: Vec<&str> = ["deliveries", "today"]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        let found = site.json(&words);
        assert_eq!(
            found["rows"].as_array().unwrap().len(),
            rows,
            "{why}: {found}"
        );
    }
    let sent = site.ask(&["deliveries", "today", "--status", "sent"]);
    assert!(
        sent.stderr.contains("none of today's reports is sent yet"),
        "{}",
        sent.stderr
    );
    assert_eq!(site.lab.dns.asked_in_all(), 0, "DNS is not asked");
}

#[test]
fn collectors_that_cannot_tell() {
    let site = Site::new();
    site.count(&[mta::success("a.test", "v=TLSRPTv1; rua=mailto:tls@a.test")]);
    site.lab
        .dns
        .tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:tls@a.test");
    let mut others = vec![
        (
            "/bin/false".to_owned(),
            "the command ended with exit status: 1",
            "dead",
        ),
        (
            site.lab.fetcher().command_line(),
            "observation_socket",
            "without a socket in its settings",
        ),
    ];
    if let Some(sys4) = Sys4::or_skip() {
        let theirs = site.lab.their_fetcher(&sys4).command_line();
        others.push((
            theirs,
            "cannot tell what was counted today",
            "sys4's says that there is nothing",
        ));
    }
    for (other, says, why) in others {
        let fetchers = format!("{}, {other}", site.fetcher().command_line());
        let shown = site
            .ask_of(&fetchers, &["show", "a.test", "today"])
            .success()
            .stdout;
        assert!(
            shown.contains("Sessions:        1, 0 of them failed"),
            "{why}: {shown}"
        );
        let tonight = site
            .ask_of(&fetchers, &["deliveries", "today"])
            .success()
            .stdout;
        for text in [shown, tonight] {
            let other = other.split_whitespace().next().unwrap();
            let line = text
                .lines()
                .find(|line| line.contains(other) && line.contains(says));
            assert!(line.is_some(), "{why}: {says:?} is not in:\n{text}");
        }
        let unseen = site.ask_of(&fetchers, &["why", "b.test", "today"]);
        assert_eq!(unseen.code(), Some(1), "{why}");
        assert!(
            unseen
                .stdout
                .contains("no session with it has been counted today; "),
            "{}",
            unseen.stdout
        );
        assert!(
            unseen.stdout.contains(" did not tell ("),
            "{why}: {}",
            unseen.stdout
        );
        assert!(
            unseen.stdout.contains("NXDOMAIN"),
            "{why}: {}",
            unseen.stdout
        );
    }
    let Site { lab, collectd } = site;
    collectd.stop().success();
    let socket = lab.file("observe");
    let fetcher = lab.fetcher().set("observation_socket", socket.display());
    let ctl = lab.full_ctl().set("fetchers", fetcher.command_line());
    let gone = ctl.arg("show").arg("a.test").arg("today").run();
    assert_eq!(gone.code(), Some(1), "the collector is stopped");
    assert!(gone.stdout.contains("not known: "), "{}", gone.stdout);
}

/// While a collector is silent it is named, and whoever waits may end that: nothing is left running.
#[test]
fn a_silent_collector_is_named_and_does_not_outlive_the_question() {
    let site = Site::new();
    site.count(&[mta::success("a.test", "v=TLSRPTv1; rua=mailto:tls@a.test")]);
    let script = site.lab.file("silent.sh");
    let pid_file = site.lab.file("silent.pid");
    // The program that it started holds on, too.
    let text = format!(
        "sleep 600 & echo $! >{0}.new; mv {0}.new {0}; wait\n",
        pid_file.display()
    );
    fs::write(&script, text).unwrap();
    let silent = format!("/bin/sh {}", script.display());
    let fetchers = format!("{}, {silent}", site.fetcher().command_line());
    for (words, signal, code) in [
        (&["deliveries", "today"][..], Signal::SIGINT, 130),
        (&["show", "a.test", "today"], Signal::SIGTERM, 143),
        (&["why", "a.test", "today"], Signal::SIGINT, 130),
    ] {
        let _ = fs::remove_file(&pid_file);
        let ctl = site.lab.full_ctl().set("fetchers", &fetchers);
        let ctl = words.iter().fold(ctl, |ctl, word| ctl.arg(word));
        let mut asking = ctl.start();
        asking.wait_for_log(&format!("waiting for {silent}\n"));
        let pid: i32 = fs::read_to_string(&pid_file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        asking.signal(signal);
        let ended = asking.wait();
        assert_eq!(ended.code(), Some(code), "{words:?}: {}", ended.stderr);
        let is_gone = || {
            fs::read_to_string(format!("/proc/{pid}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        };
        until_true("its child is gone", is_gone);
    }
    let began = Instant::now();
    let tonight = site.ask_of(&fetchers, &["deliveries", "today"]).success();
    assert!(
        began.elapsed() < Duration::from_secs(40),
        "it is not waited for longer"
    );
    let without = format!("Without {silent}: no answer in 20 s\n");
    assert!(tonight.stdout.contains(&without), "{}", tonight.stdout);
    assert!(tonight.stdout.contains("a.test "), "{}", tonight.stdout);
}
