//! What an operator is warned of, and what is completed without a word.

use crate::common::with;
use tlsrptd_config::option::Program::{Collectd, Fetcher, Reportd};

#[test]
fn warnings_do_not_stop_a_start() {
    for (program, lines, args, env, want, why) in [
        (
            Collectd,
            "",
            &[][..],
            &[("TLSRPT_COLLECTD_STORGE", "x")][..],
            "TLSRPT_COLLECTD_STORGE: unknown option; did you mean TLSRPT_COLLECTD_STORAGE?",
            "as sys4",
        ),
        (
            Reportd,
            "max_collectd_timeout = 5",
            &[],
            &[],
            "F:6: max_collectd_timeout: accepted for existing files, without effect",
            "no effect in sys4 either",
        ),
        (
            Reportd,
            "http_script = curl --silent --data-binary @-",
            &[],
            &[],
            "F:6: http_script: curl without --fail reports success",
            "with its remedy",
        ),
        (
            Reportd,
            "",
            &["--dbname", "x.sqlite"],
            &[],
            "--dbname: a relative path, taken as /",
            "sys4 takes it from /",
        ),
        (
            Reportd,
            "debug_db = 1",
            &["--dbname", "postgresql://u@h/d"],
            &[],
            "F:6: debug_db: without effect on PostgreSQL",
            "the server logs statements",
        ),
        (
            Reportd,
            "dbname_password_file = /p",
            &[],
            &[],
            "F:6: dbname_password_file: without effect, because dbname is a file",
            "nobody asks for it",
        ),
        (
            Reportd,
            "",
            &[
                "--dbname",
                "postgresql://u@h/d",
                "--fetchers",
                "ssh mx1 tlsrpt-fetcher, tlsrpt-fetcher --storage sqlite:///s",
            ],
            &[],
            "--fetchers: `tlsrpt-fetcher --storage sqlite:///s` asks the collector of whichever member of the fleet runs it",
            "what packages have, taken along into a fleet",
        ),
        (
            Fetcher,
            "",
            &["2026-01-01", "--storage", "sqlite:///a,sqlite:///b"],
            &[],
            "--storage: only the first storage is read",
            "as sys4",
        ),
        (
            Reportd,
            "dkim_keys = a:/run/credentials/no.service/dkim",
            &[],
            &[],
            "F:6: dkim_keys: not looked at: no.service does not run",
            "systemd hands it over at the start",
        ),
        (
            Reportd,
            "sendmail_script = true\nmail_transport = smtp://h",
            &[],
            &[],
            "F:7: mail_transport: without effect beside sendmail_script",
            "which one is used?",
        ),
        (
            Reportd,
            "sendmail_script = true\nbcc_address = a@b.example",
            &[],
            &[],
            "F:7: bcc_address: without effect beside sendmail_script",
            "it sees no envelope",
        ),
        (
            Reportd,
            "digest_address = a@b.example",
            &[],
            &[],
            "F:6: digest_address: without effect, because digest is never",
            "when?",
        ),
        (
            Reportd,
            "http_script = true\nhttps_ca_file = /x",
            &[],
            &[],
            "F:7: https_ca_file: without effect beside http_script",
            "the script decides whom it trusts",
        ),
    ] {
        let shown = with(program, lines, args, env);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{why}");
        assert!(
            shown.warnings.len() == 1 && shown.warnings[0].starts_with(want),
            "{why}: {:?}",
            shown.warnings
        );
    }
}

#[test]
fn a_fetcher_that_nobody_has_told_where_to_read_is_named_with_what_to_write() {
    if std::path::Path::new("/etc/tlsrpt/fetcher.cfg").exists() {
        return; // it finds that one
    }
    let own = "[tlsrpt_fetcher]\nstorage = sqlite:///s\n";
    for (lines, args, env, want, why) in [
        (
            "",
            &["--fetchers", "f, tlsrpt-fetcher"][..],
            &[][..],
            "write `tlsrpt-fetcher --config_file FILE`",
            "nothing is known",
        ),
        (
            own,
            &["--fetchers", "tlsrpt-fetcher"],
            &[],
            "write `tlsrpt-fetcher --config_file F`",
            "this file would do",
        ),
        (
            own,
            &["--fetchers", "tlsrpt-fetcher --config_file F"],
            &[],
            "",
            "told",
        ),
        (
            own,
            &[],
            &[
                ("TLSRPT_REPORTD_FETCHERS", "tlsrpt-fetcher"),
                ("TLSRPT_FETCHER_STORAGE", "sqlite:///s"),
            ],
            "",
            "the environment tells it",
        ),
    ] {
        let shown = with(Reportd, lines, args, env);
        let warnings = shown.warnings.join("\n");
        assert!(
            warnings.contains(want) && warnings.is_empty() == want.is_empty(),
            "{why}: {warnings}"
        );
    }
}

#[test]
fn set_by_nothing_is_no_warning() {
    for program in [Collectd, Reportd] {
        assert_eq!(
            with(program, "", &[], &[]).warnings,
            Vec::<String>::new(),
            "{}",
            program.name()
        );
    }
}

#[test]
fn one_retry_option_brings_the_defaults_of_its_kind() {
    let shown = with(Reportd, "max_retries_delivery = 2", &[], &[]);
    for (field, why) in [
        ("max_retries_delivery: Some(\n        2,", "as set"),
        ("min_wait_delivery: Some(\n        300s,", "sys4's default"),
        ("max_wait_delivery: Some(\n        1800s,", "sys4's default"),
        (
            "max_retries_domainlist: None",
            "of another kind: fetch_deadline applies",
        ),
    ] {
        assert!(shown.values.contains(field), "{why}: {}", shown.values);
    }
}
