//! Which days have their digest next. Pure.

use std::collections::BTreeSet;

use jiff::tz::Offset;
use tlsrptd_config::DigestFrequency;
use tlsrptd_proto::day::Day;

use crate::model::DigestPeriod;

/// Days that were decided late get their digests within this time.
const LATE_DAYS: u32 = 7;
/// Weeks the same.
const LATE_WEEKS: u32 = 2;
const WEEK: u32 = 7;

/// What is known of the days.
#[derive(Clone, Debug)]
pub(super) struct DigestDays {
    pub(super) today: Day,
    /// Those that were asked for, whether they are decided or not.
    pub(super) known: BTreeSet<Day>,
    /// Those of them that are not decided.
    pub(super) open: BTreeSet<Day>,
    /// The last days of the periods that have a digest.
    pub(super) made: BTreeSet<Day>,
}

/// What is to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    /// All days of it are decided.
    pub(super) period: Option<DigestPeriod>,
    /// A day is not decided.
    pub(super) waits: bool,
}

/// The days of a digest.
pub(super) fn length(frequency: DigestFrequency) -> u32 {
    match frequency {
        DigestFrequency::Weekly => WEEK,
        _ => 1,
    }
}

/// The oldest period without a digest. The first digest of all is that of the newest period.
pub(super) fn next_period(frequency: DigestFrequency, days: &DigestDays) -> Next {
    let mut next = Next::default();
    for period in candidates(frequency, days.today) {
        let is_before = match days.made.first() {
            Some(first) => period.last < *first,
            None => period.last.ahead(period.days) < days.today,
        };
        if is_before || days.made.contains(&period.last) {
            continue;
        }
        if period.all().any(|day| days.open.contains(&day)) {
            next.waits = true;
        } else if next.period.is_none() && period.all().any(|day| days.known.contains(&day)) {
            next.period = Some(period);
        }
    }
    next
}

/// The periods that may have a digest, the oldest first.
fn candidates(frequency: DigestFrequency, today: Day) -> Vec<DigestPeriod> {
    match frequency {
        DigestFrequency::Never => Vec::new(),
        DigestFrequency::Failures | DigestFrequency::Daily => (1..=LATE_DAYS)
            .rev()
            .map(|back| DigestPeriod::day(today.back(back)))
            .collect(),
        DigestFrequency::Weekly => {
            let sunday = last_sunday(today);
            (0..LATE_WEEKS)
                .rev()
                .map(|back| DigestPeriod::week(sunday.back(back * WEEK)))
                .collect()
        }
    }
}

/// The last Sunday that is over.
fn last_sunday(today: Day) -> Day {
    let weekday = Offset::UTC.to_datetime(today.start()).weekday();
    today.back(weekday.to_monday_one_offset().unsigned_abs().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(days: &[&str]) -> BTreeSet<Day> {
        days.iter().map(|day| november(day)).collect()
    }

    fn november(day: &str) -> Day {
        Day::parse(&format!("2026-11-{day}")).unwrap()
    }

    /// 2026-11-29 is a Sunday.
    #[test]
    fn each_period_once_when_it_is_decided() {
        use DigestFrequency::{Daily, Failures, Never, Weekly};
        #[rustfmt::skip]
        let rows = [
            (Never, "25", &["24"][..], &[][..], &[][..], None, false, "none is wanted"),
            (Daily, "25", &["22", "23", "24"], &[], &[], Some("24"), false, "the first of all: yesterday alone"),
            (Failures, "25", &["22", "23", "24"], &[], &[], Some("24"), false, "whether there is something to say shows later"),
            (Daily, "25", &["23", "24"], &["24"], &["23"], None, true, "not decided yet"),
            (Daily, "25", &["23", "24"], &[], &["24"], None, false, "not again"),
            (Daily, "25", &["21", "22", "23", "24"], &[], &["21"], Some("22"), false, "the reporter was away: the oldest first"),
            (Daily, "25", &["21", "22", "23", "24"], &["22"], &["21"], Some("23"), true, "one that is late holds up no other"),
            (Daily, "25", &["21", "24"], &[], &["21"], Some("24"), false, "of days that were never asked for nothing is known"),
            (Daily, "25", &["10", "24"], &[], &["09", "24"], None, false, "that is long ago"),
            (Daily, "25", &["23"], &[], &["24"], None, false, "decided before digests began"),
            (Daily, "25", &["24"], &[], &[], Some("24"), false, "the only one"),
            (Weekly, "30", &["28", "29"], &[], &[], Some("29"), false, "Monday: the week is over"),
            (Weekly, "30", &["28", "29"], &["29"], &[], None, true, "Sunday is not decided"),
            (Weekly, "30", &["28", "29"], &["26"], &[], None, true, "nor Thursday"),
            (Weekly, "29", &["21", "22", "28"], &[], &["22"], None, false, "Sunday: it is not over"),
            (Weekly, "25", &["22", "24"], &[], &[], Some("22"), false, "the first of all: the last week"),
            (Weekly, "25", &["22", "24"], &["24"], &["22"], None, false, "a day of this week does not matter"),
            (Weekly, "30", &["20", "28"], &[], &["15"], Some("22"), false, "the week before is missing too"),
        ];
        for (frequency, today, known, open, made, period, waits, why) in rows {
            let days = DigestDays {
                today: november(today),
                known: set(known),
                open: set(open),
                made: set(made),
            };
            let period = period.map(|last| DigestPeriod {
                last: november(last),
                days: length(frequency),
            });
            let want = Next { period, waits };
            assert_eq!(
                next_period(frequency, &days),
                want,
                "{frequency:?} on {today}: {why}"
            );
        }
    }
}
