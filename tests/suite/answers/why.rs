//! `why`: one sentence, asked of real databases.

use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::sys4::Sys4;

use super::{ask, ask_json};

fn rua(uri: &str) -> String {
    format!("v=TLSRPTv1; rua={uri}")
}

/// Asserts what is said of a domain: how the sentence begins, and what is in it.
fn assert_said(lab: &Lab, table: &[(&str, &str, i32, &str)]) {
    for (domain, says, code, why) in table {
        let ended = ask(lab, &["why", domain]);
        let sentence = &ended.stdout;
        assert!(
            sentence.contains(says),
            "{why}: {says:?} is not in: {sentence}{}",
            ended.stderr
        );
        assert_eq!(
            (sentence.lines().count(), ended.code()),
            (1, Some(*code)),
            "{why}: {sentence}"
        );
        let (json, _) = ask_json(lab, &["why", domain]);
        assert_eq!(
            json["sentence"].as_str().unwrap(),
            sentence.trim_end(),
            "{why}"
        );
    }
}

#[test]
fn from_the_datagram_to_the_last_answer() {
    let lab = Lab::new();
    let domains = [
        "sent.test",
        "wait.test",
        "no.test",
        "web.test",
        "few.test",
        "quiet.test",
        "map.test",
        "gone.test",
    ];
    for domain in domains {
        lab.dns
            .tlsrpt(domain, &rua(&format!("mailto:tls@{domain}")));
    }
    let web = lab.https.url("/broken");
    lab.dns.tlsrpt("web.test", &rua(&web));
    lab.https.script("/broken", Answer::status(503));
    lab.dns.tlsrpt("seen.test", &rua("mailto:tls@seen.test"));
    lab.dns.remove("_smtp._tls.gone.test");
    lab.smtp.script_for(
        "tls@wait.test",
        Stage::Rcpt,
        Act::reply("450 4.2.1 mailbox busy"),
    );
    lab.smtp.script_for(
        "tls@no.test",
        Stage::Rcpt,
        Act::reply("550 5.1.1 no such user"),
    );
    let map = lab.file("record.map");
    std::fs::write(&map, "map.test DISCARD\n").unwrap();
    let mut datagrams: Vec<Vec<u8>> = domains
        .iter()
        .flat_map(|domain| {
            let number = if *domain == "few.test" { 1 } else { 2 };
            (0..number)
                .map(|_| mta::failure(domain, &rua("mailto:x@y.test"), 203))
                .collect::<Vec<_>>()
        })
        .collect();
    datagrams.push(mta::failure("mail.host.test", &rua("mailto:x@y.test"), 203));
    lab.collect(datagrams);
    let reportd = lab
        .reportd()
        .set("tlsrpt_record_map", map.display())
        .set("min_sessions", 2);
    let running = reportd.start();
    lab.wait_for_query(
        &lab.reportd_db(),
        "SELECT (SELECT count(*) FROM reports) = 9 AND (SELECT count(*) FROM destinations WHERE tlsrptd_reason IS NOT NULL) = 5",
        "1",
    );
    let day = lab.day();
    let counted = "2 sessions were counted, 2 of them failed; ";
    let table = [
        (
            "sent.test",
            format!("sent.test, {day}: {counted}the report was sent to mailto:tls@sent.test at 20"),
            0,
            "sent",
        ),
        (
            "wait.test",
            format!("{counted}the report to mailto:tls@wait.test waits"),
            0,
            "greylisted",
        ),
        (
            "wait.test",
            "450 4.2.1 mailbox busy".to_owned(),
            0,
            "with the answer",
        ),
        (
            "no.test",
            format!("{counted}the report was refused by mailto:tls@no.test at 20"),
            0,
            "refused",
        ),
        (
            "web.test",
            format!("{counted}the report to {web} waits after 1 failed attempt ("),
            0,
            "by https",
        ),
        (
            "few.test",
            "1 session was counted, 1 of them failed; no report was made at ".to_owned(),
            0,
            "min_sessions",
        ),
        (
            "few.test",
            "because 1 are fewer sessions than min_sessions asks for".to_owned(),
            0,
            "min_sessions",
        ),
        (
            "map.test",
            "because a destination map of yours discards all its destinations".to_owned(),
            0,
            "a map",
        ),
        (
            "gone.test",
            "DNS has no name _smtp._tls.gone.test (NXDOMAIN)".to_owned(),
            0,
            "no record any more",
        ),
        (
            "seen.test",
            "no collector has counted a session with it; ".to_owned(),
            1,
            "never counted",
        ),
        (
            "seen.test",
            "DNS has a TLSRPT record of it; a session is counted when Postfix".to_owned(),
            1,
            "what has to be true",
        ),
        (
            "host.test",
            "sessions were counted with mail.host.test: every mail domain has reports of its own"
                .to_owned(),
            1,
            "the host's name",
        ),
        (
            "deep.mail.host.test",
            "sessions were counted with mail.host.test".to_owned(),
            1,
            "a name below it",
        ),
    ];
    let table: Vec<_> = table
        .iter()
        .map(|(domain, says, code, why)| (*domain, says.as_str(), *code, *why))
        .collect();
    assert_said(&lab, &table);
    running.stop().success();
    assert_said(&lab, &table[..2]);
}

