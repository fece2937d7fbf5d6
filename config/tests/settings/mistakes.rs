//! What an operator gets wrong: exit code 2, the place, the remedy, all of it at once.

use crate::common::with;
use tlsrptd_config::option::Program::{Collectd, Ctl, Fetcher, Reportd};

#[test]
fn each_mistake_names_its_place_and_the_remedy() {
    for (program, lines, want, why) in [
        (
            Reportd,
            "spread_out_delivery = 0",
            "F:6: spread_out_delivery: 0 is too small (allowed: whole seconds, 1 or more)",
            "1 means now",
        ),
        (
            Reportd,
            "min_wait_delivery = -1",
            "F:6: min_wait_delivery: -1 is too small (allowed: whole seconds, 0 or more)",
            "negative",
        ),
        (
            Reportd,
            "max_wait_domainlist = 29",
            "F:6: max_wait_domainlist: max_wait_domainlist (29) is less than min_wait_domainlist (30)",
            "less than the default beside it",
        ),
        (
            Reportd,
            "min_wait_domaindetails = 301",
            "F:6: min_wait_domaindetails: max_wait_domaindetails (300) is less than",
            "more than the default beside it",
        ),
        (
            Reportd,
            "debug_send_mail_dest = a@b\nmail_destination_map = /m",
            "F:6: debug_send_mail_dest: set beside mail_destination_map (allowed: one of the two)",
            "both say where",
        ),
        (
            Reportd,
            "debug_send_http_dest = a@b\nhttp_upload_map = /m",
            "F:6: debug_send_http_dest: set beside",
            "both say where",
        ),
        (
            Reportd,
            "debug_send_file_dest = /b\ntlsrpt_record_map = /m",
            "F:6: debug_send_file_dest: set beside",
            "both say where",
        ),
        (
            Reportd,
            "max_collectd_timeout = x",
            "F:6: max_collectd_timeout: `x` is not a whole number",
            "sys4 would refuse it",
        ),
        (
            Reportd,
            "digest = monthly",
            "F:6: digest: `monthly` is none of these (allowed: never, failures, daily, weekly)",
            "a word that is not known",
        ),
        (
            Reportd,
            "digest = daily",
            "F:6: digest: set without digest_address (allowed: never, or digest_address beside it)",
            "to whom?",
        ),
        (
            Reportd,
            "mail_user = u",
            "F:6: mail_user: set without mail_password_file",
            "half of SMTP AUTH",
        ),
        (
            Collectd,
            "socketmode = 999",
            "F:4: socketmode: `999` is not an octal mode (allowed: octal",
            "not octal",
        ),
        (
            Collectd,
            "log_level = loud",
            "F:4: log_level: `loud` is not a log level (allowed: debug, info,",
            "a level that is none",
        ),
        (
            Collectd,
            "sockettimeout =",
            "F:4: sockettimeout: `` is not a whole number",
            "empty is no number",
        ),
        (
            Collectd,
            "fetchers = f",
            "F:4: fetchers: unknown key",
            "another program's option",
        ),
        (
            Collectd,
            "socketuser",
            "F:4: a key without a value (allowed: KEY = VALUE",
            "no separator",
        ),
        (
            Collectd,
            "[tlsrpt_collectd]",
            "F:4: the section [tlsrpt_collectd] stands already in line 1",
            "a section twice",
        ),
        (
            Collectd,
            "storage = dummy:",
            "F:4: storage: the key stands already in line 2",
            "a key twice",
        ),
        (
            Collectd,
            "socketuser = %",
            "F:4: socketuser: a lone %",
            "as Python's configparser",
        ),
        (
            Fetcher,
            "[DEFAULT]\nlog_level = %(x)s",
            "F:4: log_level: %(x)s refers to a key that is not in the section",
            "told once, at the line of the default",
        ),
        (
            Collectd,
            "[DEFAULT]\nspare = 1",
            "F:5: spare: unknown key",
            "a default is a key of every section",
        ),
        (
            Collectd,
            "[tlsrptd_collectd]\nstorage = dummy:",
            "F:5: storage: stands in line 2 in [tlsrpt_collectd] too",
            "in both sections",
        ),
    ] {
        let day: &[&str] = if program == Fetcher {
            &["2026-01-01"]
        } else {
            &[]
        };
        let shown = with(program, lines, day, &[]);
        assert_eq!((shown.code, shown.stdout.as_str()), (2, ""), "{why}");
        assert!(shown.stderr.contains(want), "{why}: {}", shown.stderr);
        let lines = shown
            .stderr
            .lines()
            .filter(|line| !line.starts_with("warning: "))
            .count();
        assert_eq!(lines, 1, "{why}: {}", shown.stderr);
    }
}

