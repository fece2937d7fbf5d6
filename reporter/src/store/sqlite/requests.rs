//! What the operator asks for by a row, as the daemon sees it.

mod operator;
mod reports;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, named_params};

use super::{SqliteStore, mails, text};
use crate::{
    model::{Destination, NamedBy, RequestId, RequestKind, RequestState},
    store::{
        AttemptEnd, OpenRequest, RequestEnd, RequestOutcome, Requests, StartedRequest, Step,
        StoreError,
        asked::{GONE, MOST_OPEN, Recorded, TEST_CUT_OFF, TakenRequest},
    },
};

/// Our table, and an index of what is open: `tlsrptctl` makes them too, on a file that only sys4 has had so far. Of a resend
/// `r_id` is the row of its report, as long as that has this day and domain. `first`, `dated` and `started` are those
/// of a delivery, `nexttry` is NULL for at once.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS tlsrptd_requests(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, day TEXT, domain TEXT, \
     r_id INTEGER, destination TEXT, origin TEXT, asked TEXT, by TEXT, state TEXT, answer TEXT, failures INTEGER, \
     seconds REAL, nexttry TEXT, first TEXT, dated TEXT, started TEXT, ended TEXT)",
    "CREATE INDEX IF NOT EXISTS tlsrptd_open_requests ON tlsrptd_requests(id) WHERE ended IS NULL",
];

impl Requests for SqliteStore {
    fn change_number(&self) -> Result<i64, StoreError> {
        self.read("the version of its data", |db| {
            db.prepare_cached("PRAGMA data_version")?
                .query_row([], |row| row.get(0))
        })
    }

    fn open_requests(&self) -> Result<Vec<OpenRequest>, StoreError> {
        self.read("requests", |db| {
            let rows = db
                .prepare_cached(
                    "SELECT id, kind, destination, nexttry, asked, answer, r_id, day, domain FROM tlsrptd_requests \
                     WHERE ended IS NULL AND started IS NULL ORDER BY id LIMIT ?1",
                )?
                .query_map([MOST_OPEN], open_request)?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
    }

    fn start_requests(
        &mut self,
        ids: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<StartedRequest>, StoreError> {
        let installation = self.installation.clone();
        self.transact(Step::RequestStarted, |tx| {
            let mut started = Vec::with_capacity(ids.len());
            for id in ids {
                let Some(row) = take_in_hand(tx, *id, now)? else {
                    continue;
                };
                match row.kind {
                    RequestKind::Test => started.push(StartedRequest::Test {
                        id: *id,
                        destination: row.destination,
                    }),
                    RequestKind::Resend => {
                        let report = match &row.report {
                            Some(report) => reports::read(tx, report, &installation)?,
                            None => None,
                        };
                        match report.zip(row.report.as_ref().map(|report| report.r_id)) {
                            Some((report, r_id)) => started.push(StartedRequest::Resend(Box::new(
                                row.delivery(*id, r_id, report, now),
                            ))),
                            None => end(tx, *id, RequestState::Failed, GONE, now)?,
                        }
                    }
                }
            }
            Ok(started)
        })
    }

    fn record_requests(&mut self, ends: &[RequestEnd], now: Timestamp) -> Result<(), StoreError> {
        let guard = self.guard.clone();
        self.transact(Step::RequestRecorded, |tx| {
            for request in ends {
                record(tx, request, now)?;
                if let (RequestOutcome::Delivery(disposition), Some(r_id)) =
                    (&request.outcome, request.r_id)
                {
                    let end = AttemptEnd {
                        r_id,
                        destination: request.destination.clone(),
                        disposition: disposition.clone(),
                        gzip: None,
                    };
                    mails::record_mails(tx, &[end], guard.as_ref(), now)?;
                }
            }
            Ok(())
        })
    }
}

/// A row that cannot be read is left alone.
fn open_request(row: &Row<'_>) -> rusqlite::Result<Option<OpenRequest>> {
    let Some(kind) = string(row, 1)?.as_deref().and_then(RequestKind::from_word) else {
        return Ok(None);
    };
    let destination = Destination::new(string(row, 2)?.unwrap_or_default(), NamedBy::Record);
    let due = string(row, 3)?;
    Ok(Some(OpenRequest {
        id: RequestId(row.get(0)?),
        kind,
        queue: destination.queue(),
        destination,
        due: due.as_deref().and_then(text::instant),
        asked: string(row, 4)?.as_deref().and_then(text::instant),
        answer: string(row, 5)?,
        report: reports::requested(row, 6)?,
    }))
}

/// `None`: it was withdrawn, or is no request.
fn take_in_hand(
    tx: &Transaction<'_>,
    id: RequestId,
    now: Timestamp,
) -> rusqlite::Result<Option<TakenRequest>> {
    let mut update = tx.prepare_cached(
        "UPDATE tlsrptd_requests SET state = ?3, started = ?2, first = coalesce(first, ?2), dated = coalesce(dated, ?2) \
         WHERE id = ?1 AND ended IS NULL AND started IS NULL \
         RETURNING kind, destination, origin, failures, first, dated, r_id, day, domain",
    )?;
    let in_hand = RequestState::InHand.as_str();
    update
        .query_row((id.0, text::nexttry(now), in_hand), |row| {
            let kind = string(row, 0)?.as_deref().and_then(RequestKind::from_word);
            let named_by = NamedBy::from_word(string(row, 2)?.as_deref());
            let uri = string(row, 1)?.unwrap_or_default();
            Ok(TakenRequest {
                // No other is taken.
                kind: kind.unwrap_or(RequestKind::Resend),
                destination: Destination::new(uri, named_by),
                failures: u32::try_from(integer(row, 3)?).unwrap_or_default(),
                first: string(row, 4)?.as_deref().and_then(text::instant),
                dated: string(row, 5)?.as_deref().and_then(text::instant),
                report: reports::requested(row, 6)?,
            })
        })
        .optional()
}

/// The text of a column, whatever stands there: what the daemon reads, an operator may have written by hand.
fn string(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(column)?.as_str().ok().map(str::to_owned))
}

fn integer(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64().unwrap_or_default())
}

/// Ends a request without an attempt.
fn end(
    tx: &Transaction<'_>,
    id: RequestId,
    state: RequestState,
    answer: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE tlsrptd_requests SET state = ?2, answer = ?3, started = NULL, ended = ?4 WHERE id = ?1",
    )?
    .execute((id.0, state.as_str(), answer, text::nexttry(now)))
    .map(drop)
}

