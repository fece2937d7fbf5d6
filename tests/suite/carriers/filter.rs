//! Where a stranger's record may lead: to global addresses only (RFC 8460 section 5.4, ours), unless the operator says so.

use std::net::IpAddr;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::proxy::Proxy;

use super::{by_domain, fill, logged, outcomes, rua, why_not};

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

/// Spellings of such addresses that some readers take for addresses and others for names: unusable in a record.
const SPELLINGS: [&str; 9] = [
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
    records.push((
        "name-localhost.test".to_owned(),
        format!("https://localhost:{port}/"),
    ));
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
            assert_ne!(why_not(&lab, &database, domain), "", "{url}");
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

#[test]
fn what_the_operator_names_is_the_operators_own() {
    let lab = Lab::new();
    let port = lab.https.port();
    let local = |path: &str| format!("https://127.0.0.1:{port}/{path}");
    let http_map = lab.file("http.map");
    let record_map = lab.file("record.map");
    let lines = [
        format!("replaced.public.test REPLACE {}", local("replaced")),
        format!("named.public.test REPLACE {}", lab.https.url("/named")),
        format!("regexp:https://moved REGEXP moved.public.test/ 127.0.0.1:{port}/"),
        "kept.public.test ACCEPT".to_owned(),
        format!("appended.public.test APPEND {}", local("appended")),
        "rewritten.public.test REGEXP /old /new".to_owned(),
    ];
    std::fs::write(&http_map, lines.join("\n")).unwrap();
    std::fs::write(
        &record_map,
        format!("listed.test REPLACE {}\n", local("listed")),
    )
    .unwrap();
    #[rustfmt::skip]
    let table = [
        ("replaced.test", "https://replaced.public.test/", local("replaced"), "sent", "an address in the map"),
        ("named.test", "https://named.public.test/", lab.https.url("/named"), "sent", "a name in the map"),
        ("moved.test", "https://moved.public.test/moved", local("moved"), "sent", "a substitution that names another host"),
        ("listed.test", "https://listed.public.test/", local("listed"), "sent", "the record map"),
        ("kept.test", "https://kept.public.test/kept", "https://kept.public.test/kept".to_owned(), "refused", "ACCEPT vouches for nothing"),
        ("appended.test", "https://appended.public.test/mine", local("appended"), "sent", "what was added"),
        ("appended.test", "https://appended.public.test/mine", "https://appended.public.test/mine".to_owned(), "refused", "not what was there"),
        ("rewritten.test", "https://rewritten.public.test/old", "https://rewritten.public.test/new".to_owned(), "refused", "another path on the record's own host"),
    ];
    for host in ["kept", "appended", "rewritten"] {
        lab.dns.host(
            &format!("{host}.public.test"),
            &["127.0.0.1".parse().unwrap()],
        );
    }
    fill(
        &lab,
        table.iter().map(|(domain, url, ..)| (*domain, rua(url))),
    );
    let reportd = lab
        .reportd()
        .set("allow_private_destinations", "no")
        .set("http_upload_map", http_map.display())
        .set("tlsrpt_record_map", record_map.display())
        .start();
    let found = outcomes(&lab, &lab.reportd_db(), table.len() - 1);
    reportd.stop().success();
    for (domain, _, url, result, reason) in &table {
        let key = (domain.to_string(), url.clone());
        let delivery = found
            .get(&key)
            .unwrap_or_else(|| panic!("{key:?} is not in {found:#?}"));
        assert_eq!(
            delivery.result(),
            *result,
            "{domain}: {reason}: {delivery:?}"
        );
    }
    for path in ["/kept", "/mine", "/new"] {
        assert!(lab.https.posts_to(path).is_empty(), "{path}");
    }
}

#[test]
fn a_debug_destination_may_be_local() {
    let lab = Lab::new();
    fill(
        &lab,
        [("a.test", rua("https://public.test/,mailto:x@public.test"))],
    );
    let url = format!("https://127.0.0.1:{}/debug", lab.https.port());
    let reportd = lab
        .reportd()
        .set("allow_private_destinations", "no")
        .set("debug_send_http_dest", &url)
        .set("debug_send_mail_dest", "debug@reports.test")
        .start();
    let found = outcomes(&lab, &lab.reportd_db(), 1);
    reportd.stop().success();
    let uris: Vec<&str> = found.keys().map(|(_, uri)| uri.as_str()).collect();
    assert_eq!(uris, [url.as_str(), "mailto:debug@reports.test"]);
    assert!(
        found.values().all(|delivery| delivery.result() == "sent"),
        "{found:?}"
    );
    assert_eq!(lab.https.posts_to("/debug").len(), 1);
    assert_eq!(lab.smtp.mails()[0].to, ["debug@reports.test"]);
}

#[test]
fn a_proxy_is_the_operators_word_too() {
    let lab = Lab::new();
    let (named, ambient) = (
        Proxy::start(lab.https.port()),
        Proxy::start(lab.https.port()),
    );
    let refusing = Proxy::refusing("407 Proxy Authentication Required");
    // Only the proxy knows where this is: no name server is asked.
    let far = format!("https://https.reports.test:{}/far", lab.https.port());
    let literal = format!("https://127.0.0.1:{}/literal", lab.https.port());
    fill(
        &lab,
        [("far.test", rua(&far)), ("literal.test", rua(&literal))],
    );
    lab.dns.remove("https.reports.test");
    let run = |name: &str, settings: &[(&str, String)], env: &[(&str, String)]| {
        let database = lab.file(name);
        let mut program = lab
            .reportd()
            .set("dbname", database.display())
            .set("allow_private_destinations", "no");
        for (option, value) in settings {
            program = program.set(option, value);
        }
        for (variable, value) in env {
            program = program.env(variable, value);
        }
        let reportd = program.start();
        let found = by_domain(&lab, &database, 2);
        reportd.stop().success();
        assert_eq!(
            found["literal.test"].result(),
            "refused",
            "no proxy is asked to lead to a local address"
        );
        found["far.test"].clone()
    };
    let proxy = |proxy: &Proxy| format!("http://user:pass@{}", proxy.address());
    let found = run(
        "named.sqlite",
        &[("https_proxy", proxy(&named))],
        &[("https_proxy", proxy(&refusing))],
    );
    assert_eq!(found.result(), "sent", "{found:?}");
    let found = run("ambient.sqlite", &[], &[("https_proxy", proxy(&ambient))]);
    assert_eq!(found.result(), "sent", "{found:?}");
    assert!(
        refusing.asked().is_empty(),
        "the option rules over the environment"
    );
    let found = run("refused.sqlite", &[("https_proxy", proxy(&refusing))], &[]);
    assert_eq!(found.result(), "retry", "{found:?}");
    let no_proxy = ("no_proxy", ".reports.test".to_owned());
    let found = run(
        "around.sqlite",
        &[("https_proxy", proxy(&refusing))],
        &[no_proxy],
    );
    assert_eq!(
        found.result(),
        "retry",
        "the name leads nowhere without the proxy: {found:?}"
    );
    assert_eq!(refusing.asked().len(), 1, "no_proxy goes around the proxy");
    for (proxy, which) in [(&named, "the option"), (&ambient, "the environment")] {
        let asked = proxy.asked();
        assert_eq!(asked.len(), 1, "{which}");
        assert_eq!(
            asked[0].target,
            format!("https.reports.test:{}", lab.https.port()),
            "{which}"
        );
        assert_eq!(
            asked[0].headers["proxy-authorization"], "Basic dXNlcjpwYXNz",
            "{which}"
        );
    }
    assert_eq!(lab.https.posts_to("/far").len(), 2);
}
