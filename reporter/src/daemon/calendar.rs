//! The daemon's part of days: jobs for those that have ended, and away with what is old.

use std::collections::BTreeSet;

use tlsrptd_config::clock::Moment;
use tlsrptd_proto::day::Day;

use super::{Daemon, gathering};
use crate::{environment::Environment, store::StoreError};

impl<O: Environment> Daemon<O> {
    /// Once a day, and at the start, by a clock that nobody doubts: jobs for every closed day that may still be reported
    /// and was not decided before.
    pub(super) fn schedule_new_days(&mut self, moment: &Moment) -> Result<(), StoreError> {
        let (now, today) = (moment.now, Day::of(moment.now));
        if self.today == Some(today) || !moment.is_confirmed() {
            return Ok(());
        }
        let undone = self.state.undo_early(today)?;
        if undone > 0 {
            tracing::warn!(
                "{undone} fetch jobs were made for days that have not ended, by a clock that was ahead: they are made again"
            );
        }
        let mut known = self.state.days_with_jobs()?;
        known.extend(self.state.decided_days()?);
        let early = self.state.early_days()?;
        let open = self.state.open_days()?;
        let reportable: BTreeSet<Day> = self.schedule.reportable_days(now).into_iter().collect();
        let missed = reportable.difference(&known).copied();
        let again = reportable.iter().copied();
        let again = again.filter(|day| open.contains(day) || early.contains(day));
        let days: Vec<Day> = missed.chain(again).collect();
        let fetchers = &self.bounds.fetchers;
        let changed = self.state.make_jobs(&days, fetchers, now)?;
        let reopened = self.state.reopen_given_up(&reportable, fetchers, now)?;
        changed.iter().chain(&reopened).for_each(gathering::tell);
        self.state.reopen_early(&reportable, now)?;
        self.today = Some(today);
        self.cleaning = true;
        Ok(())
    }

    /// Removes what is old, by a clock that nobody doubts.
    pub(super) fn clean(&mut self, moment: &Moment) -> Result<(), StoreError> {
        if self.cleaning && moment.is_confirmed() {
            self.cleaning = self.state.clean(self.schedule.oldest_kept(moment.now))?;
        }
        Ok(())
    }
}
