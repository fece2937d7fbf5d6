//! Reports by HTTPS POST (RFC 8460 section 5.4): what is sent, and what each answer means.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tlsrptd_tests::harness::dns::Trouble;
use tlsrptd_tests::harness::https::{Answer, Https};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail;
use tlsrptd_tests::harness::tls::Ca;

use super::{SLACK, USUAL_WAIT, by_domain, closed_day, fill, logged, rua};

/// A record's URL for a domain: at the receiver, by the domain's name.
fn records(lab: &Lab, domains: &[String]) -> Vec<(String, String)> {
    domains
        .iter()
        .map(|domain| (domain.clone(), rua(&lab.https.url(&format!("/{domain}")))))
        .collect()
}

#[test]
fn the_status_decides() {
    let dated = |retry_after: &str| {
        let headers = [
            "Date: Sun, 06 Nov 1994 08:49:37 GMT",
            &format!("Retry-After: {retry_after}"),
        ];
        Answer::Status(503, headers.map(str::to_owned).into())
    };
    #[rustfmt::skip]
    let table = [
        ("200", Answer::status(200), "sent", 0..=0, "the usual success"),
        ("201", Answer::status(201), "sent", 0..=0, "the RFC's other success"),
        ("202", Answer::status(202), "sent", 0..=0, "any 2xx is a success"),
        ("204", Answer::status(204), "sent", 0..=0, "no body is no fault"),
        ("300", Answer::status(300), "refused", 0..=0, "a choice that nobody makes"),
        ("303", Answer::with(303, "Location: /elsewhere"), "refused", 0..=0, "to be read, not posted to"),
        ("400", Answer::status(400), "refused", 0..=0, "final"),
        ("404", Answer::status(404), "refused", 0..=0, "final"),
        ("408", Answer::status(408), "retry", USUAL_WAIT, "the receiver was slow"),
        ("413", Answer::status(413), "refused", 0..=0, "it will not shrink"),
        ("425", Answer::status(425), "retry", USUAL_WAIT, "too early"),
        ("429", Answer::status(429), "retry", USUAL_WAIT, "too many, without a wish"),
        ("429s", Answer::with(429, "Retry-After: 1000"), "retry", 1000..=1000 + SLACK, "a wish in seconds"),
        ("429soon", Answer::with(429, "Retry-After: 1"), "retry", USUAL_WAIT, "a wish for less than we wait anyway"),
        ("429late", Answer::with(429, "Retry-After: 100000"), "retry", 86_400 - SLACK..=86_400, "a wish beyond the window: once more at its end"),
        ("429huge", Answer::with(429, "Retry-After: 18446744073709551615"), "retry", 86_400 - SLACK..=86_400, "a wish beyond all calendars"),
        ("429odd", Answer::with(429, "Retry-After: soon"), "retry", USUAL_WAIT, "no time at all"),
        ("500", Answer::status(500), "retry", USUAL_WAIT, "may be mended"),
        ("503", Answer::status(503), "retry", USUAL_WAIT, "may be mended"),
        ("503date", dated("Sun, 06 Nov 1994 09:49:37 GMT"), "retry", 3600..=3600 + SLACK, "a wish as a date, by the receiver's clock"),
        ("503past", dated("Sun, 06 Nov 1994 08:00:00 GMT"), "retry", USUAL_WAIT, "a date that has passed"),
        ("reset", Answer::Reset, "retry", USUAL_WAIT, "the network's fault"),
        ("noise", Answer::Raw("SSH-2.0-what\r\n"), "retry", USUAL_WAIT, "no HTTP: somebody else listens there today"),
        ("half", Answer::Raw("HTTP/1.1 200 OK\r\nContent-"), "sent", 0..=0, "cut in the header: the status has been read"),
        ("half503", Answer::Raw("HTTP/1.1 503 Later\r\nRetry-"), "retry", USUAL_WAIT, "the same"),
        ("half308", Answer::Raw("HTTP/1.1 308 Moved\r\nLocation: /else"), "retry", USUAL_WAIT, "nothing taken, and where to go was not read"),
        ("coding", Answer::Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: rubbish\r\n\r\n"), "sent", 0..=0, "a coding that is none"),
        ("nul", Answer::Raw("HTTP/1.1 200 O\0K\r\nX: a\0b\r\n\r\n"), "sent", 0..=0, "NUL"),
        ("version", Answer::Raw("HTTP/2 200\r\n\r\n"), "sent", 0..=0, "another version"),
        ("interim", Answer::Raw("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX"), "sent", 0..=0, "behind an interim answer"),
        ("interimcut", Answer::Raw("HTTP/1.1 100 Continue\r\n\r\n"), "retry", USUAL_WAIT, "an interim answer decides nothing"),
        ("short", Answer::Raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), "sent", 0..=0, "cut after the status"),
        ("hostile", Answer::Raw("HTTP/1.1 400 No\r\nContent-Length: 26\r\n\r\n\x1b[31m\tdelivery result=sent\n"), "refused", 0..=0, "what it says is text"),
        ("endless", Answer::Endless, "sent", 0..=0, "the status has come; the body is left where it is"),
    ];
    let lab = Lab::new();
    let domain = |row: &str| format!("answer-{row}.test");
    for (row, answer, ..) in &table {
        lab.https
            .script(&format!("/{}", domain(row)), answer.clone());
    }
    // Each a host of its own, of an owner of its own: one that asks to wait, or lets us wait, would hold the others back.
    let port = lab.https.port();
    let record = |row: &str| {
        let host = format!("h{row}.o{row}.test");
        lab.dns.host(&host, &[Ipv4Addr::LOCALHOST.into()]);
        rua(&format!("https://{host}:{port}/{}", domain(row)))
    };
    let records: Vec<(String, String)> = table
        .iter()
        .map(|row| (domain(row.0), record(row.0)))
        .collect();
    fill(&lab, records.iter().map(|(d, r)| (d.as_str(), r.clone())));
    // Their names stand in no certificate.
    let reportd = lab.reportd().set("https_verify", "no").start();
    let found = by_domain(&lab, &lab.reportd_db(), table.len());
    let log = reportd.stop().success().stderr;
    for (row, _, result, wait, reason) in table {
        let delivery = &found[&domain(row)];
        assert_eq!(delivery.result(), result, "{row}: {reason}: {delivery:?}");
        assert_eq!(logged(&log, &domain(row)), [result], "{row}: {reason}");
        if result != "sent" && result != "refused" {
            assert!(
                wait.contains(&delivery.wait),
                "{row}: {reason}: {delivery:?}"
            );
        }
        let posts = lab.https.posts_to(&format!("/{}", domain(row)));
        assert_eq!(posts.len(), 1, "{row}: one attempt");
    }
    assert!(lab.https.posts_to("/elsewhere").is_empty());
    assert!(
        !log.contains('\u{1b}'),
        "no control character reaches the log"
    );
}