#[test]
fn arguments_and_environment() {
    for (program, args, env, want, why) in [
        (
            Collectd,
            &["--storage", "mysql:x"][..],
            &[][..],
            "--storage: `mysql:x` has an unknown scheme (allowed: sqlite:///",
            "2, where sys4 has 8",
        ),
        (
            Collectd,
            &["--storage="],
            &[],
            "--storage: required, but empty (allowed: sqlite:///",
            "emptied",
        ),
        (
            Collectd,
            &[],
            &[("TLSRPT_COLLECTD_KEEP_DAYS", "x")],
            "TLSRPT_COLLECTD_KEEP_DAYS: `x` is not a whole number (allowed: ",
            "by its variable",
        ),
        (
            Collectd,
            &["x"],
            &[],
            "x: unexpected argument",
            "a daemon has no operands",
        ),
        (
            Collectd,
            &["--config-file", "/nonexistent/x"],
            &[],
            "/nonexistent/x: cannot read the configuration file: No such file",
            "a named file must be there",
        ),
        (
            Fetcher,
            &[],
            &[],
            "DAY: required, but not given (allowed: YYYY-MM-DD, today, status)",
            "no day",
        ),
        (
            Fetcher,
            &["2026-02-30"],
            &[],
            "DAY: `2026-02-30` is not a date (allowed: YYYY-MM-DD, today, status)",
            "no such day",
        ),
        (
            Fetcher,
            &["2026-2-3"],
            &[],
            "DAY: `2026-2-3` is not a date",
            "another form",
        ),
        (
            Fetcher,
            &["2026-01-01", "a", "b"],
            &[],
            "b: unexpected argument (allowed: DAY [DOMAIN])",
            "too many",
        ),
        (
            Fetcher,
            &["today", "a", "b"],
            &[],
            "b: unexpected argument (allowed: today [DOMAIN])",
            "too many of today",
        ),
        (
            Fetcher,
            &["status", "a"],
            &[],
            "a: unexpected argument (allowed: status)",
            "too many of status",
        ),
        (
            Fetcher,
            &["2026-01-01", "--storage", "dummy:"],
            &[],
            "--storage: `dummy:` keeps nothing that could be fetched",
            "nothing to read",
        ),
        (
            Ctl,
            &["stats"],
            &[],
            "stats: unknown command; did you mean status? (allowed: status, metrics, history, failures, deliveries, show, why, resend, send-test, requests, bounce, dkim-record, doctor, fleet, maptest, suppress)",
            "no such command",
        ),
        (
            Ctl,
            &["maptest", "x", "y", "z"],
            &[],
            "maptest: wrong number of arguments (allowed: maptest DOMAIN [RECORD])",
            "a record in three pieces",
        ),
        (
            Ctl,
            &["suppress"],
            &[],
            "suppress: needs add, remove or list",
            "a command of two words",
        ),
        (
            Ctl,
            &["suppress", "clear"],
            &[],
            "clear: unknown command (allowed: ",
            "no such second word",
        ),
        (
            Ctl,
            &["suppress", "add", "a.example", "b.example"],
            &[],
            "add: wrong number of arguments (allowed: ",
            "one target at a time",
        ),
        (
            Ctl,
            &["suppress", "add", "a.example", "--until"],
            &[],
            "--until: needs a value",
            "until when?",
        ),
        (
            Ctl,
            &["suppress", "list", "--reason", "x"],
            &[],
            "--reason: belongs to suppress add",
            "an option of another command",
        ),
        (
            Reportd,
            &["--until", "2026-01-01"],
            &[],
            "--until: unknown option",
            "of another program",
        ),
        (
            Ctl,
            &["--dbname", "/d"],
            &[],
            "COMMAND: required, but not given",
            "options alone are no command",
        ),
    ] {
        let shown = with(program, "", args, env);
        assert_eq!(shown.code, 2, "{why}");
        assert!(
            shown.stderr.starts_with(want) && shown.stderr.lines().count() == 1,
            "{why}: {}",
            shown.stderr
        );
    }
}

#[test]
fn all_at_once_in_the_order_of_their_places() {
    let shown = with(
        Reportd,
        "keep_days = 0\nfetcher = f\nlog_level = x",
        &["--debug_db", "perhaps", "--organization_name", ""],
        &[("TLSRPT_REPORTD_DNS_TIMEOUT", "0")],
    );
    let places: Vec<_> = shown
        .stderr
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "--debug_db",
            "--organization_name",
            "TLSRPT_REPORTD_DNS_TIMEOUT",
            "F:6",
            "F:7",
            "F:8"
        ],
        "{}",
        shown.stderr
    );
}
