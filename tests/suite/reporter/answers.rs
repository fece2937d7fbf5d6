//! What DNS may answer when the report is made, and what the MTA saw.

use tlsrptd_tests::harness::dns::{Dns, Trouble};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::{assert_arrived, report};

/// What the MTA saw: the fall-back.
const SEEN: &str = "v=TLSRPTv1; rua=mailto:seen@seen.test";
const GOOD: &str = "v=TLSRPTv1; rua=mailto:a@good.test";
const A: &[&str] = &["mailto:a@good.test"];
const FALLBACK: &[&str] = &["mailto:seen@seen.test"];

/// How the name of the record is set up, the destinations or a part of the reason, and why.
type Row = (
    fn(&Dns, &str),
    &'static [&'static str],
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (|dns, name| dns.txt(name, &[GOOD]), A, "", "one record"),
    (|dns, name| dns.txt_strings(name, &[vec!["v=TLSRPTv1; rua=mail", "to:a@go", "od.test"]]), A, "", "strings are joined without spaces"),
    (|dns, name| dns.txt(name, &["v=spf1 -all", GOOD, "v=TLSRPTv2; x=y"]), A, "", "other texts beside it"),
    (|dns, name| dns.txt(name, &[GOOD, "v=TLSRPTv1; rua=mailto:b@good.test"]), &[], "2 TLSRPT records", "two are none"),
    (|dns, name| dns.txt(name, &["v=spf1 -all"]), &[], "no TLSRPT record in DNS", "only others"),
    (|dns, name| dns.set(name, Vec::new()), &[], "no TXT record in DNS", "the name without data"),
    (|dns, name| dns.host(name, &[std::net::Ipv4Addr::LOCALHOST.into()]), &[], "no TXT record in DNS", "data of another type"),
    (|dns, name| dns.remove(name), &[], "no such name in DNS", "NXDOMAIN"),
    (|dns, name| dns.cname(name, "records.good.test"), A, "", "an alias"),
    (|dns, name| dns.cname(name, "nowhere.good.test"), &[], "no such name in DNS", "an alias that leads nowhere"),
    (|dns, name| { dns.txt(name, &[GOOD]); dns.trouble(name, Trouble::ServFail); }, FALLBACK, "", "SERVFAIL: what the MTA saw"),
    (|dns, name| { dns.txt(name, &[GOOD]); dns.trouble(name, Trouble::Refused); }, FALLBACK, "", "REFUSED is no denial"),
    (|dns, name| { dns.txt(name, &[GOOD]); dns.trouble(name, Trouble::Silent); }, FALLBACK, "", "no answer at all"),
    (|dns, name| { dns.txt(name, &[GOOD]); dns.trouble(name, Trouble::Truncated); }, A, "", "truncated: asked again over TCP"),
    (|dns, name| dns.txt_strings(name, &[vec![b"\xff\xfe\x80".to_vec()], vec![GOOD.into()]]), A, "", "no UTF-8 in another text"),
    (|dns, name| dns.txt_strings(name, &[vec![b"v=TLSRPTv1; rua=mailto:\xff@x.test,mailto:a@good.test".to_vec()]]), A, "", "no UTF-8 in another URI"),
    (|dns, name| dns.txt_strings(name, &[vec![b"v=TLSRPTv1; rua=mailto:a@good.test; x=\xff".to_vec()]]), &[], "no valid TLSRPT record", "no UTF-8 in an extension breaks the grammar"),
];

