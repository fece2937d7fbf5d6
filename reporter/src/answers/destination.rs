//! All about one domain that a page shows: what fails there when we send, since when, and what became of its reports.

use jiff::Timestamp;
use tlsrptd_config::ctl::{FailuresScope, Meanings};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    failures::{Failures, FailuresQuery},
    history::SessionHistory,
    overview::{COURSE_DAYS, DailyCourse, KnownDays},
    pending_requests::PendingRequests,
    status::QueueStatus,
    why::Why,
};
use crate::store::{
    DomainDayState, DomainPresence, KeptReport, OperatorStore, ReportContents, StoreError,
};

/// Rows of what fails.
const MOST_FAILURES: usize = 50;
/// Days whose reports and deliveries are shown.
const REPORT_DAYS: usize = 7;

/// What there is.
#[derive(Debug)]
pub(crate) struct DestinationView {
    /// The domain.
    pub(crate) domain: Domain,
    /// When it was asked.
    pub(crate) now: Timestamp,
    /// What failed.
    pub(crate) failures: Failures,
    /// The day before that on which it was asked: what failed is told up to the last known one.
    pub(crate) yesterday: Day,
    /// The same, day by day.
    pub(crate) course: DailyCourse,
    /// The last days on which it was counted, the newest first, with their reports.
    pub(crate) days: Vec<(Day, DomainDayState)>,
    /// What became of the newest of them.
    pub(crate) why: Option<Why>,
    /// The newest report whose contents are there.
    pub(crate) report: Option<DayReport>,
}

/// A report, and the day that it is about.
#[derive(Debug)]
pub(crate) struct DayReport {
    /// The day.
    pub(crate) day: Day,
    /// Distinct among those of the domain and day.
    pub(crate) number: u64,
    /// Whether it went out so.
    pub(crate) is_sent: bool,
    /// Its text; or why that cannot be read.
    pub(crate) json: Result<String, String>,
}

impl DestinationView {
    /// Asks the store, and nobody else: whoever opens a page asks no collector, and no name server. `throttled`: what the
    /// reporter holds back.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn find(
        store: &dyn OperatorStore,
        domain: &Domain,
        now: Timestamp,
        throttled: &[QueueStatus],
    ) -> Result<DestinationView, StoreError> {
        let yesterday = Day::of(now).previous();
        let history = SessionHistory::find(store, yesterday, 2 * COURSE_DAYS)?;
        let known = KnownDays::of(&history, COURSE_DAYS);
        let failures = Failures::find(store, question(domain, known.to))?;
        let by_day = store.failures_by_day(&[domain.as_str()], known.from, known.to)?;
        let counted = store.days_of(domain)?.into_iter();
        let counted = counted.filter(|(_, presence)| *presence == DomainPresence::Counted);
        let mut days = Vec::new();
        for (day, _) in counted.take(REPORT_DAYS) {
            days.push((day, store.domain_day(day, domain, domain.as_str())?));
        }
        let mut report = None;
        for (day, _) in &days {
            report = store
                .kept_reports(*day, domain.as_str())?
                .pop()
                .map(|kept| of(*day, kept));
            if report.is_some() {
                break;
            }
        }
        let why = match days.first() {
            None => None,
            Some((day, state)) => Some(Why {
                requests: PendingRequests::find(store)?.of_reports(*day, Some(domain.as_str())),
                ..Why::of_state(domain, *day, now, state.clone(), throttled.to_vec())
            }),
        };
        Ok(DestinationView {
            course: DailyCourse::of(by_day.iter(), &known),
            yesterday,
            why,
            domain: domain.clone(),
            now,
            failures,
            days,
            report,
        })
    }

    /// Whether anything at all is known of it.
    pub(crate) fn is_known(&self) -> bool {
        !self.days.is_empty() || !self.failures.rows.is_empty()
    }
}

fn question(domain: &Domain, last: Day) -> FailuresQuery {
    FailuresQuery {
        to: last,
        days: COURSE_DAYS,
        domain: Some(domain.clone()),
        scope: FailuresScope::All,
        meanings: Meanings::Told,
        limit: MOST_FAILURES,
    }
}

fn of(day: Day, kept: KeptReport) -> DayReport {
    DayReport {
        day,
        number: kept.uniqid,
        is_sent: matches!(kept.contents, ReportContents::Sent(_)),
        json: kept.contents.json().map_err(|error| error.to_string()),
    }
}
