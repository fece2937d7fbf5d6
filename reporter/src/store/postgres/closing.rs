//! The days of a fleet: their partitions, and when nothing more is added to them.
//!
//! The owner of shard 0 does this for all. A day is closed when each collector that ships is done with it and each fetch job is
//! over, or at its deadline; what a shipper brings later is counted as late. That cannot be undone, so the clock of one member is
//! not enough: the day is over by the database's, too.

mod close;
mod too_old;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{Fault, PgDay, PgTime, schema};
use tlsrptd_proto::day::Day;

use self::close::{DayEnd, close, close_free};
use super::{
    PostgresStore, at_step,
    days::CALENDAR,
    expected::{IS_EXPECTED, TODAY, somebody_ships},
    held, unreadable,
};
use crate::store::{ClosedDay, Step, StoreError};

/// While a day waits, it is looked at again so much later at the earliest.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);
/// The database's clock is behind ours: the day is looked at again so much later.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(10);

/// What is remembered of the days between two looks.
#[derive(Debug, Default)]
pub(super) struct ClosingLooks {
    /// The day on which all was looked at last.
    today: Option<Day>,
    /// When the days that wait were looked at.
    at: Option<Timestamp>,
    /// Until when they wait, at most; `None`: none does.
    until: Option<Timestamp>,
    /// Something has happened since, and none was looked at: it was too soon.
    was_too_soon: bool,
}

/// A day that is waited for.
struct WaitingDay {
    day: Day,
    over: Option<Timestamp>,
    /// By the database's clock.
    has_ended: bool,
    /// Collectors and fetch jobs.
    sources: i64,
    /// Of these, shippers that are not done, and jobs that are not over.
    shippers: i64,
    jobs: i64,
}

/// What came of a look at it.
enum LookedAt {
    Closed(ClosedDay),
    /// At most.
    WaitsUntil(Timestamp),
}

impl ClosingLooks {
    /// Whether days that wait are looked at: what they wait for comes without news, too.
    fn is_time(&mut self, now: Timestamp) -> bool {
        let is_soon = |at: Timestamp| now.duration_since(at).abs() < LOOK_AGAIN;
        self.was_too_soon = self.until.is_some() && self.at.is_some_and(is_soon);
        self.until.is_some() && !self.was_too_soon
    }

    /// When they have to be looked at, whatever happens.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let again = self.at?.saturating_add(LOOK_AGAIN).ok()?;
        let until = self.until?;
        Some(match self.was_too_soon {
            true => again,
            false => until.max(again),
        })
    }
}

impl PostgresStore {
    /// What the owner of the calendar does for the days of all. Adds those that are closed now, whatever fails behind them.
    pub(super) fn tend_days(
        &mut self,
        now: Timestamp,
        deadlines: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
        has_news: bool,
        closed: &mut Vec<ClosedDay>,
    ) -> Result<(), StoreError> {
        let today = Some(Day::of(now));
        let is_new = has_news || self.closing.today != today;
        // What fails is done next time.
        self.closing.today = None;
        // First: a day that is over does not wait for tables of another.
        if is_new || self.closing.is_time(now) {
            self.close_days(now, deadlines, closed)?;
        }
        let are_prepared = !is_new || self.prepare_days(now)?;
        self.closing.today = today.filter(|_| are_prepared);
        Ok(())
    }

    /// Makes the partitions of this day and the next, and of those that shippers ask for, unless they are older than what is kept
    /// or have not begun, by our clock and by the database's: whoever has the password of a shipper could ask for any number. Where
    /// nobody ships, days have no others than those that come with their first answer. Gives whether none is held.
    fn prepare_days(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let (today, kept) = (Day::of(now), self.kept_days());
        let sql = format!(
            "SELECT d.day FROM (SELECT unnest(ARRAY[$1::date, $2::date]) AS day UNION SELECT day FROM day \
             WHERE state = 'open' AND day BETWEEN least($1::date, {TODAY}) - $3::int AND greatest($2::date, {TODAY} + 1)) d \
             WHERE NOT EXISTS (SELECT 1 FROM day m WHERE m.day = d.day AND m.counts) AND {} ORDER BY d.day",
            somebody_ships()
        );
        let wanted = self.read(
            "the days to prepare",
            &sql,
            &[&PgDay(today), &PgDay(today.next()), &kept],
        )?;
        let mut are_made = true;
        for row in &wanted {
            let made = row
                .try_get(0)
                .map_err(Fault::from)
                .and_then(|PgDay(day)| self.make_tables(day, schema::make_day_of));
            are_made &= made.map_err(|fault| at_step(Step::Made, fault))?;
        }
        Ok(are_made)
    }

    /// Closes the days that nothing is waited for any more.
    fn close_days(
        &mut self,
        now: Timestamp,
        deadlines: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
        closed: &mut Vec<ClosedDay>,
    ) -> Result<(), StoreError> {
        // If it fails, and without deadlines, it is done in the next pass.
        (self.closing.at, self.closing.until) = (None, Some(now));
        self.closing.was_too_soon = false;
        let Some(deadline) = deadlines else {
            return Ok(());
        };
        let waiting = self.waiting_days(Day::of(now))?;
        self.note_over(&waiting, now)?;
        let mut until = None;
        for waiting in &waiting {
            match self.close_when_due(waiting, deadline, now)? {
                LookedAt::Closed(day) => closed.push(day),
                LookedAt::WaitsUntil(at) => {
                    until = Some(until.map_or(at, |until: Timestamp| until.min(at)));
                }
            }
        }
        if self.close_old_days(Day::of(now), closed)? {
            until = Some(now);
        }
        (self.closing.at, self.closing.until) = (Some(now), until);
        Ok(())
    }

