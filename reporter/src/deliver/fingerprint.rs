//! The fingerprint of one report to one destination. Message-ID, boundary and file names come from it, so that a retry
//! sends the same bytes.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::model::StoredReport;

/// 32 hexadecimal digits. The hash is unkeyed.
pub(super) fn fingerprint(report: &StoredReport, destination: &str) -> String {
    fingerprint_of(&[
        report.domain.as_str(),
        &report.day.to_string(),
        &report.uniqid.to_string(),
        report.installation.as_str(),
        &report.json,
        destination,
    ])
}

/// The same of other texts.
pub(super) fn fingerprint_of(texts: &[&str]) -> String {
    let mut hasher = SipHasher13::new();
    for text in texts {
        hasher.write(text.as_bytes());
        hasher.write_u8(0xff);
    }
    let hash = hasher.finish128();
    format!("{:016x}{:016x}", hash.h1, hash.h2)
}

#[cfg(test)]
mod tests {
    use tlsrptd_proto::report::InstallationId;

    use super::*;
    use crate::deliver::fixtures;

    #[test]
    fn each_destination_has_its_own() {
        let report = fixtures::report();
        let one = fingerprint(&report, "mailto:a@x.example");
        assert_eq!(one.len(), 32);
        assert_eq!(one, fingerprint(&report, "mailto:a@x.example"), "repeats");
        assert_ne!(one, fingerprint(&report, "mailto:b@x.example"));
        let later = StoredReport {
            uniqid: 8,
            ..report.clone()
        };
        assert_ne!(one, fingerprint(&later, "mailto:a@x.example"));
        let elsewhere = StoredReport {
            installation: InstallationId::parse("fedcba9876543210").unwrap(),
            ..report
        };
        assert_ne!(
            one,
            fingerprint(&elsewhere, "mailto:a@x.example"),
            "also of a report that sys4's reporter made"
        );
    }
}
