//! What the operator names, in a map, a debug option or as a proxy, is the operator's own: it may be local.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail;
use tlsrptd_tests::harness::proxy::Proxy;

use super::{by_domain, fill, outcomes, rua};

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

/// The proxy's address may be private for the hop to it, and for no other. With the proxy in `no_proxy` a record that names
/// its host would lead there directly.
#[test]
fn a_record_does_not_lead_to_the_proxy_itself() {
    let lab = Lab::new();
    let proxy = "proxy.reports.test";
    lab.dns.host(proxy, &[Ipv4Addr::LOCALHOST.into()]);
    let hosts = [proxy, "PROXY.reports.test", "proxy.reports.test."];
    let records = hosts.iter().zip(["a.test", "b.test", "c.test"]);
    let url = |host: &str| format!("https://{host}:{}/internal", lab.https.port());
    fill(
        &lab,
        records.map(|(host, domain)| (domain, rua(&url(host)))),
    );
    let named = format!("http://{proxy}:{}", lab.https.port());
    let rows = [
        ("named.sqlite", Some(&named), "", proxy),
        ("ambient.sqlite", None, named.as_str(), ".reports.test"),
        ("through.sqlite", Some(&named), "", "nothing.test"),
    ];
    for (database, option, https_proxy, no_proxy) in rows {
        let database = lab.file(database);
        let mut program = lab
            .reportd()
            .set("dbname", database.display())
            .set("allow_private_destinations", "no")
            .env("https_proxy", https_proxy)
            .env("no_proxy", no_proxy);
        if let Some(option) = option {
            program = program.set("https_proxy", option);
        }
        let reportd = program.start();
        let found = by_domain(&lab, &database, 3);
        reportd.stop().success();
        for domain in ["a.test", "b.test"] {
            let delivery = &found[domain];
            assert_eq!(delivery.result(), "refused", "{no_proxy}: {delivery:?}");
            assert!(
                delivery.reason.contains("not a global address"),
                "{delivery:?}"
            );
        }
        assert_ne!(found["c.test"].result(), "sent", "{no_proxy}");
    }
    assert!(lab.https.posts().is_empty());
}

/// The one place for plain HTTP: a destination that the operator set for tests.
#[test]
fn a_debug_destination_may_be_plain_http() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/debug", listener.local_addr().unwrap());
    let receiver = thread::spawn(move || one_post(&listener));
    fill(&lab, [("a.test", rua("https://public.test/"))]);
    let reportd = lab.reportd().set("debug_send_http_dest", &url).start();
    let found = outcomes(&lab, &lab.reportd_db(), 1);
    reportd.stop().success();
    let delivery = &found[&("a.test".to_owned(), url)];
    assert_eq!(delivery.result(), "sent", "{delivery:?}");
    let report = mail::report(&receiver.join().unwrap());
    assert_eq!(report["report-id"], lab.report_id("a.test"));
}

/// Takes one post in plain HTTP and returns its body.
fn one_post(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "a whole request");
        read.extend_from_slice(&buffer[..length]);
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let (_, size) = head.split_once("content-length: ").unwrap();
        let size: usize = size.lines().next().unwrap().parse().unwrap();
        let body = &read[end + 4..];
        if body.len() == size {
            stream.write_all(b"HTTP/1.1 204 Thanks\r\n\r\n").unwrap();
            return body.to_owned();
        }
    }
}
