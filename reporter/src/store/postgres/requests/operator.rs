//! Requests as the operator's command makes, reads and withdraws them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, KeyHash, PgDay, PgTime, Row, stored_text};

use super::{MOST_OPEN, reports};
use crate::{
    model::{Destination, NamedBy, RequestId, RequestKind, RequestState},
    store::{
        CoveredDestinations, NewRequest, OperatorRequests, RequestRow, StoreError,
        postgres::{
            PostgresReader,
            answers::shard_of_domain,
            decisions::shard_of_delivery,
            history::OPERATOR,
            unreadable,
            version::{self, Changed},
        },
    },
};

const ASK: &str = "INSERT INTO request(shard, kind, day, domain, r_id, destination, origin, asked, asker, state) \
    VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
/// The columns that [`request_row`] reads.
const ROW: &str = "SELECT id, kind, r_id, day, domain, destination, origin, asked, asker, state, answer, failures, seconds, \
    due FROM request";
/// A page of a day's deliveries.
const DESTINATIONS: &str = "SELECT r_id, uri_hash, uri FROM delivery \
    WHERE day = $1 AND (r_id, uri_hash) > ($2, $3) ORDER BY r_id, uri_hash LIMIT 4096";

impl OperatorRequests for PostgresReader {
    fn ask(
        &mut self,
        requests: &[NewRequest],
        now: Timestamp,
    ) -> Result<Option<Vec<RequestId>>, StoreError> {
        self.change(|tx| {
            // First of all: whoever asks at the same time waits here, and counts these too.
            version::bump(tx, Changed::Requests, OPERATOR)?;
            let open = tx.query_opt("SELECT count(*) FROM request WHERE ended IS NULL", &[])?;
            let open: i64 = open.map_or(Ok(0), |row| row.try_get(0))?;
            let more = i64::try_from(requests.len()).unwrap_or(i64::MAX);
            if open.saturating_add(more) > MOST_OPEN {
                return Ok(None);
            }
            let mut ids = Vec::with_capacity(requests.len());
            for request in requests {
                let report = request.report.as_ref();
                let domain = report.map(|report| report.domain.as_str());
                let shard = shard_of_domain(domain.unwrap_or_default());
                let row = tx.query_opt(
                    ASK,
                    &[
                        &shard_of_delivery(&request.destination, shard),
                        &request.kind.as_str(),
                        &report.map(|report| PgDay(report.day)),
                        &domain.map(stored_text),
                        &report.map(|report| report.r_id),
                        &stored_text(request.destination.uri()),
                        &request.destination.named_by.as_str(),
                        &PgTime(now),
                        &stored_text(&request.by),
                        &RequestState::Asked.as_str(),
                    ],
                )?;
                if let Some(row) = row {
                    ids.push(RequestId(row.try_get(0)?));
                }
            }
            Ok(Some(ids))
        })
    }

    fn pending_requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        let sql = format!("{ROW} WHERE ended IS NULL ORDER BY id LIMIT {MOST_OPEN}");
        self.request_rows(&self.read("requests", &sql, &[])?)
    }

    fn requests(&self, ids: &[RequestId]) -> Result<Vec<RequestRow>, StoreError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let sql = format!("{ROW} WHERE id = ANY($1) ORDER BY array_position($1, id)");
        self.request_rows(&self.read("requests", &sql, &[&ids])?)
    }

    fn withdraw(&mut self, ids: &[RequestId], now: Timestamp) -> Result<usize, StoreError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let state = RequestState::Withdrawn.as_str();
        self.change(|tx| {
            let withdrawn = tx.execute(
                "UPDATE request SET state = $2, ended = $3 WHERE id = ANY($1) AND ended IS NULL AND started IS NULL",
                &[&ids, &state, &PgTime(now)],
            )?;
            version::bump(tx, Changed::Requests, OPERATOR)?;
            Ok(usize::try_from(withdrawn).unwrap_or(usize::MAX))
        })
    }

    fn covered(
        &self,
        covers: &dyn Fn(&Destination) -> bool,
        most: usize,
        time: Duration,
    ) -> Result<CoveredDestinations, StoreError> {
        self.look_for_covered(covers, most, time)
            .map_err(|fault| unreadable("destinations", fault))
    }
}

impl PostgresReader {
    fn request_rows(&self, rows: &[Row]) -> Result<Vec<RequestRow>, StoreError> {
        let requests = rows.iter().filter_map(|row| request_row(row).transpose());
        let requests: Result<Vec<_>, Fault> = requests.collect();
        requests.map_err(|fault| unreadable("requests", fault))
    }

    /// Day by day, the latest first, as no index has the texts of destinations.
    fn look_for_covered(
        &self,
        covers: &dyn Fn(&Destination) -> bool,
        most: usize,
        time: Duration,
    ) -> Result<CoveredDestinations, Fault> {
        let begun = Instant::now();
        let (mut found, mut is_cut) = (BTreeSet::new(), false);
        let days = self
            .db
            .query("SELECT day FROM day WHERE made ORDER BY day DESC", &[])?;
        'days: for row in &days {
            let day: PgDay = row.try_get(0)?;
            let mut after = (i64::MIN, KeyHash([0; 16]));
            loop {
                let rows = self.db.query(DESTINATIONS, &[&day, &after.0, &after.1])?;
                let Some(last) = rows.last() else { break };
                after = (last.try_get(0)?, last.try_get(1)?);
                for row in &rows {
                    let uri: &str = row.try_get(2)?;
                    if !found.contains(uri) && covers(&Destination::new(uri, NamedBy::Record)) {
                        found.insert(uri.to_owned());
                    }
                }
                if begun.elapsed() >= time {
                    is_cut = true;
                    break 'days;
                }
            }
        }
        Ok(CoveredDestinations {
            found: u64::try_from(found.len()).unwrap_or(u64::MAX),
            first: found.into_iter().take(most).collect(),
            is_cut,
        })
    }
}

/// A row that the daemon cannot read is no request.
fn request_row(row: &Row) -> Result<Option<RequestRow>, Fault> {
    let Some(kind) = RequestKind::from_word(row.try_get(1)?) else {
        return Ok(None);
    };
    let state = RequestState::from_word(row.try_get(9)?);
    let named_by = NamedBy::from_word(Some(row.try_get(6)?));
    let (asked, next): (PgTime, Option<PgTime>) = (row.try_get(7)?, row.try_get(13)?);
    let failures: i32 = row.try_get(11)?;
    Ok(Some(RequestRow {
        id: RequestId(row.try_get(0)?),
        kind,
        report: reports::requested(row, 2)?,
        destination: Destination::new(row.try_get::<_, String>(5)?, named_by),
        asked: Some(asked.0),
        by: row.try_get(8)?,
        state: state.unwrap_or(RequestState::Unknown),
        answer: row.try_get(10)?,
        failures: u32::try_from(failures).unwrap_or_default(),
        seconds: row.try_get(12)?,
        next: next.map(|PgTime(at)| at),
    }))
}
