//! How everything is: collectors, the reporter, the last closed day, what waits.

mod collector;
mod find;
mod finding;
mod judge;
mod reporter;

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_proto::day::Day;

use super::{fleet::FleetAnswer, named, pending_requests::PendingRequests, totals};
use crate::{
    model::{BounceResult, NamedDestination},
    store::{Backlog, BounceTotals, DayTotals, JobStage, JobState},
};

pub(crate) use collector::time;
pub use collector::{CollectorFigures, CollectorReply, CollectorStatus};
pub use find::DaemonsAnswers;
pub use finding::{Severity, StatusArea, StatusFinding, worst};
pub use reporter::{QueueStatus, ReporterStatus};

/// All of it.
#[derive(Clone, Debug)]
pub struct Status {
    /// When it was asked.
    pub now: Timestamp,
    /// Who asked.
    pub asker: Asker,
    /// In the order of `fetchers`.
    pub collectors: Vec<CollectorStatus>,
    /// The daemon's own word.
    pub reporter: ReporterStatus,
    /// The day before today.
    pub last_closed: LastClosedDay,
    /// What waits, of whatever day.
    pub backlog: Backlog,
    /// What the operator has asked for and waits.
    pub requests: PendingRequests,
    /// Entries of the suppression list.
    pub suppressed: u64,
    /// The fleet; `None`: the database is one host's.
    pub fleet: Option<FleetAnswer>,
    /// Mails that came to `bounce_address`.
    pub bounces: Vec<BounceTotals>,
    /// Whom the records of others named, of the last closed day, where somebody has to look at it.
    pub named: Vec<NamedDestination>,
    /// What is wrong or strange with all that.
    pub findings: Vec<StatusFinding>,
}

/// Who asks how everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Root, or the owner of the database: may do what the service may.
    Service,
    /// Another user: what fails to them may work for the service.
    Other,
}

/// The day before today (UTC).
#[derive(Clone, Debug)]
pub struct LastClosedDay {
    /// Which.
    pub day: Day,
    /// What it came to so far; `None`: not known.
    pub totals: Option<DayTotals>,
    /// The collectors that were or are asked for it.
    pub jobs: Vec<JobState>,
}

impl LastClosedDay {
    /// Collectors that have not answered, and are still asked.
    pub fn waits_for(&self) -> impl Iterator<Item = &JobState> {
        self.jobs
            .iter()
            .filter(|job| job.stage == JobStage::Waiting)
    }

    /// Collectors that did not answer in time: their sessions are missing.
    pub fn given_up(&self) -> impl Iterator<Item = &JobState> {
        self.jobs
            .iter()
            .filter(|job| job.stage == JobStage::GivenUp)
    }

    fn json(&self) -> Value {
        let jobs = self.jobs.iter().map(|job| {
            json!({
                "collector": job.command,
                "stage": stage(&job.stage),
                "failures": job.failures,
                "next_try_at": job.next.map(|at| at.to_string()),
                "reason": job.reason,
            })
        });
        json!({
            "day": self.day.to_string(),
            "totals": self.totals.as_ref().map(totals::json),
            "collectors": jobs.collect::<Vec<_>>(),
        })
    }
}

fn stage(stage: &JobStage) -> &str {
    match stage {
        JobStage::Waiting => "waiting",
        JobStage::Answered => "answered",
        JobStage::GivenUp => "given_up",
        JobStage::Removed => "removed",
        JobStage::Other(word) => word,
    }
}

impl Status {
    /// Mails that came back: those from which something followed, and the others.
    pub fn bounces(&self) -> (u64, u64) {
        let is_ignored = |of: &&BounceTotals| {
            let all = BounceResult::ALL.into_iter();
            let mut named = all.filter(|result| result.as_str() == of.result);
            named.all(BounceResult::is_ignored)
        };
        let sum = |sum: u64, of: &BounceTotals| sum.saturating_add(of.mails);
        let all = self.bounces.iter().fold(0, sum);
        let ignored = self.bounces.iter().filter(is_ignored).fold(0, sum);
        (all - ignored, ignored)
    }

    fn bounces_json(&self) -> Value {
        let named = self.bounces.iter();
        let named = named.map(|of| (of.result.clone(), Value::from(of.mails)));
        Value::Object(named.collect())
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let collectors = self.collectors.iter().map(CollectorStatus::json);
        json!({
            "now": self.now.to_string(),
            "severity": worst(&self.findings).as_str(),
            "findings": self.findings.iter().map(StatusFinding::json).collect::<Vec<_>>(),
            "collectors": collectors.collect::<Vec<_>>(),
            "reporter": self.reporter.json(),
            "last_closed_day": self.last_closed.json(),
            "waiting": backlog(&self.backlog),
            "requests": self.requests.json()["requests"],
            "suppressed": self.suppressed,
            "fleet": self.fleet.as_ref().map(FleetAnswer::json),
            "bounces": self.bounces_json(),
            "named_destinations": self.named.iter().map(named::json).collect::<Vec<_>>(),
        })
    }
}

fn backlog(backlog: &Backlog) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "deliveries": backlog.waiting,
        "next_due_at": time(backlog.next_due),
        "late": backlog.late,
        "late_since": time(backlog.late_since),
        "looked_at": backlog.looked_at,
        "failed_before": backlog.tried,
        "failing_long": backlog.tried_long,
        "failing_since": time(backlog.tried_since),
        "reason": backlog.reason.as_ref().map(|shared| json!({
            "reason": shared.reason,
            "deliveries": shared.deliveries,
        })),
    })
}
