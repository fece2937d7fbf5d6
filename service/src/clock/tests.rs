//! Readings as a machine gives them, and what is made of each.

use super::{Confidence::*, witness::is_near, *};

const NOON: &str = "2026-11-20T12:00:00Z";
const CONFIRMATION: u64 = 600;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A machine whose wall clock is off by so many seconds at so many seconds since the start, and what follows: the time
/// to work by, as seconds off the true time, and how far it can be relied on.
struct Case {
    why: &'static str,
    /// Seconds before the true start.
    known: Option<i64>,
    readings: &'static [(u64, i64, i64, Confidence)],
}

const CASES: &[Case] = &[
    Case {
        why: "a clock that runs as it should, over midnight and for days",
        known: Some(60),
        readings: &[
            (0, 0, 0, Confirmed),
            (13 * 3600, 0, 0, Confirmed),
            (90 * 3600, 0, 0, Confirmed),
        ],
    },
    Case {
        why: "ahead by twenty days for three seconds",
        known: None,
        readings: &[
            (5, 0, 0, Confirmed),
            (60, 20 * DAY, 0, Disputed),
            (63, 0, 0, Confirmed),
        ],
    },
    Case {
        why: "ahead and back, again and again: no jump holds for long enough",
        known: None,
        readings: &[
            (5, 0, 0, Confirmed),
            (500, 800 * DAY, 0, Disputed),
            (1000, 0, 0, Confirmed),
            (1500, 800 * DAY, 0, Disputed),
            (2000, 0, 0, Confirmed),
        ],
    },
    Case {
        why: "one jump after the other: each begins anew",
        known: None,
        readings: &[
            (1000, 0, 0, Confirmed),
            (1500, 10 * DAY, 0, Disputed),
            (2000, 20 * DAY, 0, Disputed),
            (2200, 20 * DAY, 0, Disputed),
            (2600, 20 * DAY, 20 * DAY, Confirmed),
        ],
    },
    Case {
        why: "a jump that holds is believed, and so is the way back",
        known: None,
        readings: &[
            (1000, 0, 0, Confirmed),
            (1010, 5 * DAY, 0, Disputed),
            (1609, 5 * DAY, 0, Disputed),
            (1610, 5 * DAY, 5 * DAY, Confirmed),
            (9000, 0, 0, Confirmed),
            (9010, 5 * DAY, 0, Disputed),
        ],
    },
    Case {
        why: "back by a day, for a moment and for good",
        known: Some(60),
        readings: &[
            (0, 0, 0, Confirmed),
            (1000, -DAY, 0, Disputed),
            (1003, 0, 0, Confirmed),
            (2000, -DAY, 0, Disputed),
            (2600, -DAY, -DAY, Confirmed),
        ],
    },
    Case {
        why: "slewed by some seconds an hour, it is followed",
        known: None,
        readings: &[
            (0, 0, 0, Confirmed),
            (3600, 50, 50, Confirmed),
            (7200, 100, 100, Confirmed),
            (10800, 150, 150, Confirmed),
        ],
    },
    Case {
        why: "no time synchronisation at the start: four days ahead for forty seconds",
        known: Some(120),
        readings: &[
            (0, 4 * DAY, -120, LastKnown),
            (40, 0, 0, Confirmed),
            (700, 0, 0, Confirmed),
        ],
    },
    Case {
        why: "the same where nothing is known: it is taken back as soon as it is corrected",
        known: None,
        readings: &[(0, 4 * DAY, 4 * DAY, Confirmed), (40, 0, 0, Confirmed)],
    },
    Case {
        why: "an empty battery: 1970 until the time is synchronised",
        known: Some(120),
        readings: &[(0, -20_000 * DAY, -120, LastKnown), (30, 0, 0, Confirmed)],
    },
    Case {
        why: "the same on the first start of all",
        known: None,
        readings: &[
            (0, -20_000 * DAY, -20_000 * DAY, LastKnown),
            (30, 0, 0, Confirmed),
        ],
    },
    Case {
        why: "off over night",
        known: Some(15 * HOUR),
        readings: &[(0, 0, 0, Confirmed)],
    },
    Case {
        why: "off for a week: believed after a while",
        known: Some(7 * DAY),
        readings: &[
            (0, 0, -7 * DAY, LastKnown),
            (300, 0, -7 * DAY, LastKnown),
            (600, 0, 0, Confirmed),
        ],
    },
    Case {
        why: "what was known last was known by a clock that was ahead",
        known: Some(-3 * DAY),
        readings: &[(0, 0, 3 * DAY, LastKnown), (601, 0, 0, Confirmed)],
    },
    Case {
        why: "set back by some minutes between two lives",
        known: Some(-20 * 60),
        readings: &[(0, 0, 0, Confirmed)],
    },
    Case {
        why: "ahead by twenty hours at the start, which could be so, and then corrected",
        known: Some(120),
        readings: &[(0, 20 * HOUR, 20 * HOUR, Confirmed), (40, 0, 0, Confirmed)],
    },
];

