//! The page of the demo's site: what `tlsrpt-statusd` shows of it.

use std::fs::{self, Permissions};
use std::io::{self, BufRead as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tlsrptd_tests::harness::browser::Browser;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::past;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::statusd::Statusd;

use super::show;

/// Days that are made up before the one that was played through.
const MADE_UP_DAYS: u32 = 60;
/// Set: the page stays until Enter is pressed.
const LOOK: &str = "TLSRPTD_DEMO_LOOK";
/// A file for a picture of the page.
const PICTURE: &str = "TLSRPTD_DEMO_PICTURE";

/// Shows it, and says how to look at it. `false`: it cannot be shown.
pub(crate) fn page(lab: &Lab, datagrams: &[Vec<u8>]) -> bool {
    show::title("tlsrpt-statusd shows it on a page");
    past::make_up(&lab.reportd_db(), MADE_UP_DAYS);
    for key in ["dkim-rsa.pem", "dkim-ed.pem"] {
        let mode = Permissions::from_mode(0o640);
        fs::set_permissions(lab.file(key), mode).expect("the demo's own file");
    }
    let observed =
        |program: Program, name: &str| program.set("observation_socket", lab.file(name).display());
    // The next morning: mails are sent, and counted.
    let collectd = lab.start_ready(&observed(lab.collectd(), "collectd.observe"));
    lab.mta().send_all(datagrams);
    let fetcher = observed(lab.fetcher(), "collectd.observe").command_line();
    let reportd = observed(lab.reportd(), "reportd.observe").set("fetchers", fetcher);
    let mut reporter = reportd.start();
    reporter.wait_for_log("tlsrpt-reportd is at work");
    let statusd = Statusd::start(&lab.statusd(&reportd));
    let answer = statusd.get("/");
    let is_shown = answer.status == 200 && answer.body.contains("Destinations that fail most");
    let url = format!("http://{}/", statusd.address);
    println!(
        "{url} says \"{}\", in {} kB: how it is, sessions and failures of {MADE_UP_DAYS} days (all but the last are made up from it), and what to do.",
        headline(&answer.body),
        answer.body.len() / 1000
    );
    if let Some(file) = std::env::var_os(PICTURE).map(PathBuf::from) {
        match Browser::find() {
            Some(browser) => {
                browser.picture(&url, &file);
                println!("A picture of it is in {}.", file.display());
            }
            None => println!("No picture: chromium, node or npm is missing."),
        }
    }
    match std::env::var_os(LOOK) {
        Some(_) => {
            println!("Look at {url} now; Enter ends the demo.");
            let _ = io::stdin().lock().read_line(&mut String::new());
        }
        None => println!("To look at it: make demo LOOK=1"),
    }
    statusd.running.stop().success();
    reporter.stop().success();
    collectd.stop().success();
    is_shown
}

/// Its title, up to the name of the program.
fn headline(html: &str) -> &str {
    let title = html.split("<title>").nth(1).unwrap_or_default();
    title.split(" ·").next().unwrap_or_default()
}
