//! The documents: their links lead somewhere, and the options they name exist.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tlsrptd_config::{
    command::options as of_commands,
    option::{Program, row},
};

const PROGRAMS: [Program; 5] = [
    Program::Collectd,
    Program::Fetcher,
    Program::Reportd,
    Program::Statusd,
    Program::Shipper,
];
/// On the command line only.
const GENERAL: [&str; 5] = [
    "config_file",
    "check_config",
    "help",
    "version",
    // Of a program that an option names.
    "fail",
];
/// Names of others that look like options: Postfix's, sshd's, systemd's, nginx's, and words of metrics.
const OTHERS: [&str; 22] = [
    "alias_maps",
    "result_type",
    "given_up",
    "policy_type",
    "policy_domain",
    "policy_failure",
    "known_hosts",
    "authorized_keys",
    "default_zone",
    "proxy_set_header",
    "proxy_pass",
    // PostgreSQL's.
    "full_page_writes",
    "synchronous_commit",
    "synchronous_standby_names",
    "max_connections",
    "max_locks_per_transaction",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "pg_dump",
    "pg_basebackup",
    "remote_apply",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Markdown files of the root and of docs/.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in [root(), root().join("docs")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for (path, text) in documents() {
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                let headings = fs::read_to_string(&file).unwrap();
                let known = headings
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| slug(line) == anchor);
                assert!(known, "{}: no heading for {target}", path.display());
            }
        }
    }
    assert!(links > 10, "{links} links are too few to be all");
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_option_named_exists() {
    let known = |name: &str| {
        PROGRAMS.iter().any(|program| row(*program, name).is_some())
            || GENERAL.contains(&name.replace('-', "_").as_str())
            || of_commands(Program::Ctl)
                .iter()
                .any(|option| option.name == name)
            // Every command takes it.
            || name == "json"
            // A metric; metrics/tests/page.rs knows them.
            || name.starts_with("tlsrpt_")
    };
    let mut named = BTreeSet::new();
    for (path, text) in for_administrators() {
        for line in text.lines() {
            for name in line.split('`').skip(1).step_by(2).filter_map(option_in) {
                assert!(known(name), "{}: `{name}` in: {line}", path.display());
                named.insert(name.to_owned());
            }
            // Arguments of our programs, wherever they stand.
            if line.contains("tlsrpt") && !line.contains("tlsrptd-bench") {
                for word in line.split([' ', '`']) {
                    let Some(name) = word
                        .strip_prefix("--")
                        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
                    else {
                        continue;
                    };
                    let name = name.split('=').next().unwrap();
                    let of_others = [
                        "system",
                        "user-group",
                        "home",
                        "home-dir",
                        "shell",
                        "groups",
                        "now",
                        "name",
                        "hostname",
                        "secret",
                        "stop-timeout",
                        // cargo's
                        "release",
                        "locked",
                        "no-default-features",
                        "features",
                        "collector.textfile.directory",
                    ];
                    assert!(
                        known(name) || of_others.contains(&name),
                        "{}: --{name} in: {line}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(named.len() > 20, "{named:?}");
}

fn for_administrators() -> Vec<(PathBuf, String)> {
    let mut documents = documents();
    documents
        .retain(|(path, _)| path.starts_with(root().join("docs")) || path.ends_with("README.md"));
    documents
}

/// What stands in code and looks like the name of an option, alone or as `NAME = VALUE`. `NAME=` is a key of a log line.
fn option_in(code: &str) -> Option<&str> {
    if code.ends_with('=') {
        return None;
    }
    let name = code.split([' ', '=']).next()?.trim_start_matches("--");
    let is_name = name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let is_postfixs = name.starts_with("smtp_") || name.starts_with("smtpd_");
    (is_name && !is_postfixs && !OTHERS.contains(&name)).then_some(name)
}

/// Whoever opens its log again when it is told to is told when logs are rotated.
#[test]
fn logrotate_tells_each_service() {
    let rotating = fs::read_to_string(root().join("packaging/etc/tlsrptd.logrotate")).unwrap();
    let mut told = 0;
    for entry in fs::read_dir(root().join("packaging/systemd")).unwrap() {
        let path = entry.unwrap().path();
        let unit = fs::read_to_string(&path).unwrap();
        if !unit.contains("ExecReload=/bin/kill -HUP") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let short = name.strip_prefix("tlsrpt-").unwrap();
        let [by_systemd, by_name] = ["for unit in ", "pkill -HUP "].map(|what| {
            let line = rotating.lines().find(|line| line.contains(what));
            line.unwrap().to_owned()
        });
        assert!(by_systemd.contains(name), "{name}: {by_systemd}");
        assert!(by_name.contains(short), "{name}: {by_name}");
        told += 1;
    }
    assert_eq!(told, 4);
}
