//! The digests that were made, one row each. The texts stay until the mail is out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};
use tlsrptd_proto::{day::Day, report::InstallationId};

use super::{SqliteStore, mails, text};
use crate::{
    model::{DigestContents, DigestMail, DigestPeriod, DigestStatus},
    store::{DigestEnd, Digests, MissingCollector, Step, StoreError},
};

/// `status` is NULL while the digest is to be sent.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_digests(last TEXT, days INTEGER, made TEXT, \
    status TEXT, failures INTEGER, nexttry TEXT, reason TEXT, subject TEXT, body TEXT, csv TEXT, \
    PRIMARY KEY(last, days))";

/// What is later than this after now was written by a clock that was ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Rows of earlier days are removed.
const KEPT_DAYS: u32 = 60;

impl Digests for SqliteStore {
    fn digests_made(&self, days: u32, now: Timestamp) -> Result<BTreeSet<Day>, StoreError> {
        let last: Vec<String> = self.read("digests", |db| {
            db.prepare_cached("SELECT last FROM tlsrptd_digests WHERE days = ?1 AND made <= ?2")?
                .query_map((days, text::nexttry(latest(now))), |row| row.get(0))?
                .collect()
        })?;
        Ok(last.iter().filter_map(|day| Day::parse(day).ok()).collect())
    }

    fn store_digest(
        &mut self,
        period: DigestPeriod,
        contents: Option<&DigestContents>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(Step::DigestMade, |tx| {
            store(tx, period, contents, &text::nexttry(now))
        })
    }

    fn due_digest(&self, now: Timestamp) -> Result<Option<DigestMail>, StoreError> {
        let due = self.read("the due digest", |db| {
            db.prepare_cached(
                "SELECT last, days, made, failures, subject, body, csv FROM tlsrptd_digests \
                 WHERE status IS NULL AND (nexttry <= ?1 OR nexttry > ?2) ORDER BY last, days LIMIT 1",
            )?
            .query_row(
                (text::nexttry(now), text::nexttry(latest(now))),
                |row| mail(row, &self.installation, now),
            )
            .optional()
        })?;
        Ok(due.flatten())
    }

    fn next_digest(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<String> = self.read("the next digest", |db| {
            db.prepare_cached("SELECT min(nexttry) FROM tlsrptd_digests WHERE status IS NULL")?
                .query_row([], |row| row.get(0))
        })?;
        Ok(next.as_deref().and_then(text::instant))
    }

    fn record_digest(&mut self, end: &DigestEnd, now: Timestamp) -> Result<(), StoreError> {
        let guard = self.guard.clone();
        self.transact(Step::DigestRecorded, |tx| match end {
            DigestEnd::Later { period, at, reason } => later(tx, *period, *at, reason),
            DigestEnd::Final {
                period,
                status,
                to,
                reason,
            } => {
                finish(tx, *period, *status, reason)?;
                match status {
                    DigestStatus::Sent => mails::record_digest(tx, to, guard.as_ref(), now),
                    _ => Ok(()),
                }
            }
        })
    }

    fn forget_digests(&mut self) -> Result<(), StoreError> {
        let any = self.read("digests", |db| {
            db.prepare("SELECT 1 FROM tlsrptd_digests")?.exists([])
        })?;
        if !any {
            return Ok(());
        }
        self.transact(Step::DigestRecorded, |tx| {
            tx.execute("DELETE FROM tlsrptd_digests", []).map(drop)
        })
    }
}

fn latest(now: Timestamp) -> Timestamp {
    now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX)
}

fn store(
    tx: &Transaction<'_>,
    period: DigestPeriod,
    contents: Option<&DigestContents>,
    now: &str,
) -> rusqlite::Result<()> {
    let status = match contents {
        Some(_) => None,
        None => Some(DigestStatus::Nothing.as_str()),
    };
    tx.execute(
        "INSERT OR REPLACE INTO tlsrptd_digests(last, days, made, status, failures, nexttry, subject, body, csv) \
         VALUES(:last, :days, :now, :status, 0, :now, :subject, :body, :csv)",
        named_params! {
            ":last": period.last.to_string(), ":days": period.days, ":now": now, ":status": status,
            ":subject": contents.map(|contents| &contents.subject), ":body": contents.map(|contents| &contents.text),
            ":csv": contents.map(|contents| &contents.csv),
        },
    )?;
    // Those of another length were made before `digest` was changed: by them all days since then would look missed, should it be
    // changed back.
    let oldest = period.last.back(KEPT_DAYS).to_string();
    tx.execute(
        "DELETE FROM tlsrptd_digests WHERE last < ?1 OR days <> ?2 AND status IS NOT NULL",
        (oldest, period.days),
    )
    .map(drop)
}

fn mail(
    row: &Row<'_>,
    installation: &InstallationId,
    now: Timestamp,
) -> rusqlite::Result<Option<DigestMail>> {
    let (last, made): (String, String) = (row.get(0)?, row.get(2)?);
    let Ok(last) = Day::parse(&last) else {
        return Ok(None);
    };
    Ok(Some(DigestMail {
        period: DigestPeriod {
            last,
            days: row.get(1)?,
        },
        installation: installation.clone(),
        made: text::instant(&made)
            .filter(|made| *made <= latest(now))
            .unwrap_or(now),
        failures: row.get(3)?,
        contents: DigestContents {
            subject: row.get(4)?,
            text: row.get(5)?,
            csv: row.get(6)?,
        },
    }))
}

fn later(
    tx: &Transaction<'_>,
    period: DigestPeriod,
    at: Timestamp,
    reason: &str,
) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE tlsrptd_digests SET failures = failures + 1, nexttry = ?3, reason = ?4 \
         WHERE last = ?1 AND days = ?2 AND status IS NULL",
        (
            period.last.to_string(),
            period.days,
            text::nexttry(at),
            reason,
        ),
    )
    .map(drop)
}

fn finish(
    tx: &Transaction<'_>,
    period: DigestPeriod,
    status: DigestStatus,
    reason: &str,
) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE tlsrptd_digests SET status = ?3, reason = ?4, subject = NULL, body = NULL, csv = NULL \
         WHERE last = ?1 AND days = ?2 AND status IS NULL",
        (period.last.to_string(), period.days, status.as_str(), reason),
    )
    .map(drop)
}

/// See [`OperatorStore::missing_collectors`](crate::store::OperatorStore::missing_collectors).
pub(super) fn missing_collectors(
    db: &Connection,
    from: Day,
    to: Day,
) -> rusqlite::Result<Vec<MissingCollector>> {
    let knows_reasons = db
        .prepare("SELECT 1 FROM pragma_table_info('fetchjobs') WHERE name = 'tlsrptd_reason'")?
        .exists([])?;
    let reason = if knows_reasons {
        "tlsrptd_reason"
    } else {
        "NULL"
    };
    let sql = format!(
        "SELECT day, fetcher, {reason} FROM fetchjobs WHERE day BETWEEN ?1 AND ?2 \
         AND status IS NOT NULL AND status NOT IN ('ok', 'removed') ORDER BY day, fetcherindex"
    );
    let mut select = db.prepare(&sql)?;
    let mut rows = select.query((from.to_string(), to.to_string()))?;
    let mut missing = Vec::new();
    while let Some(row) = rows.next()? {
        let day: String = row.get(0)?;
        let Ok(day) = Day::parse(&day) else {
            continue;
        };
        missing.push(MissingCollector {
            day,
            command: row.get(1)?,
            reason: row.get(2)?,
        });
    }
    Ok(missing)
}
