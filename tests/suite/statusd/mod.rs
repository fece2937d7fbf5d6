//! `tlsrpt-statusd` as a server: what clients may do to it, and what becomes of it and of the daemons.

mod answers;
mod hostile_site;
mod life;
mod options;
mod page;
mod requests;
mod slow;
mod store;
mod user;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::{Program, Running};

/// A site with a reporter that has nothing to report.
struct QuietSite {
    lab: Lab,
    reportd: Program,
}

impl QuietSite {
    /// Its database is made; it does not run.
    fn new() -> QuietSite {
        let lab = Lab::new();
        let reportd = lab
            .reportd()
            .set("fetchers", "false")
            .set("observation_socket", lab.file("reportd.observe").display());
        let site = QuietSite { lab, reportd };
        site.start().stop().success();
        site
    }

    /// The reporter, at work.
    fn start(&self) -> Running {
        let mut reportd = self.reportd.start();
        reportd.wait_for_log("tlsrpt-reportd is at work");
        reportd
    }

    fn statusd(&self) -> Program {
        self.lab.statusd(&self.reportd)
    }
}
