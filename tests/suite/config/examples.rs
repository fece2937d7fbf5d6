//! The shipped example files.

use std::fs;
use std::path::PathBuf;

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::sys4::Sys4;

use super::PROGRAMS;

#[test]
fn they_pass_the_check_of_their_programs() {
    let folder = tempfile::tempdir().unwrap();
    let mut checked = 0;
    let here = folder.path().display().to_string();
    for (path, text) in examples() {
        // What the packages make is not on every machine.
        let text = text
            .replace("/var/lib/tlsrpt", &here)
            .replace("/run/tlsrpt", &here)
            .replace("fetchers = tlsrpt-fetcher", "fetchers = /bin/sh");
        let copy = folder.path().join("example.cfg");
        fs::write(&copy, &text).unwrap();
        for (name, section) in PROGRAMS {
            if !text.lines().any(|line| line == format!("[{section}]")) {
                continue;
            }
            let program = Program::ours(name, folder.path()).no_config();
            let program = program.arg("--check-config").arg("--config_file");
            let ended = program.arg(copy.display()).run();
            assert_eq!(
                ended.code(),
                Some(0),
                "{name} {}:\n{}",
                path.display(),
                ended.stderr
            );
            checked += 1;
        }
    }
    assert!(checked >= PROGRAMS.len(), "an example for each program");
}

#[test]
fn sys4_knows_every_option_of_its_section() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut asked = 0;
    for (path, text) in examples() {
        for (name, section) in PROGRAMS {
            let Some(options) = options_of(&text, section).filter(|_| name != "tlsrptctl") else {
                continue;
            };
            // It stops at the first key that it does not know, before it opens anything: that has to be the last one.
            let options = format!("{options}not_an_option = 1\n");
            let mut program = sys4.program(name, folder.path()).config_text(&options);
            if name == "tlsrpt-fetcher" {
                program = program.arg("2026-11-20");
            }
            let ended = program.run();
            assert!(
                ended.stderr.contains("not_an_option"),
                "{name} {}:\n{}",
                path.display(),
                ended.stderr
            );
            asked += 1;
        }
    }
    assert!(asked >= 3, "an example for each program with a file");
}

/// A section with all its options, those too that are commented out.
fn options_of(text: &str, section: &str) -> Option<String> {
    let header = format!("[{section}]\n");
    let (_, rest) = text.split_once(&header)?;
    let section = rest.split("\n[").next().unwrap_or_default();
    let option = |line: &&str| {
        let (name, _) = line.split_once(" =")?;
        let letters = |c: char| c.is_ascii_lowercase() || c == '_';
        name.chars().all(letters).then(|| format!("{line}\n"))
    };
    let lines = section.lines().map(|line| line.trim_start_matches('#'));
    Some(header + &lines.filter_map(|line| option(&line)).collect::<String>())
}

fn examples() -> Vec<(PathBuf, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/examples");
    let paths = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .map(|path| (path.clone(), fs::read_to_string(&path).unwrap()))
        .collect()
}
