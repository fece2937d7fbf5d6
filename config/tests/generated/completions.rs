//! The completions for shells: the table's, and the shells themselves make of them what is meant.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    common::{DAEMONS, lacks},
    completion::{self, Shell},
};
use tlsrptd_config::option::{Program, rows};

fn programs() -> impl Iterator<Item = Program> {
    DAEMONS.into_iter().chain([Program::Ctl])
}

fn shipped(shell: Shell, program: Program) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/completions")
        .join(shell.file(program))
}

/// With UPDATE_COMPLETIONS set, the files are written anew instead.
#[test]
fn shipped_files_are_those_of_the_table() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        for program in programs() {
            let path = shipped(shell, program);
            let text = completion::text(shell, program);
            if std::env::var_os("UPDATE_COMPLETIONS").is_some() {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap();
            assert_eq!(
                found,
                text,
                "{}: UPDATE_COMPLETIONS=1 writes it anew",
                path.display()
            );
        }
    }
}

#[test]
fn bash_completes() {
    let rows = [
        (
            "tlsrpt-collectd",
            "--max_q",
            "--max_queued_datagrams",
            "a name",
        ),
        (
            "tlsrpt-collectd",
            "--max-q",
            "--max_queued_datagrams",
            "- and _ are alike",
        ),
        (
            "tlsrpt-reportd",
            "--mail_transport = ",
            "sendmail smtp:// smtps://",
            "a value behind =",
        ),
        (
            "tlsrpt-reportd",
            "--loop-guard ",
            "yes no",
            "a value behind a blank",
        ),
        (
            "tlsrpt-reportd",
            "--contact_info ",
            "",
            "a value that nobody can guess",
        ),
        ("tlsrptctl", "st", "status", "a command"),
        (
            "tlsrptctl",
            "suppress ",
            "add remove list",
            "its second word",
        ),
        (
            "tlsrptctl",
            "dkim-record --type ",
            "rsa ed25519",
            "a value of a command's option",
        ),
        (
            "tlsrptctl",
            "deliveries --status s",
            "sent suppressed",
            "some of them",
        ),
        (
            "tlsrptctl",
            "--log_level warn ma",
            "maptest",
            "a command behind an option and its value",
        ),
        (
            "tlsrpt-collectd",
            "--config_file Cargo.t",
            "Cargo.toml",
            "a file",
        ),
    ];
    for (program, typed, want, why) in rows {
        let got = bash(program, typed);
        assert_eq!(got.join(" "), want, "{why}");
    }
    let all: Vec<String> = rows_of(Program::Collectd, "max_");
    assert!(all.len() > 5, "{all:?}");
    assert_eq!(sorted(bash("tlsrpt-collectd", "--max_")), sorted(all));
}

/// Sources the file as bash does and asks for what is typed: words separated by blanks, the last one to be completed.
fn bash(program: &str, typed: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/completions/bash")
        .join(program);
    let script = format!(
        "set -u; source {} || exit; COMP_WORDS=({program} \"$@\"); COMP_CWORD=$#\n\
         function=$(complete -p {program}); function=${{function#*-F }}; ${{function%% *}}\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let output = Command::new("bash")
        .args(["-c", &script, "bash"])
        .args(typed.split(' '))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {typed}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    lines(&output.stdout)
}

#[test]
fn fish_completes() {
    if lacks("fish", "fish_completes") {
        return;
    }
    for (program, typed, want, why) in [
        (
            "tlsrpt-collectd",
            "--max_q",
            "--max_queued_datagrams",
            "a name",
        ),
        ("tlsrpt-reportd", "--loop_guard ", "no yes", "a value"),
        ("tlsrptctl", "st", "status", "a command"),
        (
            "tlsrptctl",
            "dkim-record --type ",
            "ed25519 rsa",
            "a value of its option",
        ),
    ] {
        let script = format!(
            "source {}; complete -C '{program} {typed}'",
            shipped_fish(program).display()
        );
        let output = Command::new("fish")
            .args(["--no-config", "-c", &script])
            .output()
            .unwrap();
        let got: Vec<String> = lines(&output.stdout)
            .iter()
            .map(|line| line.split('\t').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            sorted(got).join(" "),
            want,
            "{why}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn shipped_fish(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/completions/fish")
        .join(format!("{program}.fish"))
}

/// Its completion needs a terminal; that it reads the files and calls `_arguments` with all options must do.
#[test]
fn zsh_reads_them() {
    if lacks("zsh", "zsh_reads_them") {
        return;
    }
    for program in programs() {
        let path = shipped(Shell::Zsh, program);
        let script = format!(
            "compdef() {{ }}; is-at-least() {{ }}; _arguments() {{ print -l -- $@ }}; source {}; _{}",
            path.display(),
            program.name()
        );
        let output = Command::new("zsh")
            .args(["-f", "-c", &script])
            .output()
            .unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        let specs = lines(&output.stdout);
        assert!(
            specs.iter().any(|spec| spec.starts_with("--config_file=[")),
            "{specs:?}"
        );
        assert!(
            specs.iter().any(|spec| spec.starts_with("--log_level=[")),
            "{specs:?}"
        );
        for spec in specs.iter().filter(|spec| spec.starts_with("--")) {
            let (open, close) = (
                spec.find('[').unwrap(),
                spec.rfind("]:").or(spec.rfind(']')).unwrap(),
            );
            assert!(open < close, "{spec}");
        }
    }
}

fn rows_of(program: Program, prefix: &str) -> Vec<String> {
    rows(program)
        .iter()
        .filter(|row| row.name.starts_with(prefix))
        .map(|row| format!("--{}", row.name))
        .collect()
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes)
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}
