//! What is found for a day after its report was decided: collectors that tell of additions are asked for them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Transaction;
use tlsrptd_proto::day::Day;

use super::{SqliteStore, text};
use crate::{
    model::{FetchJob, collector_of},
    store::{Additions, Step, StoreError},
};

/// A decided day whose collector has told wholly, and can tell what was added since.
const DECIDED: &str = "SELECT fetcherindex, fetcher FROM fetchjobs WHERE day = ?1 AND status IS NOT NULL \
    AND tlsrptd_seen < ?2";

impl Additions for SqliteStore {
    fn collectors_of_additions(
        &self,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let rows: Vec<(String, String)> = self.read("collectors of additions", |db| {
            db.prepare_cached(
                "SELECT DISTINCT day, fetcher FROM fetchjobs WHERE tlsrptd_seen IS NOT NULL",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })?;
        let of_these = |day: &str| Day::parse(day).is_ok_and(|day| days.contains(&day));
        let collectors = rows.iter().filter(|(day, _)| of_these(day));
        Ok(collectors
            .map(|(_, command)| collector_of(command))
            .collect())
    }

    fn note_grown(
        &mut self,
        collector: &str,
        grown: &[(Day, u64)],
        reportable: &BTreeSet<Day>,
        now: Timestamp,
    ) -> Result<(Vec<Day>, Vec<Day>), StoreError> {
        self.transact(Step::Reopened, |tx| {
            let (mut asked, mut too_old) = (Vec::new(), Vec::new());
            for (day, additions) in grown {
                let additions = i64::try_from(*additions).unwrap_or(i64::MAX);
                let jobs: Vec<(i64, String)> = tx
                    .prepare_cached(DECIDED)?
                    .query_map((day.to_string(), additions), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect::<Result<_, _>>()?;
                let its = jobs
                    .iter()
                    .filter(|(_, command)| collector_of(command) == collector);
                for (index, _) in its {
                    if reportable.contains(day) {
                        reopen(tx, *day, *index, now)?;
                        asked.push(*day);
                    } else {
                        leave(tx, *day, *index, additions)?;
                        too_old.push(*day);
                    }
                }
            }
            Ok((asked, too_old))
        })
    }
}

fn reopen(tx: &Transaction<'_>, day: Day, index: i64, now: Timestamp) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE fetchjobs SET status = NULL, retries = 0, nexttry = ?3, tlsrptd_closed = NULL, \
         tlsrptd_given_up = NULL WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), index, text::nexttry(now)))
    .map(drop)
}

fn leave(tx: &Transaction<'_>, day: Day, index: i64, additions: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE fetchjobs SET tlsrptd_seen = ?3, tlsrptd_reason = 'sessions were added after max_report_age' \
         WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), index, additions))
    .map(drop)
}

/// A question for additions is given up: a part of the answer would be told twice when it is asked again.
pub(super) fn forget_part(tx: &Transaction<'_>, job: &FetchJob) -> rusqlite::Result<()> {
    if job.seen.is_none() {
        return Ok(());
    }
    tx.prepare_cached(
        "UPDATE reportdata SET data = '' WHERE day = ?1 AND fetcher = ?2 AND status = 'late'",
    )?
    .execute((job.day.to_string(), &job.command))
    .map(drop)
}
