//! The reports of a day, to whom they went, and what was answered.

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{pending_requests::PendingRequests, totals};
use crate::{
    model::ReportSubject,
    store::{
        DayTotals, DeliveryFilter, DeliveryProgress, DeliveryQuestion, DeliveryRow, Frequency,
        OperatorStore, StoreError, WithoutReportRow,
    },
};

/// Of fewer among so many deliveries, the first domains will have none.
const RARE: u64 = 1000;

/// Which deliveries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveriesQuery {
    /// The day.
    pub day: Day,
    /// Of this domain alone.
    pub domain: Option<Domain>,
    /// Only those.
    pub status: StatusWord,
    /// At most so many.
    pub limit: usize,
}

/// The words of `--status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusWord {
    /// All deliveries.
    All,
    /// Those that have not ended.
    Waiting,
    /// Those that ended so.
    Ended(String),
    /// Domains without a report.
    WithoutReport,
}

impl StatusWord {
    /// Reads a word of the command line.
    pub fn of(word: Option<&str>) -> StatusWord {
        match word {
            None => StatusWord::All,
            Some("waiting") => StatusWord::Waiting,
            Some("none") => StatusWord::WithoutReport,
            Some(other) => StatusWord::Ended(other.to_owned()),
        }
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            StatusWord::All => None,
            StatusWord::Waiting => Some("waiting"),
            StatusWord::Ended(word) => Some(word),
            StatusWord::WithoutReport => Some("none"),
        }
    }
}

/// Those that there are.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryList {
    /// What was asked.
    pub question: DeliveriesQuery,
    /// What the day came to, if that is known.
    pub totals: Option<DayTotals>,
    /// By domain.
    pub rows: Vec<DeliveryRow>,
    /// By domain, if those were asked for.
    pub without: Vec<WithoutReportRow>,
    /// Of the reports of that day, those that are asked for once more and wait.
    pub requests: PendingRequests,
    /// Whether there are more.
    pub more: bool,
    /// Of the waiting ones, those that are not listed because they are being delivered now, if that is known.
    pub in_hand: u64,
}

impl DeliveryList {
    /// Looks for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(
        store: &dyn OperatorStore,
        question: DeliveriesQuery,
    ) -> Result<DeliveryList, StoreError> {
        let mut found = DeliveryList {
            totals: store.totals(question.day, question.day)?.pop(),
            rows: Vec::new(),
            without: Vec::new(),
            requests: PendingRequests::default(),
            more: false,
            in_hand: 0,
            question,
        };
        let domain = found.question.domain.as_ref().map(Domain::as_str);
        let (day, limit) = (found.question.day, found.question.limit);
        // No further than to the last that there is: to find that there are no more may take long.
        let rows = limit.saturating_add(1).min(found.number());
        match found.filter() {
            None => found.without = store.without_report(day, domain, rows)?,
            Some(status) => {
                found.rows = store.deliveries(&DeliveryQuestion {
                    day,
                    domain: domain.map(str::to_owned),
                    status,
                    limit: rows,
                })?;
            }
        }
        found.more = found.rows.len().max(found.without.len()) > limit;
        found.rows.truncate(limit);
        found.without.truncate(limit);
        found.in_hand = found.not_listed();
        if matches!(found.question.status, StatusWord::All | StatusWord::Waiting) {
            found.requests = PendingRequests::find(store)?.of_reports(day, domain);
        }
        Ok(found)
    }

    fn filter(&self) -> Option<DeliveryFilter> {
        match &self.question.status {
            StatusWord::WithoutReport => None,
            StatusWord::All => Some(DeliveryFilter::All),
            StatusWord::Waiting => {
                Some(DeliveryFilter::Waiting(self.frequency(DayTotals::waiting)))
            }
            StatusWord::Ended(word) => {
                let frequency = self.frequency(|totals| totals.ended(word));
                Some(DeliveryFilter::Ended(word.clone(), frequency))
            }
        }
    }

    /// At most so many there are.
    fn number(&self) -> usize {
        let number = match (&self.totals, &self.question.domain) {
            (Some(totals), None) => match &self.question.status {
                StatusWord::All => totals.deliveries,
                StatusWord::Waiting => totals.waiting(),
                StatusWord::Ended(word) => totals.ended(word),
                StatusWord::WithoutReport => totals.without,
            },
            _ => return usize::MAX,
        };
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    /// Without totals, as after sys4, an index that may not be there costs nothing.
    fn frequency(&self, number: impl Fn(&DayTotals) -> u64) -> Frequency {
        let usual = |totals: &DayTotals| number(totals).saturating_mul(RARE) >= totals.deliveries;
        match self.totals.as_ref().is_some_and(usual) {
            true => Frequency::Usual,
            false => Frequency::Rare,
        }
    }

    fn not_listed(&self) -> u64 {
        let asked = self.question.status == StatusWord::Waiting && self.question.domain.is_none();
        match &self.totals {
            Some(totals) if asked && !self.more => {
                totals.waiting().saturating_sub(self.rows.len() as u64)
            }
            _ => 0,
        }
    }

    /// Whether there is none of what was asked for.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.without.is_empty()
            && self.in_hand == 0
            && self.requests.rows.is_empty()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "day": self.question.day.to_string(),
            "domain": self.question.domain.as_ref().map(Domain::as_str),
            "status": self.question.status.as_str(),
            "totals": self.totals.as_ref().map(totals::json),
            "deliveries": self.rows.iter().map(row).collect::<Vec<_>>(),
            "without_report": self.without.iter().map(without).collect::<Vec<_>>(),
            "requests": self.requests.json()["requests"],
            "not_listed_in_hand": self.in_hand,
            "more": self.more,
        })
    }
}

fn row(row: &DeliveryRow) -> Value {
    let time = |at: &Option<Timestamp>| at.map(|at| at.to_string());
    let (status, ended, next, since) = match &row.progress {
        DeliveryProgress::Waiting { next_try } => ("waiting", None, time(next_try), None),
        DeliveryProgress::InHand { since } => ("in_hand", None, None, time(since)),
        DeliveryProgress::Ended { status, at } => (status.as_str(), time(at), None, None),
    };
    json!({
        "domain": row.domain,
        "uniqid": row.uniqid,
        "is_on_mx_host": row.subject == ReportSubject::MxHost,
        "destination": row.destination,
        "status": status,
        "ended_at": ended,
        "next_try_at": next,
        "in_hand_since": since,
        "failures": row.failures,
        "first_attempt_at": time(&row.first_attempt),
        "answer": row.answer,
    })
}

fn without(row: &WithoutReportRow) -> Value {
    json!({
        "domain": row.domain,
        "sessions": row.sessions,
        "failed": row.failed,
        "reason": row.reason,
    })
}
