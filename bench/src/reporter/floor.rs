//! What a signature costs with nothing around it, by the library that signs our mails.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::UsageWho;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize, SigningKey as _};

use crate::error::BenchError;
use crate::process;

/// A key of RSA-2048.
pub(super) fn key() -> Result<KeyPair, BenchError> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
        .map_err(BenchError::other("making a key"))
}

/// The CPU seconds of one signature on one core.
pub(super) fn signature(key: &KeyPair) -> Result<f64, BenchError> {
    const TIME: Duration = Duration::from_secs(1);
    // As long as the header fields that are signed.
    let text = [b'x'; 1000];
    let (begin, mut number) = (cpu(), 0.0);
    let started = Instant::now();
    while started.elapsed() < TIME {
        key.sign(&text).map_err(BenchError::other("signing"))?;
        number += 1.0;
    }
    Ok((cpu() - begin) / number)
}

/// Signatures a second by `openssl speed` on one core, where there is an openssl.
pub(super) fn openssl() -> Option<f64> {
    let speed = Command::new("openssl")
        .args(["speed", "-seconds", "1", "rsa2048"])
        .stderr(Stdio::null())
        .output();
    let table = String::from_utf8(speed.ok()?.stdout).ok()?;
    // `rsa 2048 bits 0.000640s 0.000019s   1562.0  53012.9`: times, then signatures and verifications a second.
    let line = table
        .lines()
        .find(|line| line.starts_with("rsa 2048 bits"))?;
    line.split_whitespace()
        .filter(|word| !word.ends_with('s'))
        .nth(2)?
        .parse()
        .ok()
}

/// CPU seconds of this thread: others may have the core.
fn cpu() -> f64 {
    process::used(UsageWho::RUSAGE_THREAD)
}