#[test]
fn what_time_it_is() {
    let start: Timestamp = NOON.parse().unwrap();
    for case in CASES {
        let known = case
            .known
            .map(|before| KnownTime::at(start - SignedDuration::from_secs(before)));
        let mut witness = ClockWitness::new(Duration::from_secs(CONFIRMATION), known);
        for (since, off, want, confidence) in case.readings {
            let truth = start + Duration::from_secs(*since);
            let moment = witness.look(ClockReading {
                wall: truth + SignedDuration::from_secs(*off),
                boot: Duration::from_secs(since + 5_000),
            });
            let found = moment.now.duration_since(truth).as_secs();
            let why = case.why;
            assert_eq!(
                (found, moment.confidence),
                (*want, *confidence),
                "{why}, after {since} s"
            );
        }
    }
}

#[test]
fn who_confirms_nothing_believes_each_reading() {
    let start: Timestamp = NOON.parse().unwrap();
    let known = Some(KnownTime::at(start - SignedDuration::from_hours(24 * 30)));
    let mut witness = ClockWitness::new(Duration::ZERO, known);
    for (since, off) in [(0, 0), (1, 20 * DAY), (2, -3 * DAY), (3, 0)] {
        let wall = start + SignedDuration::from_secs(since + off);
        let boot = Duration::from_secs(since.unsigned_abs());
        let moment = witness.look(ClockReading { wall, boot });
        assert_eq!((moment.now, moment.is_confirmed()), (wall, true));
    }
}

#[test]
fn a_suspended_machine_is_no_jump() {
    let start: Timestamp = NOON.parse().unwrap();
    let mut witness = ClockWitness::new(Duration::from_secs(600), None);
    for hours in [0, 1, 60] {
        let moment = witness.look(ClockReading {
            wall: start + SignedDuration::from_hours(hours),
            boot: Duration::from_secs(3600 * hours.unsigned_abs()),
        });
        assert_eq!((moment.change, moment.is_confirmed()), (None, true));
    }
}

#[test]
fn how_long_a_jump_has_to_hold_yet() {
    let start: Timestamp = NOON.parse().unwrap();
    let mut witness = ClockWitness::new(Duration::from_secs(600), None);
    let mut look = |boot: u64, off| {
        let wall = start + SignedDuration::from_secs(boot as i64 + off);
        let change = witness
            .look(ClockReading {
                wall,
                boot: Duration::from_secs(boot),
            })
            .change;
        (change, witness.until_confirmed().map(|left| left.as_secs()))
    };
    let day = SignedDuration::from_secs(DAY);
    assert_eq!(look(0, 0), (None, None));
    assert_eq!(look(10, DAY), (Some(ClockChange::Doubted(day)), Some(600)));
    assert_eq!(look(400, DAY), (None, Some(210)));
    assert_eq!(look(610, DAY), (Some(ClockChange::Believed(day)), None));
}

#[test]
fn the_systems_clocks_run_together() {
    let (one, other) = (ClockReading::take(), ClockReading::take());
    assert!(other.boot >= one.boot);
    assert!(is_near(one.offset(), other.offset()));
}

/// Hours since the start, how far the clock is off then, and whether it is calm.
#[test]
fn a_time_that_has_moved_far_is_calm_a_day_later() {
    let start: Timestamp = NOON.parse().unwrap();
    for (why, known, looks) in [
        ("true", 0, &[(0, 0, true), (30, 0, true)][..]),
        (
            "a virtual machine that stood still over night",
            0,
            &[(0, 0, true), (1, 9, false), (2, 9, true)],
        ),
        (
            "days ahead, believed, and back",
            0,
            &[
                (0, 0, true),
                (1, 120, false),
                (2, 120, false),
                (20, 0, false),
                (43, 0, false),
                (44, 0, true),
            ],
        ),
        (
            "off for days",
            -120,
            &[(0, 0, false), (1, 0, false), (24, 0, false), (25, 0, true)],
        ),
    ] {
        let known = KnownTime::at(start + SignedDuration::from_hours(known));
        let mut witness = ClockWitness::new(Duration::from_secs(600), Some(known));
        for (hours, off, want) in looks {
            let moment = witness.look(ClockReading {
                wall: start + SignedDuration::from_hours(hours + off),
                boot: Duration::from_secs(3600 * hours.unsigned_abs()),
            });
            assert_eq!(moment.may_discard(), *want, "{why}, after {hours} hours");
        }
    }
}
