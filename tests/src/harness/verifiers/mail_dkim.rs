//! Perl's Mail::DKIM, the verifier of SpamAssassin and amavis.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Verdict;
use crate::harness::dns::Dns;
use crate::harness::places;
use crate::harness::skip::or_skip;

/// The library.
#[derive(Debug)]
pub struct MailDkim;

impl MailDkim {
    /// The library, or the test skipped by name.
    pub fn or_skip() -> Option<MailDkim> {
        let found = Command::new("perl")
            .args(["-MMail::DKIM::Verifier", "-e", "1"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        or_skip(
            found.then_some(MailDkim),
            "Perl has no Mail::DKIM (Debian: apt-get install libmail-dkim-perl)",
        )
    }

    /// What it says of each signature of a mail.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn verdicts(&self, mail: &[u8], dns: &Dns) -> Vec<Verdict> {
        let mut child = Command::new("perl")
            .arg(places::of_tests("perl").join("verify_dkim.pl"))
            .arg(dns.address().ip().to_string())
            .arg(dns.address().port().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("perl starts");
        let mut stdin = child.stdin.take().expect("it has a standard input");
        stdin.write_all(mail).expect("the script reads the mail");
        drop(stdin);
        let output = child
            .wait_with_output()
            .expect("the script that we started is still ours");
        assert!(output.status.success(), "{}", output.status);
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(selector, said)| Verdict::new(selector, said))
            .collect()
    }
}
