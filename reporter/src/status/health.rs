//! `/health`: for load balancers, and whoever looks whether this program works.

use hyper::StatusCode;
use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;

use super::{
    response::{HttpReply, Media},
    route::Target,
    snapshot::{self, StatusSnapshot},
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
}

/// 200 when the store can be read, or 503 with one line that says why.
pub(super) fn readable(reportd: &Reportd, now: Timestamp) -> HttpReply {
    let last_closed = Day::of(now).previous();
    match snapshot::open(reportd).and_then(|store| store.jobs(last_closed)) {
        Ok(_) => line(StatusCode::OK, "ok"),
        Err(error) => line(StatusCode::SERVICE_UNAVAILABLE, &snapshot::in_words(&error)),
    }
}

/// 200 when nothing is critical, or 503; with one line that says what there is.
pub(super) fn check(snapshot: &StatusSnapshot) -> HttpReply {
    let stored = match &snapshot.stored {
        Ok(stored) => stored,
        Err(why) => return line(StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let findings = &stored.status.findings;
    let Some(first) = findings.first() else {
        return line(StatusCode::OK, "ok");
    };
    let worst = worst(findings);
    let status = match worst {
        Severity::Ok | Severity::Warning => StatusCode::OK,
        Severity::Unknown | Severity::Critical => StatusCode::SERVICE_UNAVAILABLE,
    };
    line(status, &format!("{}: {}", worst.as_str(), first.text))
}

fn line(status: StatusCode, text: &str) -> HttpReply {
    let text = format!("{}\n", tlsrptd_config::visible::one_line(text));
    HttpReply::with_status(status, Media::Text, text)
}
