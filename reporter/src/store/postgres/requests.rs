//! What the operator asks for by a row, as the daemon sees it. A request is of a shard, as a delivery is, and its owner answers it.

mod operator;
mod reports;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Shard, Transaction, stored_text};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    PostgresStore, mails, r_id,
    record::EndedReports,
    unreadable,
    version::{self, Changed},
};
use crate::{
    model::{Destination, NamedBy, RequestId, RequestKind, RequestState},
    store::{
        AttemptEnd, OpenRequest, RequestEnd, RequestOutcome, Requests, StartedRequest, Step,
        StoreError,
        asked::{GONE, MOST_OPEN, Recorded, TEST_CUT_OFF, TakenRequest},
        mailed::MailedReport,
    },
};

/// Those of these shards that wait; `$2` and `$3`: in hand of this member, as it does not know, since the answer to a COMMIT was
/// lost.
const OPEN: &str = "SELECT id, kind, destination, due, asked, answer, r_id, day, domain FROM request \
    WHERE ended IS NULL AND shard = ANY($1) AND (started IS NULL OR by = $2 AND NOT id = ANY($3)) ORDER BY id LIMIT $4";
const TAKE: &str = "UPDATE request SET state = $5, started = $4, by = $2, first = coalesce(first, $4), \
    dated = coalesce(dated, $4) WHERE id = ANY($6) AND ended IS NULL AND shard = ANY($1) \
    AND (started IS NULL OR by = $2 AND NOT id = ANY($3)) \
    RETURNING id, shard, kind, destination, origin, failures, first, dated, r_id, day, domain";
/// What waits, and is not in hand, for the time that is told was told before.
const RECORD: &str = "UPDATE request SET state = $3, answer = $4, failures = failures + $5, due = $6, seconds = $7, \
    ended = $8, asked = least(asked, $9), \
    first = CASE WHEN $10 OR ($11 AND first = started) THEN NULL ELSE coalesce($12, first) END, \
    dated = CASE WHEN ($10 OR $11) AND dated = started THEN NULL ELSE dated END, started = NULL, by = NULL \
    WHERE id = $1 AND ended IS NULL AND (by = $2 OR started IS NULL AND ($8::timestamptz IS NOT NULL OR due IS DISTINCT FROM $6)) \
    RETURNING id";
/// An attempt that was not begun: it waits again.
const PUT_BACK: &str = "UPDATE request SET state = $3, due = NULL, \
    first = CASE WHEN first = started THEN NULL ELSE first END, \
    dated = CASE WHEN dated = started THEN NULL ELSE dated END, started = NULL, by = NULL \
    WHERE id = ANY($1) AND by = $2 AND ended IS NULL";

impl Requests for PostgresStore {
    fn change_number(&self) -> Result<i64, StoreError> {
        let what = [Changed::Requests, Changed::Bounces];
        let number = version::of(&self.db, &what);
        let number = number.map_err(|fault| unreadable("the version of its data", fault))?;
        Ok(number + self.changes())
    }

    fn open_requests(&self) -> Result<Vec<OpenRequest>, StoreError> {
        let (shards, in_hand) = (self.member.staying_shards(), self.requests_in_hand());
        let rows = self.read(
            "requests",
            OPEN,
            &[&shards, &self.member.id(), &in_hand, &MOST_OPEN],
        )?;
        let open = rows.iter().filter_map(|row| open_request(row).transpose());
        open.collect::<Result<_, _>>()
            .map_err(|fault| unreadable("requests", fault))
    }

