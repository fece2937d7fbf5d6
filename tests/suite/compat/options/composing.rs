//! The options of `tlsrpt-reportd` about what stands in a report, and whether there is one.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use tlsrptd_tests::harness::dns::Trouble;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::within;

use super::effect::{Effect, Of};
use super::site::{MAIL, Site, is};

pub(super) fn effects() -> Vec<Effect> {
    [contents(), records(), maps()]
        .into_iter()
        .flatten()
        .collect()
}

/// The report that is posted.
fn posted(site: &Site, reporter: Program) -> Value {
    let reporter = site.with(reporter, &site.posting());
    site.report(&reporter);
    mail::report(&site.https.posts()[0].body)
}

fn destinations(site: &Site, reporter: Program) -> String {
    site.report(&reporter);
    site.scene.destinations("a.test").replace(" sent", "")
}

#[rustfmt::skip]
fn contents() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.turn("organization_name", ["One", "Two"], ["\"One\"", "\"Two\""], |site, reporter| posted(site, reporter)["organization-name"].to_string()),
        of.turn("contact_info", ["a@one.test", "a@two.test"], ["\"a@one.test\"", "\"a@two.test\""], |site, reporter| posted(site, reporter)["contact-info"].to_string()),
        of.set("sender_address", "TLS <noreply@sender.example>", ["tlsrpt@sender.example", "TLS <noreply@sender.example>"], |site, reporter| {
            site.report(&reporter);
            ReportMail::parse(&site.smtp.mails()[0].bytes).header("From").unwrap()
        }),
        of.set("compression_level", "0", ["compressed", "stored"], |site, reporter| {
            posted(site, reporter);
            let body = site.https.posts()[0].body.clone();
            if String::from_utf8_lossy(&body).contains("organization-name") { "stored" } else { "compressed" }.to_owned()
        }),
        of.set("max_report_size", "65536", ["1200 details", "101 details"], |site, reporter| {
            let failures = (0..1200).map(|host| (format!(r#"{{"c": 203, "n": "mx{host}.a.test"}}"#), json!(1)));
            let counts = json!({"cntrtotal": 1200, "cntrfailure": 1200, "failures": failures.collect::<serde_json::Map<_, _>>()});
            let day = ("a.test".to_owned(), json!({site.posting(): {r#"{"policy-type": 9, "policy-domain": "a.test"}"#: counts}}));
            site.report(&reporter.set("fetchers", site.day(&[day])));
            let report = mail::report(&site.https.posts()[0].body);
            format!("{} details", report["policies"][0]["failure-details"].as_array().unwrap().len())
        }),
        of.set("report_days", "failures", ["mailto:x@m.test", "none"], destinations),
        of.set("min_sessions", "2", ["mailto:x@m.test", "none"], destinations),
        of.set("mx_reports", "yes", ["1", "2"], |site, reporter| {
            // A domain that is its own MX host: its destination has the sessions, and why there is no second report is recorded.
            let counts = json!({"cntrtotal": 1, "cntrfailure": 0, "failures": {}});
            let policy = r#"{"policy-type": 1, "policy-domain": "a.test", "policy-string": ["3 1 1 AA"]}"#;
            let day = ("a.test".to_owned(), json!({MAIL: {policy: counts}}));
            site.report(&reporter.set("fetchers", site.day(&[day])));
            site.value("SELECT count(*) FROM reports")
        }),
        of.set("loop_guard", "yes", ["mailto:x@m.test", "none"], |site, reporter| {
            // A day on which a mail of our own went to the domain, which had one session.
            let script = site.scene.write("later.sh", "exit 1\n");
            let running = reporter.clone().set("fetchers", format!("sh {script}")).start();
            site.scene.wait_for("r.sqlite", "SELECT count(*) > 0 FROM fetchjobs WHERE retries > 0", "1");
            running.stop();
            let change = rusqlite::Connection::open(site.scene.file("r.sqlite")).unwrap();
            change.execute_batch("DELETE FROM fetchjobs; INSERT INTO tlsrptd_mails VALUES(date('now', '-1 day'), 'a.test', 1, date('now', '-2 days'), 0)").unwrap();
            drop(change);
            destinations(site, reporter)
        }),
    ]
}

#[rustfmt::skip]
fn records() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.set("resolve_records", "no", ["mailto:dns@m.test", "mailto:x@m.test"], |site, reporter| {
            site.dns.tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:dns@m.test");
            destinations(site, reporter)
        }),
        of.turn("dns_servers", ["192.0.2.1", "{dns}"], ["mailto:x@m.test", "mailto:dns@m.test"], |site, reporter| {
            site.dns.tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:dns@m.test");
            destinations(site, reporter.set("dns_timeout", 1))
        }),
        of.set("dns_timeout", "1", ["slow", "quick"], |site, reporter| {
            site.dns.trouble("_smtp._tls.a.test", Trouble::Silent);
            let _running = reporter.start();
            let decided = || site.scene.rows_or_none("r.sqlite", "SELECT domain FROM reports").filter(|domain| !domain.is_empty());
            // Three questions, with a second between them.
            if within(Duration::from_secs(11), decided).is_some() { "quick" } else { "slow" }.to_owned()
        }),
        of.set("max_destinations", "1", ["mailto:x@m.test mailto:y@m.test", "mailto:x@m.test"], |site, reporter| {
            let reporter = site.with(reporter, "v=TLSRPTv1; rua=mailto:x@m.test,mailto:y@m.test");
            destinations(site, reporter)
        }),
        of.set("max_reports_per_destination", "1", ["mailto:x@m.test mailto:y@m.test", "mailto:x@m.test mailto:y@m.test suppressed"], |site, reporter| {
            let reporter = site.with(reporter, "v=TLSRPTv1; rua=mailto:x@m.test,mailto:y@m.test");
            destinations(site, reporter)
        }),
        of.set("destination_dnsbl", "dbl.test=127.0.0.[2..11]", ["mailto:x@m.test mailto:y@n.test", "mailto:x@m.test mailto:y@n.test suppressed"], |site, reporter| {
            site.dns.host("n.test.dbl.test", &[Ipv4Addr::new(127, 0, 0, 2).into()]);
            let reporter = site.with(reporter, "v=TLSRPTv1; rua=mailto:x@m.test,mailto:y@n.test");
            destinations(site, reporter)
        }),
        of.turn("known_destinations", ["other.test", "m.test"], ["mailto:x@m.test mailto:y@m.test suppressed", "mailto:x@m.test mailto:y@m.test"], |site, reporter| {
            let reporter = site.with(reporter, "v=TLSRPTv1; rua=mailto:x@m.test,mailto:y@m.test");
            destinations(site, reporter.set("max_reports_per_destination", 1))
        }),
        of.turn("allow_private_destinations", ["no", "yes"], ["refused", "sent"], |site, reporter| {
            let reporter = site.with(reporter, &site.posting());
            site.report(&reporter);
            site.value("SELECT status FROM destinations")
        }),
    ]
}

/// Reports to a mail address and a URL, and where they went.
fn mapped(site: &Site, reporter: Program) -> String {
    let url = site.https.url("/r");
    let reporter = site.with(reporter, &format!("{MAIL},{url}"));
    let (url, debug) = (url, site.https.url("/debug"));
    destinations(site, reporter)
        .replace(&url, "URL")
        .replace(&debug, "DEBUG")
}

#[rustfmt::skip]
fn maps() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    let both = "URL mailto:x@m.test";
    vec![
        of.set("tlsrpt_record_map", "{folder}/discard.map", [both, "none"], mapped),
        of.set("mail_destination_map", "{folder}/discard.map", [both, "URL"], mapped),
        of.set("http_upload_map", "{folder}/discard.map", [both, "mailto:x@m.test"], mapped),
        of.set("debug_send_mail_dest", "debug@m.test", [both, "URL mailto:debug@m.test"], mapped),
        of.set("debug_send_http_dest", "{url}", [both, "DEBUG mailto:x@m.test"], mapped),
        of.set("debug_send_file_dest", "{folder}/kept", ["no", "yes"], |site, reporter| {
            mapped(site, reporter);
            is(std::fs::read_dir(site.scene.file("kept")).unwrap().next().is_some())
        }),
    ]
}
