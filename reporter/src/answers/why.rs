//! What became of a domain's report: from the datagram to the last answer.

mod closed_day;
mod deliveries;
mod unseen;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    collectors_today::{CollectorToday, CountedToday},
    pending_requests::PendingRequests,
    preview::{Preview, Previewer, record_json},
    reason,
    status::{QueueStatus, ReporterStatus},
    stored_day::{StoredDay, check_closed, read_domain},
    waiting::WaitNote,
};
use crate::{
    error::Error,
    lookup::LookupResult,
    model::{Decision, ReportSubject, collector_of},
    store::{
        DomainDayState, DomainPresence, JobStage, JobState, OperatorStore, ReportState, RowStage,
        RowState,
    },
};

/// All facts about a domain's day.
#[derive(Clone, Debug)]
pub(crate) struct Why {
    /// The domain.
    pub(crate) domain: Domain,
    /// The day.
    pub(crate) day: Day,
    /// When it was asked.
    pub(crate) now: Timestamp,
    /// What is stored.
    pub(crate) state: DomainDayState,
    /// What the collectors have counted today; of a domain that is seldom seen, whatever day was asked for.
    pub(crate) counted_today: Option<CountedToday>,
    /// What would be decided.
    pub(crate) preview: Option<Preview>,
    /// What DNS says about a domain that nobody has counted.
    pub(crate) record: Option<LookupResult>,
    /// Domains above and below it that were counted.
    pub(crate) relatives: Vec<String>,
    /// The last day on which it was counted.
    pub(crate) last_counted: Option<Day>,
    /// What is asked for once more and waits.
    pub(crate) requests: PendingRequests,
    /// Queues that the running reporter holds back, if a delivery waits.
    pub(crate) throttled: Vec<QueueStatus>,
}

impl Why {
    /// Finds them out: from the store, from the collectors, from DNS. `note` is told who is waited for.
    ///
    /// # Errors
    /// When the day lies ahead, or the settings or the store cannot be used.
    pub(crate) async fn find(
        settings: &Reportd,
        asked: &str,
        day: Day,
        now: Timestamp,
        note: WaitNote,
    ) -> Result<Why, Error> {
        let today = Day::of(now);
        let StoredDay {
            domain,
            store,
            state,
        } = StoredDay::find(settings, asked, day, today)?;
        let store = store.as_deref();
        let days = match store {
            Some(store) => store.days_of(&domain)?,
            None => Vec::new(),
        };
        let is_stored = !state.rows.is_empty() || !state.reports.is_empty();
        let counted_today = match day == today || !is_stored {
            true => Some(CountedToday::ask(settings, &domain, note).await),
            false => None,
        };
        let previewer = Previewer::new(settings, store)?;
        let rows = counted_today.as_ref().filter(|_| day == today);
        let rows = rows.map_or(&[][..], |counted| &counted.rows);
        let found = match rows.is_empty() {
            true => state.to_decide(&domain, previewer.guard()),
            false => Some(state.domain_day(&domain, rows.to_vec(), previewer.guard())),
        };
        let preview = match found {
            Some(found) => Some(previewer.decide(day, found, now).await),
            None => None,
        };
        let is_seen = is_stored || preview.is_some();
        let mut last = days
            .into_iter()
            .filter(|(_, presence)| *presence == DomainPresence::Counted);
        Ok(Why {
            record: match is_seen {
                true => None,
                false => previewer.record(&domain).await,
            },
            relatives: match store {
                Some(store) if !is_seen => store.relatives(day, &domain)?,
                _ => Vec::new(),
            },
            last_counted: last.next().map(|(day, _)| day),
            requests: match store {
                Some(store) => PendingRequests::find(store)?.of_reports(day, Some(domain.as_str())),
                None => PendingRequests::default(),
            },
            throttled: match has_waiting(&state) {
                true => ReporterStatus::ask(settings.observation_socket.as_deref()).throttled(),
                false => Vec::new(),
            },
            domain,
            day,
            now,
            state,
            counted_today,
            preview,
        })
    }

    /// What is stored of a day that has ended: nobody is asked, and nothing previewed. `reporter` is the daemon's own word.
    ///
    /// # Errors
    /// When the day has not ended, or the store cannot be read.
    pub(crate) fn stored(
        store: &dyn OperatorStore,
        reporter: &ReporterStatus,
        asked: &str,
        day: Day,
        now: Timestamp,
    ) -> Result<Why, Error> {
        let domain = read_domain(asked)?;
        check_closed(day, Day::of(now))?;
        let state = store.domain_day(day, &domain, asked)?;
        let is_stored = !state.rows.is_empty() || !state.reports.is_empty();
        let mut days = store.days_of(&domain)?.into_iter();
        let last = days.find(|(_, presence)| *presence == DomainPresence::Counted);
        let throttled = match has_waiting(&state) {
            true => reporter.throttled(),
            false => Vec::new(),
        };
        Ok(Why {
            relatives: match is_stored {
                true => Vec::new(),
                false => store.relatives(day, &domain)?,
            },
            last_counted: last.map(|(day, _)| day),
            requests: PendingRequests::find(store)?.of_reports(day, Some(domain.as_str())),
            ..Why::of_state(&domain, day, now, state, throttled)
        })
    }

    /// The same of a state that was read.
    pub(crate) fn of_state(
        domain: &Domain,
        day: Day,
        now: Timestamp,
        state: DomainDayState,
        throttled: Vec<QueueStatus>,
    ) -> Why {
        Why {
            domain: domain.clone(),
            day,
            now,
            state,
            counted_today: None,
            preview: None,
            record: None,
            relatives: Vec::new(),
            last_counted: Some(day),
            requests: PendingRequests::default(),
            throttled,
        }
    }

