//! How a failure goes on, day by day.

use tlsrptd_proto::day::Day;

use crate::store::{FailureRow, OperatorStore, StoreError};

/// What a trend compares: the last days with as many before them.
const COMPARED_DAYS: u32 = 7;

/// Sessions that failed on each of some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DailyCourse {
    /// The first day.
    pub(crate) from: Day,
    /// The last.
    pub(crate) to: Day,
    /// The days on which it failed, in order, with their sessions.
    pub(crate) days: Vec<(Day, u64)>,
}

/// Where a course leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trend {
    /// It failed on the last day for the first time.
    New,
    /// Half more than in the week before, or more.
    Rising,
    /// Neither.
    Steady,
    /// A third less, or less.
    Falling,
    /// Not on the last day.
    Ceased,
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
        }
    }
}

impl DailyCourse {
    /// That of one row of failures: of that domain, MX host, policy and reason.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn find(
        store: &dyn OperatorStore,
        row: &FailureRow,
        to: Day,
        days: u32,
    ) -> Result<DailyCourse, StoreError> {
        let from = to.back(days.saturating_sub(1));
        let domain = row.domain.as_deref().unwrap_or_default();
        let found = store.failures_by_day(domain, from, to)?;
        Ok(DailyCourse::of(
            found.iter().filter(|of| is_alike(row, of)),
            from,
            to,
        ))
    }

    /// Adds up rows of single days, in their order.
    pub(crate) fn of<'a>(
        rows: impl Iterator<Item = &'a FailureRow>,
        from: Day,
        to: Day,
    ) -> DailyCourse {
        let mut days: Vec<(Day, u64)> = Vec::new();
        for row in rows {
            match days.last_mut().filter(|(day, _)| *day == row.day) {
                Some((_, sessions)) => *sessions = sessions.saturating_add(row.sessions),
                None => days.push((row.day, row.sessions)),
            }
        }
        DailyCourse { from, to, days }
    }

    /// The first of these days on which it failed.
    pub(crate) fn since(&self) -> Option<Day> {
        self.days.first().map(|(day, _)| *day)
    }

    /// Where it leads.
    pub(crate) fn trend(&self) -> Trend {
        let Some((last, _)) = self.days.last().filter(|(last, _)| *last == self.to) else {
            return Trend::Ceased;
        };
        if self.since() == Some(*last) {
            return Trend::New;
        }
        let split = self.to.back(COMPARED_DAYS);
        let begin = split.back(COMPARED_DAYS);
        let sum = |from: Day, to: Day| {
            let days = self.days.iter();
            let days = days.filter(|(day, _)| *day > from && *day <= to);
            days.fold(0_u64, |sum, (_, sessions)| sum.saturating_add(*sessions))
        };
        let (now, before) = (
            u128::from(sum(split, self.to)),
            u128::from(sum(begin, split)),
        );
        match (now * 2 >= before * 3, now * 3 <= before * 2) {
            (true, _) => Trend::Rising,
            (_, true) => Trend::Falling,
            _ => Trend::Steady,
        }
    }
}

fn is_alike(row: &FailureRow, other: &FailureRow) -> bool {
    let texts = |of: &FailureRow| {
        (
            of.mx.clone(),
            of.address.clone(),
            of.policy_type.clone(),
            of.result_type.clone(),
            of.reason_code.clone(),
        )
    };
    texts(row) == texts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_course_leads() {
        let day = |number: u32| Day::parse(&format!("2026-11-{number:02}")).unwrap();
        let every =
            |sessions: u64| -> Vec<(u32, u64)> { (1..=30).map(|at| (at, sessions)).collect() };
        for (days, want, why) in [
            (vec![], Trend::Ceased, "nothing at all"),
            (vec![(29, 5)], Trend::Ceased, "not on the last day"),
            (vec![(30, 5)], Trend::New, "on the last day alone"),
            (every(5), Trend::Steady, "every day alike"),
            (vec![(20, 10), (30, 15)], Trend::Rising, "half more"),
            (
                vec![(20, 10), (30, 14)],
                Trend::Steady,
                "less than half more",
            ),
            (vec![(20, 9), (30, 6)], Trend::Falling, "a third less"),
            (
                vec![(2, 9), (30, 1)],
                Trend::Rising,
                "not in the week before",
            ),
            (
                vec![(20, u64::MAX), (21, u64::MAX), (30, u64::MAX)],
                Trend::Steady,
                "without an overflow",
            ),
        ] {
            let course = DailyCourse {
                from: day(1),
                to: day(30),
                days: days
                    .into_iter()
                    .map(|(at, sessions)| (day(at), sessions))
                    .collect(),
            };
            assert_eq!(course.trend(), want, "{why}");
        }
    }
}
