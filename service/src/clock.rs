//! The wall clock, checked against the clock that runs since the machine was booted.
//!
//! A wall clock may be wrong for seconds or for days: a machine starts before its time is synchronised, a battery is
//! empty, an operator errs, a virtual machine stood still. The boot-time clock (`CLOCK_BOOTTIME`) is never set, and it
//! counts the time for which a machine is suspended. So the two together show a jump: the wall clock moved by another
//! time than the boot-time clock did.
//!
//! [`ClockWitness`] takes a [`ClockReading`] of both and answers with the [`WorkingTime`]: what time it is, and whether that
//! is confirmed. A jump is believed when it has lasted for some time. Until then the old time runs on, and nobody does
//! what cannot be undone.

mod witness;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

pub use witness::ClockWitness;
use witness::{LONGEST_PAUSE, SET_BACK};

/// So long after the time has moved by more than a pause explains it may still turn out to be wrong.
pub const CALM: Duration = Duration::from_secs(86_400);

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: Timestamp,
    /// The boot-time clock: the time since the machine was booted.
    pub boot: Duration,
}

impl ClockReading {
    /// Reads the system's clocks.
    pub fn take() -> ClockReading {
        // Linux has this clock since 2.6.39. Without it every jump is believed at once.
        let boot = clock_gettime(ClockId::CLOCK_BOOTTIME);
        let wall = Timestamp::now();
        let boot = boot.map_or_else(
            |_| Duration::try_from(wall.as_duration()).unwrap_or_default(),
            Duration::from,
        );
        ClockReading { wall, boot }
    }

    /// What the wall clock showed when the boot-time clock was 0.
    fn offset(self) -> SignedDuration {
        self.wall
            .as_duration()
            .saturating_sub(SignedDuration::try_from(self.boot).unwrap_or(SignedDuration::MAX))
    }
}

/// What is known of the time before the first reading: the newest instant in a file or a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTime {
    /// The earliest that it can be.
    pub from: Timestamp,
    /// The latest that it can be.
    pub until: Timestamp,
}

impl KnownTime {
    /// An instant that is known exactly.
    pub fn at(instant: Timestamp) -> KnownTime {
        KnownTime {
            from: instant,
            until: instant,
        }
    }
}

/// How far the time can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// Nothing speaks against it.
    Confirmed,
    /// The wall clock has jumped: the old time runs on until the new one has lasted for long enough.
    Disputed,
    /// At the start the wall clock was far from the known time, from which the time runs on.
    LastKnown,
}

/// The time to work by, after a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingTime {
    /// The time.
    pub now: Timestamp,
    /// What the wall clock shows: the same while nothing is wrong.
    pub wall: Timestamp,
    /// How far `now` can be relied on.
    pub confidence: Confidence,
    /// What the reading has changed.
    pub change: Option<ClockChange>,
    /// See [`WorkingTime::may_discard`].
    calm: bool,
}

impl WorkingTime {
    /// A time that nobody doubts.
    pub fn confirmed(now: Timestamp) -> WorkingTime {
        WorkingTime {
            now,
            wall: now,
            confidence: Confidence::Confirmed,
            change: None,
            calm: true,
        }
    }

    /// Whether what cannot be undone may be done.
    pub fn is_confirmed(&self) -> bool {
        self.confidence == Confidence::Confirmed
    }

    /// Whether what this time makes too old may be given up for good: it is confirmed, and has not moved by more than a
    /// pause explains for [`CALM`]. A clock that is wrong for longer than `clock_confirmation` is believed.
    pub fn may_discard(&self) -> bool {
        self.calm && self.is_confirmed()
    }

    /// Whether it is more than the last time known before the start, which may be days ago.
    pub fn is_beyond_last_known(&self) -> bool {
        self.confidence != Confidence::LastKnown
    }
}

/// What a reading has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// The wall clock has jumped, and is off by this much from the time that runs on.
    Doubted(SignedDuration),
    /// The wall clock is back where it was.
    Returned,
    /// The wall clock is believed: the time has moved by this much.
    Believed(SignedDuration),
}

impl ClockChange {
    /// Whether the time moved by more than a pause explains, or back.
    pub fn is_large(self) -> bool {
        matches!(self, ClockChange::Believed(by) if !(-SET_BACK..=LONGEST_PAUSE).contains(&by))
    }

    /// Writes it to the log.
    pub fn log(self) {
        match self {
            ClockChange::Doubted(by) => tracing::warn!(
                seconds = by.as_secs(),
                "the clock has jumped: days are not closed and nothing expires until the new time is stable for clock_confirmation seconds"
            ),
            ClockChange::Returned => tracing::info!("the clock is back where it was"),
            ClockChange::Believed(by) => {
                tracing::warn!(seconds = by.as_secs(), "accepted the new system time")
            }
        }
    }
}

#[cfg(test)]
mod tests;
