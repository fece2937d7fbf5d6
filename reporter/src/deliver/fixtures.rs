//! One report, and settings, for the tests of this folder.

use std::sync::Arc;

use tlsrptd_config::Start;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::Outcome;
use crate::model::{
    Delivery, Destination, DigestContents, DigestMail, DigestPeriod, NamedBy, Payload, ReportKind,
    StoredReport,
};

/// Ten sessions, three failed.
pub(super) fn report() -> StoredReport {
    StoredReport {
        day: Day::parse("2026-11-20").unwrap(),
        domain: Domain::parse("example.com").unwrap(),
        uniqid: 7,
        json: JSON.to_owned(),
        created: "2026-11-21T00:10:00Z".parse().unwrap(),
        installation: InstallationId::parse("0123456789abcdef").unwrap(),
        kind: ReportKind::Sessions,
        payload: Payload::default(),
    }
}

/// Of that day.
pub(super) fn digest() -> DigestMail {
    DigestMail {
        period: DigestPeriod::day(report().day),
        installation: report().installation,
        made: report().created,
        failures: 0,
        contents: DigestContents {
            subject: "TLS failures 2026-11-20: 1 domain, 3 sessions".to_owned(),
            text: "Three sessions failed.\n".to_owned(),
            csv: String::new(),
        },
    }
}

/// Of that report, to a destination that the operator has named.
pub(super) fn delivery(uri: &str) -> Delivery {
    let (destination, report) = (Destination::new(uri, NamedBy::Operator), report());
    Delivery {
        r_id: 1,
        queue: destination.queue(),
        destination,
        failures: 0,
        first: report.created,
        begins_window: true,
        date: report.created,
        delivered_before: false,
        request: None,
        report: Arc::new(report),
    }
}

const JSON: &str = r#"{"organization-name": "Sender Inc.", "date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"}, "contact-info": "smtp-tls@mail.sender.example", "report-id": "2026-11-20_idx7-0123456789abcdef_example.com", "policies": [{"policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"}, "summary": {"total-successful-session-count": 7, "total-failure-session-count": 3}, "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 2}, {"result-type": "starttls-not-supported", "failed-session-count": 1}]}]}"#;

/// Settings with these options beside the required ones.
pub(super) fn settings(options: &[(&str, &str)]) -> Reportd {
    try_settings(options).unwrap()
}

/// None: the configuration itself refuses them.
pub(super) fn try_settings(options: &[(&str, &str)]) -> Option<Reportd> {
    let required = [
        ("dbname", "/nonexistent/db"),
        ("fetchers", "/bin/true"),
        ("organization_name", "Sender Inc."),
        ("contact_info", "smtp-tls@mail.sender.example"),
    ];
    let is_set = |name: &str| options.iter().any(|(option, _)| *option == name);
    let required = required.iter().filter(|(name, _)| !is_set(name));
    let arguments = required.chain(options);
    let arguments = arguments.map(|(name, value)| format!("--{name}={value}").into());
    match tlsrptd_config::reportd::load(arguments, []) {
        Start::Run(settings) => Some(settings.values),
        Start::Done { .. } => None,
    }
}

/// How it ended, for tables.
pub(super) fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent { .. } => "sent",
        Outcome::Retry { .. } => "retry",
        Outcome::Unreachable { .. } => "unreachable",
        Outcome::Denied { .. } => "denied",
        Outcome::Refused { .. } => "refused",
        Outcome::Unsendable { .. } => "unsendable",
        Outcome::UnknownScheme => "unknown",
        Outcome::LocalShortage { .. } => "exhausted",
        Outcome::HttpsUnavailableHere { .. } => "not ready",
        Outcome::OwnerLimitReached { .. } => "crowded",
    }
}
