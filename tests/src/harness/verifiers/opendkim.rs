//! OpenDKIM in its test mode, which takes its DNS from a file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Verdict, find};
use crate::harness::skip::or_skip;

/// The program.
#[derive(Debug)]
pub struct OpenDkim {
    path: PathBuf,
}

impl OpenDkim {
    /// The program, or the test skipped by name.
    pub fn or_skip() -> Option<OpenDkim> {
        let path = or_skip(
            find("opendkim"),
            "there is no opendkim (Debian: apt-get install opendkim)",
        )?;
        Some(OpenDkim { path })
    }

    /// What it says of each signature of a mail.
    ///
    /// # Panics
    /// When it cannot be run, or ends without a verdict.
    pub fn verdicts(&self, mail: &[u8], dns: &[(String, String)]) -> Vec<Verdict> {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("the temporary folder can be written");
            path.display().to_string()
        };
        let records: String = dns
            .iter()
            .map(|(name, text)| format!("{name} {text}\n"))
            .collect();
        let config = format!(
            "Mode v\nSocket inet:0@127.0.0.1\nSyslog no\nAuthservID judge\nAlwaysAddARHeader yes\nTestDNSData file:{}\n",
            file("records", records.as_bytes())
        );
        let output = Command::new(&self.path)
            .args(["-vvv", "-x", &file("conf", config.as_bytes())])
            .args(["-t", &file("mail", mail)])
            .output()
            .expect("opendkim starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            said.contains("Authentication-Results"),
            "opendkim: {said} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        said.split(';').filter_map(verdict).collect()
    }
}

/// From `dkim=fail reason="not an e-mail key" header.d=... header.s=SELECTOR ...` (RFC 8601).
fn verdict(result: &str) -> Option<Verdict> {
    let (word, rest) = result.trim_start().strip_prefix("dkim=")?.split_once(' ')?;
    let (_, selector) = rest.split_once("header.s=")?;
    let selector = selector.split_whitespace().next()?;
    let reason = rest
        .split_once("reason=\"")
        .and_then(|(_, reason)| reason.split('"').next());
    Some(Verdict::new(selector, reason.unwrap_or(word)))
}
