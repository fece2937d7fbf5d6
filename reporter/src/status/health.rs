//! `/health`: for load balancers, and whoever looks whether this program works.

use hyper::StatusCode;

use super::{
    response::{HttpReply, Media},
    route::Target,
    snapshot::StatusSnapshot,
};
use crate::answers::status::{Severity, worst};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum HealthForm {
    /// Whether the store can be read.
    Readable,
    /// `?check`: whether there is anything to look at now, as `tlsrptctl status --check` says.
    Check,
}

impl HealthForm {
    /// Of a request for it.
    pub(super) fn of(target: &Target) -> HealthForm {
        match target.query.iter().any(|(name, _)| name == "check") {
            true => HealthForm::Check,
            false => HealthForm::Readable,
        }
    }

    /// 200, or 503 with one line that says why.
    pub(super) fn answer(self, snapshot: &StatusSnapshot) -> HttpReply {
        let stored = match &snapshot.stored {
            Ok(stored) => stored,
            Err(why) => return line(StatusCode::SERVICE_UNAVAILABLE, why),
        };
        let findings = &stored.status.findings;
        let worst = worst(findings);
        match (self, findings.first()) {
            (HealthForm::Readable, _) | (HealthForm::Check, None) => line(StatusCode::OK, "ok"),
            (HealthForm::Check, Some(first)) => {
                let status = match worst {
                    Severity::Ok | Severity::Warning => StatusCode::OK,
                    Severity::Unknown | Severity::Critical => StatusCode::SERVICE_UNAVAILABLE,
                };
                line(status, &format!("{}: {}", worst.as_str(), first.text))
            }
        }
    }
}

fn line(status: StatusCode, text: &str) -> HttpReply {
    let text = format!("{}\n", tlsrptd_config::visible::one_line(text));
    HttpReply::with_status(status, Media::Text, text)
}
