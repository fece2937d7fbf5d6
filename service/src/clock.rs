//! The wall clock as a witness, not as a judge.
//!
//! A wall clock may be wrong for seconds or for days: a machine starts before its time is synchronised, a battery is
//! empty, an operator errs, a virtual machine stood still. The boot-time clock (`CLOCK_BOOTTIME`) is never set, and it
//! counts the time for which a machine is suspended. So the two together show a jump: the wall clock moved otherwise
//! than the boot-time clock did.
//!
//! [`ClockWitness`] takes [`ClockReading`]s of both, and says for each what time it is ([`WorkingTime::now`]) and whether that is
//! confirmed. A jump is believed when it has held for some time; until then the old time runs on, and nobody does
//! anything that cannot be undone. Pure: readings are arguments. Both daemons use it, hence it stands here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// The wall clock may be slewed, and a process may stand still between its two readings: that much is no jump.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);
/// A machine that was off over night, and half a day more for a clock that shows local time: no reason to doubt.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(25);
/// Clocks are set back by so much at a start, without anything being wrong.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);
/// The files that we share did not exist before: 2024-10-28, the day in the name of their format.
const FIRST_SECOND: i64 = 1_730_073_600;

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: Timestamp,
    /// The boot-time clock: since some moment before this process began.
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

    /// What the wall clock shows when the boot-time clock is 0.
    fn offset(self) -> SignedDuration {
        self.wall
            .as_duration()
            .saturating_sub(SignedDuration::try_from(self.boot).unwrap_or(SignedDuration::MAX))
    }
}

/// What is known of the time before the first reading: a file's or a database's newest instant, as exactly as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTime {
    /// It was then at the earliest,
    pub from: Timestamp,
    /// and then at the latest.
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
    /// The wall clock has jumped: the old time runs on until the new one has held for long enough.
    Disputed,
    /// The wall clock was far from what is known when we started: the known time runs on.
    Unfounded,
}

/// One look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingTime {
    /// The time to work by.
    pub now: Timestamp,
    /// What the wall clock shows. It is `now` while nothing is wrong.
    pub wall: Timestamp,
    /// How far `now` can be relied on.
    pub confidence: Confidence,
    /// What this look found out.
    pub change: Option<ClockChange>,
}

impl WorkingTime {
    /// A time that nobody doubts.
    pub fn confirmed(now: Timestamp) -> WorkingTime {
        WorkingTime {
            now,
            wall: now,
            confidence: Confidence::Confirmed,
            change: None,
        }
    }

    /// Whether what cannot be undone may be done.
    pub fn is_confirmed(&self) -> bool {
        self.confidence == Confidence::Confirmed
    }

    /// Whether it is the time at all: not only the last that is known from before the start, which may be days ago.
    pub fn is_founded(&self) -> bool {
        self.confidence != Confidence::Unfounded
    }
}

/// What a look at the clock found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// The wall clock is off by so much from the time that runs on.
    Doubted(SignedDuration),
    /// The wall clock is back where it was.
    Returned,
    /// What the wall clock shows is believed now: the time moved by so much.
    Believed(SignedDuration),
}

