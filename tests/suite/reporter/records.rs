//! Records as strangers write them. Each row is one domain; all stand in one day, and none disturbs another.

use tlsrptd_tests::harness::dns::Trouble;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::stored::lines;

use super::{assert_arrived, report};

/// The record (`{url}` is the loopback receiver), the destinations or a part of the reason why there is none, and why.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("v=TLSRPTv1; rua=mailto:a@plain.test", &["mailto:a@plain.test"], "", "the usual form"),
    ("v=TLSRPTv1;rua=mailto:a@both.test,{url}/both", &["mailto:a@both.test", "{url}/both"], "", "a mail and a post"),
    ("v=TLSRPTv1; rua=http://x.test/,mailto:a@one.test,nonsense,{url}/one", &["mailto:a@one.test", "{url}/one"], "", "the unusable ones are passed over"),
    ("v=TLSRPTv1; rua=mailto:a@twice.test,mailto:a@twice.test,mailto:a@TWICE.test", &["mailto:a@twice.test"], "", "the same URI twice is one"),
    ("v=TLSRPTv1; rua=mailto:a@again.test; rua=mailto:a@again.test,mailto:b@again.test", &["mailto:a@again.test", "mailto:b@again.test"], "", "rua twice: all count, each once"),
    ("v=TLSRPTv1 \t ;\t rua=mailto:a@wsp.test \t,\t {url}/wsp \t; ", &["mailto:a@wsp.test", "{url}/wsp"], "", "white space wherever it may stand"),
    ("v=TLSRPTv1; x=1;rua=mailto:a@ext.test; y_z-1.2=a:b/c<d,e;", &["mailto:a@ext.test"], "", "extensions around"),
    ("v=TLSRPTv1; x=1; RUA=mailto:a@none.test", &[], "the record names none", "rua is case-sensitive: only extensions"),
    ("v=TLSRPTv1; rua=MAILTO:a@upper.test,HTTPS{url-rest}/upper", &["mailto:a@upper.test", "{url}/upper"], "", "schemes without case"),
    ("v=TLSRPTv1; rua=mailto:a%2Bb@%70ercent.test", &["mailto:a+b@percent.test"], "", "a percent-encoded address"),
    ("v=TLSRPTv1; rua=mailto:a@several.test%2Cb@several.test", &["mailto:a@several.test", "mailto:b@several.test"], "", "several addresses in one URI"),
    ("v=TLSRPTv1; rua=mailto:%22a%2Cb%22@quoted.test", &["mailto:\"a,b\"@quoted.test"], "", "a comma within quotes"),
    ("v=TLSRPTv1; rua=mailto:a@m%C3%BCller.test", &["mailto:a@xn--mller-kva.test"], "", "a U-label, encoded"),
    ("v=TLSRPTv1; rua=mailto:a'b@sql.test,mailto:`id`@shell.test", &["mailto:`id`@shell.test", "mailto:a'b@sql.test"], "", "quotes that some shell or database would read"),
    ("v=TLSRPTv1; rua=mailto:a@head.test?bcc=x@victim.test&subject=x", &["mailto:a@head.test"], "", "headers of the URI are ignored"),
    ("v=TLSRPTv1; rua=mailto:a@[192.0.2.1,mailto:b@literal.test", &["mailto:b@literal.test"], "", "an unclosed literal beside a good address"),
    ("v=TLSRPTv1; rua=mailto:a@[192.0.2.1", &[], "address literal", "nothing but an unclosed literal"),
    ("v=TLSRPTv1; rua=mailto:a@inject.test%0d%0aBcc:%20x@victim.test", &[], "control character", "a header line injected"),
    ("v=TLSRPTv1; rua=mailto:a@nul.test%00,mailto:b@nul.test", &["mailto:b@nul.test"], "", "a NUL"),
    ("v=TLSRPTv1; rua=mailto:a%20b@space.test", &[], "local part", "a space in an address"),
    ("v=TLSRPTv1; rua=mailto:%zz@broken.test,mailto:b@broken.test", &["mailto:b@broken.test"], "", "broken encoding"),
    ("v=TLSRPTv1; rua=mailto:root@localhost,mailto:a@b,mailto:a@printer.local,mailto:a@x.internal,mailto:a@127.0.0.1,mailto:a@public.test", &["mailto:a@public.test"], "", "names that only our relay would find"),
    ("v=TLSRPTv1; rua=https://localhost/,https://intranet/r,https://gw.home.arpa/r", &[], "nothing under .localhost is public", "and URLs at such names"),
    ("v=TLSRPTv1; rua=mailto://a@slashes.test", &[], "no `//` in a mailto", "no URL with a host"),
    ("v=TLSRPTv1; rua=mailto:Victim@box.test,mailto:%22victim%22@box.test,mailto:%22v%5Cictim%22@box.test,mailto:VICTIM@BOX.test", &["mailto:Victim@box.test"], "", "one mailbox gets one mail, however it is written"),
    ("v=TLSRPTv1; rua={url}/%6fne,{url}/one?,{url}/a/../one", &["{url}/%6fne"], "", "and one URL one post"),
    ("v=TLSRPTv1; rua=http://x.test/report", &[], "scheme", "http is not to be used"),
    ("v=TLSRPTv1; rua=file:///etc/passwd", &[], "scheme", "a file"),
    ("v=TLSRPTv1; rua=directory:/tmp", &[], "scheme", "directory: is the operator's word only"),
    ("v=TLSRPTv1; rua=a@no-scheme.test", &[], "scheme", "no scheme"),
    ("v=TLSRPTv1; rua=https://user:pw@https.reports.test/", &[], "user name", "a URL that looks like another"),
    ("v=TLSRPTv1; rua=", &[], "the URI is empty", "no URI"),
    ("v=TLSRPTv1; rua=mailto:a@comma.test,,", &["mailto:a@comma.test"], "", "empty URIs beside a good one"),
    ("v=TLSRPTv1; rua=mailto:a@field.test;; x=1", &[], "no valid TLSRPT record", "an empty field"),
    ("v=TLSRPTv1; rua = mailto:a@equal.test", &[], "no valid TLSRPT record", "white space around ="),
    ("v=TLSRPTv1", &[], "no TLSRPT record in DNS", "no semicolon: discarded by the RFC"),
    ("v=TLSRPTv2; rua=mailto:a@version.test", &[], "no TLSRPT record in DNS", "another version"),
];

