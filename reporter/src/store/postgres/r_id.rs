//! Numbers of reports: whoever knows one knows its day, and with it the partition where the report is.

use jiff::SignedDuration;
use tlsrptd_proto::day::Day;

/// The next number of a day, as an expression: `$1` is the day.
pub(super) const NEXT: &str =
    "(($1::date - DATE '2000-01-01')::bigint << 40 | nextval('report_id'))";

/// Bits below the day: a fleet that makes a million reports a second needs twelve days for them.
const BELOW: u32 = 40;
/// 2000-01-01, in days of Unix.
const FIRST: i64 = 10_957;

/// The day of a report. `None`: that is no number of a report.
pub(super) fn day_of(r_id: i64) -> Option<Day> {
    let days = SignedDuration::from_hours(24 * (FIRST + (r_id >> BELOW)));
    let start = jiff::Timestamp::UNIX_EPOCH.checked_add(days).ok()?;
    (r_id >= 0).then(|| Day::of(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_its_day() {
        for (r_id, want) in [
            (1, Some("2000-01-01")),
            (9_829 << 40 | 17, Some("2026-11-29")),
            ((9_829 << 40) + ((1 << 40) - 1), Some("2026-11-29")),
            (-1, None),
            (i64::MAX, None),
        ] {
            let day = day_of(r_id).map(|day| day.to_string());
            assert_eq!(day.as_deref(), want, "{r_id}");
        }
    }
}