impl ClockChange {
    /// Writes it to the log.
    pub fn log(self) {
        match self {
            ClockChange::Doubted(by) => tracing::warn!(
                seconds = by.as_secs(),
                "the clock has jumped: nothing final is done until it has held for clock_confirmation"
            ),
            ClockChange::Returned => tracing::info!("the clock is back where it was"),
            ClockChange::Believed(by) => tracing::warn!(
                seconds = by.as_secs(),
                "the clock has moved, and is believed now"
            ),
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct ClockWitness {
    confirmation: Duration,
    known: Option<KnownTime>,
    /// The boot-time clock at the first reading.
    started: Option<Duration>,
    time: Time,
    /// What the wall clock shows instead, and since when.
    candidate: Option<Jump>,
    /// What was believed before the last jump.
    former: Option<SignedDuration>,
    last: Duration,
}

/// The time that is worked by, as an offset.
#[derive(Debug, Clone, Copy)]
enum Time {
    Unread,
    Believed(SignedDuration),
    Unfounded(SignedDuration),
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    offset: SignedDuration,
    since: Duration,
}

impl ClockWitness {
    /// Before the first reading. A jump is believed when it has held for `confirmation`; 0 believes each reading.
    pub fn new(confirmation: Duration, known: Option<KnownTime>) -> ClockWitness {
        ClockWitness {
            confirmation,
            known,
            started: None,
            time: Time::Unread,
            candidate: None,
            former: None,
            last: Duration::ZERO,
        }
    }

    /// Takes a reading, and says what time it is.
    pub fn look(&mut self, reading: ClockReading) -> WorkingTime {
        self.last = reading.boot;
        let offset = reading.offset();
        let change = match self.time {
            Time::Unread => self.begin(reading),
            Time::Believed(believed) if is_near(offset, believed) => {
                // Slewed, it is followed.
                self.time = Time::Believed(offset);
                self.candidate.take().map(|_| ClockChange::Returned)
            }
            Time::Believed(believed) if self.is_correction(offset, believed) => {
                self.believe(offset, believed)
            }
            Time::Unfounded(by) if self.is_plausible(offset) => self.believe(offset, by),
            Time::Believed(by) | Time::Unfounded(by) => self.weigh(offset, by),
        };
        let (by, confidence) = match self.time {
            Time::Believed(by) if self.candidate.is_none() => (by, Confidence::Confirmed),
            Time::Believed(by) => (by, Confidence::Disputed),
            Time::Unfounded(by) => (by, Confidence::Unfounded),
            Time::Unread => (offset, Confidence::Confirmed),
        };
        WorkingTime {
            now: at(by, reading.boot),
            wall: reading.wall,
            confidence,
            change,
        }
    }

    /// When a jump will be believed, if it holds: so long after the last reading.
    pub fn until_confirmed(&self) -> Option<Duration> {
        let candidate = self.candidate?;
        Some((candidate.since + self.confirmation).saturating_sub(self.last))
    }

    fn begin(&mut self, reading: ClockReading) -> Option<ClockChange> {
        let offset = reading.offset();
        self.started = Some(reading.boot);
        if self.is_plausible(offset) || self.confirmation.is_zero() {
            self.time = Time::Believed(offset);
            return None;
        }
        let known = self.known.map_or(reading.wall, |known| {
            reading.wall.clamp(known.from, known.until)
        });
        let by = ClockReading {
            wall: known,
            boot: reading.boot,
        };
        self.time = Time::Unfounded(by.offset());
        self.weigh(offset, by.offset())
    }

    /// Whether the wall clock, had it run so at the start, would have fitted what was known then.
    fn is_plausible(&self, offset: SignedDuration) -> bool {
        let started = at(offset, self.started.unwrap_or_default());
        let Some(known) = self.known else {
            return started.as_second() >= FIRST_SECOND;
        };
        let (before, after) = (
            known.from.duration_since(started),
            started.duration_since(known.until),
        );
        before <= SET_BACK && after <= LONGEST_REST
    }

    /// Whether this jump only undoes an error: the one before, or that of a clock that was ahead when we started. Too
    /// little time has passed since to prefer the first reading.
    fn is_correction(&self, offset: SignedDuration, believed: SignedDuration) -> bool {
        let is_back = self.former.is_some_and(|former| is_near(offset, former));
        let since_start = self.last.saturating_sub(self.started.unwrap_or_default());
        let is_early = since_start < self.confirmation;
        is_back || is_early && offset < believed && self.is_plausible(offset)
    }

    fn weigh(&mut self, offset: SignedDuration, by: SignedDuration) -> Option<ClockChange> {
        let held = self
            .candidate
            .filter(|candidate| is_near(candidate.offset, offset));
        let since = held.map_or(self.last, |candidate| candidate.since);
        if self.last.saturating_sub(since) >= self.confirmation {
            return self.believe(offset, by);
        }
        self.candidate = Some(Jump { offset, since });
        let is_news = held.is_none();
        is_news.then(|| ClockChange::Doubted(offset.saturating_sub(by)))
    }

    fn believe(&mut self, offset: SignedDuration, by: SignedDuration) -> Option<ClockChange> {
        // A jump back is believed at once, but not a third to where the second came from.
        let is_back = self.former.is_some_and(|former| is_near(offset, former));
        let was_believed = matches!(self.time, Time::Believed(_));
        self.former = (was_believed && !is_back).then_some(by);
        self.time = Time::Believed(offset);
        self.candidate = None;
        Some(ClockChange::Believed(offset.saturating_sub(by)))
    }
}

fn is_near(one: SignedDuration, other: SignedDuration) -> bool {
    one.saturating_sub(other).abs() <= TOLERANCE
}

fn at(offset: SignedDuration, boot: Duration) -> Timestamp {
    let boot = SignedDuration::try_from(boot).unwrap_or(SignedDuration::MAX);
    let since_epoch = offset.saturating_add(boot);
    let end = match since_epoch.is_negative() {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    };
    Timestamp::from_duration(since_epoch).unwrap_or(end)
}

#[cfg(test)]
mod tests;