#[test]
fn redirects_stay_with_the_host() {
    let lab = Lab::new();
    let port = lab.https.port();
    #[rustfmt::skip]
    let table = [
        ("301", 301, "Location: /taken", "sent", "moved, and a POST may be repeated"),
        ("302", 302, "Location: /taken", "sent", "as 301"),
        ("307", 307, "Location: /taken", "sent", "the method stays"),
        ("308", 308, "Location: /taken", "sent", "the method stays, for good"),
        ("absolute", 307, &format!("Location: https://https.reports.test:{port}/taken"), "sent", "the same host, written out"),
        ("host", 307, &format!("Location: https://other.reports.test:{port}/other"), "refused", "the record vouches for no other host"),
        ("literal", 307, &format!("Location: https://127.0.0.1:{port}/other"), "refused", "an address is another host"),
        ("v6", 308, &format!("Location: https://[::1]:{port}/other"), "refused", "an address is another host"),
        ("decimal", 301, &format!("Location: https://2130706433:{port}/other"), "refused", "an address in disguise"),
        ("scheme", 308, &format!("Location: http://https.reports.test:{port}/other"), "refused", "not in plain"),
        ("file", 301, "Location: file:///etc/passwd", "refused", "no such scheme"),
        ("nowhere", 301, "X-Location: /other", "refused", "no Location"),
        ("loop", 307, "Location: /redirect-loop.test", "refused", "for ever round"),
    ];
    lab.dns
        .host("other.reports.test", &[Ipv4Addr::LOCALHOST.into()]);
    let domain = |row: &str| format!("redirect-{row}.test");
    for (row, code, location, ..) in table {
        lab.https
            .script(&format!("/{}", domain(row)), Answer::with(code, location));
    }
    let domains: Vec<String> = table.iter().map(|row| domain(row.0)).collect();
    let records = records(&lab, &domains);
    fill(&lab, records.iter().map(|(d, r)| (d.as_str(), r.clone())));
    let reportd = lab.reportd().start();
    let found = by_domain(&lab, &lab.reportd_db(), table.len());
    reportd.stop().success();
    for (row, .., result, reason) in table {
        let delivery = &found[&domain(row)];
        assert_eq!(delivery.result(), result, "{row}: {reason}: {delivery:?}");
    }
    assert!(lab.https.posts_to("/other").is_empty());
    let taken = lab.https.posts_to("/taken");
    let first = lab.https.posts_to("/redirect-307.test");
    assert_eq!(taken.len(), 5);
    assert!(taken.iter().all(|post| post.method == "POST"));
    assert!(
        taken.iter().any(|post| post.body == first[0].body),
        "the same body again"
    );
    assert!(lab.https.posts_to("/redirect-loop.test").len() <= 6);
}

