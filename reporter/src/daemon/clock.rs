//! The clock, and what has to follow in the database when it is set.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_service::clock::{ClockChange, ClockReading, ClockWitness, KnownTime, WorkingTime};

use crate::{
    schedule::Schedule,
    store::{StoreError, Upkeep},
};

/// The time is written to the database so often: the next start holds its clock against it.
const RECORD_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// A shorter move or absence costs no delivery so much that its times would have to follow.
const LEAST_MOVE: SignedDuration = SignedDuration::from_hours(1);

/// The clock as the daemon sees it.
#[derive(Debug)]
pub(super) struct Clock {
    witness: ClockWitness,
    /// The last reading.
    pub(super) moment: WorkingTime,
    /// How far the clock was set, or how long nobody was at work, since the database was adjusted.
    moved: SignedDuration,
    /// Until the first time is confirmed: since when nobody was at work.
    absent_since: Option<Timestamp>,
    recorded: Option<Timestamp>,
}

/// Where a clock went that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// Ahead, or not by enough to matter.
    Forward,
    /// Back: days may begin again.
    Back,
}

impl Clock {
    /// With the first reading, held against the newest instant that the database knows.
    pub(super) fn new(
        confirmation: Duration,
        known: Option<Timestamp>,
        first: ClockReading,
    ) -> Clock {
        let mut witness = ClockWitness::new(confirmation, known.map(KnownTime::at));
        let moment = witness.look(first);
        moment.change.into_iter().for_each(ClockChange::log);
        let away = known.map_or(SignedDuration::ZERO, |known| {
            moment.now.duration_since(known)
        });
        Clock {
            witness,
            moment,
            // An absence has the same effect on retry windows as a clock that is set ahead.
            moved: away,
            absent_since: known,
            recorded: known,
        }
    }

    /// How long until a jump is believed, if it holds.
    pub(super) fn until_confirmed(&self) -> Option<Duration> {
        self.witness.until_confirmed()
    }

    /// Takes a reading.
    pub(super) fn read(&mut self, reading: ClockReading) -> WorkingTime {
        let moment = self.witness.look(reading);
        if let Some(change) = moment.change {
            change.log();
            if let ClockChange::Believed(by) = change {
                self.moved = self.moved.saturating_add(by);
            }
        }
        self.moment = moment;
        moment
    }

    /// Adjusts the times in the database to a clock that was set, and records the time once an hour.
    pub(super) fn follow(
        &mut self,
        store: &mut dyn Upkeep,
        schedule: &Schedule,
    ) -> Result<Moved, StoreError> {
        let now = self.moment.now;
        let mut moved = Moved::Forward;
        if self.moved > LEAST_MOVE {
            match self.absent_since {
                Some(since) => store.make_up_for_absence(since, self.moved, now)?,
                None => store.extend_windows(self.moved)?,
            }
        } else if self.moved < -LEAST_MOVE {
            store.pull_back(now, schedule.latest_due(now))?;
            moved = Moved::Back;
        }
        self.moved = SignedDuration::ZERO;
        if self.moment.is_confirmed() {
            self.absent_since = None;
        }
        let is_due = self
            .recorded
            .is_none_or(|recorded| now.duration_since(recorded).abs() >= RECORD_INTERVAL);
        if is_due {
            self.record_time(store)?;
        }
        Ok(moved)
    }

    /// Records that the reporter was at work at this time, if the clock is confirmed.
    pub(super) fn record_time(&mut self, store: &mut dyn Upkeep) -> Result<(), StoreError> {
        if self.moment.is_confirmed() {
            store.record_time(self.moment.now)?;
            self.recorded = Some(self.moment.now);
        }
        Ok(())
    }
}
