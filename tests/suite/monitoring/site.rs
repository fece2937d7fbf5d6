//! A site whose day had a large destination with an expired certificate; its collector, its reporter and its page at work.

use rusqlite::Connection;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::statusd::Statusd;

/// Domains that want a report each: more than failures for the relay's queue to be throttled.
pub(super) const DOMAINS: usize = 8;

/// The site.
pub(super) struct Site {
    pub(super) lab: Lab,
    collectd: Option<Running>,
    reportd: Option<Running>,
}

fn record(domain: &str) -> String {
    format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}")
}

/// A session that succeeds.
pub(super) fn success(domain: &str) -> Vec<u8> {
    mta::success(domain, &record(domain))
}

/// One that does not: the server has no STARTTLS.
pub(super) fn failure(domain: &str) -> Vec<u8> {
    mta::failure(domain, &record(domain), 201)
}

impl Site {
    /// With a relay that takes all.
    pub(super) fn new() -> Site {
        Site::with(|_| {})
    }

    /// `prepare` sees it before the daemons start.
    pub(super) fn with(prepare: impl FnOnce(&Lab)) -> Site {
        let lab = Lab::new();
        let names = (0..DOMAINS).map(|n| format!("d{n}.example"));
        let mut datagrams: Vec<Vec<u8>> = Vec::new();
        for name in names {
            lab.dns.tlsrpt(&name, &record(&name));
            datagrams.push(success(&name));
        }
        let expired = mta::failure("d0.example", &record("d0.example"), 204);
        datagrams.extend(std::iter::repeat_n(expired, 100));
        lab.collect(datagrams);
        prepare(&lab);
        let mut site = Site {
            lab,
            collectd: None,
            reportd: None,
        };
        site.collectd = Some(site.lab.start_ready(&site.collectd_program()));
        let mut reportd = site.reportd_program().start();
        reportd.wait_for_log("tlsrpt-reportd is at work");
        site.reportd = Some(reportd);
        let decided = "SELECT count(*) > 0 AND count(*) = count(status) FROM fetchjobs";
        site.lab
            .wait_for_query(&site.lab.reportd_db(), decided, "1");
        site
    }

    fn collectd_program(&self) -> Program {
        let file = |name: &str| self.lab.file(name).display().to_string();
        self.lab
            .collectd()
            .set("observation_socket", file("collectd.observe"))
            .set("stats_file", file("collectd.prom"))
            .set("max_day_file_size", 1 << 20)
    }

    fn fetcher(&self) -> Program {
        let socket = self.lab.file("collectd.observe");
        self.lab
            .fetcher()
            .set("observation_socket", socket.display())
    }

    fn of_reporter(&self, program: Program) -> Program {
        let socket = self.lab.file("reportd.observe");
        program
            .set("observation_socket", socket.display())
            .set("fetchers", self.fetcher().command_line())
            .set("max_report_age", 86_400)
    }

    fn reportd_program(&self) -> Program {
        self.of_reporter(self.lab.reportd())
    }

    /// `tlsrptctl` with these words.
    pub(super) fn ctl(&self, words: &[&str]) -> Program {
        let ctl = self.of_reporter(self.lab.ctl());
        words.iter().fold(ctl, |ctl, word| ctl.arg(word))
    }

    /// Its page.
    pub(super) fn statusd(&self) -> Statusd {
        Statusd::start(&self.lab.statusd(&self.reportd_program()))
    }

    pub(super) fn stop_collector(&mut self) {
        self.collectd.take().unwrap().stop().success();
    }

    pub(super) fn stop_reporter(&mut self) {
        self.reportd.take().unwrap().stop().success();
    }

    /// Nobody can read it any more.
    pub(super) fn remove_database(&self) {
        std::fs::remove_file(self.lab.reportd_db()).unwrap();
    }

    /// As if what waits had waited for seven hours more.
    pub(super) fn age_pending(&self) {
        let db = Connection::open(self.lab.reportd_db()).unwrap();
        let earlier =
            "UPDATE destinations SET nexttry = datetime(nexttry, '-7 hours') WHERE status IS NULL";
        assert_eq!(db.execute(earlier, []).unwrap(), DOMAINS);
    }
}
