//! Days below a plot.

use tlsrptd_proto::day::Day;

use crate::answers::overview::HistorySpan;

/// All days from the first to the last.
pub(super) fn every(from: Day, to: Day) -> Vec<Day> {
    let mut days = vec![from];
    while let Some(last) = days.last().copied().filter(|last| *last < to) {
        days.push(last.next());
    }
    days
}

/// Monday is 0.
pub(super) fn weekday(day: Day) -> u32 {
    const MONDAY: i64 = 3;
    let days = day.start().as_second().div_euclid(86_400);
    u32::try_from((days + MONDAY).rem_euclid(7)).unwrap_or(0)
}

/// The bars that are named: Mondays; the first and the fifteenth of a month; the first week of every other month.
pub(super) fn marks(bars: &[Day], span: HistorySpan) -> Vec<(usize, String)> {
    let mut marks = Vec::new();
    let mut month_before = None;
    for (bar, first) in bars.iter().enumerate() {
        let text = first.to_string();
        let (month, day) = (text[..7].to_owned(), &text[8..]);
        let mark = match span {
            HistorySpan::Days30 => (weekday(*first) == 0).then(|| text[5..].to_owned()),
            HistorySpan::Days90 => matches!(day, "01" | "15").then(|| text[5..].to_owned()),
            HistorySpan::Days400 => {
                let is_first = month_before.as_ref().is_some_and(|before| *before != month);
                let is_odd = text[5..7].parse().is_ok_and(|month: u32| month % 2 == 1);
                (is_first && is_odd).then(|| month.clone())
            }
        };
        month_before = Some(month);
        marks.extend(mark.map(|mark| (bar, mark)));
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_few_and_round() {
        for (span, step, want) in [
            (
                HistorySpan::Days30,
                1,
                vec!["11-02", "11-09", "11-16", "11-23"],
            ),
            (
                HistorySpan::Days90,
                1,
                vec!["09-01", "09-15", "10-01", "10-15", "11-01", "11-15"],
            ),
            (
                HistorySpan::Days400,
                7,
                vec![
                    "2025-11", "2026-01", "2026-03", "2026-05", "2026-07", "2026-09", "2026-11",
                ],
            ),
        ] {
            let to = Day::parse("2026-11-28").unwrap();
            let days = every(to.back(span.days() - 1), to);
            assert_eq!(days.len(), span.days() as usize);
            let bars: Vec<Day> = days.into_iter().step_by(step).collect();
            let found: Vec<String> = marks(&bars, span)
                .into_iter()
                .map(|(_, mark)| mark)
                .collect();
            assert_eq!(found, want, "{span:?}");
        }
        assert_eq!(weekday(Day::parse("2026-11-23").unwrap()), 0, "a Monday");
        assert_eq!(
            weekday(Day::parse("1969-12-29").unwrap()),
            0,
            "before the epoch, too"
        );
    }
}
