//! Configuration files: any bytes are settings or exit code 2, and every complaint names its own line: a comment put on
//! top moves all of them by one, and changes nothing else.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use tlsrptd_config::{Start, collectd, exit};

/// The bytes are a file of `tlsrpt-collectd`, which opens no file that its own would name.
pub fn check(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("tlsrptd-fuzz-{}.cfg", std::process::id()));
    let (code, lines) = load(&path, bytes);
    let below: Vec<u8> = [b"# on top\n", bytes].concat();
    let (code_below, lines_below) = load(&path, &below);
    assert_eq!(code, code_below);
    // A byte order mark is one only at the very beginning.
    if !bytes.starts_with(b"\xef\xbb\xbf") {
        let up = |line: String| moved_up(&path, &line);
        assert_eq!(lines, lines_below.into_iter().map(up).collect::<Vec<_>>());
    }
}

/// The exit code that a check of the file gives, and what it says.
fn load(path: &PathBuf, bytes: &[u8]) -> (u8, Vec<String>) {
    if let Err(error) = fs::write(path, bytes) {
        panic!("cannot write {}: {error}", path.display());
    }
    let args = ["--check-config".into(), "--config_file".into(), path.into()];
    let start = collectd::load(args, Vec::<(OsString, OsString)>::new());
    let Start::Done { code, stderr, .. } = start else {
        panic!("a check is no start");
    };
    assert!(code == exit::OK || code == exit::CONFIG, "exit code {code}");
    assert!(code == exit::OK || !stderr.is_empty(), "silent");
    (code, stderr.lines().map(str::to_owned).collect())
}

/// `PATH:7` as `PATH:6`, and `line 7` as `line 6`.
fn moved_up(path: &Path, line: &str) -> String {
    let by_place = one_less(line, &format!("{}:", path.display()));
    one_less(&by_place, "in line ")
}

fn one_less(line: &str, before: &str) -> String {
    let mut parts = line.split(before);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        text.push_str(before);
        match number.parse::<usize>() {
            Ok(number) => text.push_str(&(number - 1).to_string()),
            Err(_) => text.push_str(number),
        }
        text.push_str(rest);
    }
    text
}