#[test]
fn every_record_gets_what_it_asks_for_or_a_reason() {
    let lab = Lab::new();
    let url = lab.https.url("");
    let fill = |text: &str| {
        let rest = url.strip_prefix("https").unwrap_or_default();
        text.replace("{url}", &url).replace("{url-rest}", rest)
    };
    let domain = |number: usize| format!("row{number:02}.test");
    for (number, (record, ..)) in ROWS.iter().enumerate() {
        lab.dns.tlsrpt(&domain(number), &fill(record));
    }
    lab.collect(
        (0..ROWS.len())
            .map(|number| mta::success(&domain(number), "v=TLSRPTv1; rua=mailto:seen@seen.test")),
    );
    let fates = report(&lab, &lab.reportd());
    for (number, (record, destinations, reason, why)) in ROWS.iter().enumerate() {
        let fate = &fates[&domain(number)];
        let expected: Vec<String> = destinations.iter().map(|uri| fill(uri)).collect();
        let mut sent = fate.sent();
        sent.sort_by_key(|uri| uri.starts_with("https:"));
        assert_eq!(sent, expected, "{why}: {record}: {fate:?}");
        assert_eq!(fate.destinations.len(), expected.len(), "{why}: {fate:?}");
        assert!(fate.reason.contains(reason), "{why}: {fate:?}");
        assert_eq!(fate.reason.is_empty(), !expected.is_empty(), "{why}");
    }
    assert_arrived(&lab, &fates);
}

#[test]
fn of_a_list_of_hundreds_the_first_get_the_report() {
    let lab = Lab::new();
    let all: Vec<String> = (0..300)
        .map(|number| format!("mailto:r{number:03}@many.test"))
        .collect();
    // Too long for UDP: it comes over TCP.
    lab.dns
        .tlsrpt("many.test", &format!("v=TLSRPTv1; rua={}", all.join(",")));
    lab.dns
        .tlsrpt("few.test", "v=TLSRPTv1; rua=mailto:a@few.test");
    lab.collect(
        ["many.test", "few.test"]
            .map(|domain| mta::success(domain, "v=TLSRPTv1; rua=mailto:seen@seen.test")),
    );
    let fates = report(&lab, &lab.reportd().set("max_destinations", 12));
    assert_eq!(fates["many.test"].sent(), all[..12]);
    assert_eq!(fates["few.test"].sent(), ["mailto:a@few.test"]);
    assert_arrived(&lab, &fates);
}

