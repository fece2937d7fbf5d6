//! `destination_dnsbl`: destinations on a DNS block list of the operator's, from the real programs.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::{A, TXT};
use tlsrptd_tests::harness::dns::Trouble;
use tlsrptd_tests::harness::https::Https;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::rua;

/// A domain, what its record names, what becomes of that, and why.
type Row = (&'static str, &'static str, &'static str, &'static str);

const ROWS: [Row; 8] = [
    ("a.test", "mailto:x@fine.test", "sent", "on no list"),
    ("b.test", "mailto:x@trap.test", "", "listed"),
    (
        "c.test",
        "mailto:x@TRAP.test,mailto:x@fine.test",
        "sent suppressed",
        "one of two",
    ),
    ("own.test", "mailto:x@own.test", "", "at its own address"),
    (
        "d.test",
        "mailto:x@code.test",
        "sent",
        "no code that counts",
    ),
    ("e.test", "mailto:x@refused.test", "sent", "a refusal"),
    ("f.test", "mailto:x@in.known.test", "sent", "a known one"),
    ("g.test", "https", "", "a host that is listed"),
];

fn code(octets: [u8; 4]) -> RData {
    RData::A(A(Ipv4Addr::from(octets)))
}

/// The records of the rows, a day with a session each, and a list.
fn site() -> Lab {
    let lab = Lab::new();
    for (name, octets) in [
        ("trap.test", [127, 0, 0, 2]),
        ("own.test", [127, 0, 0, 11]),
        ("code.test", [127, 0, 0, 12]),
        ("refused.test", [127, 255, 255, 254]),
        ("in.known.test", [127, 0, 0, 2]),
        (Https::HOST, [127, 0, 0, 3]),
    ] {
        let text = TXT::new(vec!["see\u{1b}[31m\n".to_owned(), "https://l.test/".into()]);
        let records = vec![code(octets), RData::TXT(text)];
        lab.dns.set(&format!("{name}.dbl.test"), records);
    }
    let mut datagrams = Vec::new();
    for (domain, uri, ..) in ROWS {
        let record = match uri {
            "https" => rua(&lab.https.url("/x")),
            uri => rua(uri),
        };
        lab.dns.tlsrpt(domain, &record);
        datagrams.push(mta::success(domain, &record));
    }
    lab.collect(&datagrams);
    lab
}

/// Why there is no report on a domain.
fn no_report(lab: &Lab, domain: &str) -> String {
    let stored = lab.stored();
    let row = stored.reports.iter().find(|row| row.domain == domain);
    row.unwrap().reason.clone().unwrap_or_default()
}

#[test]
fn what_is_on_a_list_is_left_out_with_the_reason() {
    let lab = site();
    // One that gives no answer does not keep others from theirs.
    for name in ["fine", "trap", "own", "code", "refused"] {
        let name = format!("{name}.test.dead.test");
        lab.dns.trouble(&name, Trouble::ServFail);
    }
    let reportd = lab
        .reportd()
        .set("destination_dnsbl", "dead.test, dbl.test=127.0.0.[2..11]")
        .set("known_destinations", "known.test")
        .start();
    let decided = "SELECT count(*) FROM reports";
    lab.wait_for_query(&lab.reportd_db(), decided, &ROWS.len().to_string());
    lab.deliveries();
    let stored = lab.stored();
    for (domain, _, want, why) in ROWS {
        let of = stored.deliveries.iter().filter(|row| row.domain == domain);
        let mut found: Vec<String> = of.map(|row| row.status().to_owned()).collect();
        found.sort();
        assert_eq!(found.join(" "), want, "{domain}: {why}");
    }
    let trap = "destination_dnsbl: trap.test is on dbl.test (127.0.0.2): see [31m https://l.test/";
    assert_eq!(no_report(&lab, "b.test"), trap);
    let mut rows = stored.deliveries.iter();
    let left_out = rows.find(|row| row.status() == "suppressed").unwrap();
    assert_eq!(left_out.reason.as_deref(), Some(trap));
    assert!(lab.https.posts().is_empty());
    assert_eq!(lab.dns.asked("in.known.test.dbl.test"), 0);
    assert!(lab.dns.asked("invalid.dbl.test") > 0, "is it a list?");
    let why = lab.ctl().arg("why").arg("b.test").run().success().stdout;
    let words = why.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("all its destinations are on a list of destination_dnsbl (trap.test"),
        "{why}"
    );
    reportd.stop().success();
}

#[test]
fn a_list_that_is_none_lists_nobody_and_delays_nothing() {
    for (zone, says, want) in [
        ("dead.test", None, "answer within 2 s"),
        ("parked.test", Some([192, 0, 2, 1]), "it answers 192.0.2.1"),
        ("all.test", Some([127, 0, 0, 2]), "it lists everybody"),
        ("shut.test", Some([127, 255, 255, 254]), "does not serve"),
    ] {
        let lab = site();
        let names = ["fine", "trap", "own", "code", "refused", "in.known"];
        let mut names: Vec<String> = names.map(|name| format!("{name}.test")).to_vec();
        names.extend([Https::HOST.to_owned(), "invalid".to_owned()]);
        for name in names {
            let name = format!("{name}.{zone}");
            match says {
                Some(octets) => lab.dns.set(&name, vec![code(octets)]),
                None => lab.dns.trouble(&name, Trouble::Silent),
            }
        }
        let begin = Instant::now();
        let reportd = lab.reportd().set("destination_dnsbl", zone).start();
        let sent = "SELECT count(*) FROM destinations WHERE status = 'sent'";
        lab.wait_for_query(&lab.reportd_db(), sent, "9");
        assert!(begin.elapsed() < Duration::from_secs(15), "{zone}");
        let log = reportd.log();
        reportd.stop().success();
        let line = "a list of destination_dnsbl gives no answer";
        let warned: Vec<&str> = log.lines().filter(|text| text.contains(line)).collect();
        assert_eq!(warned.len(), 1, "{log}");
        assert!(
            warned[0].contains(zone) && warned[0].contains(want),
            "{warned:?}"
        );
    }
}
