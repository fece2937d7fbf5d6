//! A day: a UTC date, the unit in which sessions are counted and reported (RFC 8460 section 4.1).

use std::fmt;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

/// A UTC date, written `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// A text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day (allowed: a date of the calendar as YYYY-MM-DD)")]
pub struct DayError;

impl Day {
    /// Reads `YYYY-MM-DD`, and nothing else.
    ///
    /// # Errors
    ///
    /// When the text is not `YYYY-MM-DD`, or that day is in no calendar.
    pub fn parse(text: &str) -> Result<Day, DayError> {
        let shape = |(i, byte): (usize, u8)| match i {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 10 || !text.bytes().enumerate().all(shape) {
            return Err(DayError);
        }
        text.parse().map(Day).map_err(|_| DayError)
    }

    /// The day that an instant belongs to.
    pub fn of(instant: Timestamp) -> Day {
        Day(Offset::UTC.to_datetime(instant).date())
    }

    /// Its first instant, 00:00:00 UTC.
    pub fn start(self) -> Timestamp {
        self.at(0, 0, 0)
    }

    /// Its last second, 23:59:59 UTC, where the report's date range ends.
    pub fn last_second(self) -> Timestamp {
        self.at(23, 59, 59)
    }

    /// The day after.
    pub fn next(self) -> Day {
        Day(self.0.saturating_add(1.day()))
    }

    /// The day before.
    pub fn previous(self) -> Day {
        Day(self.0.saturating_sub(1.day()))
    }

    /// The day so many days after.
    pub fn ahead(self, days: u32) -> Day {
        let span = jiff::Span::new().try_days(i64::from(days));
        Day(span.map_or(Date::MAX, |span| self.0.saturating_add(span)))
    }

    /// The day so many days before.
    pub fn back(self, days: u32) -> Day {
        // The calendar ends, it does not wrap: more days than a span can hold lead to its first day.
        let span = jiff::Span::new().try_days(i64::from(days));
        Day(span.map_or(Date::MIN, |span| self.0.saturating_sub(span)))
    }

    fn at(self, hour: i8, minute: i8, second: i8) -> Timestamp {
        // Out of range only at the very end of the calendar, in the last hours of the year 9999.
        Offset::UTC
            .to_timestamp(self.0.at(hour, minute, second, 0))
            .unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::str::FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        Day::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_days() {
        let rows = [
            ("2026-11-21", true, "a day"),
            ("2024-02-29", true, "a leap day"),
            ("2026-02-29", false, "no leap year"),
            ("2026-13-01", false, "no month"),
            ("2026-1-1", false, "short numbers sort wrongly"),
            ("20261121", false, "another form of ISO 8601"),
            ("2026-11-21T00:00:00Z", false, "an instant"),
            ("2026/11/21", false, "another separator"),
            ("+026-11-21", false, "a sign"),
            ("", false, "nothing"),
            (".", false, "the end of a list"),
        ];
        for (text, is_day, reason) in rows {
            let day = Day::parse(text);
            assert_eq!(day.is_ok(), is_day, "{reason}");
            if let Ok(day) = day {
                assert_eq!(day.to_string(), text, "{reason}");
            }
        }
    }

    #[test]
    fn knows_its_bounds_and_neighbours() {
        let day = Day::parse("2026-03-01").unwrap();
        assert_eq!(day.start().to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(day.last_second().to_string(), "2026-03-01T23:59:59Z");
        assert_eq!(day.previous().to_string(), "2026-02-28");
        assert_eq!(day.next().to_string(), "2026-03-02");
        assert_eq!(day.back(60).to_string(), "2025-12-31");
        assert_eq!(day.back(0), day);
        assert_eq!(Day::of(day.start()), day, "midnight belongs to the new day");
        assert_eq!(
            Day::of(day.next().start() - jiff::Span::new().nanoseconds(1)),
            day,
            "the last instant"
        );
    }

    #[test]
    fn the_calendar_ends_without_a_panic() {
        let last = Day::parse("9999-12-31").unwrap();
        assert_eq!(last.next(), last);
        assert_eq!(last.last_second(), Timestamp::MAX);
        assert!(last.back(u32::MAX) < Day::parse("0001-01-01").unwrap());
    }
}