    fn start_requests(
        &mut self,
        ids: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<StartedRequest>, StoreError> {
        let (installation, me) = (self.installation.clone(), self.member.id());
        let (shards, in_hand) = (self.member.shards().to_vec(), self.requests_in_hand());
        let asked: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let started = self.transact(Step::RequestStarted, &shards, |tx| {
            let state = RequestState::InHand.as_str();
            let rows = tx.query(
                TAKE,
                &[&shards, &me, &in_hand, &PgTime(now), &state, &asked],
            )?;
            let mut taken = rows.iter().map(taken).collect::<Result<Vec<_>, _>>()?;
            taken.sort_by_key(|(id, ..)| *id);
            let mut started = Vec::with_capacity(taken.len());
            for (id, shard, row) in taken {
                match row.kind {
                    RequestKind::Test => started.push((
                        (id, shard),
                        StartedRequest::Test {
                            id,
                            destination: row.destination,
                        },
                    )),
                    RequestKind::Resend => {
                        let report = match &row.report {
                            Some(report) => reports::read(tx, report, &installation)?,
                            None => None,
                        };
                        match report.zip(row.report.as_ref().map(|report| report.r_id)) {
                            Some((report, r_id)) => {
                                let delivery = row.delivery(id, r_id, report, now);
                                let resend = StartedRequest::Resend(Box::new(delivery));
                                started.push(((id, shard), resend));
                            }
                            None => end(tx, id, RequestState::Failed, GONE, now)?,
                        }
                    }
                }
            }
            Ok(started)
        });
        // What was not answered may be in hand: it is looked for again.
        self.deliveries.changes += i64::from(started.is_err());
        let started = started?;
        let in_hand = started.iter().map(|(key, _)| *key);
        self.deliveries.requests.extend(in_hand);
        Ok(started.into_iter().map(|(_, request)| request).collect())
    }

    fn record_requests(&mut self, ends: &[RequestEnd], now: Timestamp) -> Result<(), StoreError> {
        let (shards, me) = (self.member.shards().to_vec(), self.member.id());
        let guard = self.guard.clone();
        self.transact(Step::RequestRecorded, &shards, |tx| {
            for request in ends {
                if !record(tx, request, me, now)? {
                    continue;
                }
                let (RequestOutcome::Delivery(disposition), Some(r_id)) =
                    (&request.outcome, request.r_id)
                else {
                    continue;
                };
                let end = AttemptEnd {
                    r_id,
                    destination: request.destination.clone(),
                    disposition: disposition.clone(),
                    gzip: None,
                };
                if end.disposition.is_sent() {
                    let reports = mailed_report(tx, r_id)?;
                    mails::record(tx, me, &[&end], &reports, guard.as_ref(), now)?;
                }
            }
            Ok(())
        })?;
        for request in ends {
            self.deliveries.requests.remove(&request.id);
        }
        Ok(())
    }
}

impl PostgresStore {
    /// Grows when what is read of requests and bounces is about other shards.
    fn changes(&self) -> i64 {
        self.deliveries.changes
            + i64::from(!self.deliveries.is_about(&self.member.staying_shards()))
    }

    fn requests_in_hand(&self) -> Vec<i64> {
        self.deliveries.requests.keys().map(|id| id.0).collect()
    }
}

/// A row that cannot be read is left alone.
fn open_request(row: &Row) -> Result<Option<OpenRequest>, Fault> {
    let Some(kind) = RequestKind::from_word(row.try_get(1)?) else {
        return Ok(None);
    };
    let destination = Destination::new(row.try_get::<_, String>(2)?, NamedBy::Record);
    let (due, asked): (Option<PgTime>, PgTime) = (row.try_get(3)?, row.try_get(4)?);
    Ok(Some(OpenRequest {
        id: RequestId(row.try_get(0)?),
        kind,
        queue: destination.queue(),
        destination,
        due: due.map(|PgTime(at)| at),
        asked: Some(asked.0),
        answer: row.try_get(5)?,
        report: reports::requested(row, 6)?,
    }))
}

fn taken(row: &Row) -> Result<(RequestId, Shard, TakenRequest), Fault> {
    let origin: &str = row.try_get(4)?;
    let uri: String = row.try_get(3)?;
    let failures: i32 = row.try_get(5)?;
    let (first, dated): (Option<PgTime>, Option<PgTime>) = (row.try_get(6)?, row.try_get(7)?);
    let taken = TakenRequest {
        // No other is taken.
        kind: RequestKind::from_word(row.try_get(2)?).unwrap_or(RequestKind::Resend),
        destination: Destination::new(uri, NamedBy::from_word(Some(origin))),
        report: reports::requested(row, 8)?,
        failures: u32::try_from(failures).unwrap_or_default(),
        first: first.map(|PgTime(at)| at),
        dated: dated.map(|PgTime(at)| at),
    };
    Ok((RequestId(row.try_get(0)?), row.try_get(1)?, taken))
}

/// Ends a request without an attempt.
fn end(
    tx: &Transaction<'_>,
    id: RequestId,
    state: RequestState,
    answer: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE request SET state = $2, answer = $3, started = NULL, by = NULL, ended = $4 WHERE id = $1",
        &[&id.0, &state.as_str(), &answer, &PgTime(now)],
    )
    .map(drop)
}

