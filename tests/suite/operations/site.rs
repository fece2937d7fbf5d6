//! A morning: yesterday's reports have gone out, or not; today's sessions are counted; the operator asks.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Ended, Program, Running};
use tlsrptd_tests::harness::smtp::{Act, Stage};

/// What was asked for by whoever got no report.
pub(super) const ASKED: &str = "asked by mail";

/// The site, its collector at work.
pub(crate) struct Morning {
    pub(crate) lab: Lab,
    _collectd: Running,
    reportd: Option<Running>,
}

impl Morning {
    /// Domains, by what became of their reports: `example.com` sent; `example.org` sent, failed when we sent;
    /// `example.net` waits, its mailbox is full; `refusing.example` refused; `left-alone.example` suppressed;
    /// `quiet.example` asks for none. Today: `example.com` and `new.example`.
    pub(crate) fn new() -> Morning {
        let lab = Lab::new();
        let record = |domain: &str| format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}");
        for domain in [
            "example.com",
            "example.org",
            "example.net",
            "refusing.example",
            "left-alone.example",
            "new.example",
        ] {
            lab.dns.tlsrpt(domain, &record(domain));
        }
        let own = Lab::SUBMITTER;
        lab.dns.host(own, &["127.0.0.1".parse().unwrap()]);
        lab.dns.txt(&format!("_dmarc.{own}"), &["v=DMARC1; p=none"]);
        for key in ["dkim-rsa.pem", "dkim-ed.pem"] {
            let mode = Permissions::from_mode(0o640);
            fs::set_permissions(lab.file(key), mode).unwrap();
        }
        let busy = Act::reply("452 4.2.2 mailbox full");
        lab.smtp.script_for("tlsrpt@example.net", Stage::Rcpt, busy);
        let unknown = Act::reply("550 5.1.1 no such user");
        lab.smtp
            .script_for("tlsrpt@refusing.example", Stage::Rcpt, unknown);
        let good = |domain: &str| mta::success(domain, &record(domain));
        let expired = mta::failure("example.org", &record("example.org"), 204);
        lab.collect([
            good("example.com"),
            good("example.com"),
            good("example.com"),
            expired.clone(),
            expired,
            good("example.org"),
            good("example.net"),
            good("refusing.example"),
            good("left-alone.example"),
            good("quiet.example"),
        ]);
        let collectd = lab.start_ready(&observed(lab.collectd(), "collectd.observe", &lab));
        lab.mta().send_all([
            good("example.com"),
            good("example.com"),
            mta::failure("new.example", &record("new.example"), 201),
        ]);
        lab.wait_for_sessions(&lab.collectd_db(), 3);
        let mut morning = Morning {
            lab,
            _collectd: collectd,
            reportd: None,
        };
        morning.make_database();
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 400);
        let until = until.strftime("%Y-%m-%d").to_string();
        morning
            .ask(&[
                "suppress",
                "add",
                "left-alone.example",
                "--until",
                &until,
                "--reason",
                ASKED,
            ])
            .success();
        morning.start();
        morning.wait_for_outcomes();
        morning
    }

    /// The list of who gets nothing needs a database; no day is gathered yet.
    fn make_database(&self) {
        let mut reportd = self.reportd().set("fetchers", "false").start();
        reportd.wait_for_log("tlsrpt-reportd is at work");
        let jobs = "SELECT count(*) > 0 FROM fetchjobs WHERE retries > 0";
        self.lab.wait_for_query(&self.lab.reportd_db(), jobs, "1");
        reportd.stop().success();
        // It is another collector that is asked now.
        let db = rusqlite::Connection::open(self.lab.reportd_db()).unwrap();
        db.execute("DELETE FROM fetchjobs", []).unwrap();
    }

    fn wait_for_outcomes(&self) {
        let ended = "SELECT count(*) FROM destinations WHERE status IS NOT NULL OR retries > 0 OR tlsrptd_reason IS NOT NULL";
        self.lab.wait_for_query(&self.lab.reportd_db(), ended, "4");
        let decided = "SELECT count(*) > 0 AND count(*) = count(status) FROM fetchjobs";
        self.lab
            .wait_for_query(&self.lab.reportd_db(), decided, "1");
    }

    /// `tlsrpt-reportd` of this site.
    pub(crate) fn reportd(&self) -> Program {
        let program = self.lab.reportd().set("max_report_age", 86_400);
        observed(program, "reportd.observe", &self.lab)
            .set("fetchers", self.fetcher().command_line())
    }

    fn fetcher(&self) -> Program {
        observed(self.lab.fetcher(), "collectd.observe", &self.lab)
    }

    fn start(&mut self) {
        let mut reportd = self.reportd().start();
        reportd.wait_for_log("tlsrpt-reportd is at work");
        self.reportd = Some(reportd);
    }

    /// The reporter stops.
    pub(crate) fn stop(&mut self) {
        if let Some(reportd) = self.reportd.take() {
            reportd.stop().success();
        }
    }

    /// Asks while the reporter works, and when it has stopped.
    pub(crate) fn working_and_stopped(mut self, ask: impl Fn(&Morning)) {
        ask(&self);
        self.stop();
        ask(&self);
    }

    /// Asks `tlsrptctl`.
    pub(crate) fn ask(&self, words: &[&str]) -> Ended {
        self.ctl(words).run()
    }

    /// `tlsrptctl` with these words.
    pub(crate) fn ctl(&self, words: &[&str]) -> Program {
        let ctl = self.lab.full_ctl();
        let ctl = observed(ctl, "reportd.observe", &self.lab)
            .set("fetchers", self.fetcher().command_line());
        words.iter().fold(ctl, |ctl, word| ctl.arg(word))
    }

    /// The text of an answer.
    pub(crate) fn text(&self, words: &[&str]) -> String {
        self.ask(words).success().stdout
    }

    /// The answer as JSON: one line.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let ended = self.ask(&[words, &["--json"]].concat());
        let line = ended.stdout.trim_end_matches('\n');
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{words:?}: {error}: {ended:?}"))
    }
}

/// With an observation socket in the lab's folder.
fn observed(program: Program, name: &str, lab: &Lab) -> Program {
    program.set("observation_socket", lab.file(name).display())
}
