//! The fleet, as the main loop sees it: with one reporter a database there is none, and nothing is done here.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::time::Instant;

use super::calendar::Calendar;
use crate::{
    schedule::Schedule,
    store::{ClosedDay, Membership, StoreError, Tended},
};

/// When the fleet is looked at next.
#[derive(Debug)]
pub(super) struct Tending {
    schedule: Arc<Schedule>,
    next: Option<Instant>,
}

/// How much of the work is another's than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShareChange {
    /// There is more, or what is remembered of it may be wrong.
    pub(super) has_taken: bool,
    /// How many share it.
    pub(super) members: u32,
}

impl Tending {
    pub(super) fn new(schedule: Arc<Schedule>) -> Tending {
        Tending {
            schedule,
            next: None,
        }
    }

    /// How long there is nothing to look at; `None` without a fleet.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let next = self.next?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Does what is due. Days are closed by a clock that is right, and when all fetch jobs exist.
    pub(super) fn tend(
        &mut self,
        store: &mut dyn Membership,
        calendar: &Calendar,
        moment: &WorkingTime,
    ) -> Result<ShareChange, StoreError> {
        let now = moment.now;
        let closes = moment.is_confirmed() && calendar.is_scheduled(Day::of(now));
        let deadline = |day: Day, over: Timestamp| self.schedule.fetch_deadline(day, over).at;
        let tended = store.tend(now, closes.then_some(&deadline))?;
        log(&tended);
        self.next = tended.wait.map(|wait| Instant::now() + wait);
        Ok(ShareChange {
            has_taken: tended.taken > 0 || tended.is_in_doubt,
            members: tended.members,
        })
    }
}

fn log(tended: &Tended) {
    for name in &tended.fenced {
        tracing::warn!(
            "the reporter {name} is gone without a word: its part of the work is taken over"
        );
    }
    if tended.repeated > 0 {
        tracing::warn!(
            "{} deliveries were under way at a reporter that is gone: they are repeated",
            tended.repeated
        );
    }
    if tended.taken + tended.given > 0 {
        let (taken, given) = (tended.taken, tended.given);
        tracing::info!(taken, given, "the work is shared anew");
    }
    for ClosedDay {
        day,
        missing,
        is_too_old,
    } in &tended.closed
    {
        match missing.is_empty() {
            true if *is_too_old => {
                tracing::debug!(%day, "a day older than keep_days is closed, of which nobody has told anything")
            }
            false if *is_too_old => tracing::warn!(
                %day,
                "the day is older than keep_days: what {} brings of it is late, and in no report",
                missing.join(", ")
            ),
            true => tracing::info!(%day, "all collectors have shipped the day"),
            false => tracing::warn!(
                %day,
                "the day is closed without all counts of {}: what they bring later is not reported",
                missing.join(", ")
            ),
        }
    }
}
