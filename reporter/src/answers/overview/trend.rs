//! How a failure goes on, day by day.

use tlsrptd_proto::day::Day;

use crate::{answers::history::SessionHistory, store::FailedOnDay};

/// What a trend compares: the last days with as many before them.
const COMPARED_DAYS: u32 = 7;
/// Of fewer known days on either side nothing can be told.
const LEAST_KNOWN_DAYS: usize = 3;

/// Some days up to the last one that is known, and which of them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownDays {
    /// The first day.
    pub(crate) from: Day,
    /// The last: the last known one, if any is.
    pub(crate) to: Day,
    /// Those of which something is known, in order. On others nothing failed, or nobody knows.
    pub(crate) days: Vec<Day>,
}

impl KnownDays {
    /// The last days of a history: at most so many up to the last known one.
    pub(crate) fn of(history: &SessionHistory, days: u32) -> KnownDays {
        let to = history.last_known().unwrap_or(history.to);
        let from = to.back(days.saturating_sub(1)).max(history.from);
        // A day before the first session tells nothing: nothing could fail.
        let used = history.days.iter().skip_while(|of| of.sessions == 0);
        let known = used.map(|of| of.day);
        KnownDays {
            from,
            to,
            days: known.filter(|day| *day >= from).collect(),
        }
    }

    /// The last of them alone.
    pub(crate) fn last(&self) -> KnownDays {
        KnownDays {
            from: self.to,
            to: self.to,
            days: self.days.last().copied().into_iter().collect(),
        }
    }

    /// Whether anything is known of the week before the last day: without it, nothing can be new.
    pub(crate) fn has_week_before(&self) -> bool {
        self.number(self.to.back(COMPARED_DAYS), self.to.previous()) > 0
    }

    fn number(&self, from: Day, to: Day) -> usize {
        let days = self.days.iter();
        days.filter(|day| **day >= from && **day <= to).count()
    }
}

/// Sessions that failed on each of some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DailyCourse {
    /// The days.
    pub(crate) known: KnownDays,
    /// Those on which it failed, in order, with their sessions.
    pub(crate) days: Vec<(Day, u64)>,
}

/// When a course begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CourseBegin {
    /// On that day.
    On(Day),
    /// On that day or before: nothing is known, or was asked, of earlier ones.
    OnOrBefore(Day),
}

/// Where a course leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trend {
    /// It failed on the last day for the first time.
    New,
    /// Half more a day than in the week before, or more.
    Rising,
    /// Neither.
    Steady,
    /// A third less, or less.
    Falling,
    /// Not on the last day.
    Ceased,
    /// Too few days are known.
    Unknown,
}

impl Trend {
    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Trend::New => "new",
            Trend::Rising => "rising",
            Trend::Steady => "steady",
            Trend::Falling => "falling",
            Trend::Ceased => "not on the last day",
            Trend::Unknown => "not known yet",
        }
    }
}

