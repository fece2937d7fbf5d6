//! Reports on MX hosts, from recorded datagrams of Postfix to the mails of the reporter.

use std::net::Ipv4Addr;

use hickory_proto::rr::{RData, rdata::A};
use serde_json::json;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::stored::{lines, or_dash};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

const HOST: &str = "mx1.dane-mismatch.test";

/// A recorded datagram, as if it were of another domain with its mail at `HOST`.
fn recorded(file: &str, domain: &str) -> Vec<u8> {
    let all = mta::recorded();
    let (_, bytes) = all.iter().find(|(name, _)| name == file).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let own = mta::domain_of(bytes);
    text.replace(&format!("mx1.{own}"), HOST)
        .replace(
            &format!("\"d\": \"{own}\""),
            &format!("\"d\": \"{domain}\""),
        )
        .into_bytes()
}

/// Three domains with their mail at one host: the record of the first names the host's destination, the second has one of
/// its own, the third has none any more.
fn site() -> Lab {
    let lab = Lab::new();
    let rua = |to: &str| format!("v=TLSRPTv1; rua=mailto:{to}");
    lab.dns.tlsrpt("one.test", &rua("TLS@hoster.test"));
    lab.dns.tlsrpt("two.test", &rua("own@two.test"));
    lab.dns.tlsrpt(HOST, &rua("tls@hoster.test"));
    lab.collect([
        recorded("dane-mismatch.json", "one.test"),
        recorded("dane-mismatch.json", "two.test"),
        recorded("dane-mismatch.json", "three.test"),
        recorded("dane-ok.json", "three.test"),
        recorded("dane-ok.json", "three.test"),
        recorded("plain-tls.json", "two.test"),
    ]);
    lab
}

/// Lets a reporter work until all days are decided and nothing is pending.
fn report(lab: &Lab, reportd: &Program) {
    let running = reportd.start();
    let decided = "SELECT count(*) > 0 AND sum(status IS NULL) = 0 FROM fetchjobs";
    lab.wait_for_query(&lab.reportd_db(), decided, "1");
    lab.deliveries();
    running.stop().success();
}

#[test]
fn one_report_on_the_host_of_three_domains() {
    let lab = site();
    report(&lab, &lab.reportd().set("mx_reports", "yes"));
    let rows = lines(&lab.stored().reports, |row| {
        let kind = if row.is_on_mx_host { "MX" } else { "domain" };
        let why = or_dash(&row.reason).split(':').next().unwrap_or_default();
        format!("{kind} {} {} {why}", row.domain, row.sessions)
    });
    assert_eq!(
        rows,
        [
            "MX mx1.dane-mismatch.test 4 -",
            "domain one.test 1 -",
            "domain three.test 3 opted out",
            "domain two.test 2 -",
        ]
    );
    let mails = lab.smtp.mails();
    let on_host: Vec<_> = mails
        .iter()
        .filter(|mail| {
            ReportMail::parse(&mail.bytes)
                .header("TLS-Report-Domain")
                .as_deref()
                == Some(HOST)
        })
        .collect();
    assert_eq!((mails.len(), on_host.len()), (3, 1));
    assert_eq!(on_host[0].to, ["tls@hoster.test"]);
    let mail = ReportMail::parse(&on_host[0].bytes);
    let subject = mail.header("Subject").unwrap();
    assert!(
        subject.contains(&format!("Report Domain: {HOST}")),
        "{subject}"
    );
    let name = mail.part_header(1, "Content-Disposition").unwrap();
    assert!(name.contains(&format!("!{HOST}!")), "{name}");
    let report = mail.report();
    assert_eq!(report["report-id"], lab.report_id(HOST));
    let summaries = report["policies"].as_array().unwrap().iter();
    let summaries: Vec<_> = summaries
        .map(|policy| {
            (
                policy["policy"]["policy-domain"].clone(),
                policy["summary"].clone(),
            )
        })
        .collect();
    let summary = |good: u64, failed: u64| {
        let counts = json!({
            "total-successful-session-count": good,
            "total-failure-session-count": failed,
        });
        (json!(HOST), counts)
    };
    assert_eq!(summaries, [summary(0, 2), summary(2, 0)]);
    let details = &report["policies"][0]["failure-details"];
    assert_eq!(
        details.as_array().unwrap().len(),
        1,
        "of both domains: {details}"
    );
    assert_eq!(details[0]["failed-session-count"], 2);
    let whole = format!("{report}{}{}", mail.raw_header(), mail.text());
    for domain in ["one.test", "two.test", "three.test"] {
        assert!(
            !whole.contains(domain),
            "whose mail it was is nobody's: {whole}"
        );
    }
    let totals = "SELECT domains, sessions, failed, reports, without, deliveries FROM tlsrptd_history_days \
        WHERE domains > 0";
    assert_eq!(
        lab.query(&lab.reportd_db(), totals).concat().join(" "),
        "3 6 3 2 1 3",
        "sessions count once"
    );
    assert_told(&lab);
    sys4_copes(&lab);
}

/// What the operator's commands say of it.
fn assert_told(lab: &Lab) {
    for (words, says) in [
        (
            &["why", HOST][..],
            "the report on it as a MX host (4 sessions of whatever domains) was sent to mailto:tls@hoster.test",
        ),
        (
            &["show", HOST],
            "Report on the MX host mx1.dane-mismatch.test of ",
        ),
        (&["deliveries"], "mx1.dane-mismatch.test (MX host)"),
    ] {
        let ctl = words.iter().fold(lab.full_ctl(), |ctl, word| ctl.arg(word));
        let ended = ctl.run();
        assert!(
            ended.stdout.contains(says),
            "{words:?}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }
}

/// sys4's reporter works on the database, and sends nothing again.
fn sys4_copes(lab: &Lab) {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let running = lab.their_reportd(&sys4).start();
    until_true("sys4 is at work", || !running.log().is_empty());
    lab.deliveries();
    running.stop();
    assert!(lab.their_mails().is_empty());
}

/// The hoster's address gets neither the report on the domain that names it, nor the one on the host.
#[test]
fn a_listed_hoster_gets_no_report() {
    let lab = site();
    let listed = RData::A(A(Ipv4Addr::new(127, 0, 0, 2)));
    lab.dns.set("hoster.test.dbl.test", vec![listed]);
    let reportd = lab.reportd().set("mx_reports", "yes");
    report(&lab, &reportd.set("destination_dnsbl", "dbl.test"));
    let mails = lab.smtp.mails();
    let to: Vec<_> = mails.iter().flat_map(|mail| &mail.to).collect();
    assert_eq!(to, ["own@two.test"]);
}

#[test]
fn nobody_asks_for_a_host_unless_it_is_wanted() {
    let lab = site();
    report(&lab, &lab.reportd());
    assert_eq!(lab.dns.asked(&format!("_smtp._tls.{HOST}")), 0);
    let rows = lines(&lab.stored().reports, |row| row.domain.clone());
    assert_eq!(rows, ["one.test", "three.test", "two.test"]);
    let sums = "SELECT (SELECT count(*) FROM tlsrptd_mx_hosts) + (SELECT count(*) FROM tlsrptd_mx_sessions)";
    assert_eq!(lab.query(&lab.reportd_db(), sums), [["0"]]);
}
