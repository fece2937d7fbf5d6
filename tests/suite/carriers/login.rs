//! SMTP AUTH: the password is for the relay, and for nobody who listens on the way.

use std::fs;

use tlsrptd_tests::harness::smtp::{Act, Smtp, Stage};
use tlsrptd_tests::harness::tls::Ca;

use super::{by_domain, closed_day, rua};

#[test]
fn the_password_goes_over_tls_or_loopback_only() {
    let ca = Ca::new();
    let refusing = Smtp::start_with_starttls(&ca);
    refusing.script(Stage::Auth, Act::reply("535 5.7.8 who are you?"));
    let broken = Smtp::start_with_starttls_and_auth(&ca);
    broken.script(Stage::StartTls, Act::reply("454 4.7.0 TLS not available"));
    // `127.1` is loopback to the system, but no name that says so: to reportd it stands for any host.
    #[rustfmt::skip]
    let table = [
        ("starttls", "smtp", "127.0.0.1", Smtp::start_with_starttls(&ca), "sent", 1, "inside TLS"),
        ("smtps", "smtps", "127.0.0.1", Smtp::start_with_tls(&ca), "sent", 1, "inside TLS from the first byte"),
        ("plain", "smtp", "127.0.0.1", Smtp::start_with_auth(), "sent", 1, "in plain, but on this host"),
        ("name", "smtp", "localhost", Smtp::start_with_auth(), "sent", 1, "in plain, but on this host"),
        ("refused", "smtp", "127.0.0.1", refusing, "waits", 1, "a wrong password: the operator can mend it"),
        ("none", "smtp", "127.0.0.1", Smtp::start(), "waits", 0, "the relay knows no AUTH"),
        ("far", "smtp", "127.1", Smtp::start_with_auth(), "waits", 0, "no TLS on the way to another host"),
        ("stripped", "smtp", "127.1", broken, "waits", 0, "TLS that fails is not gone without"),
        ("stranger", "smtp", "127.1", Smtp::start_with_starttls_and_auth(&ca), "waits", 0, "TLS to nobody knows whom"),
        ("strangers", "smtps", "127.1", Smtp::start_with_tls(&ca), "waits", 0, "TLS to nobody knows whom"),
    ];
    let lab = closed_day([("a.test", rua("mailto:a@reports.test"))]);
    let password = lab.file("password");
    fs::write(&password, "s3cret: %word\n").unwrap();
    let start = |name: &str, scheme: &str, host: &str, relay: &Smtp| {
        let port = relay.address().port();
        lab.reportd()
            .set("dbname", lab.file(name).display())
            .set("mail_transport", format!("{scheme}://{host}:{port}"))
            .set("mail_user", "reporter")
            .set("mail_password_file", password.display())
            .start()
    };
    let running: Vec<_> = table
        .iter()
        .map(|(row, scheme, host, relay, ..)| start(row, scheme, host, relay))
        .collect();
    for (reportd, (row, _, _, relay, result, logins, reason)) in running.into_iter().zip(&table) {
        let found = by_domain(&lab, &lab.file(row), 1);
        let log = reportd.stop().success().stderr;
        let delivery = &found["a.test"];
        assert_eq!(delivery.result(), *result, "{row}: {reason}: {delivery:?}");
        assert_eq!(relay.logins(), *logins, "{row}: {reason}");
        assert!(!log.contains("s3cret"), "{row}: the password is in no log");
        for mail in relay.mails() {
            let login = Some(("reporter".to_owned(), "s3cret: %word".to_owned()));
            assert_eq!(mail.login, login, "{row}: {reason}");
        }
    }
}
