//! One slow or dead receiver delays nobody else, on real sockets.

use super::{fill, rua};
use std::net::Ipv4Addr;
use std::time::Duration;
use tlsrptd_tests::harness::https::{Answer, Https};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::wait::until_true;

#[test]
fn a_slow_receiver_delays_nobody_else() {
    let lab = Lab::new();
    lab.dns
        .host("other.reports.test", &[Ipv4Addr::LOCALHOST.into()]);
    lab.https.script("/slow", Answer::Hang);
    let slow: Vec<String> = (0..8)
        .map(|number| format!("a-slow-{number}.test"))
        .collect();
    let other = format!("https://other.reports.test:{}/other", lab.https.port());
    let mut records: Vec<(&str, String)> = slow
        .iter()
        .map(|domain| (domain.as_str(), rua(&lab.https.url("/slow"))))
        .collect();
    records.push(("z-other.test", rua(&other)));
    records.push(("z-mail.test", rua("mailto:a@reports.test")));
    fill(&lab, records);
    // Longer than this test may take: who waits for the slow ones is seen.
    let reportd = lab
        .reportd()
        .set("http_timeout", 600)
        .set("max_concurrent_deliveries", 4)
        .set("max_concurrent_per_host", 2)
        .start();
    lab.smtp.wait_for_mails(1);
    until_true("the other host's post", || {
        !lab.https.posts_to("/other").is_empty()
    });
    let slow = lab.https.posts_to("/slow").len();
    assert!(slow <= 2, "{slow} at once to one host");
    reportd.kill();
}

#[test]
fn hosts_that_hang_hold_neither_mails_nor_other_hosts() {
    let lab = Lab::new();
    let port = lab.https.port();
    lab.https.script("/hang", Answer::Hang);
    let host = |name: &str| lab.dns.host(name, &[Ipv4Addr::LOCALHOST.into()]);
    let mut records = Vec::new();
    // Each of an owner of its own.
    for number in 0..200 {
        let name = format!("h.hang{number}.test");
        host(&name);
        let url = format!("https://{name}:{port}/hang");
        records.push((format!("a-hang-{number:03}.test"), rua(&url)));
    }
    for number in 0..40 {
        let name = format!("h.quick{number}.test");
        host(&name);
        let url = format!("https://{name}:{port}/quick");
        records.push((format!("z-quick-{number}.test"), rua(&url)));
        let address = format!("mailto:a{number}@reports.test");
        records.push((format!("z-mail-{number}.test"), rua(&address)));
    }
    fill(
        &lab,
        records
            .iter()
            .map(|(domain, txt)| (domain.as_str(), txt.clone())),
    );
    let reportd = lab.reportd().set("https_verify", "no").start();
    lab.smtp.wait_for_mails(40);
    until_true("the posts of the other hosts", || {
        lab.https.posts_to("/quick").len() == 40
    });
    assert_eq!(lab.stored().failures(), 0);
    reportd.kill();
}

/// Customers' hosts at one provider share its connections, and take turns; those that hang are somebody else's.
#[test]
fn hosts_of_one_owner_at_one_address_are_all_served() {
    let lab = Lab::new();
    let port = lab.https.port();
    let late = Answer::Late(Duration::from_millis(20), 200);
    lab.https.script("/late", late);
    lab.https.script("/hang", Answer::Hang);
    let mut records = Vec::new();
    for (count, owner, path) in [(20, "hanging.test", "hang"), (12, "provider.test", "late")] {
        for number in 0..count {
            let host = format!("c{number}.{owner}");
            lab.dns.host(&host, &[Ipv4Addr::LOCALHOST.into()]);
            let url = format!("https://{host}:{port}/{path}");
            records.push((format!("{path}-{number}.test"), rua(&url)));
        }
    }
    fill(
        &lab,
        records
            .iter()
            .map(|(domain, txt)| (domain.as_str(), txt.clone())),
    );
    let reportd = lab.reportd().set("https_verify", "no").start();
    until_true("the posts of the provider's hosts", || {
        lab.https.posts_to("/late").len() == 12
    });
    let hanging = lab.https.posts_to("/hang").len();
    assert!(hanging <= 4, "{hanging} at once to one owner");
    assert_eq!(lab.stored().failures(), 0);
    reportd.kill();
}

#[test]
fn a_dead_port_or_a_busy_place_holds_nobody_else_at_that_host() {
    let lab = Lab::new();
    let busy = Answer::with(503, "Retry-After: 3600");
    lab.https.script("/busy", busy);
    let mut records = Vec::new();
    for number in 0..15 {
        let closed: Vec<String> = (0..5)
            .map(|n| format!("https://{}:1/{number}-{n}", Https::HOST))
            .collect();
        records.push((format!("a-closed-{number}.test"), rua(&closed.join(","))));
        let url = lab.https.url("/busy");
        records.push((format!("b-busy-{number}.test"), rua(&url)));
    }
    for number in 0..20 {
        let url = lab.https.url("/own");
        records.push((format!("z-neighbour-{number}.test"), rua(&url)));
    }
    fill(
        &lab,
        records
            .iter()
            .map(|(domain, txt)| (domain.as_str(), txt.clone())),
    );
    let reportd = lab.reportd().start();
    until_true("the neighbours' posts", || {
        lab.https.posts_to("/own").len() == 20
    });
    reportd.stop().success();
}