impl DailyCourse {
    /// Adds up what failed on single days, in their order.
    pub(crate) fn of<'a>(
        rows: impl Iterator<Item = &'a FailedOnDay>,
        known: &KnownDays,
    ) -> DailyCourse {
        let mut days: Vec<(Day, u64)> = Vec::new();
        for row in rows {
            match days.last_mut().filter(|(day, _)| *day == row.day) {
                Some((_, sessions)) => *sessions = sessions.saturating_add(row.sessions),
                None => days.push((row.day, row.sessions)),
            }
        }
        DailyCourse {
            known: known.clone(),
            days,
        }
    }

    /// The sessions of some of its days.
    pub(crate) fn sessions(&self, from: Day, to: Day) -> u64 {
        let days = self.days.iter();
        let days = days.filter(|(day, _)| *day >= from && *day <= to);
        days.fold(0, |sum, (_, sessions)| sum.saturating_add(*sessions))
    }

    /// Since when it fails.
    pub(crate) fn since(&self) -> Option<CourseBegin> {
        let (first, _) = self.days.first()?;
        Some(match self.known.days.iter().any(|day| day < first) {
            true => CourseBegin::On(*first),
            false => CourseBegin::OnOrBefore(*first),
        })
    }

    /// Where it leads: days of which nothing is known count neither way.
    pub(crate) fn trend(&self) -> Trend {
        let to = self.known.to;
        if self.days.last().is_none_or(|(last, _)| *last != to) {
            return Trend::Ceased;
        }
        if self.days.len() == 1 && self.known.has_week_before() {
            return Trend::New;
        }
        let split = to.back(COMPARED_DAYS);
        let of = |from: Day, to: Day| (self.sessions(from, to), self.known.number(from, to));
        let (now, now_days) = of(split.next(), to);
        let (before, before_days) = of(split.back(COMPARED_DAYS - 1), split);
        if now_days.min(before_days) < LEAST_KNOWN_DAYS {
            return Trend::Unknown;
        }
        // A mean a day each, without a division.
        let now = u128::from(now) * before_days as u128;
        let before = u128::from(before) * now_days as u128;
        match (now * 2 >= before * 3, now * 3 <= before * 2) {
            (true, _) => Trend::Rising,
            (_, true) => Trend::Falling,
            _ => Trend::Steady,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DayTotals;

    fn day(number: u32) -> Day {
        Day::parse(&format!("2026-11-{number:02}")).unwrap()
    }

    fn course(known: Vec<u32>, days: Vec<(u32, u64)>) -> DailyCourse {
        DailyCourse {
            known: KnownDays {
                from: day(1),
                to: day(30),
                days: known.into_iter().map(day).collect(),
            },
            days: days
                .into_iter()
                .map(|(at, sessions)| (day(at), sessions))
                .collect(),
        }
    }

    #[test]
    fn where_a_course_leads() {
        let every = |first: u32, sessions: u64| -> Vec<(u32, u64)> {
            (first..=30).map(|at| (at, sessions)).collect()
        };
        let all = || (1..=30).collect::<Vec<u32>>();
        for (known, days, want, why) in [
            (all(), vec![], Trend::Ceased, "nothing at all"),
            (all(), vec![(29, 5)], Trend::Ceased, "not on the last day"),
            (all(), vec![(30, 5)], Trend::New, "on the last day alone"),
            (all(), every(1, 5), Trend::Steady, "every day alike"),
            (all(), vec![(20, 10), (30, 15)], Trend::Rising, "half more"),
            (
                all(),
                vec![(20, 10), (30, 14)],
                Trend::Steady,
                "less than half more",
            ),
            (
                all(),
                vec![(20, 9), (30, 6)],
                Trend::Falling,
                "a third less",
            ),
            (
                all(),
                vec![(2, 9), (30, 1)],
                Trend::Rising,
                "not in the week before",
            ),
            (
                all(),
                vec![(20, u64::MAX), (21, u64::MAX), (30, u64::MAX)],
                Trend::Steady,
                "without an overflow",
            ),
            (
                vec![30],
                every(30, 5),
                Trend::Unknown,
                "the first day that is known",
            ),
            (
                vec![1, 30],
                vec![(30, 5)],
                Trend::Unknown,
                "nothing is known of the week before",
            ),
            (
                (22..=30).collect(),
                every(22, 5),
                Trend::Unknown,
                "two days before the last week are too few",
            ),
            (
                (21..=30).collect(),
                every(21, 5),
                Trend::Steady,
                "three days are as many as seven",
            ),
            (
                (1..=23).chain(29..=30).collect(),
                (1..=23).chain(29..=30).map(|at| (at, 5)).collect(),
                Trend::Unknown,
                "five days of the last week are not known",
            ),
            (
                (1..=23).chain(28..=30).collect(),
                (1..=23).chain(28..=30).map(|at| (at, 5)).collect(),
                Trend::Steady,
                "days that are not known do not fall",
            ),
        ] {
            assert_eq!(course(known, days).trend(), want, "{why}");
        }
    }

    #[test]
    fn since_when_it_fails() {
        for (known, days, want, why) in [
            (vec![1, 30], vec![], None, "it does not"),
            (
                vec![28, 29, 30],
                vec![(29, 1)],
                Some(CourseBegin::On(day(29))),
                "not the day before",
            ),
            (
                vec![29, 30],
                vec![(29, 1)],
                Some(CourseBegin::OnOrBefore(day(29))),
                "nothing is known of the day before",
            ),
            (
                (1..=30).collect(),
                vec![(1, 1)],
                Some(CourseBegin::OnOrBefore(day(1))),
                "the day before was not asked for",
            ),
        ] {
            assert_eq!(course(known, days).since(), want, "{why}");
        }
    }

    /// Until yesterday is decided on, what is told ends with the day before.
    #[test]
    fn days_end_with_the_last_known_one() {
        for (known, sessions, want, why) in [
            (vec![], 1, (24, 30, 0), "nothing is known"),
            (vec![30], 1, (24, 30, 1), "all is decided on"),
            (vec![22, 27, 28, 29], 1, (23, 29, 3), "yesterday is not"),
            (vec![10, 22], 1, (16, 22, 1), "nor the week before it"),
            (vec![28, 29, 30], 0, (24, 30, 0), "no session came yet"),
        ] {
            let of = |at| DayTotals {
                sessions,
                ..DayTotals::of(day(at))
            };
            let history = SessionHistory {
                from: day(1),
                to: day(30),
                known_since: None,
                days: known.into_iter().map(of).collect(),
            };
            let known = KnownDays::of(&history, 7);
            let (from, to, number) = want;
            assert_eq!((known.from, known.to), (day(from), day(to)), "{why}");
            assert_eq!(known.days.len(), number, "{why}");
        }
    }
}