#[test]
fn what_never_answers_is_left_after_the_time_out() {
    let lab = Lab::new();
    // Its kernel takes connections, nobody ever speaks.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    lab.dns.trouble("silent.reports.test", Trouble::Silent);
    lab.dns.trouble("broken.reports.test", Trouble::ServFail);
    let late = Answer::Late(Duration::from_secs(6), 200);
    lab.https.script("/late", late);
    lab.https.script("/header", Answer::EndlessHeader);
    lab.https.script("/stalled200", Answer::Stalled(200));
    lab.https.script("/stalled404", Answer::Stalled(404));
    #[rustfmt::skip]
    let table = [
        ("late.test", lab.https.url("/late"), "sent", "an answer may take longer than an upload"),
        ("header.test", lab.https.url("/header"), "sent", "a header without end: its status has come"),
        ("stalled.test", lab.https.url("/stalled200"), "sent", "the status has come: what follows is not waited for"),
        ("stalled-404.test", lab.https.url("/stalled404"), "refused", "the status has come"),
        ("smtp.test", format!("https://{}:{}/", Https::HOST, lab.smtp.address().port()), "retry", "somebody who speaks first, and not TLS"),
        ("handshake.test", format!("https://{}:{silent_port}/", Https::HOST), "retry", "no TLS"),
        ("silent-dns.test", "https://silent.reports.test/".to_owned(), "retry", "its name server says nothing"),
        ("broken-dns.test", "https://broken.reports.test/".to_owned(), "retry", "its name server fails"),
        ("unknown.test", "https://unknown.reports.test/".to_owned(), "retry", "no such host, today"),
        ("closed.test", format!("https://{}:1/", Https::HOST), "retry", "nobody listens"),
    ];
    fill(
        &lab,
        table.iter().map(|(domain, url, ..)| (*domain, rua(url))),
    );
    let reportd = lab.reportd().set("http_timeout", 5).start();
    let found = by_domain(&lab, &lab.reportd_db(), table.len());
    reportd.stop().success();
    for (domain, _, result, reason) in table {
        let delivery = &found[domain];
        assert_eq!(
            delivery.result(),
            result,
            "{domain}: {reason}: {delivery:?}"
        );
        assert!(!delivery.reason.is_empty(), "{domain}");
        if result == "retry" {
            assert!(
                USUAL_WAIT.contains(&delivery.wait),
                "{domain}: {delivery:?}"
            );
        }
    }
}

