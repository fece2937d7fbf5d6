//! What the programs have before them: collectors as the test says, DNS and receivers on loopback.

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tlsrptd_tests::harness::dkim::DkimKey;
use tlsrptd_tests::harness::dns::Dns;
use tlsrptd_tests::harness::https::Https;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::smtp::Smtp;
use tlsrptd_tests::harness::tls::Ca;
use tlsrptd_tests::harness::wait::until_true;

use super::super::reporter::{Day, session};
use super::super::scene::Scene;
use super::super::subject::Subject;

/// The record of `a.test` unless a row says otherwise.
pub(super) const MAIL: &str = "v=TLSRPTv1; rua=mailto:x@m.test";

/// A scene of ours with the outside of a reporter.
pub(super) struct Site {
    pub(super) scene: Scene,
    pub(super) dns: Dns,
    pub(super) smtp: Smtp,
    pub(super) https: Https,
}

impl Site {
    pub(super) fn new() -> Site {
        let (scene, dns, ca) = (Scene::new(Subject::Ours), Dns::start(), Ca::new());
        let https = Https::start(&ca);
        dns.host(Https::HOST, &[Ipv4Addr::LOCALHOST.into()]);
        DkimKey::ed25519(scene.folder()).publish(&dns, "sender.example");
        scene.write("ca.pem", ca.pem());
        scene.write("discard.map", ". DISCARD\n");
        fs::create_dir(scene.file("kept")).unwrap();
        Site {
            scene,
            dns,
            smtp: Smtp::start(),
            https,
        }
    }

    pub(super) fn fill(&self, text: &str) -> String {
        let url = self.https.url("/debug");
        self.scene
            .fill(text)
            .replace("{url}", &url)
            .replace("{relay}", &self.smtp.transport())
            .replace("{dns}", &self.dns.address().to_string())
    }

    /// A program of ours with a configuration by which it works.
    pub(super) fn program(&self, name: &str) -> Program {
        match name {
            "tlsrpt-collectd" => self
                .scene
                .collector()
                .unset("sockettimeout")
                .unset("max_uncommited_datagrams"),
            "tlsrpt-fetcher" => self
                .scene
                .program(name)
                .set("storage", self.scene.storage("a")),
            "tlsrptctl" => self
                .scene
                .program(name)
                .set("dbname", self.scene.file("r.sqlite").display()),
            _ => self.reporter(),
        }
    }

    /// Everything that is not set has its default, but what leads out of the test, and the times of deliveries.
    fn reporter(&self) -> Program {
        self.scene
            .program("tlsrpt-reportd")
            .set("dbname", self.scene.file("r.sqlite").display())
            .set("fetchers", self.day(&[session("a.test", MAIL)]))
            .set("organization_name", "Sender Example")
            .set("contact_info", "tlsrpt@sender.example")
            .set("spread_out_delivery", 1)
            .set("interval_main_loop", 1)
            .set("log_level", "info")
            .set("dns_servers", self.dns.address())
            .set("mail_transport", self.smtp.transport())
            .set("https_ca_file", self.scene.file("ca.pem").display())
            .set("allow_private_destinations", "yes")
    }

    /// A fetcher of these domains, whose records DNS knows too.
    pub(super) fn day(&self, days: &[Day]) -> String {
        for (domain, policies) in days {
            for record in policies
                .as_object()
                .into_iter()
                .flat_map(|records| records.keys())
            {
                self.dns.tlsrpt(domain, record);
            }
        }
        self.scene.fetcher("collector", days)
    }

    /// The reporter at work on `a.test` with another record.
    pub(super) fn with(&self, reporter: Program, record: &str) -> Program {
        reporter.set("fetchers", self.day(&[session("a.test", record)]))
    }

    /// Lets a reporter work until all is decided and nothing is pending.
    pub(super) fn report(&self, reporter: &Program) -> Running {
        self.scene.report(reporter, 1)
    }

    /// The first column of the first row of a query on the reporter's database.
    pub(super) fn value(&self, sql: &str) -> String {
        self.scene.rows("r.sqlite", sql)
    }

    /// A URL of the receiver's.
    pub(super) fn posting(&self) -> String {
        format!("v=TLSRPTv1; rua={}", self.https.url("/r"))
    }
}

/// `yes` or `no`, for looks that ask a question.
pub(super) fn is(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// Waits until a program does nothing any more but wait.
pub(super) fn quiet(running: &Running) {
    let ticks = || {
        fs::read_to_string(format!("/proc/{}/stat", running.pid()))
            .unwrap()
            .split(' ')
            .skip(13)
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (mut last, mut since) = (ticks(), Instant::now());
    until_true("a quiet program", || {
        let now = ticks();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_millis(500)
    });
}
