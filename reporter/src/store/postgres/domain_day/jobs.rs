//! Who was or is asked for a day: fetchers, and the shippers that it waits for or waited for.

use tlsrptd_fleet::{Fault, PgDay, Row, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::{super::expected::IS_EXPECTED, at_one_time, instant};
use crate::store::{JobStage, JobState};

/// See [`DeliveriesView::jobs`](crate::store::DeliveriesView::jobs).
pub(in super::super) fn jobs(db: &Session, day: Day) -> Result<Vec<JobState>, Fault> {
    let tx = at_one_time(db)?;
    let jobs = of_day(&tx, day)?;
    tx.commit()?;
    Ok(jobs)
}

pub(super) fn of_day(tx: &Transaction<'_>, day: Day) -> Result<Vec<JobState>, Fault> {
    let rows = tx.query(
        "SELECT command, outcome, decided, failures, next, reason FROM fetch_job WHERE day = $1 ORDER BY job < 0, abs(job)",
        &[&PgDay(day)],
    )?;
    let mut jobs: Vec<JobState> = rows.iter().map(job).collect::<Result<_, _>>()?;
    // When it closes, it gets a row for each.
    let shippers = tx.query(
        &format!(
            "SELECT 'shipper:' || c.name, coalesce(s.done, false), s.day IS NOT NULL FROM day d CROSS JOIN collector c \
             LEFT JOIN shipment s ON s.day = d.day AND s.collector = c.id \
             WHERE d.day = $1 AND d.state = 'open' AND {IS_EXPECTED} \
             AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = d.day AND j.job = -c.id) ORDER BY c.id"
        ),
        &[&PgDay(day)],
    )?;
    for row in &shippers {
        jobs.push(shipper(row)?);
    }
    Ok(jobs)
}

fn job(row: &Row) -> Result<JobState, Fault> {
    let outcome: Option<String> = row.try_get(1)?;
    let stage = match outcome.as_deref() {
        None => JobStage::Waiting,
        Some("answered") => JobStage::Answered,
        Some("given up" | "too large") => JobStage::GivenUp,
        Some("removed") => JobStage::Removed,
        Some(other) => JobStage::Other(other.to_owned()),
    };
    let failures: i32 = row.try_get(3)?;
    Ok(JobState {
        command: row.try_get(0)?,
        next: instant(row, 4)?.filter(|_| stage == JobStage::Waiting),
        stage,
        is_decided: row.try_get(2)?,
        failures: u64::try_from(failures).unwrap_or(0),
        reason: row.try_get(5)?,
    })
}

fn shipper(row: &Row) -> Result<JobState, Fault> {
    let (is_done, has_shipped): (bool, bool) = (row.try_get(1)?, row.try_get(2)?);
    let reason = (!has_shipped).then(|| "it has shipped nothing of this day".to_owned());
    Ok(JobState {
        command: row.try_get(0)?,
        stage: match is_done {
            true => JobStage::Answered,
            false => JobStage::Waiting,
        },
        is_decided: false,
        failures: 0,
        next: None,
        reason,
    })
}
