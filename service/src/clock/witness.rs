//! Decides which jumps of the wall clock are believed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{CALM, ClockChange, ClockReading, Confidence, KnownTime, WorkingTime};

/// A smaller difference is no jump: the wall clock may be slewed, and a process may stand still between its two readings.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);
/// A machine may be off for a night, and its clock may show local time: half a day more.
pub(super) const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(25);
/// A clock may be set back by this much at a start, without anything being wrong.
pub(super) const SET_BACK: SignedDuration = SignedDuration::from_hours(1);
/// 2024-10-28, the day in the name of the files' format: no file is older.
const FIRST_SECOND: i64 = 1_730_073_600;

/// Compares the wall clock with the boot-time clock, reading by reading.
#[derive(Debug, Clone)]
pub struct ClockWitness {
    confirmation: Duration,
    known: Option<KnownTime>,
    /// The boot-time clock at the first reading.
    started: Option<Duration>,
    time: Offset,
    /// What the wall clock shows instead, while that is not believed.
    jump: Option<Jump>,
    /// What was believed before the last jump.
    former: Option<SignedDuration>,
    /// When the time moved last by more than a pause explains, by the boot-time clock.
    moved: Option<Duration>,
    /// The boot-time clock at the last reading.
    last: Duration,
}

/// The time to work by, as what the wall clock showed when the boot-time clock was 0.
#[derive(Debug, Clone, Copy)]
enum Offset {
    Unread,
    Believed(SignedDuration),
    LastKnown(SignedDuration),
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    offset: SignedDuration,
    /// The boot-time clock when it was first read.
    since: Duration,
}

impl ClockWitness {
    /// A witness that has read nothing so far. A jump is believed when it has lasted for `confirmation`; with 0, at once.
    pub fn new(confirmation: Duration, known: Option<KnownTime>) -> ClockWitness {
        ClockWitness {
            confirmation,
            known,
            started: None,
            time: Offset::Unread,
            jump: None,
            former: None,
            moved: None,
            last: Duration::ZERO,
        }
    }

    /// The time to work by after this reading.
    pub fn look(&mut self, reading: ClockReading) -> WorkingTime {
        self.last = reading.boot;
        let offset = reading.offset();
        let change = match self.time {
            Offset::Unread => self.begin(reading),
            Offset::Believed(believed) if is_near(offset, believed) => {
                // A slewed clock is followed.
                self.time = Offset::Believed(offset);
                self.jump.take().map(|_| ClockChange::Returned)
            }
            Offset::Believed(believed) if self.is_correction(offset, believed) => {
                self.believe(offset, believed)
            }
            Offset::LastKnown(by) if self.is_plausible(offset) => self.believe(offset, by),
            Offset::Believed(by) | Offset::LastKnown(by) => self.weigh(offset, by),
        };
        if change.is_some_and(ClockChange::is_large) {
            self.moved = Some(self.last);
        }
        let (by, confidence) = match self.time {
            Offset::Believed(by) if self.jump.is_none() => (by, Confidence::Confirmed),
            Offset::Believed(by) => (by, Confidence::Disputed),
            Offset::LastKnown(by) => (by, Confidence::LastKnown),
            Offset::Unread => (offset, Confidence::Confirmed),
        };
        WorkingTime {
            now: at(by, reading.boot),
            wall: reading.wall,
            confidence,
            change,
            calm: self
                .moved
                .is_none_or(|moved| self.last.saturating_sub(moved) >= CALM),
        }
    }

    /// How long after the last reading a jump will be believed, if it lasts until then.
    pub fn until_confirmed(&self) -> Option<Duration> {
        let jump = self.jump?;
        Some((jump.since + self.confirmation).saturating_sub(self.last))
    }

    /// The first reading, held against the known time.
    fn begin(&mut self, reading: ClockReading) -> Option<ClockChange> {
        let offset = reading.offset();
        self.started = Some(reading.boot);
        let is_plausible = self.is_plausible(offset);
        if is_plausible || self.confirmation.is_zero() {
            self.moved = (!is_plausible).then_some(self.last);
            self.time = Offset::Believed(offset);
            return None;
        }
        let known = self.known.map_or(reading.wall, |known| {
            reading.wall.clamp(known.from, known.until)
        });
        let by = ClockReading {
            wall: known,
            boot: reading.boot,
        };
        self.time = Offset::LastKnown(by.offset());
        self.weigh(offset, by.offset())
    }

    /// Whether the wall clock, had it had this offset at the start, would have fitted the time known then.
    fn is_plausible(&self, offset: SignedDuration) -> bool {
        let started = at(offset, self.started.unwrap_or_default());
        let Some(known) = self.known else {
            return started.as_second() >= FIRST_SECOND;
        };
        let (before, after) = (
            known.from.duration_since(started),
            started.duration_since(known.until),
        );
        before <= SET_BACK && after <= LONGEST_PAUSE
    }

    /// Whether this jump only undoes an error: the jump before, or a clock that was ahead at the start, when too little time
    /// has passed since to prefer the first reading.
    fn is_correction(&self, offset: SignedDuration, believed: SignedDuration) -> bool {
        let is_back = self.former.is_some_and(|former| is_near(offset, former));
        let since_start = self.last.saturating_sub(self.started.unwrap_or_default());
        let is_early = since_start < self.confirmation;
        is_back || is_early && offset < believed && self.is_plausible(offset)
    }

    /// A jump away from `by`: believed when it has lasted for long enough.
    fn weigh(&mut self, offset: SignedDuration, by: SignedDuration) -> Option<ClockChange> {
        let lasting = self.jump.filter(|jump| is_near(jump.offset, offset));
        let since = lasting.map_or(self.last, |jump| jump.since);
        if self.last.saturating_sub(since) >= self.confirmation {
            return self.believe(offset, by);
        }
        self.jump = Some(Jump { offset, since });
        let is_new = lasting.is_none();
        is_new.then(|| ClockChange::Doubted(offset.saturating_sub(by)))
    }

    /// From now on the time to work by has this offset, and no longer `by`.
    fn believe(&mut self, offset: SignedDuration, by: SignedDuration) -> Option<ClockChange> {
        // A jump back is believed at once, but not a third jump to where the second came from.
        let is_back = self.former.is_some_and(|former| is_near(offset, former));
        let was_believed = matches!(self.time, Offset::Believed(_));
        self.former = (was_believed && !is_back).then_some(by);
        self.time = Offset::Believed(offset);
        self.jump = None;
        Some(ClockChange::Believed(offset.saturating_sub(by)))
    }
}

pub(super) fn is_near(one: SignedDuration, other: SignedDuration) -> bool {
    one.saturating_sub(other).abs() <= TOLERANCE
}

/// What the wall clock shows with this offset; at the ends of the calendar it stands still.
fn at(offset: SignedDuration, boot: Duration) -> Timestamp {
    let boot = SignedDuration::try_from(boot).unwrap_or(SignedDuration::MAX);
    let since_epoch = offset.saturating_add(boot);
    let end = match since_epoch.is_negative() {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    };
    Timestamp::from_duration(since_epoch).unwrap_or(end)
}
