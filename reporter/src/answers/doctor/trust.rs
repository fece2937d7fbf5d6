//! The certificates that HTTPS receivers are verified with.

use super::{finding::Finding, looking::Looking};
use crate::deliver;

const AREA: &str = "certificates";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let settings = looking.settings;
    if settings.http_script.is_some() {
        return vec![Finding::unknown(
            AREA,
            "http_script posts: how it verifies is its own affair",
            "",
        )];
    }
    let mut findings = vec![match deliver::https_fault(settings) {
        None => Finding::ok(AREA, "HTTPS receivers can be verified"),
        Some(error) => Finding::fail(AREA, error.to_string(), "apt-get install ca-certificates"),
    }];
    if !settings.https_verify {
        findings.push(Finding::warn(
            AREA,
            "https_verify = no: whoever stands between takes the reports",
            looking.set("https_verify = yes"),
        ));
    }
    findings
}
