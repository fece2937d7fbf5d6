//! What a site's page shows beside its status: the days, what fails most, what is new, and what receivers answered.

mod trend;

use tlsrptd_config::ctl::{FailuresScope, Meanings};
use tlsrptd_proto::day::Day;

use super::{
    deliveries::{self, DeliveryList, StatusWord},
    failures::{self, Failures},
    history::SessionHistory,
};
use crate::store::{OperatorStore, StoreError};

pub(crate) use trend::{DailyCourse, Trend};

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
/// Deliveries of which there is something to say.
const STATUSES: [&str; 3] = ["waiting", "refused", "timedout"];

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
    /// What failed most in the last days.
    pub(crate) failing: Failures,
    /// The course of each of these, over [`COURSE_DAYS`].
    pub(crate) courses: Vec<DailyCourse>,
    /// What is new on the last closed day; `None`: nothing is known of the days before it.
    pub(crate) new: Option<Failures>,
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
        let failing = Failures::find(store, most(last))?;
        let courses = failing.rows.iter();
        let courses = courses.map(|row| DailyCourse::find(store, row, last, COURSE_DAYS));
        let courses = courses.collect::<Result<_, _>>()?;
        // What was not known the day before would all be new.
        let new = match history.known_since.is_some_and(|first| first < last) {
            true => Some(Failures::find(store, new(last))?),
            false => None,
        };
        Ok(Overview {
            span,
            failing,
            courses,
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
