//! Which day the reader counts for, and whether days may be closed. The wall clock is a witness here, and not a judge.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::{
    CALM, ClockChange, ClockReading, ClockWitness, Confidence, KnownTime, WorkingTime,
};

use crate::queue::DayClosing;

/// Reads both clocks: an argument, so that a test can play through any day.
pub type ReadClocks = Arc<dyn Fn() -> ClockReading + Send + Sync>;

/// A clock that is set back over midnight by no more than this does not reopen the day that it has closed.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// See the module.
pub(crate) struct DayWatch {
    read_clocks: ReadClocks,
    witness: ClockWitness,
    /// The day of what arrives now.
    pub(crate) today: Day,
    is_closing_forbidden: bool,
    last: WorkingTime,
    /// The boot-time clock at the last look.
    boot: Duration,
    /// When the clock has moved, by the boot-time clock, and how many closed days more are kept for that.
    moved: Option<(Duration, u32)>,
}

impl DayWatch {
    /// Takes the first reading, and compares it with what the stores know.
    pub(crate) fn begin(
        read_clocks: ReadClocks,
        confirmation: Duration,
        known: Option<KnownTime>,
    ) -> DayWatch {
        let mut witness = ClockWitness::new(confirmation, known);
        let reading = read_clocks();
        let last = witness.look(reading);
        last.change.into_iter().for_each(ClockChange::log);
        DayWatch {
            read_clocks,
            witness,
            today: Day::of(time_of(&last)),
            is_closing_forbidden: !last.is_confirmed(),
            last,
            boot: reading.boot,
            moved: None,
        }
    }

    /// What time it is, as far as anybody knows.
    pub(crate) fn now(&self) -> Timestamp {
        time_of(&self.last)
    }

    /// Whether days may be closed.
    pub(crate) fn may_close(&self) -> bool {
        !self.is_closing_forbidden
    }

    /// Looks at the clock. Says what becomes of days when something has changed.
    pub(crate) fn look(&mut self) -> Option<DayClosing> {
        let reading = (self.read_clocks)();
        let moment = self.witness.look(reading);
        self.boot = reading.boot;
        self.remember_move(moment.change);
        moment.change.into_iter().for_each(ClockChange::log);
        let today = day_of_arrival(self.today, time_of(&moment));
        let has_moved = matches!(moment.change, Some(ClockChange::Believed(_)));
        let was_forbidden =
            std::mem::replace(&mut self.is_closing_forbidden, !moment.is_confirmed());
        let closing = self.closing(was_forbidden || has_moved);
        let changed = std::mem::replace(&mut self.today, today) != today;
        self.last = moment;
        (changed || closing == DayClosing::CheckNow).then_some(closing)
    }

    /// How many closed days are kept beside `keep_days`.
    ///
    /// A day that a wrong clock ended is not a day, and would take the place of one that is perhaps not reported yet. While
    /// the clock is wrong nobody can tell them apart; when it is right again, their dates do.
    pub(crate) fn extra_days(&self) -> u32 {
        match self.moved {
            Some((at, days)) if self.boot.saturating_sub(at) < CALM => days,
            _ => 0,
        }
    }

    fn remember_move(&mut self, change: Option<ClockChange>) {
        if let Some(change @ ClockChange::Believed(_)) = change {
            let days = if change.is_large() { u32::MAX } else { 1 };
            self.moved = Some((self.boot, days.max(self.extra_days())));
        }
    }

    /// Today's data are to become yesterday's now. By a clock that was wrong at the start, today is the day that was known.
    pub(crate) fn rotate(&mut self) -> DayClosing {
        if self.last.confidence == Confidence::LastKnown {
            self.today = Day::of(self.last.now);
        }
        self.closing(false)
    }

    /// What becomes of days.
    pub(crate) fn closing(&self, has_changed: bool) -> DayClosing {
        match (self.is_closing_forbidden, has_changed) {
            (true, _) => DayClosing::Forbidden,
            (false, true) => DayClosing::CheckNow,
            (false, false) => DayClosing::AsUsual,
        }
    }
}

/// The later of both times while neither is sure: what is dated too late is dated anew when the clock turns out to be
/// wrong; what is dated too early may be closed by then.
fn time_of(moment: &WorkingTime) -> Timestamp {
    match moment.confidence {
        Confidence::LastKnown => moment.now.max(moment.wall),
        Confidence::Confirmed | Confidence::Disputed => moment.now,
    }
}

