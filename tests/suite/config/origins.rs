//! Where a value comes from: argument, environment, file, default, in this order; seen by what the program does.

use std::fs;
use std::path::Path;

use tlsrptd_tests::harness::program::{Ended, Program};

const DAY: &str = "2026-11-20";
const SECTION: &str = "[tlsrpt_fetcher]\n";

#[test]
fn the_strongest_origin_decides() {
    let folder = tempfile::tempdir().unwrap();
    let [file, environment, argument] =
        ["file", "environment", "argument"].map(|name| storage(folder.path(), name));
    let text = format!("{SECTION}storage = {file}\n");
    let program = Program::ours("tlsrpt-fetcher", folder.path())
        .config_text(&text)
        .arg(DAY);
    assert_eq!(domains(program.run()), ["file.test"]);
    let program = program.env("TLSRPT_FETCHER_STORAGE", &environment);
    assert_eq!(
        domains(program.run()),
        ["environment.test"],
        "the environment beats the file"
    );
    let program = program.arg("--storage").arg(&argument);
    assert_eq!(
        domains(program.run()),
        ["argument.test"],
        "the argument beats the environment"
    );
    let program = program.arg(format!("--storage={file}"));
    assert_eq!(
        domains(program.run()),
        ["file.test"],
        "of two arguments the later counts"
    );
    let environment = Program::ours("tlsrpt-fetcher", folder.path())
        .no_config()
        .arg(DAY);
    let ended = environment.env("TLSRPT_FETCHER_STORAGE", &argument).run();
    assert_eq!(domains(ended), ["argument.test"], "no file is needed");
}

#[test]
fn a_default_holds_where_nothing_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{SECTION}storage = {},dummy:\n",
        storage(folder.path(), "a")
    );
    let program = Program::ours("tlsrpt-fetcher", folder.path())
        .config_text(&text)
        .arg(DAY);
    let quiet = program.clone().arg("--log_level=error").run().success();
    assert_eq!(quiet.stderr, "", "at level error a warning is not seen");
    let default = program.run().success();
    assert!(
        default
            .stderr
            .contains("only the first storage is read, the others are ignored"),
        "the default level is warn:\n{}",
        default.stderr
    );
}

#[test]
fn names_are_written_in_several_ways() {
    let folder = tempfile::tempdir().unwrap();
    let good = storage(folder.path(), "good");
    let config = folder.path().join("some.cfg");
    fs::write(&config, format!("{SECTION}storage = dummy:\n")).unwrap();
    #[rustfmt::skip]
    let table: &[(&[&str], &str)] = &[
        (&["--config_file", "FILE", "--storage", "GOOD"], "as sys4 takes them"),
        (&["--config-file", "FILE", "--storage", "GOOD"], "as sys4's manual shows them"),
        (&["--config-file=FILE", "--storage=GOOD"], "with ="),
        (&["--storage=GOOD", "--log-level=info", "--config_file=FILE"], "in any order"),
    ];
    for (args, reason) in table {
        let program = Program::ours("tlsrpt-fetcher", folder.path()).no_config();
        let program = args.iter().fold(program, |program, arg| {
            program.arg(
                arg.replace("FILE", &config.display().to_string())
                    .replace("GOOD", &good),
            )
        });
        assert_eq!(domains(program.arg(DAY).run()), ["good.test"], "{reason}");
    }
}

#[test]
fn files_are_read_as_configparser_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let good = storage(folder.path(), "good");
    let bad = "sqlite:///nowhere/x.sqlite";
    #[rustfmt::skip]
    let table = [
        (format!("{SECTION}storage = {good}\n"), "plain"),
        (format!("{SECTION}Storage:{good}"), "another separator, another case, no line end"),
        (format!("[other]\nwhat = %\n{SECTION}storage = {good}\n[more]\n"), "sections of others are ignored"),
        (format!("; a comment\n{SECTION}# another\nstorage =\n    {good}\n"), "a value on the next line"),
        (format!("[DEFAULT]\nstorage = {good}\n{SECTION}"), "a default of all sections"),
        (format!("[DEFAULT]\nstorage = {bad}\n{SECTION}storage = {good}\n"), "which a section overrides"),
        (format!("{SECTION}storage = {good}\nlogfilename = {}/100%%\n", folder.path().display()), "%% is a %"),
        (format!("{SECTION}log_level = error\nstorage = {}\n", good.replace("good", "%(log_level)s").replace("error", "good")), "a reference"),
        (format!("[tlsrptd_fetcher]\nstorage = {good}\n"), "our own section alone"),
        (format!("{SECTION}log_level = debug\n[tlsrptd_fetcher]\nstorage = {good}\n"), "both sections"),
        (format!("[tlsrpt_collectd]\nstorage = {bad}\n[tlsrpt_reportd]\ndbname=/x\n{SECTION}storage = {good}\n"), "one file for all programs"),
    ];
    storage(folder.path(), "error");
    for (text, reason) in table {
        let wanted = if reason == "a reference" {
            "error.test"
        } else {
            "good.test"
        };
        let ended = Program::ours("tlsrpt-fetcher", folder.path())
            .config_text(&text)
            .arg(DAY)
            .run();
        assert_eq!(domains(ended), [wanted], "{reason}");
    }
    assert!(
        folder.path().join("100%").exists(),
        "the log file with a % in its name"
    );
}

#[test]
fn an_unknown_variable_is_a_warning_only() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{SECTION}storage = {}\n", storage(folder.path(), "a"));
    let program = Program::ours("tlsrpt-fetcher", folder.path())
        .config_text(&text)
        .arg(DAY);
    let program = program
        .env("TLSRPT_FETCHER_STORAG", "x")
        .env("TLSRPT_FETCHER", "x")
        .env("TLSRPT_COLLECTD_X", "x");
    let ended = program.run().success();
    assert_eq!(
        ended.stderr.matches("TLSRPT_").count(),
        2,
        "one warning, with the nearest name:\n{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains(
            "TLSRPT_FETCHER_STORAG: unknown option; did you mean TLSRPT_FETCHER_STORAGE?"
        )
    );
}

/// A collector's files with one closed day, in which one domain had a session: `NAME.test`. The URL of the storage.
fn storage(folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.sqlite"));
    // Not today's file: only the collector opens that one.
    let file = folder.join(format!("{name}.sqlite.yesterday"));
    rusqlite::Connection::open(file)
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its datetime default CURRENT_TIMESTAMP,PRIMARY KEY(day, domain, tlsrptrecord, policy));
            CREATE TABLE failures(day, domain, tlsrptrecord, policy, reason, cntr, PRIMARY KEY(day, domain, tlsrptrecord, policy, reason));
            CREATE TABLE daystatus(daycomplete, its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(daycomplete));
            CREATE TABLE dbversion(version, installdate, purpose);
            INSERT INTO dbversion VALUES(1, '2026-11-20 00-00-00.000', 'TLSRPT-Collectd-DB-devel-2024-10-28');
            INSERT INTO daystatus(daycomplete) VALUES('{DAY}');
            INSERT INTO finalresults VALUES('{DAY}', '{name}.test', 'v=TLSRPTv1; rua=mailto:a@b.test', '{{\"policy-type\": 9, \"policy-domain\": \"{name}.test\"}}', 1, 0, '{DAY} 12:00:00');"
        ))
        .unwrap();
    format!("sqlite://{}", path.display())
}

/// The domains that a fetcher listed.
fn domains(ended: Ended) -> Vec<String> {
    let list = ended.success().stdout;
    let lines = list.lines().skip(3).filter(|line| *line != ".");
    lines.map(str::to_owned).collect()
}