#[test]
fn certificates_are_verified_unless_the_operator_says_no() {
    let lab = Lab::new();
    let stranger = Https::start(&Ca::new());
    lab.dns
        .host("misnamed.reports.test", &[Ipv4Addr::LOCALHOST.into()]);
    #[rustfmt::skip]
    let table = [
        ("good.test", lab.https.url("/good"), "sent", "a known CA and the right name"),
        ("stranger.test", stranger.url("/stranger"), "retry", "an unknown CA"),
        ("misnamed.test", format!("https://misnamed.reports.test:{}/misnamed", lab.https.port()), "retry", "another name"),
    ];
    fill(
        &lab,
        table.iter().map(|(domain, url, ..)| (*domain, rua(url))),
    );
    let reportd = lab.reportd().start();
    let found = by_domain(&lab, &lab.reportd_db(), table.len());
    reportd.stop().success();
    for (domain, _, result, reason) in &table {
        let delivery = &found[*domain];
        assert_eq!(
            delivery.result(),
            *result,
            "{domain}: {reason}: {delivery:?}"
        );
    }
    assert!(
        stranger.posts().is_empty(),
        "nothing is posted before the certificate is verified"
    );
    assert!(lab.https.posts_to("/misnamed").is_empty());

    let careless = lab.file("careless.sqlite");
    let reportd = lab
        .reportd()
        .set("dbname", careless.display())
        .set("https_verify", "no")
        .start();
    let found = by_domain(&lab, &careless, table.len());
    reportd.stop().success();
    for (domain, delivery) in found {
        assert_eq!(delivery.result(), "sent", "{domain}: {delivery:?}");
    }
    assert_eq!(stranger.posts().len(), 1);
}

#[test]
fn one_connection_carries_many_posts() {
    let lab = Lab::new();
    let names: Vec<String> = (0..40).map(|n| format!("d{n}.test")).collect();
    let records = records(&lab, &names);
    let records = records
        .iter()
        .map(|(name, txt)| (name.as_str(), txt.clone()));
    fill(&lab, records);
    let reportd = lab.reportd().set("max_concurrent_per_host", 4).start();
    by_domain(&lab, &lab.reportd_db(), names.len());
    reportd.stop().success();
    let connections = lab.https.connections();
    assert!(
        (1..=4).contains(&connections),
        "{connections} connections for 40 posts, 4 at a time"
    );
}

#[test]
fn a_post_says_what_it_is_and_who_sends_it() {
    let lab = closed_day([]);
    fill(&lab, [("posted.test", rua(&lab.https.url("/a/b?c=d")))]);
    let reportd = lab.reportd().start();
    let posts = lab.https.wait_for_posts(1);
    by_domain(&lab, &lab.reportd_db(), 1);
    reportd.stop().success();
    let post = &posts[0];
    let header = |name: &str| post.headers.get(name).map_or("", String::as_str);
    assert_eq!(
        (post.method.as_str(), post.path.as_str()),
        ("POST", "/a/b?c=d")
    );
    assert_eq!(header("content-type"), "application/tlsrpt+gzip");
    let agent = format!(
        "tlsrptd/{} (+mailto:tlsrpt@sender.example)",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(
        header("user-agent"),
        agent,
        "who calls, and whom to ask about it"
    );
    assert_eq!(header("content-encoding"), "", "the type says gzip already");
    assert_eq!(
        header("host"),
        format!("{}:{}", Https::HOST, lab.https.port())
    );
    let id = lab.report_id("posted.test");
    assert_eq!(mail::report(&post.body)["report-id"], id);
}
