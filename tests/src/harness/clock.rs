//! A clock for the real programs, set by the test: libfaketime.
//!
//! The release programs have no hidden clock option, so midnight is met under libfaketime. All programs started
//! with one [`FakeClock`], and the programs that those start, see the same time, and [`FakeClock::jump`] moves it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use jiff::Timestamp;

use super::skip::or_skip;

/// A wall clock that is off by what the test says. It runs on by itself.
#[derive(Debug, Clone)]
pub struct FakeClock {
    preload: String,
    file: PathBuf,
}

impl FakeClock {
    /// A clock that shows `instant` now; its state is a file in `folder`. `None` (and the test skipped by name)
    /// where libfaketime is not installed.
    pub fn or_skip(folder: &Path, instant: &str) -> Option<FakeClock> {
        let preload = or_skip(
            library(),
            "faketime is not installed (apt-get install faketime)",
        )?;
        let clock = FakeClock {
            preload,
            file: folder.join("clock"),
        };
        clock.jump(instant);
        Some(clock)
    }

    /// Sets the clock of all running programs, e.g. `2026-11-21T00:00:01Z`.
    pub fn jump(&self, instant: &str) {
        let instant: Timestamp = instant.parse().expect("an instant as 2026-11-21T00:00:01Z");
        let offset = instant.as_second() - Timestamp::now().as_second();
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{offset:+}\n")).expect("the test's folder can be written");
        // Renamed, so that no program reads half a line.
        fs::rename(&new, &self.file).expect("the test's folder can be written");
    }

    /// What a program that others start needs in its environment to see this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", self.preload.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            // Read at every call, or a jump is seen ten seconds later.
            ("FAKETIME_NO_CACHE", "1".into()),
            // Timers run on the monotonic clock, and go on as usual. (Two names: old and new versions.)
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

/// The `faketime` program knows where its library is; we ask it what it would preload.
fn library() -> Option<String> {
    static LIBRARY: OnceLock<Option<String>> = OnceLock::new();
    // It fails where a process of its number was killed long ago and left its semaphore: the next has another number.
    let ask = || (0..10).find_map(|_| preloaded());
    LIBRARY.get_or_init(ask).clone()
}

fn preloaded() -> Option<String> {
    let output = Command::new("faketime")
        .args(["-f", "+0", "printenv", "LD_PRELOAD"])
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !path.is_empty()).then_some(path)
}