    /// Whether the domain was counted on that day, as far as is known.
    pub(crate) fn is_seen(&self) -> bool {
        !self.state.rows.is_empty() || !self.state.reports.is_empty() || self.preview.is_some()
    }

    /// One sentence for people.
    pub(crate) fn sentence(&self) -> String {
        let mut clauses = Vec::new();
        if self.is_today() {
            self.today(&mut clauses);
        } else if self.is_seen() {
            closed_day::tell(self, &mut clauses);
        } else {
            unseen::on_closed_day(self, &mut clauses);
        }
        format!("{}, {}: {}.", self.domain, self.day, clauses.join("; "))
    }

    fn is_today(&self) -> bool {
        self.day == Day::of(self.now)
    }

    fn today(&self, clauses: &mut Vec<String>) {
        let Some(preview) = &self.preview else {
            clauses.push("no session with it has been counted today".to_owned());
            unseen::silent_collectors(self, clauses);
            unseen::hints(self, clauses);
            return;
        };
        let rows = &preview.decided.rows;
        let by = self
            .counted_today
            .as_ref()
            .map_or(0, |counted| counted.rows.len());
        let sessions = number(rows.sessions, "session");
        let by = match by {
            0 | 1 => String::new(),
            by => format!(" by {by} collectors"),
        };
        clauses.push(format!(
            "{sessions} {} been counted so far{by}{}",
            if rows.sessions == 1 { "has" } else { "have" },
            failed(rows.failed)
        ));
        unseen::silent_collectors(self, clauses);
        clauses.push(self.would_be(preview, "after midnight UTC a report"));
    }

    /// What would be decided; `report` is how that of the sentence is called.
    fn would_be(&self, preview: &Preview, report: &str) -> String {
        let domain = self.domain.as_str();
        let report_of = match &preview.decided.decision {
            Decision::NoReport(reason) => {
                return format!(
                    "no report would be made, because {}",
                    reason::plain(reason, domain)
                );
            }
            Decision::Report(report_of) => report_of,
        };
        let to = report_of
            .destinations
            .iter()
            .map(|(to, _)| to.uri().to_owned());
        let mut text = format!("{report} would go to {}", list(to.collect()));
        if let Some(LookupResult::Unknown(reason)) = &preview.record {
            text += &format!(
                " (DNS did not answer, {reason}: that is what the record said that the MTA saw)"
            );
        }
        if let Some((to, reason)) = report_of.suppressed.first() {
            text += &format!(", and not to {}, which is suppressed ({reason})", to.uri());
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let counted = self
            .counted_today
            .iter()
            .flat_map(|counted| &counted.collectors);
        json!({
            "domain": self.domain.as_str(),
            "day": self.day.to_string(),
            "sentence": self.sentence(),
            "is_counted": self.is_seen(),
            "is_decided": self.state.is_decided,
            "collectors": self.state.jobs.iter().map(job_json).collect::<Vec<_>>(),
            "counts": self.state.rows.iter().map(row_json).collect::<Vec<_>>(),
            "reports": self.state.reports.iter().map(report_json).collect::<Vec<_>>(),
            "requests": self.requests.json()["requests"],
            "preview": self.preview.as_ref().map(Preview::json),
            "today": counted.map(CollectorToday::json).collect::<Vec<_>>(),
            "dns": self.record.as_ref().map(record_json),
            "related_domains": self.relatives,
            "last_counted_day": self.last_counted.map(|day| day.to_string()),
        })
    }
}

fn job_json(job: &JobState) -> Value {
    let state = match &job.stage {
        JobStage::Waiting => "waiting",
        JobStage::Answered => "answered",
        JobStage::GivenUp => "given_up",
        JobStage::Removed => "removed",
        JobStage::Other(word) => word,
    };
    json!({
        "collector": collector_of(&job.command),
        "state": state,
        "failed_attempts": job.failures,
        "reason": job.reason,
        "next_attempt": job.next.map(|at| at.to_string()),
    })
}

fn row_json(row: &RowState) -> Value {
    let state = match &row.stage {
        RowStage::Listed => "listed",
        RowStage::Stored => "undecided",
        RowStage::Late => "late",
        RowStage::Decided => "decided",
        RowStage::GivenUp => "given_up",
        RowStage::Other(word) => word,
    };
    json!({ "collector": collector_of(&row.fetcher), "state": state, "reason": row.reason })
}

fn report_json(report: &ReportState) -> Value {
    let counts = report.counts();
    let deliveries = report.deliveries.iter().map(deliveries::json);
    json!({
        "number": report.uniqid,
        "is_on_mx_host": report.subject == ReportSubject::MxHost,
        "made": report.created.map(|at| at.to_string()),
        "reason": report.reason,
        "sessions": counts.map(|(sessions, _)| sessions),
        "failed": counts.map(|(_, failed)| failed),
        "deliveries": deliveries.collect::<Vec<_>>(),
    })
}

fn has_waiting(state: &DomainDayState) -> bool {
    let mut deliveries = state.reports.iter().flat_map(|report| &report.deliveries);
    deliveries.any(|delivery| delivery.status.is_none())
}

/// As in `1 session`, `2 sessions`.
fn number(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn failed(failed: u64) -> String {
    match failed {
        0 => ", none of them failed".to_owned(),
        _ => format!(", {failed} of them failed"),
    }
}

/// The first of several are named.
const MOST_NAMED: usize = 5;

/// As in `a, b and c`.
fn list(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        names.truncate(MOST_NAMED);
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    match names.is_empty() {
        true => last,
        false => format!("{} and {last}", names.join(", ")),
    }
}
