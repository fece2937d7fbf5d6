//! Every option has its effect: each is turned away from its default, and something else is seen.

use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Read as _},
    net::TcpListener,
    time::Duration,
};

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::statusd::Statusd;

use super::QuietSite;

/// An option, a value that is not the default, and what is seen.
struct Row {
    option: &'static str,
    value: String,
    seen: fn(&QuietSite, Program) -> String,
}

fn rows(site: &QuietSite) -> Vec<Row> {
    let row = |option, value: &str, seen| Row {
        option,
        value: value.to_owned(),
        seen,
    };
    let other = QuietSite::new();
    let named = other
        .statusd()
        .setting("reportd_config")
        .unwrap()
        .to_owned();
    let text = fs::read_to_string(named).unwrap();
    let elsewhere = site.lab.file("other.cfg");
    let missing = text.replace("reportd.sqlite", "nowhere.sqlite");
    fs::write(&elsewhere, missing).unwrap();
    vec![
        row(
            "reportd_config",
            elsewhere.to_str().unwrap(),
            |_, program| {
                Statusd::start(&program)
                    .get("/health")
                    .body
                    .contains("nowhere")
                    .to_string()
            },
        ),
        row("collector_sockets", "/nowhere/c.observe", |_, program| {
            let status = Statusd::start(&program).get("/api/v1/status").body;
            status.contains("/nowhere/c.observe").to_string()
        }),
        row("listen", "127.0.0.2:0", |_, program| {
            Statusd::start(&program).address.ip().to_string()
        }),
        row("allow_remote", "yes", |_, program| {
            let taken = TcpListener::bind("0.0.0.0:0").unwrap();
            // Of an address that is taken: it ends either way.
            let ended = program.set("listen", taken.local_addr().unwrap()).run();
            ended
                .stderr
                .contains("is reached from other hosts")
                .to_string()
        }),
        row(
            "host_names",
            "other.example, status.example",
            |_, program| {
                let request =
                    "GET /health HTTP/1.1\r\nHost: Status.Example:80\r\nConnection: close\r\n\r\n";
                Statusd::start(&program).ask(request).status.to_string()
            },
        ),
        row("max_connections", "2", |_, program| {
            let page = Statusd::start(&program);
            let mut first = page.connect();
            let _second = page.connect();
            page.get("/health");
            first
                .set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            let waits = first
                .read(&mut [0])
                .is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            waits.to_string()
        }),
        row("exit_when_idle", "10", |_, program| {
            let passed = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut page = Statusd::start(&program.passing(passed)).running;
            std::thread::sleep(Duration::from_secs(14));
            page.is_running().to_string()
        }),
        row("refresh_interval", "3600", |_, program| {
            let page = Statusd::start(&program);
            let first = page.get("/api/v1/status").body;
            std::thread::sleep(Duration::from_millis(1100));
            (page.get("/api/v1/status").body == first).to_string()
        }),
        row(
            "logfilename",
            site.lab.file("page.log").to_str().unwrap(),
            |site, program| {
                drop(Statusd::start(&program));
                site.lab.file("page.log").exists().to_string()
            },
        ),
        row("log_level", "debug", |_, program| {
            let page = Statusd::start(&program);
            page.get("/health");
            page.running
                .stop()
                .stderr
                .contains(" DEBUG answered ")
                .to_string()
        }),
    ]
}

#[test]
fn each_option_makes_a_difference() {
    let site = QuietSite::new();
    for row in rows(&site) {
        let before = (row.seen)(&site, site.statusd());
        let after = (row.seen)(&site, site.statusd().set(row.option, &row.value));
        assert_ne!(before, after, "{} = {}", row.option, row.value);
    }
}

#[test]
fn each_option_has_a_row() {
    let site = QuietSite::new();
    let help = site.statusd().arg("--help").run().success().stdout;
    let names = help
        .lines()
        .filter_map(|line| line.strip_prefix("  --")?.split_once(' '));
    let known: BTreeSet<&str> = names
        .map(|(name, _)| name)
        .filter(|name| *name != "config_file")
        .collect();
    let rows = rows(&site);
    let rows: BTreeSet<&str> = rows.iter().map(|row| row.option).collect();
    assert_eq!(known, rows);
}
