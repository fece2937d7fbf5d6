//! The days: fetch jobs for those that have ended, and the removal of old rows.

use std::{collections::BTreeSet, sync::Arc};

use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;

use super::gathering;
use crate::{
    model::CollectorCommand,
    schedule::Schedule,
    store::{Days, StoreError, Upkeep},
};

/// Which day it is, as far as the database has been told.
pub(super) struct Calendar {
    schedule: Arc<Schedule>,
    fetchers: Vec<CollectorCommand>,
    /// The day on which fetch jobs were made last.
    today: Option<Day>,
    /// Old rows are left.
    pub(super) is_cleaning: bool,
}

impl Calendar {
    pub(super) fn new(schedule: Arc<Schedule>, fetchers: Vec<CollectorCommand>) -> Calendar {
        Calendar {
            schedule,
            fetchers,
            today: None,
            is_cleaning: false,
        }
    }

    /// Whether all fetch jobs exist that are due: not at the start, before the clock is confirmed.
    pub(super) fn has_scheduled(&self) -> bool {
        self.today.is_some()
    }

    /// Whether the fetch jobs were made that are due on that day.
    pub(super) fn is_scheduled(&self, today: Day) -> bool {
        self.today == Some(today)
    }

    /// The clock was set back: days may begin again.
    pub(super) fn forget_today(&mut self) {
        self.today = None;
    }

    /// Once a day and at the start, with a confirmed clock: makes fetch jobs for each closed day that may still be reported
    /// and is not decided yet.
    pub(super) fn schedule_new_days(
        &mut self,
        store: &mut dyn Days,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        let (now, today) = (moment.now, Day::of(moment.now));
        if self.today == Some(today) || !moment.is_confirmed() {
            return Ok(());
        }
        let undone = store.undo_early(today)?;
        if undone > 0 {
            tracing::warn!(
                "{undone} fetch jobs were made for days that have not ended, by a clock that was ahead: they are made again"
            );
        }
        let known = store.known_days()?;
        let early = store.early_days()?;
        let open = store.open_days()?;
        let reportable: BTreeSet<Day> = self.schedule.reportable_days(now).into_iter().collect();
        let missed = reportable.difference(&known).copied();
        let again = reportable.iter().copied();
        let again = again.filter(|day| open.contains(day) || early.contains(day));
        let days: Vec<Day> = missed.chain(again).collect();
        let changed = store.make_jobs(&days, &self.fetchers, now)?;
        let reopened = store.reopen_given_up(&reportable, &self.fetchers, now)?;
        let notes = changed.iter().chain(&reopened);
        notes.for_each(gathering::log_job_change);
        store.reopen_early(&reportable, now)?;
        self.today = Some(today);
        self.is_cleaning = true;
        Ok(())
    }

    /// Removes some of the old rows, with a clock that is calm: by one that is ahead all rows would be old.
    pub(super) fn clean(
        &mut self,
        store: &mut dyn Upkeep,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        if self.is_cleaning && moment.may_discard() {
            let (kept, remembered) = (
                self.schedule.oldest_kept(moment.now),
                self.schedule.oldest_remembered(moment.now),
            );
            self.is_cleaning = store.clean(kept)? || store.clean_history(remembered)?;
        }
        Ok(())
    }
}
