//! Takes due deliveries in hand, as far as there is memory for their reports.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Weak},
};

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, KeyHash, PgDay, PgTime, Row, Shard, Transaction};
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{
    PostgresStore, member_deliveries::HeldDelivery, pending_rows::ShardRows, r_id, unreadable,
};
use crate::{
    model::{Delivery, Destination, NamedBy, Payload, QueueKey, ReportKind, StoredReport},
    store::{
        ClaimLimit, Claimed, CorruptRow, Step, StoreError, in_hand::ReportsInHand,
        pending::Candidate,
    },
};

/// The rows behind candidates that are due: so many of a report and queue. Which of them are taken follows from the size of their
/// reports.
const DUE: &str = "SELECT w.at, d.r_id, d.uri_hash, d.shard, d.first IS NULL, coalesce(octet_length(r.json), 0)::bigint \
    FROM unnest($2::bigint[], $3::text[], $4::bigint[]) WITH ORDINALITY AS w(r_id, queue, number, at) \
    CROSS JOIN LATERAL (SELECT o.r_id, o.uri_hash, o.uri, o.shard, o.first, o.due FROM delivery o \
    WHERE o.day = $1 AND o.r_id = w.r_id AND o.queue = w.queue AND o.due <= $5 AND o.status IS NULL \
    AND o.started IS NULL AND o.shard = ANY($6) ORDER BY o.due, o.uri COLLATE \"C\" LIMIT w.number) d \
    JOIN report r ON r.day = $1 AND r.r_id = w.r_id ORDER BY w.at, d.due, d.uri COLLATE \"C\"";
/// The text of a report comes once, however many of its deliveries are taken.
const START: &str = "UPDATE delivery d SET started = $5, by = $6, first = coalesce(d.first, $5), dated = coalesce(d.dated, $5) \
    FROM unnest($2::bigint[], $3::uuid[], $4::boolean[]) WITH ORDINALITY AS w(r_id, uri_hash, wants, at), report r \
    WHERE d.day = $1 AND d.r_id = w.r_id AND d.uri_hash = w.uri_hash AND d.status IS NULL AND d.started IS NULL \
    AND r.day = $1 AND r.r_id = w.r_id \
    RETURNING w.at, d.uri, d.origin, d.queue, d.failures, d.first, d.dated, \
    d.queue LIKE 'https:%' AND EXISTS(SELECT 1 FROM arrived a WHERE a.uri_hash = d.uri_hash), \
    r.domain, r.uniqid, r.created, CASE WHEN w.wants THEN r.json END";
/// An attempt of ours that never began: the answer to a COMMIT was lost.
const STRANDED: &str = "UPDATE delivery d SET started = NULL, by = NULL, \
    first = CASE WHEN d.first = d.started THEN NULL ELSE d.first END, \
    dated = CASE WHEN d.dated = d.started THEN NULL ELSE d.dated END \
    WHERE d.shard = ANY($1) AND d.status IS NULL AND d.by = $2 \
    AND NOT EXISTS (SELECT 1 FROM unnest($3::bigint[], $4::uuid[]) AS h(r_id, uri_hash) \
    WHERE h.r_id = d.r_id AND h.uri_hash = d.uri_hash)";

/// A row that is due, and may be taken.
struct DueDelivery {
    candidate: usize,
    r_id: i64,
    uri_hash: KeyHash,
    shard: Shard,
    begins_window: bool,
    /// Its report is in memory; held here, so that it stays there.
    known: Option<Arc<StoredReport>>,
    /// The text of its report is read with it.
    wants_json: bool,
}

impl PostgresStore {
    /// When the next delivery is due; now, if rows remain unread.
    pub(super) fn next_pending(&mut self, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let own = &mut self.deliveries;
        let rows = ShardRows {
            db: &self.db,
            shards: &own.shards,
            read: &own.read,
        };
        own.pending.next(&rows, now)
    }

