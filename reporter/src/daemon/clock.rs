//! The daemon's part of time: looks at the clock, and sees to what follows when it moves.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_config::clock::{Change, ClockWitness, Known, Moment, Reading};

use super::Daemon;
use crate::{environment::Environment, store::StoreError};

/// The time is noted that often, so that the next start has something to hold its clock against.
const NOTED: SignedDuration = SignedDuration::from_hours(1);
/// A rest that is shorter costs a delivery nothing that would be worth a change.
const SHORT: SignedDuration = SignedDuration::from_hours(1);

/// The clock as the daemon sees it.
#[derive(Debug)]
pub(super) struct Clock {
    witness: ClockWitness,
    /// The last look.
    pub(super) moment: Moment,
    /// The clock has moved so much, and nothing followed yet.
    moved: SignedDuration,
    noted: Option<Timestamp>,
}

impl Clock {
    /// With the first reading, held against the newest instant that the database knows.
    pub(super) fn new(
        confirmation: std::time::Duration,
        known: Option<Timestamp>,
        first: Reading,
    ) -> Clock {
        let mut witness = ClockWitness::new(confirmation, known.map(Known::at));
        let moment = witness.look(first);
        moment.change.into_iter().for_each(Change::log);
        let away = known.map_or(SignedDuration::ZERO, |known| {
            moment.now.duration_since(known)
        });
        Clock {
            witness,
            moment,
            // It has not moved, but nobody was at work: it comes to the same.
            moved: away,
            noted: known,
        }
    }

    /// When a jump will be believed, if it holds.
    pub(super) fn until_confirmed(&self) -> Option<std::time::Duration> {
        self.witness.until_confirmed()
    }
}

impl<O: Environment> Daemon<O> {
    /// Looks at the clock.
    pub(super) fn look_at_clock(&mut self) -> Moment {
        let moment = self.clock.witness.look(self.environment.reading());
        if let Some(change) = moment.change {
            change.log();
            if let Change::Believed(by) = change {
                self.clock.moved = self.clock.moved.saturating_add(by);
            }
        }
        self.clock.moment = moment;
        moment
    }

    /// Times in the database follow a clock that has moved, and that it is now is noted.
    pub(super) fn follow_clock(&mut self, moment: &Moment) -> Result<(), StoreError> {
        let now = moment.now;
        if self.clock.moved > SHORT {
            self.state.extend_windows(self.clock.moved)?;
        } else if self.clock.moved < -SHORT {
            self.state.pull_back(now, self.schedule.latest_due(now))?;
            // Days may begin anew.
            self.today = None;
        }
        self.clock.moved = SignedDuration::ZERO;
        let is_due = self
            .clock
            .noted
            .is_none_or(|noted| now.duration_since(noted).abs() >= NOTED);
        match is_due && moment.is_confirmed() {
            true => self.note_time(now),
            false => Ok(()),
        }
    }

    /// Notes that somebody is at work now.
    pub(super) fn note_time(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.state.note_time(now)?;
        self.clock.noted = Some(now);
        Ok(())
    }
}
