//! The manual pages: filled in from the table, free of faults, and naming nothing that there is not.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    common::{DAEMONS, lacks, with},
    manual,
};
use tlsrptd_config::{
    command::COMMANDS,
    option::{Program, row, rows},
};

const PAGES: [&str; 8] = [
    "tlsrpt-collectd.8",
    "tlsrpt-fetcher.8",
    "tlsrpt-reportd.8",
    "tlsrpt-shipper.8",
    "tlsrpt-statusd.8",
    "tlsrptctl.8",
    "tlsrptd.conf.5",
    "tlsrpt-observe.5",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man")
}

fn filled(page: &str) -> String {
    let template = std::fs::read_to_string(folder().join(format!("{page}.in"))).unwrap();
    manual::fill(&template).unwrap_or_else(|line| panic!("{page}.in: no such part: {line}"))
}

/// With UPDATE_MANUALS set, the pages are written anew instead.
#[test]
fn shipped_pages_are_those_of_the_table() {
    for page in PAGES {
        let path = folder().join(page);
        let text = filled(page);
        if std::env::var_os("UPDATE_MANUALS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{}: UPDATE_MANUALS=1 writes it anew",
            path.display()
        );
    }
}

#[test]
fn every_option_has_its_place() {
    let all = filled("tlsrptd.conf.5");
    for program in DAEMONS {
        let own = filled(&format!("{}.8", program.name()));
        let begin = all
            .find(&format!(
                ".Sh PARAMETERS OF {}",
                program.name().to_uppercase()
            ))
            .unwrap();
        let part = &all[begin..];
        for row in rows(program) {
            let head = format!("\n.It Ic {} Pq ", row.name);
            for (page, text) in [("its own", own.as_str()), ("tlsrptd.conf(5)", part)] {
                assert!(
                    text.contains(&head),
                    "{}: {} in {page}",
                    program.name(),
                    row.name
                );
            }
        }
    }
}

/// `Ic` marks the names of parameters, and a few words of systemd's.
#[test]
fn every_parameter_named_in_prose_exists() {
    let known = |name: &str| {
        DAEMONS
            .into_iter()
            .any(|program| row(program, name).is_some() || program.own_section() == name)
    };
    for page in PAGES {
        let template = std::fs::read_to_string(folder().join(format!("{page}.in"))).unwrap();
        for line in template.lines().filter(|line| line.contains("Ic ")) {
            let (_, names) = line.split_once("Ic ").unwrap();
            for name in names.split([' ', ',']).filter(|name| name.contains('_')) {
                assert!(known(name), "{page}: {name} in `{line}`");
            }
        }
    }
}

#[test]
fn every_exit_status_of_the_table_is_told() {
    use tlsrptd_config::exit;
    for (page, codes) in [
        (
            "tlsrpt-collectd.8",
            &[
                exit::OK,
                exit::CONFIG,
                exit::DATABASE,
                exit::DATABASE_PURPOSE,
                exit::SOCKET_CLOSE,
                exit::STORAGE_CLOSE,
                exit::SOCKET_BIND,
                exit::OTHER,
            ][..],
        ),
        (
            "tlsrpt-fetcher.8",
            &[exit::OK, exit::FAILED, exit::CONFIG, exit::OTHER],
        ),
        (
            "tlsrpt-reportd.8",
            &[
                exit::OK,
                exit::CONFIG,
                exit::DATABASE,
                exit::DATABASE_PURPOSE,
                exit::OTHER,
            ],
        ),
        ("tlsrpt-shipper.8", &[exit::OK, exit::CONFIG, exit::OTHER]),
        ("tlsrpt-statusd.8", &[exit::OK, exit::CONFIG, exit::OTHER]),
        (
            "tlsrptctl.8",
            &[
                exit::OK,
                exit::FAILED,
                exit::CONFIG,
                exit::DATABASE,
                exit::DATABASE_PURPOSE,
                exit::OTHER,
            ],
        ),
    ] {
        let text = filled(page);
        let status = text.split(".Sh EXIT STATUS").nth(1).unwrap();
        let list = status.split("\n.El").next().unwrap();
        let told: Vec<u8> = list
            .lines()
            .filter_map(|line| line.strip_prefix(".It "))
            .map(|code| code.parse().unwrap())
            .collect();
        assert_eq!(told, codes, "{page}");
    }
}

#[test]
fn mandoc_finds_no_fault() {
    if lacks("mandoc", "mandoc_finds_no_fault") {
        return;
    }
    for page in PAGES {
        let output = Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(folder().join(page))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}");
    }
}

#[test]
fn man_shows_them_without_a_warning() {
    if lacks("man", "man_shows_them_without_a_warning") {
        return;
    }
    for page in PAGES {
        let output = Command::new("man")
            .args(["--warnings=all", "-l"])
            .arg(folder().join(page))
            .env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{page}: {said}");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(
            shown.contains("SEE ALSO")
                && (shown.contains("log_level") || shown.contains("observation_socket")),
            "{page}: {shown}"
        );
    }
}

/// With its operands, without what may be left out.
#[test]
fn every_command_of_the_manual_is_one() {
    for command in COMMANDS {
        let operands = command.operands.split('[').next().unwrap();
        let operands = operands
            .replace("DAY", "2026-11-20")
            .replace("NUMBER...", "1");
        let words = format!("{} {operands}", command.name);
        let words: Vec<&str> = words.split_whitespace().collect();
        let shown = with(Program::Ctl, "", &words, &[]);
        assert_eq!(shown.code, 0, "{words:?}: {}", shown.stderr);
    }
}

/// A program that has no page would have no manual.
#[test]
fn every_program_has_a_page() {
    for program in DAEMONS.into_iter().chain([Program::Ctl]) {
        assert!(PAGES.contains(&format!("{}.8", program.name()).as_str()));
    }
}
