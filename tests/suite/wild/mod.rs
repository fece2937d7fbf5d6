//! Configurations as they are found: each is checked, mended as the message says where it is broken, and then sys4's
//! collector and ours, our fetcher and our reporter work with it.

mod site;

use tlsrptd_tests::harness::sys4::Sys4;

use site::{Configured, Site};

/// A place, how its programs are configured, and what the check says.
struct Row {
    place: &'static str,
    collectd: Configured,
    fetcher: Configured,
    reportd: Configured,
    /// What the reporter's check prints beside its approval; each a part of one line.
    warnings: &'static [&'static str],
    /// What is wrong in the reporter's part: a part of the message, and what is written instead of what, by it.
    fault: Option<(&'static str, [&'static str; 2])>,
}

use Configured::{ByEnvironment, ByFile};

const LOST: &str = "fetchers: `tlsrpt-fetcher` finds no storage";

fn rows() -> Vec<Row> {
    let one = |name| [ByFile(name), ByFile(name), ByFile(name)];
    let row = |place, [collectd, fetcher, reportd]: [Configured; 3], warnings, fault| Row {
        place,
        collectd,
        fetcher,
        reportd,
        warnings,
        fault,
    };
    vec![
        row(
            "nixos",
            [
                ByFile("nixos/collectd.cfg"),
                ByFile("nixos/fetcher.cfg"),
                ByFile("nixos/reportd.cfg"),
            ],
            &["http_script: curl without --fail"],
            None,
        ),
        row(
            "gentoo",
            one("gentoo/tlsrpt-reporter.cfg"),
            &[LOST, "write `tlsrpt-fetcher --config_file "],
            None,
        ),
        row(
            "freebsd",
            one("freebsd/tlsrpt-reporter.cfg"),
            &[
                "max_collectd_timeout: accepted for existing files, without effect",
                "finds no storage",
            ],
            Some((
                "organization_name: required, but empty (allowed: ",
                ["organization_name =", "organization_name = Sender Example"],
            )),
        ),
        row(
            "docker",
            [
                ByEnvironment("docker/collectd.env"),
                ByEnvironment("docker/reportd.env"),
                ByEnvironment("docker/reportd.env"),
            ],
            &["TLSRPT_REPORTD_VERSION: unknown option"],
            None,
        ),
        row("one-file", one("one-file/tlsrpt-reporter.cfg"), &[], None),
    ]
}

#[test]
fn each_is_checked_and_works() {
    let sys4 = Sys4::or_skip();
    for row in rows() {
        let mut site = Site::new(row.place);
        for program in [site.collectd(row.collectd), site.fetcher(row.fetcher)] {
            let ended = program.arg("--check-config").run().success();
            assert_eq!(ended.stderr, "", "{}", row.place);
        }
        if let Some((message, [wrong, right])) = row.fault {
            let ended = site.reportd(row.reportd).arg("--check-config").run();
            assert_eq!(ended.code(), Some(2), "{}", row.place);
            assert!(
                ended.stderr.contains(message),
                "{}: {}",
                row.place,
                ended.stderr
            );
            site.write_instead(wrong, right);
        }
        check_warnings(&mut site, &row);
        if let Some(sys4) = &sys4 {
            site.count_one(&site.their_collectd(sys4, row.collectd));
        }
        site.count_two_and_close(&site.collectd(row.collectd));
        let sessions = if sys4.is_some() { 3 } else { 2 };
        assert_eq!(
            site.reported(&site.reportd(row.reportd)),
            sessions,
            "{}",
            row.place
        );
        let status = site.ctl(row.reportd).arg("status").run().success().stdout;
        assert!(status.contains("sent"), "{}: {status}", row.place);
    }
}

/// Warnings are told, and what one says to write is written.
fn check_warnings(site: &mut Site, row: &Row) {
    let ended = site
        .reportd(row.reportd)
        .arg("--check-config")
        .run()
        .success();
    for warning in row.warnings {
        assert!(
            ended.stderr.lines().any(|line| line.contains(warning)),
            "{}: {warning}: {}",
            row.place,
            ended.stderr
        );
    }
    let lost = ended
        .stderr
        .lines()
        .find(|line| line.contains("finds no storage"));
    assert_eq!(
        ended.stderr.lines().count(),
        row.warnings
            .iter()
            .filter(|warning| !warning.starts_with("write"))
            .count(),
        "{}: nothing else is told: {}",
        row.place,
        ended.stderr
    );
    let Some(line) = lost else {
        return;
    };
    let quoted: Vec<&str> = line.split('`').collect();
    let (wrong, right) = (quoted[1], quoted[quoted.len() - 2]);
    assert_ne!(wrong, right);
    site.write_instead(
        &format!("fetchers = {wrong}"),
        &format!("fetchers = {right}"),
    );
    let ended = site
        .reportd(row.reportd)
        .arg("--check-config")
        .run()
        .success();
    assert!(
        !ended.stderr.contains("finds no storage"),
        "{}: {}",
        row.place,
        ended.stderr
    );
}
