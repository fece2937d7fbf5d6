//! What is known of Postfix's releases: docs/postfix-versions.md.

use super::{AREA, Instance};
use crate::answers::doctor::finding::Finding;

/// The first release with TLSRPT.
const FIRST: (u32, u32) = (3, 10);

/// What is wrong with this release.
///
/// # Errors
/// With the finding, when it has no TLSRPT.
pub(super) fn check(instance: &Instance) -> Result<Vec<Finding>, Finding> {
    const UPGRADE: &str = "Postfix 3.10.5 or newer with TLSRPT, as Debian 13 has: docs/postfix.md";
    let said = instance.parameters.get("mail_version").unwrap_or_default();
    let name = instance.name();
    let Some((series, patch)) = numbers(said) else {
        let finding = format!("{name}mail_version is {said}, which is no release");
        return Ok(vec![Finding::unknown(
            AREA,
            finding,
            "postconf mail_version",
        )]);
    };
    if series < FIRST {
        return Err(Finding::fail(
            AREA,
            format!("{name}Postfix {said} has no TLSRPT: no datagram comes"),
            UPGRADE,
        ));
    }
    if instance.parameters.get("smtp_tlsrpt_enable").is_none() {
        let finding =
            format!("{name}Postfix {said} does not know smtp_tlsrpt_enable: built without TLSRPT");
        return Err(Finding::fail(AREA, finding, UPGRADE));
    }
    let mut findings = Vec::new();
    if series == FIRST && patch < 4 {
        findings.push(Finding::warn(
            AREA,
            format!("{name}Postfix {said} reports on sessions that carry reports: two such systems answer each other every day"),
            "upgrade to 3.10.5 or newer, or loop_guard = yes in /etc/tlsrpt/reportd.cfg",
        ));
    } else if series == FIRST && patch < 5 {
        findings.push(Finding::warn(
            AREA,
            format!("{name}Postfix {said} leaves out the domain of sessions without a policy; it is filled in"),
            "upgrade to 3.10.5 or newer",
        ));
    } else {
        findings.push(Finding::ok(AREA, format!("{name}Postfix {said}")));
    }
    let skips = instance
        .parameters
        .get("smtp_tlsrpt_skip_reused_handshakes");
    if series > FIRST && skips.is_some_and(|value| !value.eq_ignore_ascii_case("yes")) {
        findings.push(Finding::warn(
            AREA,
            format!("{name}a resumed TLS session counts once more (smtp_tlsrpt_skip_reused_handshakes = no)"),
            instance.set("smtp_tlsrpt_skip_reused_handshakes=yes"),
        ));
    }
    Ok(findings)
}

/// Of `3.10.13` or of a snapshot, `3.12-20260821`, which is newer than all patches.
fn numbers(text: &str) -> Option<((u32, u32), u32)> {
    let (release, snapshot) = match text.split_once('-') {
        Some((release, _)) => (release, true),
        None => (text, false),
    };
    let mut parts = release.split('.').map(str::parse::<u32>);
    let series = (parts.next()?.ok()?, parts.next()?.ok()?);
    let patch = match parts.next() {
        Some(patch) => patch.ok()?,
        None if snapshot => u32::MAX,
        None => 0,
    };
    Some((series, patch))
}

#[cfg(test)]
mod tests {
    use super::super::{parameters::Parameters, services::Services};
    use super::*;

    #[test]
    fn releases() {
        let known = "queue_directory = /q\nsmtp_tlsrpt_enable = yes\nsmtp_tlsrpt_skip_reused_handshakes = no\n";
        for (version, extra, want, why) in [
            ("3.7.11", "", "fail no TLSRPT", "Debian 12's"),
            ("2.11.3", "", "fail no TLSRPT", "very old"),
            (
                "3.10.13",
                "",
                "fail built without",
                "the parameter is unknown",
            ),
            ("3.10.0", known, "warn answer each other", "the first ones"),
            ("3.10.4", known, "warn leaves out", "nearly"),
            ("3.10.5", known, "ok Postfix", "good"),
            (
                "3.10.13",
                known,
                "ok Postfix",
                "Debian 13's; numbers, not texts",
            ),
            ("3.12-20260821", known, "warn resumed", "a snapshot"),
            ("4.0.0", known, "warn resumed", "to come"),
            ("x", known, "unknown no release", "rubbish"),
            ("3.x", known, "unknown no release", "rubbish"),
        ] {
            let instance = Instance {
                folder: None,
                parameters: Parameters::parse(&format!("mail_version = {version}\n{extra}")),
                services: Services::parse("smtp unix - - y - - smtp"),
            };
            let findings = check(&instance).unwrap_or_else(|finding| vec![finding]);
            let (level, words) = want.split_once(' ').unwrap();
            assert!(
                findings.iter().any(|finding| finding.level.word() == level && finding.finding.contains(words)),
                "{version}: {why}: {findings:?}"
            );
        }
    }
}
