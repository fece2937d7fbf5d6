//! The digests that were made, one row each. The texts stay until the mail is out. Only the owner of shard 0 makes and sends them:
//! to the others each seems to be made.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Session, Shard, Transaction, stored_text};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, expected::WAS_TOO_OLD, mails, unreadable};
use crate::{
    model::{DigestContents, DigestMail, DigestPeriod, DigestStatus},
    store::{DigestEnd, Digests, MissingCollector, Step, StoreError},
};

/// Whose owner makes and sends them.
const OF_DIGESTS: Shard = 0;
/// What is later than this after now was written by a clock that was ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Rows of earlier days are removed.
const KEPT_DAYS: u32 = 60;

impl Digests for PostgresStore {
    fn digests_made(&self, days: u32, now: Timestamp) -> Result<BTreeSet<Day>, StoreError> {
        if !self.makes_digests() {
            let today = Day::of(now);
            return Ok((0..=KEPT_DAYS).map(|back| today.back(back)).collect());
        }
        let rows = self.read(
            "digests",
            "SELECT last FROM digest WHERE days = $1 AND made <= $2",
            &[&length(days), &PgTime(latest(now))],
        )?;
        let day = |row: &Row| -> Result<Day, Fault> {
            let PgDay(day) = row.try_get(0)?;
            Ok(day)
        };
        let days: Result<BTreeSet<Day>, Fault> = rows.iter().map(day).collect();
        days.map_err(|fault| unreadable("digests", fault))
    }

    fn store_digest(
        &mut self,
        period: DigestPeriod,
        contents: Option<&DigestContents>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Another member owns the shard by now, and makes it.
        if !self.makes_digests() {
            return Ok(());
        }
        self.transact(Step::DigestMade, &[OF_DIGESTS], |tx| {
            store(tx, period, contents, now)
        })
    }

    fn due_digest(&self, now: Timestamp) -> Result<Option<DigestMail>, StoreError> {
        if !self.makes_digests() {
            return Ok(None);
        }
        let what = "the due digest";
        let rows = self.read(
            what,
            "SELECT last, days, made, failures, subject, body, csv FROM digest \
             WHERE status IS NULL AND (due <= $1 OR due > $2) ORDER BY last, days LIMIT 1",
            &[&PgTime(now), &PgTime(latest(now))],
        )?;
        let mail = rows.first().map(|row| self.mail(row, now)).transpose();
        mail.map_err(|fault| unreadable(what, fault))
    }

    fn next_digest(&self) -> Result<Option<Timestamp>, StoreError> {
        if !self.makes_digests() {
            return Ok(None);
        }
        let what = "the next digest";
        let rows = self.read(
            what,
            "SELECT min(due) FROM digest WHERE status IS NULL",
            &[],
        )?;
        let next = rows.first().map(|row| row.try_get(0)).transpose();
        let next: Option<Option<PgTime>> =
            next.map_err(|error| unreadable(what, Fault::from(error)))?;
        Ok(next.flatten().map(|PgTime(at)| at))
    }

    fn record_digest(&mut self, end: &DigestEnd, now: Timestamp) -> Result<(), StoreError> {
        // Its outcome is unknown to the member that owns the shard by now: it sends it again.
        if !self.makes_digests() {
            return Ok(());
        }
        let (guard, member) = (self.guard.clone(), self.member.id());
        self.transact(Step::DigestRecorded, &[OF_DIGESTS], |tx| match end {
            DigestEnd::Later { period, at, reason } => later(tx, *period, *at, reason),
            DigestEnd::Final {
                period,
                status,
                to,
                reason,
            } => {
                let is_new = finish(tx, *period, *status, reason)?;
                match status {
                    DigestStatus::Sent if is_new => {
                        mails::record_digest(tx, member, to, guard.as_ref(), now)
                    }
                    _ => Ok(()),
                }
            }
        })
    }

    fn forget_digests(&mut self) -> Result<(), StoreError> {
        if !self.makes_digests()
            || self
                .read("digests", "SELECT 1 FROM digest LIMIT 1", &[])?
                .is_empty()
        {
            return Ok(());
        }
        self.transact(Step::DigestRecorded, &[OF_DIGESTS], |tx| {
            tx.execute("DELETE FROM digest", &[]).map(drop)
        })
    }
}

impl PostgresStore {
    fn makes_digests(&self) -> bool {
        self.member.shards().contains(&OF_DIGESTS)
    }

