//! The log of a process: one test, because a process has one log.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use tlsrptd_config::LogLevel;
use tlsrptd_service::log::init;

#[test]
fn lines_levels_and_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = init("test", LogLevel::Info, Some(&path)).unwrap();
    let (rua, reason) = ("mailto:a@b.example", "451 try \"later\"\nplease");
    tracing::info!(target: "tlsrptd_reporter", attempt = 2, rua, reason, "delivery");
    let forged = r#""x" result=sent y=""#;
    tracing::info!(target: "tlsrptd_reporter", forged, shown = %forged, debugged = ?"a b", "name");
    tracing::debug!(target: "tlsrptd_reporter", "below the level");
    tracing::warn!(target: "hyper", "a library's own affair");
    tracing::error!(target: "hyper", "a library's error");
    let text = without_times(&path);
    assert_eq!(
        text,
        [
            r#"test INFO delivery attempt=2 rua=mailto:a@b.example reason="451 try \"later\"\nplease""#,
            r#"test INFO name forged="\"x\" result=sent y=\"" shown="\"x\" result=sent y=\"" debugged="a b""#,
            "test ERROR a library's error",
        ]
    );
    fs::rename(&path, folder.path().join("log.1")).unwrap();
    log.reopen().unwrap();
    tracing::error!(target: "tlsrpt_collectd", "after the rotation");
    assert_eq!(without_times(&path), ["test ERROR after the rotation"]);
    assert!(
        init("test", LogLevel::Info, None).is_err(),
        "one log a process"
    );
}

/// The lines behind `YYYY-MM-DD HH:MM:SS.mmm `.
fn without_times(path: &Path) -> Vec<String> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| line[25..].to_owned())
        .collect()
}
