//! What the programs print when asked: `--help`, `--version`, `--check-config`.

use tlsrptd_tests::harness::program::Program;

use super::{PROGRAMS, least};

/// The options of the programs that ours replace.
const COLLECTD: &[&str] = &[
    "storage",
    "socketname",
    "socketuser",
    "socketgroup",
    "socketmode",
    "sockettimeout",
    "max_uncommited_datagrams",
    "retry_commit_datagram_count",
    "pidfilename",
    "logfilename",
    "log_level",
    "daily_rollover_script",
    "dump_path_for_invalid_datagram",
];
const FETCHER: &[&str] = &["storage", "logfilename", "log_level"];
const REPORTD: &[&str] = &[
    "pidfilename",
    "logfilename",
    "log_level",
    "dbname",
    "fetchers",
    "organization_name",
    "contact_info",
    "sender_address",
    "compression_level",
    "keep_days",
    "tlsrpt_record_map",
    "mail_destination_map",
    "http_upload_map",
    "http_script",
    "http_timeout",
    "sendmail_script",
    "sendmail_timeout",
    "spread_out_delivery",
    "interval_main_loop",
    "max_collectd_timediff",
    "max_collectd_timeout",
    "max_retries_delivery",
    "min_wait_delivery",
    "max_wait_delivery",
    "max_retries_domainlist",
    "min_wait_domainlist",
    "max_wait_domainlist",
    "max_retries_domaindetails",
    "min_wait_domaindetails",
    "max_wait_domaindetails",
    "debug_db",
    "debug_send_mail_dest",
    "debug_send_http_dest",
    "debug_send_file_dest",
];

/// Those of reportd's that `tlsrptctl` looks at.
const CTL: &[&str] = &[
    "dbname",
    "log_level",
    "tlsrpt_record_map",
    "mail_destination_map",
    "http_upload_map",
];

#[test]
fn help_lists_every_option() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("tlsrpt-collectd", COLLECTD),
        ("tlsrpt-fetcher", FETCHER),
        ("tlsrpt-reportd", REPORTD),
        ("tlsrptctl", CTL),
    ] {
        for wish in ["--help", "-h"] {
            let ended = Program::ours(name, folder.path())
                .no_config()
                .arg("--nonsense=1")
                .arg(wish)
                .run();
            let ended = ended.success();
            assert_eq!(ended.stderr, "", "{name}");
            for option in options
                .iter()
                .chain(&["config_file", "check_config", "help", "version"])
            {
                let head = format!("  --{option}");
                let entry = |line: &str| line == head || line.starts_with(&format!("{head} "));
                assert!(
                    ended.stdout.lines().any(entry),
                    "{name} {wish} has {option}:\n{}",
                    ended.stdout
                );
            }
        }
    }
    let alone = Program::ours("tlsrptctl", folder.path())
        .no_config()
        .run()
        .success();
    assert!(
        alone.stdout.starts_with("Usage: tlsrptctl "),
        "{}",
        alone.stdout
    );
}

#[test]
fn version_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in PROGRAMS {
        let stdout = Program::ours(name, folder.path())
            .no_config()
            .arg("--version")
            .run()
            .success()
            .stdout;
        assert_eq!(
            stdout,
            format!("{name} (tlsrptd) {}\n", env!("CARGO_PKG_VERSION"))
        );
    }
}

#[test]
fn a_check_prints_each_setting_and_its_origin_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, section) in PROGRAMS {
        let least = least(name)
            .replace("/nowhere", &folder.path().display().to_string())
            .replace("ssh mx1", "sh mx1");
        for spelling in ["--check-config", "--check_config"] {
            let prefix = section.to_uppercase();
            let program = Program::ours(name, folder.path())
                .config_text(&format!("[{section}]\n{least}"))
                .env(&format!("{prefix}_LOG_LEVEL"), "info")
                .arg(spelling)
                .arg(format!(
                    "--logfilename={}",
                    folder.path().join("log").display()
                ));
            let ended = program.run().success();
            let path = program.config_path().display().to_string();
            let first = least.lines().next().unwrap();
            for line in [
                format!("configuration OK: {path}"),
                format!("{first} (file {path}:2)"),
                format!("log_level = info (environment {prefix}_LOG_LEVEL)"),
                format!(
                    "logfilename = {} (argument)",
                    folder.path().join("log").display()
                ),
            ] {
                assert!(
                    ended.stdout.lines().any(|printed| printed == line),
                    "{name}: {line}\n{}",
                    ended.stdout
                );
            }
            assert!(ended.stdout.contains(" (default)\n"), "{}", ended.stdout);
            assert!(!folder.path().join("log").exists(), "nothing is opened");
        }
    }
}

#[test]
fn a_check_finds_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, section) in PROGRAMS {
        let text = format!("[{section}]\n{}log_level = loud\n", least(name));
        let ended = Program::ours(name, folder.path())
            .config_text(&text)
            .arg("--check-config")
            .run();
        assert_eq!(ended.code(), Some(2), "{name}");
        assert_eq!(ended.stdout, "", "{name}");
        assert!(
            ended
                .stderr
                .contains("log_level: `loud` is not a log level"),
            "{}",
            ended.stderr
        );
    }
}

/// What only the programs can know is checked too, and the same at a start: all at once, exit code 2.
#[test]
fn a_check_looks_into_the_files_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[tlsrpt_reportd]\n{}sender_address = a..b@c.test\nmail_destination_map = /nowhere/map\n[tlsrptd_reportd]\n\
         bcc_address = a..b@d.test\ndkim_keys = s:/nowhere/key\nhttps_ca_file = /nowhere/ca\n",
        least("tlsrpt-reportd")
    );
    let maps = ["mail map: cannot read /nowhere/map"];
    let all = [
        maps[0],
        "sender_address: ",
        "bcc_address: ",
        "DKIM key /nowhere/key: cannot be read",
        "https_ca_file /nowhere/ca: ",
    ];
    for (name, check, told) in [
        ("tlsrpt-reportd", true, &all[..]),
        ("tlsrpt-reportd", false, &all),
        ("tlsrptctl", true, &maps),
    ] {
        let mut program = Program::ours(name, folder.path()).config_text(&text);
        if check {
            program = program.arg("--check-config");
        }
        let ended = program.run();
        assert_eq!(ended.code(), Some(2), "{name}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{name}");
        for one in told {
            assert!(
                ended.stderr.contains(one),
                "{name}: {one}\n{}",
                ended.stderr
            );
        }
    }
    let unwritable = Program::ours("tlsrpt-reportd", folder.path())
        .config_text(&format!(
            "[tlsrpt_reportd]\n{}logfilename = /nowhere/log\n",
            least("tlsrpt-reportd")
        ))
        .run();
    assert_eq!(unwritable.code(), Some(2), "{}", unwritable.stderr);
}

#[test]
fn tlsrptctl_looks_only_at_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[tlsrpt_reportd]\nspread_out_delivery = 0\ncontact_info = nobody\nfetchers = ,\n";
    let program = Program::ours("tlsrptctl", folder.path()).config_text(text);
    let ended = program
        .arg("maptest")
        .arg("a.test")
        .arg("v=TLSRPTv1; rua=mailto:b@c.test")
        .run()
        .success();
    assert!(ended.stdout.contains("mailto:b@c.test"), "{}", ended.stdout);
}
