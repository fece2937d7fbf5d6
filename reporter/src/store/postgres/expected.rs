//! Which collectors a day waits for, and which day it is: one answer for whoever closes days, prepares them, or tells of them.

/// The day by the database's clock.
pub(super) const TODAY: &str = "(clock_timestamp() AT TIME ZONE 'UTC')::date";

/// Rows of days up to this one are looked at: tomorrow by the database's clock, or what a reporter's clock that is ahead has asked for.
/// Whoever has the password of a shipper could tell of each day for thousands of years.
pub(super) const LAST_DAY: &str =
    "greatest((clock_timestamp() AT TIME ZONE 'UTC')::date + 1, (SELECT max(day) FROM fetch_job))";

/// Whether the day `d.day` waits for collector `c`. When a spool was lost its collector is another one, under the same name: the
/// old one is waited for no longer than on the day on which that one began.
pub(super) const IS_EXPECTED: &str = "c.first_day <= d.day AND (c.retired IS NULL OR c.retired > d.day) \
    AND NOT EXISTS (SELECT 1 FROM collector n WHERE n.name = c.name AND n.id > c.id AND n.first_day < d.day)";

/// A day that was closed without tables: what shippers told of it was too old.
pub(super) const WAS_TOO_OLD: &str =
    "NOT counts AND state = 'closed' AND day IN (SELECT day FROM shipment)";

/// The day `d.day` waits for some.
pub(super) fn somebody_ships() -> String {
    format!("EXISTS (SELECT 1 FROM collector c WHERE {IS_EXPECTED})")
}

/// Nobody ships to the day `d.day`, or ever has.
pub(super) fn nobody_ships() -> String {
    format!(
        "NOT {} AND NOT EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day)",
        somebody_ships()
    )
}
