//! Where a stranger's record may lead: to global addresses only (RFC 8460 section 5.4, ours), unless the operator says so.

use std::net::IpAddr;

use tlsrptd_tests::harness::lab::Lab;

use super::{by_domain, fill, logged, rua, why_not};

/// Hosts and what their names lead to. All but loopback must never be contacted, not by a test either: what is seen is
/// the reason alone.
const HOSTS: [(&str, &str); 14] = [
    ("v4-loopback", "127.0.0.1"),
    ("v4-loopback-other", "127.8.9.1"),
    ("v4-private", "10.0.0.1"),
    ("v4-metadata", "169.254.169.254"),
    ("v4-unspecified", "0.0.0.0"),
    ("v6-loopback", "::1"),
    ("v6-unspecified", "::"),
    ("v6-local", "fc00::1"),
    ("v6-link", "fe80::1"),
    ("mapped-loopback", "::ffff:127.0.0.1"),
    ("mapped-private", "::ffff:10.0.0.1"),
    ("mapped-metadata", "::ffff:169.254.169.254"),
    ("nat64-metadata", "64:ff9b::a9fe:a9fe"),
    ("sixtofour-loopback", "2002:7f00:1::1"),
];

/// Literals in the URL that mean such addresses: the record is understood, and refused at the door.
const LITERALS: [&str; 10] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.255.255.254",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[fc00::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
];

/// Spellings of such addresses that some readers take for addresses and others for names, and a name that is one of them
/// without DNS: unusable in a record.
const SPELLINGS: [&str; 10] = [
    "localhost",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "127.0.0.0x1",
    "%31%32%37.0.0.1",
];

#[test]
fn a_record_leads_to_no_address_that_is_not_global() {
    let lab = Lab::new();
    let port = lab.https.port();
    let mut records: Vec<(String, String)> = Vec::new();
    for (name, address) in HOSTS {
        let host = format!("{name}.reports.test");
        lab.dns.host(&host, &[address.parse::<IpAddr>().unwrap()]);
        records.push((
            format!("name-{name}.test"),
            format!("https://{host}:{port}/"),
        ));
    }
    lab.dns
        .cname("alias.reports.test", "v4-loopback.reports.test");
    lab.dns.host(
        "both.reports.test",
        &["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
    );
    for host in ["alias", "both"] {
        let url = format!("https://{host}.reports.test:{port}/");
        records.push((format!("name-{host}.test"), url));
    }
    for (number, literal) in LITERALS.iter().enumerate() {
        records.push((
            format!("literal-{number}.test"),
            format!("https://{literal}:{port}/"),
        ));
    }
    for (number, spelling) in SPELLINGS.iter().enumerate() {
        records.push((
            format!("spelling-{number}.test"),
            format!("https://{spelling}:{port}/"),
        ));
    }
    fill(
        &lab,
        records
            .iter()
            .map(|(domain, url)| (domain.as_str(), rua(url))),
    );
    let reportd = lab
        .reportd()
        .set("allow_private_destinations", "no")
        .start();
    let database = lab.reportd_db();
    let found = by_domain(&lab, &database, records.len());
    let log = reportd.stop().success().stderr;
    assert_eq!(lab.https.connections(), 0, "nobody is connected to");
    for (domain, url) in &records {
        if domain.starts_with("spelling-") {
            assert!(
                !found.contains_key(domain),
                "{url} is in no row: {:?}",
                found.get(domain)
            );
            assert_ne!(why_not(&database, domain), "", "{url}");
            continue;
        }
        let delivery = &found[domain];
        assert_eq!(delivery.result(), "refused", "{url}: {delivery:?}");
        assert!(
            delivery.reason.contains("is not a global address"),
            "{url}: {delivery:?}"
        );
        assert_eq!(logged(&log, domain), ["refused"], "{url}");
    }
}

#[test]
fn allowed_a_record_may_lead_there() {
    let lab = Lab::new();
    let port = lab.https.port();
    let urls = [
        ("name.test", lab.https.url("/name")),
        ("literal.test", format!("https://127.0.0.1:{port}/literal")),
    ];
    fill(&lab, urls.iter().map(|(domain, url)| (*domain, rua(url))));
    let reportd = lab.reportd().start();
    for (domain, delivery) in by_domain(&lab, &lab.reportd_db(), urls.len()) {
        assert_eq!(delivery.result(), "sent", "{domain}: {delivery:?}");
    }
    reportd.stop().success();
}
