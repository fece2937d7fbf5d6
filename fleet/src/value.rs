//! Values as PostgreSQL has them on the wire: days, instants, texts.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};
use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Conversion<T> = Result<T, Box<dyn std::error::Error + Sync + Send>>;

/// PostgreSQL counts days and microseconds from the first instant of 2000.
const DAYS_BEFORE_2000: i64 = 10_957;
const SECONDS_A_DAY: i64 = 86_400;
const MICROSECONDS_BEFORE_2000: i64 = DAYS_BEFORE_2000 * SECONDS_A_DAY * 1_000_000;

/// A `date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PgDay(pub Day);

/// A `timestamptz`, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PgTime(pub Timestamp);

/// A text without the one character that PostgreSQL refuses in texts, U+0000: the replacement character stands in its place.
pub fn stored_text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

impl PgDay {
    /// As it is on the wire: days since 2000-01-01.
    pub fn number(self) -> i32 {
        let days = self.0.start().as_second().div_euclid(SECONDS_A_DAY) - DAYS_BEFORE_2000;
        // The calendar ends in the year 9999.
        i32::try_from(days).unwrap_or(i32::MAX)
    }
}

impl ToSql for PgDay {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Conversion<IsNull> {
        out.put_i32(self.number());
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::DATE
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for PgDay {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Conversion<PgDay> {
        let days = i64::from(i32::from_be_bytes(raw.try_into()?)) + DAYS_BEFORE_2000;
        let start = Timestamp::from_second(days.saturating_mul(SECONDS_A_DAY))?;
        Ok(PgDay(Day::of(start)))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::DATE
    }
}

impl ToSql for PgTime {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Conversion<IsNull> {
        out.put_i64(self.0.as_microsecond() - MICROSECONDS_BEFORE_2000);
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for PgTime {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Conversion<PgTime> {
        let microseconds =
            i64::from_be_bytes(raw.try_into()?).saturating_add(MICROSECONDS_BEFORE_2000);
        // `infinity` and what is beyond the calendar are its ends.
        Ok(PgTime(Timestamp::from_microsecond(microseconds).unwrap_or(
            match microseconds < 0 {
                true => Timestamp::MIN,
                false => Timestamp::MAX,
            },
        )))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TIMESTAMPTZ
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_there_and_come_back() {
        for text in [
            "1999-12-31",
            "2000-01-01",
            "2026-11-29",
            "0001-01-01",
            "9998-12-31",
        ] {
            let (day, mut raw) = (PgDay(Day::parse(text).unwrap()), BytesMut::new());
            day.to_sql(&Type::DATE, &mut raw).unwrap();
            assert_eq!(PgDay::from_sql(&Type::DATE, &raw).unwrap(), day);
        }
        for text in ["1999-12-31T23:59:59.999999Z", "2026-11-29T12:00:00.000001Z"] {
            let (at, mut raw) = (PgTime(text.parse().unwrap()), BytesMut::new());
            at.to_sql(&Type::TIMESTAMPTZ, &mut raw).unwrap();
            assert_eq!(PgTime::from_sql(&Type::TIMESTAMPTZ, &raw).unwrap(), at);
        }
        let infinity = PgTime::from_sql(&Type::TIMESTAMPTZ, &i64::MAX.to_be_bytes());
        assert_eq!(infinity.unwrap(), PgTime(Timestamp::MAX));
    }

    #[test]
    fn texts_that_can_be_stored() {
        assert_eq!(stored_text("a\0b"), "a\u{fffd}b");
        assert!(matches!(stored_text("ab"), Cow::Borrowed("ab")));
    }
}
