//! The shipped example files: the table's, correct, and every line of them able to name itself.

use std::path::{Path, PathBuf};

use crate::{
    common::{DAEMONS, load, write},
    example,
};
use tlsrptd_config::option::{Kind, Program, Row, rows};

fn shipped(program: Program) -> PathBuf {
    let name = Path::new(program.default_file()).file_name().unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/examples")
        .join(name)
}

/// With UPDATE_EXAMPLES set, the files are written anew instead.
#[test]
fn shipped_files_are_those_of_the_table() {
    for program in DAEMONS {
        let path = shipped(program);
        if std::env::var_os("UPDATE_EXAMPLES").is_some() {
            std::fs::write(&path, example::text(program)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            example::text(program),
            "{}: UPDATE_EXAMPLES=1 writes it anew",
            path.display()
        );
    }
}

#[test]
fn shipped_files_are_correct() {
    for program in DAEMONS {
        let path = shipped(program);
        let shown = load(
            program,
            &["--config_file", path.to_str().unwrap(), "--check-config"],
            // As if the fetcher's file were installed.
            &[("TLSRPT_FETCHER_STORAGE", "sqlite:///x")],
        );
        assert_eq!(
            (shown.code, shown.stderr.as_str()),
            (0, ""),
            "{}",
            program.name()
        );
        assert!(
            shown.stdout.starts_with("configuration OK: "),
            "{}",
            shown.stdout
        );
    }
}

#[test]
fn every_commented_value_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    for program in DAEMONS {
        let text = example::text(program);
        for row in rows(program) {
            let mut changed =
                text.replace(&format!("\n#{} =", row.name), &format!("\n{} =", row.name));
            // A file that is named has to be there.
            if row.name == "reportd_config" {
                let there = shipped(Program::Reportd);
                let (named, there) = (row.default.example(), there.to_str().unwrap());
                changed = changed.replace(named, there);
            }
            // SMTP AUTH wants both.
            if row.name.starts_with("mail_user") || row.name.starts_with("mail_pass") {
                changed = changed
                    .replace("\n#mail_user", "\nmail_user")
                    .replace("\n#mail_pass", "\nmail_pass");
            }
            let shown = load(
                program,
                &[
                    "--config_file",
                    &write(folder.path(), &changed),
                    "--check-config",
                ],
                &[],
            );
            assert_eq!(shown.code, 0, "{}: {}", row.name, shown.stderr);
        }
    }
}

#[test]
fn every_line_names_itself_when_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for program in DAEMONS {
        let text = example::text(program);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            for wrong in mutations(program, line) {
                let mut changed = lines.clone();
                changed[index] = &wrong;
                let path = write(folder.path(), &changed.join("\n"));
                let shown = load(program, &["--config_file", &path, "--check-config"], &[]);
                assert_eq!(shown.code, 2, "{wrong}");
                let place = format!("{path}:{}: ", index + 1);
                assert!(
                    shown.stderr.lines().any(|line| line.starts_with(&place)),
                    "{wrong}: {}",
                    shown.stderr
                );
            }
        }
    }
}

/// The line as somebody may get it wrong.
fn mutations(program: Program, line: &str) -> Vec<String> {
    let mut wrong = vec!["no separator here".to_owned()];
    let bare = line.trim_start_matches('#');
    if let Some((name, value)) = bare.split_once(" = ")
        && let Some(row) = rows(program).iter().find(|row| row.name == name)
    {
        wrong.push(format!("x{name}x = {value}"));
        wrong.push(format!("{name} = 5%"));
        wrong.extend(bad_value(row).map(|value| format!("{name} = {value}")));
    }
    wrong
}

/// A value that is not allowed, where there are such.
fn bad_value(row: &Row) -> Option<&'static str> {
    match row.kind {
        Kind::Text | Kind::Path | Kind::Database | Kind::Shell | Kind::Words => None,
        Kind::Fetchers => Some("a,,b"),
        Kind::Sockets => Some("/a,,/b"),
        // It is not looked at unless it is set to something, and then it is a time.
        _ => Some("@ @"),
    }
}
