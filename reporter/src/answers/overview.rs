//! What a site's page shows beside its status: the days, what fails most, what is new, and what receivers answered.

mod failing;
mod trend;

use tlsrptd_config::ctl::{FailuresScope, Meanings};
use tlsrptd_proto::day::Day;

use super::{
    deliveries::{self, DeliveryList, StatusWord},
    failures,
    history::SessionHistory,
};
use crate::store::{OperatorStore, StoreError};

pub(crate) use failing::{FailingDestination, FailingDestinations};
pub(crate) use trend::{CourseBegin, DailyCourse, KnownDays, Trend};

/// What fails most is asked of so many days.
pub(crate) const FAILING_DAYS: u32 = 7;
/// So many days of it are looked at to tell since when, and how it goes.
pub(crate) const COURSE_DAYS: u32 = 30;
/// Rows that a page has of what fails most.
const MOST_FAILING: usize = 15;
/// Rows of what is new.
const MOST_NEW: usize = 10;
/// Days whose answers are shown.
const ANSWER_DAYS: u32 = 2;
/// Answers a day and status.
pub(crate) const MOST_ANSWERS: usize = 3;
/// Deliveries of which there is something to say: all that were not sent, but for those that nobody wanted sent.
const STATUSES: [&str; 5] = ["waiting", "refused", "unknownrua", "timedout", "expired"];

/// How many days the plots show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum HistorySpan {
    /// A month.
    #[default]
    Days30,
    /// A quarter of a year.
    Days90,
    /// A year, and what it takes to see it beside the last one.
    Days400,
}

impl HistorySpan {
    /// All, the shortest first.
    pub(crate) const ALL: [HistorySpan; 3] = [
        HistorySpan::Days30,
        HistorySpan::Days90,
        HistorySpan::Days400,
    ];

    /// The number of days.
    pub(crate) fn days(self) -> u32 {
        match self {
            HistorySpan::Days30 => 30,
            HistorySpan::Days90 => 90,
            HistorySpan::Days400 => 400,
        }
    }

    /// That of a page's address; `None`: there is no such one.
    pub(crate) fn of(days: &str) -> Option<HistorySpan> {
        let mut all = HistorySpan::ALL.into_iter();
        all.find(|span| span.days().to_string() == days)
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Overview {
    /// Over how many days.
    pub(crate) span: HistorySpan,
    /// The totals of these days.
    pub(crate) history: SessionHistory,
    /// What failed most in the last known days, with its course over [`COURSE_DAYS`].
    pub(crate) failing: FailingDestinations,
    /// What is new on the last known day; `None`: nothing is known of the week before it.
    pub(crate) new: Option<FailingDestinations>,
    /// Deliveries that wait, or ended otherwise than sent: the newest days first.
    pub(crate) answers: Vec<DeliveryList>,
}

impl Overview {
    /// Asks the store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn find(
        store: &dyn OperatorStore,
        today: Day,
        span: HistorySpan,
    ) -> Result<Overview, StoreError> {
        let last = today.previous();
        let history = SessionHistory::find(store, last, span.days())?;
        let known = KnownDays::of(&history, COURSE_DAYS);
        let failing = FailingDestinations::find(store, most(known.to), &known)?;
        // What was not known the week before would all be new.
        let new = match known.has_week_before() {
            true => Some(FailingDestinations::find(
                store,
                new(known.to),
                &known.last(),
            )?),
            false => None,
        };
        Ok(Overview {
            span,
            failing,
            new,
            answers: answers(store, last)?,
            history,
        })
    }
}

fn most(last: Day) -> failures::FailuresQuery {
    failures::FailuresQuery {
        to: last,
        days: FAILING_DAYS,
        domain: None,
        scope: FailuresScope::All,
        meanings: Meanings::LeftOut,
        limit: MOST_FAILING,
    }
}

fn new(last: Day) -> failures::FailuresQuery {
    failures::FailuresQuery {
        days: 1,
        scope: FailuresScope::New,
        limit: MOST_NEW,
        ..most(last)
    }
}

fn answers(store: &dyn OperatorStore, last: Day) -> Result<Vec<DeliveryList>, StoreError> {
    let mut found = Vec::new();
    for days in 0..ANSWER_DAYS {
        for status in STATUSES {
            found.push(DeliveryList::find(
                store,
                deliveries::DeliveriesQuery {
                    day: last.back(days),
                    domain: None,
                    status: StatusWord::of(Some(status)),
                    limit: MOST_ANSWERS,
                },
            )?);
        }
    }
    found.retain(|of| !of.is_empty());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeliveryStatus;

    #[test]
    fn whatever_was_not_sent_is_listed() {
        for status in DeliveryStatus::ALL {
            let is_fine = matches!(status, DeliveryStatus::Sent | DeliveryStatus::Suppressed);
            let is_listed = STATUSES.contains(&status.as_str());
            assert_eq!(is_listed, !is_fine, "{}", status.as_str());
        }
    }
}