#[test]
fn a_collector_that_does_not_answer() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", &rua("mailto:tls@a.test"));
    lab.collect([mta::success("a.test", &rua("mailto:tls@a.test"))]);
    let dead = "/bin/false dead";
    let fetchers = format!("{}, {dead}", lab.fetcher().command_line());
    let running = lab.reportd().set("fetchers", &fetchers).start();
    lab.wait_for_query(
        &lab.reportd_db(),
        "SELECT count(*) FROM fetchjobs WHERE day = (SELECT max(day) FROM fetchjobs) AND (retries > 0 OR tlsrptd_closed IS NOT NULL)",
        "2",
    );
    let ctl = |words: &[&str]| {
        let ctl = lab.full_ctl().set("fetchers", &fetchers);
        words.iter().fold(ctl, |ctl, word| ctl.arg(word)).run()
    };
    let said = ctl(&["why", "a.test"]).success().stdout;
    for part in [
        "1 session was counted by 1 of 2 collectors, none of them failed; ",
        "collector /bin/false dead has not answered yet after 1 failed attempt (the command ended with exit status: 1",
        "nothing is decided before all collectors have answered or are given up; \
         by what is known now a report would go to mailto:tls@a.test.",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let shown = ctl(&["show", "a.test"]).success().stdout;
    assert!(
        shown.starts_with("Preview of the report on a.test of "),
        "{shown}"
    );
    assert!(
        shown.contains("Collector /bin/false dead has not answered on that day yet."),
        "{shown}"
    );
    let preview = ctl(&["show", "a.test", "--json"]).success().stdout;
    running.stop().success();
    // The settings change, the day is decided: what was shown is what is sent.
    let running = lab.reportd().start();
    let mails = lab.smtp.wait_for_mails(1);
    running.stop().success();
    let mail = tlsrptd_tests::harness::mail::ReportMail::parse(&mails[0].bytes);
    assert_eq!(tlsrptd_tests::harness::mail::gunzip(&mail.gzip()), preview);
}

#[test]
fn of_a_database_that_sys4_made() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", &rua("mailto:tls@a.test"));
    lab.collect([mta::success("a.test", &rua("mailto:tls@a.test"))]);
    let running = lab.their_reportd(&sys4).start();
    lab.deliveries();
    running.stop();
    assert_said(
        &lab,
        &[
            (
                "a.test",
                "1 session was counted, none of them failed; the report was sent to mailto:tls@a.test.",
                0,
                "sent",
            ),
            (
                "b.test",
                "no collector has counted a session with it",
                1,
                "unknown",
            ),
        ],
    );
    let json = ask(&lab, &["show", "a.test", "--json"]).success().stdout;
    let sql = "SELECT report FROM reports WHERE domain = 'a.test'";
    assert_eq!(
        lab.query(&lab.reportd_db(), sql),
        [[json]],
        "sys4 keeps the text"
    );
}