    fn mail(&self, row: &Row, now: Timestamp) -> Result<DigestMail, Fault> {
        let (PgDay(last), PgTime(made)) = (row.try_get(0)?, row.try_get(2)?);
        let number = |at| -> Result<u32, Fault> {
            let number: i32 = row.try_get(at)?;
            Ok(u32::try_from(number).unwrap_or(0))
        };
        Ok(DigestMail {
            period: DigestPeriod {
                last,
                days: number(1)?,
            },
            installation: self.installation.clone(),
            made: if made <= latest(now) { made } else { now },
            failures: number(3)?,
            contents: DigestContents {
                subject: row.try_get(4)?,
                text: row.try_get(5)?,
                csv: row.try_get(6)?,
            },
        })
    }
}

fn latest(now: Timestamp) -> Timestamp {
    now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX)
}

fn length(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

fn store(
    tx: &Transaction<'_>,
    period: DigestPeriod,
    contents: Option<&DigestContents>,
    now: Timestamp,
) -> Result<(), Fault> {
    let status = match contents {
        Some(_) => None,
        None => Some(DigestStatus::Nothing.as_str()),
    };
    let text = |text: fn(&DigestContents) -> &String| contents.map(|of| stored_text(text(of)));
    let (last, days) = (PgDay(period.last), length(period.days));
    tx.execute(
        "INSERT INTO digest(last, days, made, due, status, subject, body, csv) VALUES($1, $2, $3, $3, $4, $5, $6, $7) \
         ON CONFLICT (last, days) DO UPDATE SET made = excluded.made, due = excluded.due, status = excluded.status, \
         failures = 0, reason = NULL, subject = excluded.subject, body = excluded.body, csv = excluded.csv",
        &[
            &last,
            &days,
            &PgTime(now),
            &status,
            &text(|of| &of.subject),
            &text(|of| &of.text),
            &text(|of| &of.csv),
        ],
    )?;
    // Those of another length were made before `digest` was changed: by them all days since then would look missed, should it be
    // changed back.
    tx.execute(
        "DELETE FROM digest WHERE last < $1 OR days <> $2 AND status IS NOT NULL",
        &[&PgDay(period.last.back(KEPT_DAYS)), &days],
    )
    .map(drop)
}

fn later(
    tx: &Transaction<'_>,
    period: DigestPeriod,
    at: Timestamp,
    reason: &str,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE digest SET failures = failures + 1, due = $3, reason = $4 \
         WHERE last = $1 AND days = $2 AND status IS NULL AND due <> $3",
        &[
            &PgDay(period.last),
            &length(period.days),
            &PgTime(at),
            &stored_text(reason),
        ],
    )
    .map(drop)
}

/// `false`: that is recorded already.
fn finish(
    tx: &Transaction<'_>,
    period: DigestPeriod,
    status: DigestStatus,
    reason: &str,
) -> Result<bool, Fault> {
    let ended = tx.execute(
        "UPDATE digest SET status = $3, reason = $4, subject = NULL, body = NULL, csv = NULL \
         WHERE last = $1 AND days = $2 AND status IS NULL",
        &[
            &PgDay(period.last),
            &length(period.days),
            &status.as_str(),
            &stored_text(reason),
        ],
    )?;
    Ok(ended > 0)
}

/// See [`OperatorStore::missing_collectors`](crate::store::OperatorStore::missing_collectors).
pub(super) fn missing_collectors(
    db: &Session,
    from: Day,
    to: Day,
) -> Result<Vec<MissingCollector>, Fault> {
    // And those whose days were too old when they were told, when they were: a few of as many as somebody may have told of.
    let sql = format!(
        "SELECT day, command, reason FROM (SELECT day, job, command, reason FROM fetch_job WHERE day BETWEEN $1 AND $2 AND decided \
         AND coalesce(outcome, '') NOT IN ('answered', 'removed') UNION ALL \
         SELECT s.day, -c.id, 'shipper:' || c.name, format('the day was older than keep_days: %s sessions came late, and are in no report', \
         s.late_sessions) FROM (SELECT * FROM shipment WHERE day IN (SELECT day FROM day \
         WHERE {WAS_TOO_OLD} AND (closed_at AT TIME ZONE 'UTC')::date BETWEEN $1 AND $2) ORDER BY late_sessions DESC LIMIT 100) s \
         JOIN collector c ON c.id = s.collector) m ORDER BY day, job"
    );
    let rows = db.query(&sql, &[&PgDay(from), &PgDay(to)])?;
    let row = |row: &Row| {
        let PgDay(day) = row.try_get(0)?;
        Ok(MissingCollector {
            day,
            command: row.try_get(1)?,
            reason: row.try_get(2)?,
        })
    };
    rows.iter().map(row).collect()
}
