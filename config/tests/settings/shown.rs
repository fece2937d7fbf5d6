//! What a start shows when there is nothing to run, and what it never shows.

use crate::common::{load, with};
use tlsrptd_config::option::Program::{Collectd, Ctl, Fetcher, Reportd};

#[test]
fn nothing_to_run() {
    for (program, args, want, why) in [
        (Ctl, &[][..], "Usage: tlsrptctl COMMAND", "tlsrptctl alone"),
        (Ctl, &["--help"], "Usage: tlsrptctl COMMAND", "asked for"),
        (
            Fetcher,
            &["--help", "--nonsense"],
            "Usage: tlsrpt-fetcher [OPTIONS] DAY",
            "help comes first",
        ),
        (
            Reportd,
            &["--version"],
            "tlsrpt-reportd (tlsrptd) 0.",
            "name and version",
        ),
    ] {
        let shown = load(program, args, &[]);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{why}");
        assert!(shown.stdout.starts_with(want), "{why}: {}", shown.stdout);
    }
    let shown = with(Collectd, "socketuser = x", &["--check-config"], &[]);
    assert!(
        shown.stdout.contains("socketuser = x (file ")
            && shown.stdout.contains("pidfilename not set (default)")
    );
    assert!(
        with(Fetcher, "", &["--check_config"], &[])
            .stdout
            .starts_with("configuration OK: "),
        "needs no DAY"
    );
}

#[test]
fn passwords_are_not_shown() {
    let shown = with(
        Reportd,
        "https_proxy = http://user:secret@proxy:3128",
        &[],
        &[],
    );
    assert!(!shown.summary.contains("secret"), "{}", shown.summary);
    assert!(
        !shown.lines.join("\n").contains("secret"),
        "{:?}",
        shown.lines
    );
    assert!(
        shown
            .lines
            .iter()
            .any(|line| line.starts_with("https_proxy = http://***@proxy:3128 "))
    );
}

#[test]
fn a_start_says_in_one_line_what_differs() {
    for (program, lines, args, env, want, why) in [
        (
            Collectd,
            "keep_days = 10\nlog_level = info",
            &[][..],
            &[][..],
            "storage = dummy:, socketname = /s, log_level = info",
            "a default that is written out does not differ",
        ),
        (
            Collectd,
            "",
            &["--log_level=debug"],
            &[("TLSRPT_COLLECTD_KEEP_DAYS", "3")],
            "storage = dummy:, socketname = /s, log_level = debug (argument), keep_days = 3 (environment TLSRPT_COLLECTD_KEEP_DAYS)",
            "where it is from, unless from the file",
        ),
        (
            Reportd,
            "",
            &[],
            &[],
            "dbname = /d, fetchers = f, organization_name = O, contact_info = c@example.com; dkim_keys is not set: the MTA has to sign",
            "what the operator should know",
        ),
    ] {
        let shown = with(program, lines, args, env);
        let (begin, rest) = shown.summary.split_once(": ").unwrap();
        assert_eq!(begin, "configuration", "{why}");
        let (file, set) = rest.split_once(": ").unwrap();
        assert!(file.ends_with("x.cfg"), "{why}: {file}");
        assert!(set.starts_with(want), "{why}: {set}");
        assert!(!shown.summary.contains('\n'), "{why}");
    }
}