fn record(tx: &Transaction<'_>, request: &RequestEnd, now: Timestamp) -> rusqlite::Result<()> {
    let recorded = Recorded::of(&request.outcome);
    tx.prepare_cached(
        "UPDATE tlsrptd_requests SET state = :state, answer = :answer, failures = failures + :failed, nexttry = :next, \
         seconds = :seconds, ended = :ended, asked = min(asked, :now), \
         first = CASE WHEN :waits OR (:postponed AND first = started) THEN NULL ELSE coalesce(:begins, first) END, \
         dated = CASE WHEN (:waits OR :postponed) AND dated = started THEN NULL ELSE dated END, started = NULL \
         WHERE id = :id AND ended IS NULL",
    )?
    .execute(named_params! {
        ":id": request.id.0, ":state": recorded.state.as_str(), ":answer": recorded.answer,
        ":failed": i64::from(recorded.failed), ":next": recorded.next.map(text::nexttry),
        ":seconds": request.took.as_secs_f64(), ":waits": recorded.waits, ":postponed": recorded.postponed,
        ":begins": recorded.begins.map(text::nexttry),
        ":ended": recorded.state.is_over().then(|| text::nexttry(now)),
        // Whoever asked may have had a clock that was ahead.
        ":now": text::nexttry(now),
    })
    .map(drop)
}

/// An attempt that was not begun: it waits again.
pub(super) fn put_back(tx: &Transaction<'_>, id: RequestId) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE tlsrptd_requests SET state = ?2, nexttry = NULL, \
         first = CASE WHEN first = started THEN NULL ELSE first END, \
         dated = CASE WHEN dated = started THEN NULL ELSE dated END, started = NULL WHERE id = ?1",
    )?
    .execute((id.0, RequestState::Waiting.as_str()))
    .map(drop)
}

/// At the start: a report whose outcome is not known is sent again, as any other; a test is not.
pub(super) fn release(tx: &Transaction<'_>) -> rusqlite::Result<usize> {
    tx.execute(
        "UPDATE tlsrptd_requests SET state = ?1, ended = started, answer = ?2, started = NULL \
         WHERE ended IS NULL AND started IS NOT NULL AND kind = ?3",
        (
            RequestState::Unknown.as_str(),
            TEST_CUT_OFF,
            RequestKind::Test.as_str(),
        ),
    )?;
    tx.execute(
        "UPDATE tlsrptd_requests SET state = ?1, started = NULL, nexttry = NULL \
         WHERE ended IS NULL AND started IS NOT NULL",
        [RequestState::Waiting.as_str()],
    )
}

/// Removes what ended long ago.
pub(super) fn clean(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM tlsrptd_requests WHERE ended < ?1", [oldest])
        .map(drop)
}

#[cfg(test)]
mod tests;
