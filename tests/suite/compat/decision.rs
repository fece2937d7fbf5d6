//! What decides on a report: DNS or the MTA, what is reachable, what the sessions were.

use std::net::Ipv4Addr;

use serde_json::json;
use tlsrptd_tests::harness::dns::Dns;
use tlsrptd_tests::harness::https::Https;
use tlsrptd_tests::harness::mail;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::tls::Ca;

use super::mark::{better, different, kept};
use super::reporter::{policy_of, session};
use super::scene::Scene;
use super::topic::Topic;

const SEEN: &str = "v=TLSRPTv1; rua=mailto:seen@m.test";

pub(super) fn topic() -> Topic {
    collectors(guards(records(Topic::new("Whether and where"))))
}

/// Ours as it is by default: it asks DNS. Theirs knows no such options.
fn asking(scene: &Scene, dns: &Dns, reporter: Program) -> Program {
    if scene.subject.is_ours() {
        reporter
            .arg("--resolve_records=yes")
            .arg(format!("--dns_servers={}", dns.address()))
    } else {
        reporter
    }
}

#[rustfmt::skip]
fn records(topic: Topic) -> Topic {
    let view = |shows| different(shows, "the record that the MTA saw", "the one in DNS when the report is made (`resolve_records = no` for the MTA's); who has none any more gets no report");
    topic
        .case("a record that has changed since", "mailto:now@m.test sent", view("mailto:seen@m.test sent"), |scene| {
            let dns = Dns::start();
            dns.tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:now@m.test");
            scene.report(&asking(scene, &dns, scene.reporter(&[session("a.test", SEEN)])), 1);
            scene.destinations("a.test")
        })
        .case("a record that is gone", "none", view("mailto:seen@m.test sent"), |scene| {
            let dns = Dns::start();
            scene.report(&asking(scene, &dns, scene.reporter(&[session("a.test", SEEN)])), 1);
            scene.destinations("a.test")
        })
        .case("two records", "none", view("mailto:seen@m.test sent"), |scene| {
            let dns = Dns::start();
            dns.txt("_smtp._tls.a.test", &[SEEN, "v=TLSRPTv1; rua=mailto:b@m.test"]);
            scene.report(&asking(scene, &dns, scene.reporter(&[session("a.test", SEEN)])), 1);
            scene.destinations("a.test")
        })
        .case("a record that leads into this network", "refused", different("sent", "any host that a record names is connected to", "hosts with global addresses, unless `allow_private_destinations`; what a map or a debug option names is exempt"), |scene| {
            let ca = Ca::new();
            let https = Https::start(&ca);
            let record = format!("v=TLSRPTv1; rua=https://{}:{}/r", Ipv4Addr::LOCALHOST, https.port());
            let ca = scene.write("ca.pem", ca.pem());
            let reporter = scene.reporter(&[session("a.test", &record)]).unset("http_script").env("CURL_CA_BUNDLE", ca);
            scene.report(&reporter, 1);
            scene.rows("r.sqlite", "SELECT status FROM destinations")
        })
}

fn guards(topic: Topic) -> Topic {
    topic.case(
        "sessions that carried our own reports",
        "none",
        better(
            "mailto:seen@m.test sent",
            "two senders report each other's reports for ever (with Postfix before 3.10.4)",
            "`loop_guard`: one report a week where there may be nothing else",
        ),
        |scene| {
            // A mail on m.test to m.test today; on the next day it had one session.
            let reporter = scene.reporter(&[session("m.test", SEEN)]);
            let reporter = if scene.subject.is_ours() {
                reporter.arg("--loop_guard=yes")
            } else {
                reporter
            };
            scene.report(&reporter, 1).stop();
            scene.a_day_passes();
            scene.fetcher("collector", &[session("m.test", SEEN), session("n.test", SEEN)]);
            scene.report(&reporter, 2);
            let sql = "SELECT destination || ' ' || d.status FROM reports LEFT JOIN destinations d ON d_r_id = r_id \
                WHERE domain = 'm.test' AND day = date('now', '-1 day') AND destination IS NOT NULL";
            match scene.rows("r.sqlite", sql).as_str() {
                "" => "none".to_owned(),
                sent => sent.to_owned(),
            }
        },
    )
}

#[rustfmt::skip]
fn collectors(topic: Topic) -> Topic {
    // The state of yesterday's job once the collector has been asked, and that is not made up for.
    let job = |scene: &Scene, script: &str| {
        let script = scene.write("odd.sh", script);
        let _running = scene.reporter(&[]).set("fetchers", format!("sh {script}")).set("min_wait_domainlist", 1000).set("max_wait_domainlist", 1000).start();
        let yesterday = "FROM fetchjobs WHERE day = date('now', '-1 day')";
        scene.wait_for("r.sqlite", &format!("SELECT status IS NOT NULL OR nexttry > datetime('now', '+500 seconds') {yesterday}"), "1");
        scene.rows("r.sqlite", &format!("SELECT coalesce(status, 'again'), (SELECT count(*) FROM reportdata) {yesterday}"))
    };
    topic
        .case("a collector that is not ready", "again 0", kept("a collector that has not closed its day, or breaks off, or speaks another protocol, is asked again; nothing is lost or counted twice"), move |scene| {
            job(scene, "echo 'TLSRPT FETCHER v1devel-c domain list'; date -u '+%F %T'; date -u -d '-2 days' +%F; echo .\n")
        })
        .case("a list without an end", "again 0", kept(""), move |scene| {
            job(scene, "[ -z \"$2\" ] || exit 1\necho 'TLSRPT FETCHER v1devel-c domain list'; date -u '+%F %T'; date -u -d yesterday +%F; echo a.test\n")
        })
        .case("another version", "again 0", kept(""), move |scene| {
            job(scene, "echo 'TLSRPT FETCHER v9 domain list'; date -u '+%F %T'; date -u -d yesterday +%F; echo .\n")
        })
        .case("two collectors", "3", kept("the counts of several collectors are added up"), |scene| {
            let policy = json!({"policy-type": 9, "policy-domain": "a.test"});
            let record = "v=TLSRPTv1; rua=https://m.test/r";
            let day = |count: u32| [policy_of("a.test", record, &policy, json!({"cntrtotal": count, "cntrfailure": 0, "failures": {}}))];
            let (one, two) = (scene.fetcher("one", &day(1)), scene.fetcher("two", &day(2)));
            scene.report(&scene.reporter(&[]).set("fetchers", format!("{one},{two}")), 1);
            let report = mail::report(&scene.kept("posts").pop().unwrap().0);
            report["policies"][0]["summary"]["total-successful-session-count"].to_string()
        })
}