    pub(super) fn claim_due(
        &mut self,
        now: Timestamp,
        mut limit: ClaimLimit,
        room: &dyn Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.follow(now);
        if self.deliveries.is_unsure {
            self.free_stranded()?;
        }
        let bytes = self.deliveries.reports.left();
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
            let own = &mut self.deliveries;
            let rows = ShardRows {
                db: &self.db,
                shards: &own.shards,
                read: &own.read,
            };
            let picked = own.pending.pick(&rows, now, limit, room);
            let picked = picked.map_err(|fault| unreadable("due deliveries", fault))?;
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

    /// After a fault it is not known what was taken in hand. All candidates are still due.
    pub(super) fn claim_failed(&mut self) {
        self.deliveries.pending.read_again();
        self.deliveries.is_unsure = true;
    }

    fn free_stranded(&mut self) -> Result<(), StoreError> {
        let me = self.member.id();
        let shards = self.deliveries.shards.clone();
        let (r_ids, hashes): (Vec<i64>, Vec<KeyHash>) =
            self.deliveries.in_hand.keys().copied().unzip();
        self.transact(Step::Released, &shards, |tx| {
            tx.execute(STRANDED, &[&shards, &me, &r_ids, &hashes])
        })?;
        self.deliveries.is_unsure = false;
        Ok(())
    }

    /// Takes in hand the candidates that are due, and returns those that exceed the memory.
    fn start(
        &mut self,
        picked: &[Candidate],
        room: ClaimLimit,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (installation, me) = (self.installation.clone(), self.member.id());
        let shards = self.deliveries.shards.clone();
        let mut shared = std::mem::take(&mut self.deliveries.reports);
        let in_hand = std::mem::take(&mut self.deliveries.in_hand);
        let mut left = Vec::new();
        let taken = self.transact(Step::Started, &shards, |tx| {
            let mut taken = Vec::with_capacity(picked.len());
            let mut bytes = room;
            left.clear();
            for (day, candidates) in by_day(picked) {
                let mut due = due(tx, day, &candidates, &shards, now)?;
                // A failover may have lost that they were taken.
                due.retain(|(one, _)| !in_hand.contains_key(&(one.r_id, one.uri_hash)));
                let chosen = choose(due, &candidates, &mut shared, &mut bytes, &mut left);
                let rows = start(tx, day, &chosen, me, now)?;
                for (delivery, row) in rows {
                    let queue = &candidates[delivery.candidate].0.queue;
                    let claimed = claimed(delivery, &row, day, queue, &installation, &mut shared)?;
                    let held = HeldDelivery {
                        shard: delivery.shard,
                        domain: row.try_get(8)?,
                        uniqid: row.try_get(9)?,
                    };
                    taken.push(((delivery.r_id, delivery.uri_hash), held, claimed));
                }
            }
            Ok(taken)
        });
        self.deliveries.reports = shared;
        self.deliveries.in_hand = in_hand;
        for candidate in left {
            let own = &mut self.deliveries.pending;
            own.added(&candidate.queue, candidate.due(), candidate.r_id);
        }
        let mut claims = Vec::new();
        for (key, held, claimed) in taken? {
            self.deliveries.in_hand.insert(key, held);
            claims.push(claimed);
        }
        Ok(claims)
    }
}

/// Candidates of one report and queue, once, and how many they are; by day.
fn by_day(picked: &[Candidate]) -> BTreeMap<Day, Vec<(&Candidate, i64)>> {
    let mut days: BTreeMap<Day, Vec<(&Candidate, i64)>> = BTreeMap::new();
    let mut seen: HashMap<(i64, &QueueKey), usize> = HashMap::new();
    for candidate in picked {
        let Some(day) = r_id::day_of(candidate.r_id) else {
            continue;
        };
        let of_day = days.entry(day).or_default();
        match seen.get(&(candidate.r_id, &candidate.queue)) {
            Some(at) => of_day[*at].1 += 1,
            None => {
                seen.insert((candidate.r_id, &candidate.queue), of_day.len());
                of_day.push((candidate, 1));
            }
        }
    }
    days
}

fn due(
    tx: &Transaction<'_>,
    day: Day,
    candidates: &[(&Candidate, i64)],
    shards: &[Shard],
    now: Timestamp,
) -> Result<Vec<(DueDelivery, usize)>, Fault> {
    let r_ids: Vec<i64> = candidates.iter().map(|(of, _)| of.r_id).collect();
    let queues: Vec<String> = candidates
        .iter()
        .map(|(of, _)| of.queue.to_string())
        .collect();
    let numbers: Vec<i64> = candidates.iter().map(|(_, number)| *number).collect();
    let rows = tx.query(
        DUE,
        &[
            &PgDay(day),
            &r_ids,
            &queues,
            &numbers,
            &PgTime(now),
            &shards,
        ],
    )?;
    let due = rows.iter().map(|row| {
        let size: i64 = row.try_get(5)?;
        let delivery = DueDelivery {
            candidate: place(row)?,
            r_id: row.try_get(1)?,
            uri_hash: row.try_get(2)?,
            shard: row.try_get(3)?,
            begins_window: row.try_get(4)?,
            known: None,
            wants_json: false,
        };
        Ok((delivery, usize::try_from(size).unwrap_or(usize::MAX)))
    });
    due.collect()
}

/// The first column: the ordinal number of what was given, which begins with 1.
fn place(row: &Row) -> Result<usize, Fault> {
    let at: i64 = row.try_get(0)?;
    Ok(usize::try_from(at - 1).unwrap_or(0))
}

/// As many as there is memory for; those that are left are given back.
fn choose<'a>(
    due: Vec<(DueDelivery, usize)>,
    candidates: &[(&'a Candidate, i64)],
    shared: &mut ReportsInHand,
    bytes: &mut ClaimLimit,
    left: &mut Vec<&'a Candidate>,
) -> Vec<DueDelivery> {
    let mut chosen: Vec<DueDelivery> = Vec::with_capacity(due.len());
    let mut read: BTreeSet<(bool, i64)> = BTreeSet::new();
    for (mut delivery, size) in due {
        let candidate = candidates[delivery.candidate].0;
        let is_local = candidate.queue.is_local();
        let room = match is_local {
            true => &mut bytes.local,
            false => &mut bytes.posts,
        };
        if *room == 0 {
            left.push(candidate);
            continue;
        }
        let known = shared.of(&candidate.queue).get(&delivery.r_id);
        delivery.known = known.and_then(Weak::upgrade);
        if delivery.known.is_none() && read.insert((is_local, delivery.r_id)) {
            delivery.wants_json = true;
            *room = room.saturating_sub(size);
        }
        chosen.push(delivery);
    }
    chosen
}

/// Marks them, and gives the rows, in order.
fn start<'a>(
    tx: &Transaction<'_>,
    day: Day,
    chosen: &'a [DueDelivery],
    me: i64,
    now: Timestamp,
) -> Result<Vec<(&'a DueDelivery, Row)>, Fault> {
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let r_ids: Vec<i64> = chosen.iter().map(|of| of.r_id).collect();
    let hashes: Vec<KeyHash> = chosen.iter().map(|of| of.uri_hash).collect();
    let wants: Vec<bool> = chosen.iter().map(|of| of.wants_json).collect();
    let rows = tx.query(
        START,
        &[&PgDay(day), &r_ids, &hashes, &wants, &PgTime(now), &me],
    )?;
    let mut started = BTreeMap::new();
    for row in rows {
        started.insert(place(&row)?, row);
    }
    let of_chosen = |(at, row)| chosen.get(at).map(|delivery| (delivery, row));
    Ok(started.into_iter().filter_map(of_chosen).collect())
}

fn claimed(
    due: &DueDelivery,
    row: &Row,
    day: Day,
    queue: &QueueKey,
    installation: &InstallationId,
    shared: &mut ReportsInHand,
) -> Result<Claimed, Fault> {
    let origin: &str = row.try_get(2)?;
    let uri: String = row.try_get(1)?;
    let destination = Destination::new(uri, NamedBy::from_word(Some(origin)));
    let failures: i32 = row.try_get(4)?;
    let failures = u32::try_from(failures).unwrap_or_default();
    let (PgTime(first), PgTime(date)) = (row.try_get(5)?, row.try_get(6)?);
    let reports = shared.of(queue);
    let known = due.known.clone();
    let report = match known.or_else(|| reports.get(&due.r_id)?.upgrade()) {
        Some(report) => report,
        None => match stored_report(row, 8, day, installation)?.map(Arc::new) {
            Some(report) => {
                reports.insert(due.r_id, Arc::downgrade(&report));
                report
            }
            None => {
                return Ok(Claimed::Corrupt(CorruptRow {
                    r_id: due.r_id,
                    destination,
                    failures,
                }));
            }
        },
    };
    Ok(Claimed::Delivery(Delivery {
        r_id: due.r_id,
        report,
        destination,
        queue: queue.clone(),
        failures,
        first,
        begins_window: due.begins_window,
        date,
        delivered_before: row.try_get(7)?,
        request: None,
    }))
}

/// Domain, number, time and text stand in the columns from that one on. `None`: it cannot be read.
pub(super) fn stored_report(
    row: &Row,
    column: usize,
    day: Day,
    installation: &InstallationId,
) -> Result<Option<StoredReport>, Fault> {
    let domain = Domain::parse(row.try_get(column)?).ok();
    let uniqid = u64::try_from(row.try_get::<_, i64>(column + 1)?).ok();
    let PgTime(created) = row.try_get(column + 2)?;
    let json: Option<String> = row.try_get(column + 3)?;
    let (Some(domain), Some(uniqid), Some(json)) = (domain, uniqid, json) else {
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