#[test]
fn dns_decides_and_when_it_fails_what_the_mta_saw() {
    let lab = Lab::new();
    lab.dns.txt("records.good.test", &[GOOD]);
    let domain = |number: usize| format!("row{number:02}.test");
    for (number, (set, ..)) in ROWS.iter().enumerate() {
        set(&lab.dns, &format!("_smtp._tls.{}", domain(number)));
    }
    // _smtp._tls. before it would be longer than DNS allows.
    let long = format!("{}x.test", "long-label.".repeat(22));
    assert_eq!(long.len(), 248);
    let rows = (0..ROWS.len()).map(domain).chain([long.clone()]);
    lab.collect(rows.map(|domain| mta::success(&domain, SEEN)));
    let fates = report(&lab, &lab.reportd().set("dns_timeout", 1));
    for (number, (_, destinations, reason, why)) in ROWS.iter().enumerate() {
        let fate = &fates[&domain(number)];
        assert_eq!(fate.sent(), *destinations, "{why}: {fate:?}");
        assert!(fate.reason.contains(reason), "{why}: {fate:?}");
        assert_eq!(fate.reason.is_empty(), reason.is_empty(), "{why}: {fate:?}");
    }
    assert!(
        fates[&long].reason.contains("too long for DNS"),
        "{:?}",
        fates[&long]
    );
    assert_arrived(&lab, &fates);
}

/// The texts that the MTA saw in so many sessions, what is in DNS, the destination or reason, and why.
type SeenRow = (
    &'static [(&'static str, usize)],
    Option<&'static str>,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const OLD: &str = "v=TLSRPTv1; rua=mailto:old@seen.test";
const NEW: &str = "v=TLSRPTv1; rua=mailto:new@seen.test";

#[rustfmt::skip]
const CHANGED: &[SeenRow] = &[
    (&[(OLD, 2), (NEW, 1)], Some(NEW), &["mailto:new@seen.test"], "", "changed during the day: DNS decides"),
    (&[(OLD, 2), (NEW, 1)], Some(GOOD), A, "", "changed again since"),
    (&[("", 2)], Some(GOOD), A, "", "the MTA saw nothing"),
    (&[(OLD, 1)], None, &[], "no such name", "removed since"),
];

#[test]
fn a_record_that_changes_during_the_day_gives_one_report() {
    changed(CHANGED, "yes");
}

#[rustfmt::skip]
const UNRESOLVED: &[SeenRow] = &[
    (&[(OLD, 1), (NEW, 2)], Some(GOOD), &["mailto:new@seen.test"], "", "the one that most sessions saw"),
    (&[(OLD, 3), (NEW, 2)], Some(GOOD), &["mailto:old@seen.test"], "", "most, not last"),
    (&[(OLD, 1), (NEW, 1)], Some(GOOD), &["mailto:new@seen.test"], "", "ties by text"),
    (&[(NEW, 1)], None, &["mailto:new@seen.test"], "", "DNS is not asked"),
    (&[("", 1)], Some(GOOD), &[], "no record", "the MTA saw nothing"),
    (&[("v=TLSRPTv1; ???", 1)], Some(GOOD), &[], "no record", "what the MTA saw is of no use"),
];

#[test]
fn without_dns_the_record_is_what_most_sessions_saw() {
    let lab = changed(UNRESOLVED, "no");
    assert_eq!(lab.dns.asked("_smtp._tls.row00.test"), 0);
}

fn changed(rows: &[SeenRow], resolve: &str) -> Lab {
    let lab = Lab::new();
    let domain = |number: usize| format!("row{number:02}.test");
    let mut datagrams = Vec::new();
    for (number, (seen, record, ..)) in rows.iter().enumerate() {
        if let Some(record) = record {
            lab.dns.tlsrpt(&domain(number), record);
        }
        for (text, times) in *seen {
            datagrams.extend(std::iter::repeat_n(
                mta::success(&domain(number), text),
                *times,
            ));
        }
    }
    lab.collect(datagrams);
    let fates = report(&lab, &lab.reportd().set("resolve_records", resolve));
    for (number, (_, _, destinations, reason, why)) in rows.iter().enumerate() {
        let fate = &fates[&domain(number)];
        assert_eq!(fate.sent(), *destinations, "{why}: {fate:?}");
        assert!(fate.reason.contains(reason), "{why}: {fate:?}");
    }
    assert_arrived(&lab, &fates);
    lab
}
