//! The configuration itself: what a start would refuse, or warn of.

use std::path::Path;

use tlsrptd_config::{
    ctl::{Flaw, Severity},
    reportd::Reportd,
    visible,
};

use crate::{answers::doctor::Finding, daemon};

const AREA: &str = "configuration";
/// As `load` says it of a file.
const UNREAD: &str = "cannot read the configuration file";

/// Whether there is no configuration to go by.
pub(super) fn is_unread(flaws: &[Flaw]) -> bool {
    flaws.iter().any(is_of_file)
}

fn is_of_file(flaw: &Flaw) -> bool {
    flaw.option.is_none() && flaw.text.contains(UNREAD)
}

/// Keys and fetchers are looked at one by one, as the service.
pub(super) fn check(settings: &Reportd, file: Option<&Path>, flaws: &[Flaw]) -> Vec<Finding> {
    if let Some(flaw) = flaws.iter().find(|flaw| is_of_file(flaw)) {
        // What else is missing follows from that.
        return vec![unread(flaw)];
    }
    let check = match file {
        Some(file) => format!(
            "tlsrpt-reportd --config_file {} --check_config",
            file.display()
        ),
        None => "tlsrpt-reportd --check_config".to_owned(),
    };
    let told = |flaw: &Flaw| match flaw.severity {
        Severity::Problem => Finding::fail(AREA, visible::one_line(&flaw.text), check.clone()),
        Severity::Warning => Finding::warn(AREA, visible::one_line(&flaw.text), check.clone()),
    };
    let mut findings: Vec<Finding> = flaws.iter().map(told).collect();
    if !flaws.iter().any(|flaw| flaw.severity == Severity::Problem) {
        let faults = start_faults(settings, file).into_iter();
        findings.extend(faults.map(|fault| Finding::fail(AREA, fault, check.clone())));
    }
    if findings.is_empty() {
        let file = file.map(|file| file.display().to_string());
        let file = file.unwrap_or_else(|| "no file: all settings have their defaults".to_owned());
        findings.push(Finding::ok(AREA, file));
    }
    findings
}

fn unread(flaw: &Flaw) -> Finding {
    let text = visible::one_line(&flaw.text);
    match text.contains("denied") {
        true => Finding::unknown(AREA, text, "sudo tlsrptctl doctor"),
        false => Finding::fail(AREA, text, "tlsrptctl --config_file FILE doctor"),
    }
}

/// The database has an area of its own.
fn start_faults(settings: &Reportd, file: Option<&Path>) -> Vec<String> {
    let mut others = settings.clone();
    others.dkim_keys.clear();
    others.fetchers.clear();
    let mut faults = daemon::faults(&others, file);
    let database = others.dbname.display().to_string();
    faults.retain(|fault| !fault.starts_with("dbname:") && !fault.contains(&database));
    faults
}