/// Sessions that saw each of these records, in turn; the destinations or a part of the reason, and why.
type Seen = (
    &'static [(usize, &'static str)],
    &'static [&'static str],
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const SEEN: &[Seen] = &[
    (&[(10, "v=TLSRPTv1; rua=mailto:a@first.test;;"), (5, "v=TLSRPTv1; rua=mailto:a@valid.test")], &["mailto:a@valid.test"], "", "the most seen one is no record"),
    (&[(4, "$serde_json::private::Number"), (3, "v=spf1 -all"), (1, "v=TLSRPTv1; rua=mailto:a@fewest.test")], &["mailto:a@fewest.test"], "", "the third is one"),
    (&[(2, "v=TLSRPTv1; rua=mailto:a@less.test"), (3, "v=TLSRPTv1; rua=mailto:a@most.test"), (6, "")], &["mailto:a@most.test"], "", "of valid ones the most seen"),
    (&[(2, "v=TLSRPTv1; x=1"), (1, "v=TLSRPTv1; rua=mailto:a@other.test")], &[], "the record names none", "a valid one that names nobody is the domain's word"),
    (&[(2, "v=TLSRPTv2;"), (1, "v=TLSRPTv1; x")], &[], "what the MTA saw is of no use: it is no TLSRPT record", "none is valid: the most seen one's fault"),
];

#[test]
fn without_dns_the_most_seen_valid_record_counts() {
    let lab = Lab::new();
    let domain = |number: usize| format!("seen{number}.test");
    let mut datagrams = Vec::new();
    for (number, (seen, ..)) in SEEN.iter().enumerate() {
        let name = format!("_smtp._tls.{}", domain(number));
        lab.dns.trouble(&name, Trouble::ServFail);
        for (times, record) in *seen {
            datagrams.extend((0..*times).map(|_| mta::success(&domain(number), record)));
        }
    }
    lab.collect(datagrams);
    let fates = report(&lab, &lab.reportd());
    for (number, (_, destinations, reason, why)) in SEEN.iter().enumerate() {
        let fate = &fates[&domain(number)];
        assert_eq!(fate.sent(), *destinations, "{why}: {fate:?}");
        assert!(fate.reason.contains(reason), "{why}: {fate:?}");
    }
    assert_arrived(&lab, &fates);
}

/// A datagram that a stranger's texts must not turn into something else costs nobody a session.
#[test]
fn a_text_that_a_library_has_a_use_for_is_a_text() {
    const KEYS: [&str; 2] = [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
    ];
    let lab = Lab::new();
    let record = |domain: &str| format!("v=TLSRPTv1; rua=mailto:a@{domain}");
    let domains = ["record.test", "policy.test", "failure.test", "alone.test"];
    let mut datagrams = Vec::new();
    for domain in domains {
        lab.dns.tlsrpt(domain, &record(domain));
        if domain != "alone.test" {
            datagrams.extend((0..20).map(|_| mta::success(domain, &record(domain))));
        }
    }
    for key in KEYS {
        datagrams.push(mta::success("record.test", key));
        datagrams.push(mta::success("alone.test", key));
        let policy = |text: &str| text.replace("KEY", key).into_bytes();
        datagrams.push(policy(
            r#"{"KEY":"1","d":"policy.test","pr":"x","policies":[{"KEY":"1"},{"policy-type":2,"policy-string":["KEY"],"mx-host":["KEY"],"x":{"KEY":"1"}}]}"#,
        ));
        datagrams.push(policy(
            r#"{"d":"failure.test","pr":"KEY","policies":[{"policy-type":9,"f":1,"t":2,"failure-details":[{"KEY":"1"},{"c":203,"f":"KEY","a":"KEY","x":[{"KEY":{}}]}]}]}"#,
        ));
    }
    lab.collect(datagrams);
    let fates = report(&lab, &lab.reportd());
    for domain in domains {
        assert_eq!(fates[domain].sent(), [format!("mailto:a@{domain}")]);
    }
    let sessions = lines(&lab.stored().reports, |row| {
        format!("{} {}", row.domain, row.sessions)
    });
    assert_eq!(
        sessions.join(" "),
        "alone.test 2 failure.test 22 policy.test 24 record.test 22"
    );
    assert_arrived(&lab, &fates);
}