/// Gives whether it was there.
fn record(
    tx: &Transaction<'_>,
    request: &RequestEnd,
    me: i64,
    now: Timestamp,
) -> Result<bool, Fault> {
    let recorded = Recorded::of(&request.outcome);
    let ended = recorded.state.is_over().then_some(PgTime(now));
    let row = tx.query_opt(
        RECORD,
        &[
            &request.id.0,
            &me,
            &recorded.state.as_str(),
            &stored_text(recorded.answer),
            &i32::from(recorded.failed),
            &recorded.next.map(PgTime),
            &request.took.as_secs_f64(),
            &ended,
            // Whoever asked may have had a clock that was ahead.
            &PgTime(now),
            &recorded.waits,
            &recorded.postponed,
            &recorded.begins.map(PgTime),
        ],
    )?;
    Ok(row.is_some())
}

/// What the loop guard has to know of the report that was sent once more.
fn mailed_report(tx: &Transaction<'_>, r_id: i64) -> Result<EndedReports, Fault> {
    let Some(day) = r_id::day_of(r_id) else {
        return Ok(EndedReports::new());
    };
    let row = tx.query_opt(
        "SELECT domain, coalesce(failed, 0) > 0, mx FROM report WHERE day = $1 AND r_id = $2",
        &[&PgDay(day), &r_id],
    )?;
    let report = row.map(|row| {
        Ok::<_, Fault>(MailedReport {
            domain: Domain::parse(row.try_get(0)?).ok(),
            day: day.to_string(),
            failed: row.try_get(1)?,
            is_on_mx_host: row.try_get(2)?,
        })
    });
    Ok(report
        .transpose()?
        .map(|report| (r_id, report))
        .into_iter()
        .collect())
}

/// Attempts that were not begun: they wait again.
pub(super) fn put_back(tx: &Transaction<'_>, ids: &[i64], me: i64) -> Result<(), Fault> {
    let state = RequestState::Waiting.as_str();
    tx.execute(PUT_BACK, &[&ids, &me, &state]).map(drop)
}

/// What others had in hand of these shards: a report whose outcome is not known is sent again, as any other; a test is not. Gives
/// how many are sent again.
pub(super) fn release(tx: &Transaction<'_>, shards: &[Shard], me: i64) -> Result<usize, Fault> {
    let is_others =
        "shard = ANY($1) AND by IS DISTINCT FROM $2 AND ended IS NULL AND started IS NOT NULL";
    let tests = tx.execute(
        &format!(
            "UPDATE request SET state = $3, ended = started, answer = $4, started = NULL, by = NULL \
             WHERE {is_others} AND kind = $5"
        ),
        &[
            &shards,
            &me,
            &RequestState::Unknown.as_str(),
            &TEST_CUT_OFF,
            &RequestKind::Test.as_str(),
        ],
    )?;
    let resends = tx.execute(
        &format!(
            "UPDATE request SET state = $3, started = NULL, by = NULL, due = NULL WHERE {is_others}"
        ),
        &[&shards, &me, &RequestState::Waiting.as_str()],
    )?;
    if tests + resends > 0 {
        version::bump(tx, Changed::Requests, me)?;
    }
    Ok(usize::try_from(resends).unwrap_or(usize::MAX))
}

/// Removes what ended long ago.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM request WHERE ended < $1",
        &[&PgTime(oldest.start())],
    )
    .map(drop)
}