    fn close_when_due(
        &mut self,
        waiting: &WaitingDay,
        deadline: &dyn Fn(Day, Timestamp) -> Timestamp,
        now: Timestamp,
    ) -> Result<LookedAt, StoreError> {
        let day = waiting.day;
        let later = |by| now.saturating_add(by).unwrap_or(Timestamp::MAX);
        let until = deadline(day, waiting.over.unwrap_or(now));
        let (is_late, is_done) = (until <= now, waiting.sources > 0 && waiting.shippers == 0);
        if waiting.jobs > 0 || !is_done && !is_late {
            return Ok(LookedAt::WaitsUntil(until));
        }
        if !waiting.has_ended {
            return Ok(LookedAt::WaitsUntil(later(CLOCKS_DIFFER)));
        }
        let end = self.transact_unless_held(Step::JobsMade, &[CALENDAR], day, |tx| {
            close(tx, day, is_late, now)
        })?;
        if end.is_none() && is_late {
            // Of many that write one always holds its row: the others bring nothing more.
            self.transact(Step::JobsMade, &[CALENDAR], |tx| close_free(tx, day))?;
        }
        Ok(match end {
            Some(DayEnd::Closed { missing }) => LookedAt::Closed(ClosedDay {
                day,
                missing,
                is_too_old: false,
            }),
            Some(DayEnd::Waits) => LookedAt::WaitsUntil(now),
            // It is looked at then.
            None => LookedAt::WaitsUntil(until.max(now)),
        })
    }

    /// Deadlines begin when a day was first seen to have ended.
    fn note_over(&mut self, waiting: &[WaitingDay], now: Timestamp) -> Result<(), StoreError> {
        let note = "UPDATE day SET over = $2 WHERE day = $1 AND state = 'open' AND over IS NULL";
        for of in waiting {
            if !of.has_ended || of.over.is_some() {
                continue;
            }
            self.transact_unless_held(Step::JobsMade, &[CALENDAR], of.day, |tx| {
                held::unless_held(tx, of.day, || {
                    tx.execute(note, &[&PgDay(of.day), &PgTime(now)]).map(drop)
                })
            })?;
        }
        Ok(())
    }

    /// But for those that are too old.
    fn waiting_days(&self, today: Day) -> Result<Vec<WaitingDay>, StoreError> {
        const WHAT: &str = "the open days";
        let sql = format!(
            "SELECT d.day, d.over, d.day < {TODAY}, e.number + j.number, e.waiting, j.waiting FROM day d, \
             LATERAL (SELECT count(*) AS number, count(*) FILTER (WHERE NOT coalesce(s.done, false)) AS waiting \
             FROM collector c LEFT JOIN shipment s ON s.collector = c.id AND s.day = d.day WHERE {IS_EXPECTED}) e, \
             LATERAL (SELECT count(*) AS number, count(*) FILTER (WHERE closed IS NULL) AS waiting \
             FROM fetch_job WHERE day = d.day AND job > 0) j \
             WHERE d.state = 'open' AND d.day < $1 AND (d.counts OR d.day >= least($1::date, {TODAY}) - $2::int) ORDER BY d.day"
        );
        let rows = self.read(WHAT, &sql, &[&PgDay(today), &self.kept_days()])?;
        let days = rows.iter().map(|row| {
            let (PgDay(day), over): (_, Option<PgTime>) = (row.try_get(0)?, row.try_get(1)?);
            Ok(WaitingDay {
                day,
                over: over.map(|over| over.0),
                has_ended: row.try_get(2)?,
                sources: row.try_get(3)?,
                shippers: row.try_get(4)?,
                jobs: row.try_get(5)?,
            })
        });
        days.collect::<Result<_, Fault>>()
            .map_err(|fault| unreadable(WHAT, fault))
    }

    fn kept_days(&self) -> i32 {
        i32::try_from(self.keep_days).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_wait_are_looked_at_once_a_second() {
        let begun: Timestamp = "2024-11-29T03:00:00Z".parse().unwrap();
        let after = |milliseconds| begun + SignedDuration::from_millis(milliseconds);
        let until = Some(after(60_000));
        for (until, at, now, is_time, next, why) in [
            (
                until,
                0,
                200,
                false,
                Some(1000),
                "soon, for what has happened",
            ),
            (until, 0, 1000, true, Some(60_000), "at the deadline"),
            (
                until,
                0,
                -5000,
                true,
                Some(60_000),
                "the clock was set back",
            ),
            (
                Some(after(300)),
                0,
                2000,
                true,
                Some(1000),
                "the deadline was near",
            ),
            (None, 0, 2000, false, None, "no day waits"),
        ] {
            let mut looks = ClosingLooks {
                at: Some(after(at)),
                until,
                ..ClosingLooks::default()
            };
            assert_eq!(looks.is_time(after(now)), is_time, "{why}");
            assert_eq!(looks.next(), next.map(after), "{why}");
        }
        let mut undone = ClosingLooks {
            until,
            ..ClosingLooks::default()
        };
        assert!(
            undone.is_time(begun),
            "what failed is done in the next pass"
        );
        assert_eq!(undone.next(), None, "whenever that is");
    }
}
