//! Takes due deliveries in hand, as far as there is memory for their reports.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row};
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{SqliteStore, text, unreadable};
use crate::{
    model::{Delivery, Destination, NamedBy, Payload, QueueKey, ReportKind, StoredReport},
    store::{ClaimLimit, Claimed, CorruptRow, Step, StoreError, pending::Candidate},
};

/// One report may have several deliveries in a queue. Whether reports have arrived at a destination before is read from its
/// oldest rows: a destination that many domains share may have a million rows.
const DUE: &str = "SELECT d.destination, d.retries, d.tlsrptd_first, d.tlsrptd_origin, r.day, r.domain, r.uniqid, \
    r.report, r.its, d.tlsrptd_dated, d.tlsrptd_queue LIKE 'https:%' AND EXISTS(SELECT 1 FROM \
    (SELECT status FROM destinations w WHERE w.destination = d.destination ORDER BY w.d_r_id LIMIT 20) \
    WHERE status = 'sent') FROM destinations d JOIN reports r ON r.r_id = d.d_r_id \
    WHERE d.d_r_id = ?1 AND d.tlsrptd_queue = ?2 AND d.nexttry <= ?3 AND d.status IS NULL \
    AND d.tlsrptd_started IS NULL ORDER BY d.nexttry LIMIT 1";

impl SqliteStore {
    pub(super) fn claim_due(
        &mut self,
        now: Timestamp,
        mut limit: ClaimLimit,
        room: &dyn Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let bytes = self.reports.left();
        if bytes.local == 0 {
            limit.local = 0;
        }
        if bytes.posts == 0 {
            limit.posts = 0;
        }
        if limit.local + limit.posts == 0 {
            return Ok(Vec::new());
        }
        loop {
            let picked = self.pending.pick(&self.db, now, limit, room);
            let picked = picked.map_err(|source| unreadable("due deliveries", source))?;
            if picked.is_empty() {
                return Ok(Vec::new());
            }
            let claims = self.start(&picked, bytes, now)?;
            // The picked candidates may be outdated; then others are due.
            if !claims.is_empty() {
                return Ok(claims);
            }
        }
    }

    /// Takes in hand the candidates that are due, and returns those that exceed the memory.
    fn start(
        &mut self,
        picked: &[Candidate],
        bytes: ClaimLimit,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let installation = self.installation.clone();
        let mut shared = std::mem::take(&mut self.reports);
        let mut left = Vec::new();
        let claims = self.transact(Step::Started, |tx| {
            let at = text::nexttry(now);
            let mut select = tx.prepare_cached(DUE)?;
            let mut start = tx.prepare_cached(
                "UPDATE destinations SET tlsrptd_started = ?3, tlsrptd_first = coalesce(tlsrptd_first, ?3), \
                 tlsrptd_dated = coalesce(tlsrptd_dated, ?3) \
                 WHERE destination = ?1 AND d_r_id = ?2",
            )?;
            let mut claims = Vec::with_capacity(picked.len());
            let mut bytes = bytes;
            for candidate in picked {
                let room = match candidate.queue.is_local() {
                    true => &mut bytes.local,
                    false => &mut bytes.posts,
                };
                if *room == 0 {
                    left.push(candidate);
                    continue;
                }
                let due = select.query_row((candidate.r_id, candidate.queue.to_string(), &at), |row| {
                    claimed(row, now, candidate, &installation, shared.of(&candidate.queue), room)
                });
                if let Some(claimed) = due.optional()? {
                    start.execute((claimed.destination().uri(), candidate.r_id, &at))?;
                    claims.push(claimed);
                }
            }
            Ok(claims)
        });
        self.reports = shared;
        for candidate in left {
            self.pending
                .added(&candidate.queue, candidate.due(), candidate.r_id);
        }
        claims
    }
}

fn claimed(
    row: &Row<'_>,
    now: Timestamp,
    candidate: &Candidate,
    installation: &InstallationId,
    shared: &mut HashMap<i64, Weak<StoredReport>>,
    room: &mut usize,
) -> rusqlite::Result<Claimed> {
    let failures: u32 = row.get::<_, Option<u32>>(1)?.unwrap_or(0);
    let first: Option<String> = row.get(2)?;
    let begins_window = first.is_none();
    let dated: Option<String> = row.get(9)?;
    let instant = |text: Option<String>| text.as_deref().and_then(text::instant).unwrap_or(now);
    let named_by: Option<String> = row.get(3)?;
    let named_by = NamedBy::from_word(named_by.as_deref());
    let destination = Destination::new(row.get::<_, String>(0)?, named_by);
    let r_id = candidate.r_id;
    let known = shared.get(&r_id).and_then(Weak::upgrade);
    let report = match known {
        Some(report) => report,
        None => match stored_report(row, installation)?.map(Arc::new) {
            Some(report) => {
                *room = room.saturating_sub(report.json.len());
                shared.insert(r_id, Arc::downgrade(&report));
                report
            }
            None => {
                return Ok(Claimed::Corrupt(CorruptRow {
                    r_id,
                    destination,
                    failures,
                }));
            }
        },
    };
    Ok(Claimed::Delivery(Delivery {
        r_id,
        report,
        destination,
        queue: candidate.queue.clone(),
        failures,
        first: instant(first),
        begins_window,
        date: instant(dated),
        delivered_before: row.get(10)?,
        request: None,
    }))
}

/// Day, domain, number, text and time stand in the columns 4 to 8.
pub(super) fn stored_report(
    row: &Row<'_>,
    installation: &InstallationId,
) -> rusqlite::Result<Option<StoredReport>> {
    let texts = |index: usize| {
        row.get_ref(index)
            .map(|value| value.as_str().ok().map(str::to_owned))
    };
    let day = texts(4)?.and_then(|day| Day::parse(&day).ok());
    let domain = texts(5)?.and_then(|domain| Domain::parse(&domain).ok());
    let uniqid = row
        .get_ref(6)?
        .as_i64()
        .ok()
        .and_then(|id| u64::try_from(id).ok());
    let created = texts(8)?.and_then(|its| text::instant(&its));
    let (Some(day), Some(domain), Some(uniqid), Some(json), Some(created)) =
        (day, domain, uniqid, texts(7)?, created)
    else {
        return Ok(None);
    };
    Ok(Some(StoredReport {
        day,
        domain,
        uniqid,
        json,
        created,
        installation: installation.clone(),
        kind: ReportKind::Sessions,
        payload: Payload::default(),
    }))
}