/// The day of a datagram that comes at `now`.
///
/// A clock that is set back a little does not reopen the day just closed: its reports may be on their way. A clock that
/// is set back further was wrong before, and is followed.
pub(crate) fn day_of_arrival(today: Day, now: Timestamp) -> Day {
    let day = Day::of(now);
    let is_little = today.start().duration_since(now) <= SET_BACK;
    if day == today.previous() && is_little {
        today
    } else {
        day
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn which_day() {
        let today = Day::parse("2026-11-20").unwrap();
        for (now, want, why) in [
            (
                "2026-11-20T23:59:59.999Z",
                "2026-11-20",
                "to the last moment",
            ),
            (
                "2026-11-21T00:00:00Z",
                "2026-11-21",
                "midnight begins the next day",
            ),
            (
                "2026-11-25T12:00:00Z",
                "2026-11-25",
                "a clock set forward is followed",
            ),
            (
                "2026-11-19T23:00:00Z",
                "2026-11-20",
                "one set back does not reopen the day just closed",
            ),
            (
                "2026-11-19T21:00:00Z",
                "2026-11-19",
                "one set back by hours is followed",
            ),
            (
                "2026-11-10T12:00:00Z",
                "2026-11-10",
                "one that was wrong by more is followed",
            ),
        ] {
            let day = day_of_arrival(today, now.parse().unwrap());
            assert_eq!(day.to_string(), want, "{why}");
        }
    }

    /// Seconds since the start, what the wall clock shows then, the day to count for, and what becomes of days.
    #[test]
    fn when_days_are_closed() {
        let known = KnownTime::at("2026-11-20T11:00:00Z".parse().unwrap());
        for (why, known, looks) in [
            (
                "midnight, as usual",
                Some(known),
                &[
                    (0, "2026-11-20T12:00:00Z", "20", None),
                    (
                        43_200,
                        "2026-11-21T00:00:00Z",
                        "21",
                        Some(DayClosing::AsUsual),
                    ),
                ][..],
            ),
            (
                "four days ahead for forty seconds at the start",
                Some(known),
                &[
                    (0, "2026-11-24T12:00:00Z", "24", None),
                    (40, "2026-11-20T12:00:40Z", "20", Some(DayClosing::CheckNow)),
                    (41, "2026-11-20T12:00:41Z", "20", None),
                ],
            ),
            (
                "off for a week",
                Some(known),
                &[
                    (0, "2026-11-27T12:00:00Z", "27", None),
                    (599, "2026-11-27T12:09:59Z", "27", None),
                    (
                        600,
                        "2026-11-27T12:10:00Z",
                        "27",
                        Some(DayClosing::CheckNow),
                    ),
                ],
            ),
            (
                "1970 at the start: counted for the day that is known",
                Some(known),
                &[
                    (0, "1970-01-01T00:00:00Z", "20", None),
                    (40, "2026-11-20T12:00:40Z", "20", Some(DayClosing::CheckNow)),
                ],
            ),
            (
                "ahead for a moment, over a midnight that is one",
                Some(known),
                &[
                    (0, "2026-11-20T23:59:00Z", "20", None),
                    (30, "2029-01-20T23:59:30Z", "20", None),
                    (
                        61,
                        "2029-01-21T00:00:01Z",
                        "21",
                        Some(DayClosing::Forbidden),
                    ),
                    (62, "2026-11-21T00:00:02Z", "21", Some(DayClosing::CheckNow)),
                ],
            ),
        ] {
            let reading = |since: u64, wall: &str| ClockReading {
                wall: wall.parse().unwrap(),
                boot: Duration::from_secs(since),
            };
            let shown = Arc::new(Mutex::new(reading(0, looks[0].1)));
            let read_clocks: ReadClocks = {
                let shown = Arc::clone(&shown);
                Arc::new(move || *shown.lock().unwrap())
            };
            let mut days = DayWatch::begin(read_clocks, Duration::from_secs(600), known);
            for (since, wall, day, closing) in looks {
                *shown.lock().unwrap() = reading(*since, wall);
                let found = if *since == 0 { None } else { days.look() };
                assert_eq!(found, *closing, "{why}, after {since} s");
                assert_eq!(&days.today.to_string()[8..], *day, "{why}, after {since} s");
            }
        }
    }

    #[test]
    fn how_many_more_days_are_kept() {
        const HOUR: u64 = 3_600;
        let wall: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for (hours, extra_days, why) in [
            (&[0_i64, 0][..], 0, "nothing is wrong"),
            (&[0, 8], 1, "a virtual machine that stood still over night"),
            (&[0, 60], u32::MAX, "over a weekend, or wrong"),
            (&[0, 800 * 24, 0], u32::MAX, "wrong, and back"),
            (
                &[0, 800 * 24, 0, 8],
                u32::MAX,
                "a small move forgives nothing",
            ),
            (&[0, -5], u32::MAX, "it was ahead before"),
        ] {
            let shown = Arc::new(Mutex::new(ClockReading {
                wall,
                boot: Duration::ZERO,
            }));
            let read_clocks: ReadClocks = {
                let shown = Arc::clone(&shown);
                Arc::new(move || *shown.lock().unwrap())
            };
            let mut days = DayWatch::begin(read_clocks, Duration::ZERO, None);
            let mut look = |hours: i64, boot: u64| {
                let boot = Duration::from_secs(boot);
                let wall = wall + SignedDuration::from_hours(hours);
                let wall = wall + SignedDuration::try_from(boot).unwrap();
                *shown.lock().unwrap() = ClockReading { wall, boot };
                days.look();
                days.extra_days()
            };
            let mut last = (0, 0);
            for (hours, boot) in hours.iter().zip(10..) {
                last = (*hours, look(*hours, boot));
            }
            assert_eq!(last.1, extra_days, "{why}");
            assert_eq!(look(last.0, 25 * HOUR), 0, "{why}: a calm day later");
        }
    }
}
