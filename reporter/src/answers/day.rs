//! Which day a word stands for.

use jiff::Timestamp;
use tlsrptd_config::DayWord;
use tlsrptd_proto::day::Day;

use crate::error::Error;

/// The day, seen from now.
pub(crate) fn of(word: &DayWord, now: Timestamp) -> Result<Day, Error> {
    let today = Day::of(now);
    match word {
        DayWord::Today => Ok(today),
        // UTC has no summer time: the day before is closed, and the last one.
        DayWord::Yesterday | DayWord::LastClosed => Ok(today.previous()),
        DayWord::Date(date) => Day::parse(date).map_err(|error| Error::Argument {
            what: "DAY",
            problem: error.to_string(),
        }),
    }
}
