//! What there is to do and what was done, counted.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::store::{StatusCount, StatusCounts, WhyPending};

/// Needs none of our columns: sys4's file will do.
pub(super) fn status_counts(db: &Connection) -> rusqlite::Result<StatusCounts> {
    Ok(StatusCounts {
        jobs: counts(
            db,
            "SELECT day, status, count(*) FROM fetchjobs GROUP BY day, status ORDER BY day, status",
        )?,
        data: counts(
            db,
            "SELECT day, status, count(*) FROM reportdata GROUP BY day, status ORDER BY day, status",
        )?,
        destinations: counts(
            db,
            "SELECT day, status, count(*) FROM destinations JOIN reports ON r_id = d_r_id \
             GROUP BY day, status ORDER BY day, status",
        )?,
        why_pending: why_pending(db)?,
    })
}

fn counts(db: &Connection, sql: &str) -> rusqlite::Result<Vec<StatusCount>> {
    db.prepare(sql)?
        .query_map([], |row| {
            Ok(StatusCount {
                day: row.get(0)?,
                status: row.get(1)?,
                number: row.get(2)?,
            })
        })?
        .collect()
}

/// At most this number of reasons is distinguished; beyond it only known ones are counted.
const MAX_REASONS: usize = 10_000;

fn why_pending(db: &Connection) -> rusqlite::Result<Option<WhyPending>> {
    let has_reasons = db
        .prepare("SELECT 1 FROM pragma_table_info('destinations') WHERE name = 'tlsrptd_reason'")?
        .exists([])?;
    if !has_reasons {
        return Ok(None);
    }
    let mut rows = db.prepare(
        "SELECT tlsrptd_reason FROM destinations WHERE status IS NULL AND tlsrptd_reason IS NOT NULL",
    )?;
    let mut rows = rows.query([])?;
    let (mut tried, mut reasons) = (0, HashMap::new());
    while let Some(row) = rows.next()? {
        let reason: String = row.get(0)?;
        tried += 1;
        let kind = without_names(&reason);
        let is_known = reasons.contains_key(&kind);
        if is_known || reasons.len() < MAX_REASONS {
            reasons.entry(kind).or_insert((0, reason)).0 += 1;
        }
    }
    // Deterministic if several are equally frequent.
    let most = reasons.into_values().max();
    Ok(most.map(|(number, reason)| WhyPending {
        tried,
        number,
        reason,
    }))
}

/// A reply without the addresses that it names, so that the same reply counts as one.
fn without_names(reason: &str) -> String {
    let mut parts = reason.split('<');
    let mut kind = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kind.push_str("<>");
        kind.push_str(part.split_once('>').map_or("", |(_, rest)| rest));
    }
    kind
}
