//! Skipping a test by name when the machine lacks what it needs.
//!
//! Cargo's test runner knows no "skipped", so a skipped test returns early and leaves a line in a file,
//! which `make test` counts. With `CI=true` nothing may be skipped: there a skip is a failure.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

/// Records that the running test is skipped, and why. The caller returns right after it.
///
/// # Panics
/// With `CI=true` in the environment, where everything that tests need has to be installed.
pub fn skip(reason: &str) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("a test");
    let line = format!("SKIPPED {name}: {reason}");
    assert!(!on_ci(), "{line} (CI=true allows no skips)");
    println!("{line}");
    if let Ok(mut list) = OpenOptions::new().create(true).append(true).open(list()) {
        // One write a line: appends of several processes do not mix.
        let _ = list.write_all(format!("{line}\n").as_bytes());
    }
}

/// Returns `value`, or skips the running test by name.
pub fn or_skip<T>(value: Option<T>, reason: &str) -> Option<T> {
    if value.is_none() {
        skip(reason);
    }
    value
}

fn on_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// In the target folder: tests run in `target/debug/deps`, the demo in `target/debug`.
fn list() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let folder = exe.parent().unwrap_or(Path::new("."));
    let profile = match folder.ends_with("deps") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    profile.parent().unwrap_or(profile).join("skipped.txt")
}
