//! Writes decisions: reports with their deliveries, in a handful of statements.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use jiff::Timestamp;
use tlsrptd_fleet::{
    Fault, KeyHash, PgDay, PgTime, Row, Shard, Transaction, shard_of, stored_text, text_hash,
};
use tlsrptd_proto::day::Day;

use super::{
    super::{
        answers::shard_of_domain,
        history::{self, integer},
        mx_hosts, named, r_id,
    },
    used,
};
use crate::{
    model::{DecidedDomain, Decision, DeliveryStatus, Destination, QueueKey, ReportSubject},
    store::history_addition::Addition,
};

/// Gives those that were not there: a step that comes twice counts once.
fn insert_reports() -> String {
    format!(
        "INSERT INTO report(day, r_id, shard, domain, uniqid, mx, created, sessions, failed, jobs, reason, json) \
         SELECT $1, {next}, n.shard, n.domain, n.uniqid, $2, $3, n.sessions, n.failed, n.jobs, n.reason, n.json \
         FROM unnest($4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[]) \
         AS n(shard, domain, uniqid, sessions, failed, jobs, reason, json) \
         ON CONFLICT DO NOTHING RETURNING r_id, domain, uniqid",
        next = r_id::NEXT
    )
}

/// The same address twice in one report is one delivery.
const INSERT_DELIVERIES: &str = "INSERT INTO delivery(day, r_id, uri_hash, shard, uri, origin, queue, due, status, reason) \
    SELECT $1, n.r_id, n.uri_hash, n.shard, n.uri, n.origin, n.queue, n.due, n.status, n.reason \
    FROM unnest($2::bigint[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], \
    $10::text[]) AS n(r_id, uri_hash, shard, uri, origin, queue, due, status, reason) \
    ON CONFLICT DO NOTHING RETURNING r_id, uri_hash, status";

/// What a step has written.
#[derive(Debug, Default)]
pub(super) struct StoredDecisions {
    /// The decisions that were not there, by their index.
    new: BTreeSet<usize>,
    /// The deliveries that wait.
    pub(super) pending: Vec<PendingDelivery>,
}

/// A delivery that waits.
#[derive(Debug)]
pub(super) struct PendingDelivery {
    pub(super) shard: Shard,
    pub(super) queue: QueueKey,
    pub(super) due: Timestamp,
    pub(super) r_id: i64,
}

impl StoredDecisions {
    /// Those of these decisions that were not there.
    pub(super) fn of<'a>(
        &self,
        decisions: &'a [DecidedDomain],
    ) -> impl Iterator<Item = &'a DecidedDomain> + Clone {
        let new: Vec<&DecidedDomain> = self
            .new
            .iter()
            .filter_map(|at| decisions.get(*at))
            .collect();
        new.into_iter()
    }
}

/// The shards of these domains.
pub(super) fn shards_of(decisions: &[DecidedDomain]) -> Vec<Shard> {
    let shards: BTreeSet<Shard> = decisions
        .iter()
        .map(|decided| shard_of_domain(&decided.domain))
        .collect();
    shards.into_iter().collect()
}

/// Where a delivery waits: with all others of its https host, or with its report.
pub(in super::super) fn shard_of_delivery(destination: &Destination, domain: Shard) -> Shard {
    match destination.queue() {
        QueueKey::Https { host, .. } => shard_of(&host),
        _ => domain,
    }
}

/// Stores decisions, of which none is another's work already.
pub(super) fn store(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    decisions: &[DecidedDomain],
    subject: ReportSubject,
    now: Timestamp,
) -> Result<StoredDecisions, Fault> {
    if decisions.is_empty() {
        return Ok(StoredDecisions::default());
    }
    let late = match subject {
        ReportSubject::Domain => late_ones(tx, day, decisions)?,
        ReportSubject::MxHost => BTreeSet::new(),
    };
    let r_ids = add_reports(tx, day, decisions, subject, now)?;
    let made = NewDeliveries::of(decisions, &r_ids, now).insert(tx, day)?;
    let mut history: Addition<'_, Day> = Addition::default();
    for at in r_ids.keys() {
        let decided = &decisions[*at];
        let deliveries = made.numbers.get(at).copied().unwrap_or(0);
        match subject {
            ReportSubject::Domain => {
                if !late.contains(decided.domain.as_str()) {
                    history.first(&day);
                }
                history.decided(&day, decided, deliveries);
            }
            ReportSubject::MxHost => history.delivers(&day, deliveries),
        }
    }
    for destination in made.suppressed {
        history.ended(&day, destination, DeliveryStatus::Suppressed);
    }
    history::write(tx, member, history)?;
    let stored = StoredDecisions {
        new: r_ids.into_keys().collect(),
        pending: made.pending,
    };
    match subject {
        ReportSubject::Domain => {
            used::spoil(tx, day, decisions)?;
            used::pass(tx, day, decisions)?;
            mx_hosts::add(tx, member, day, stored.of(decisions))?;
        }
        // Whoever has read their sums removes them.
        ReportSubject::MxHost => {}
    }
    named::add(tx, member, day, stored.of(decisions))?;
    Ok(stored)
}

/// Domains of which there is a decision already; one on the MX host of that name is another.
fn late_ones(
    tx: &Transaction<'_>,
    day: Day,
    decisions: &[DecidedDomain],
) -> Result<BTreeSet<String>, Fault> {
    let again = decisions.iter().filter(|decided| decided.uniqid > 1);
    let again: Vec<&str> = again.map(|decided| decided.domain.as_str()).collect();
    if again.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = tx.query(
        "SELECT DISTINCT domain FROM report WHERE day = $1 AND domain = ANY($2) AND NOT mx",
        &[&PgDay(day), &again],
    )?;
    let domains = rows.iter().map(|row| row.try_get(0));
    Ok(domains.collect::<Result<_, _>>()?)
}

/// Gives the numbers of the new reports, by the index of the decision.
fn add_reports(
    tx: &Transaction<'_>,
    day: Day,
    decisions: &[DecidedDomain],
    subject: ReportSubject,
    now: Timestamp,
) -> Result<BTreeMap<usize, i64>, Fault> {
    let jobs = used::remove(tx, day, decisions)?;
    let (mut shards, mut domains, mut uniqids) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sessions, mut failed, mut of_jobs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reasons, mut texts) = (Vec::new(), Vec::new());
    let mut places = HashMap::new();
    for (at, decided) in decisions.iter().enumerate() {
        let uniqid = integer(decided.uniqid);
        places.insert((decided.domain.as_str(), uniqid), at);
        shards.push(shard_of_domain(&decided.domain));
        domains.push(decided.domain.as_str());
        uniqids.push(uniqid);
        sessions.push(integer(decided.rows.sessions));
        failed.push(integer(decided.rows.failed));
        of_jobs.push(jobs.get(&decided.domain).map(String::as_str));
        let (json, reason) = match &decided.decision {
            Decision::Report(report) => (Some(stored_text(&report.json)), None),
            Decision::NoReport(reason) => (None, Some(stored_text(reason))),
        };
        texts.push(json);
        reasons.push(reason);
    }
    let rows = tx.query(
        &insert_reports(),
        &[
            &PgDay(day),
            &(subject == ReportSubject::MxHost),
            &PgTime(now),
            &shards,
            &domains,
            &uniqids,
            &sessions,
            &failed,
            &of_jobs,
            &reasons,
            &texts,
        ],
    )?;
    let mut r_ids = BTreeMap::new();
    for row in rows {
        let (domain, uniqid): (&str, i64) = (row.try_get(1)?, row.try_get(2)?);
        if let Some(at) = places.get(&(domain, uniqid)) {
            r_ids.insert(*at, row.try_get(0)?);
        }
    }
    Ok(r_ids)
}

/// NewDeliveries of new reports.
#[derive(Debug, Default)]
struct NewDeliveries<'a> {
    rows: Vec<NewDelivery<'a>>,
}

#[derive(Debug)]
struct NewDelivery<'a> {
    at: usize,
    r_id: i64,
    hash: KeyHash,
    shard: Shard,
    destination: &'a Destination,
    due: Timestamp,
    suppressed: Option<&'a str>,
}

/// What became of them.
#[derive(Debug, Default)]
struct MadeDeliveries<'a> {
    /// How many there are, by the index of the decision.
    numbers: BTreeMap<usize, u64>,
    pending: Vec<PendingDelivery>,
    suppressed: Vec<&'a Destination>,
}

impl<'a> NewDeliveries<'a> {
    fn of(
        decisions: &'a [DecidedDomain],
        r_ids: &BTreeMap<usize, i64>,
        now: Timestamp,
    ) -> NewDeliveries<'a> {
        let mut all = NewDeliveries::default();
        for (at, r_id) in r_ids {
            let decided = &decisions[*at];
            let Some(report) = decided.decision.report() else {
                continue;
            };
            let of_domain = shard_of_domain(&decided.domain);
            let open = report.destinations.iter().map(|(to, due)| (to, *due, None));
            let suppressed = report.suppressed.iter();
            let suppressed = suppressed.map(|(to, reason)| (to, now, Some(reason.as_str())));
            for (destination, due, suppressed) in open.chain(suppressed) {
                all.rows.push(NewDelivery {
                    at: *at,
                    r_id: *r_id,
                    hash: text_hash(destination.uri()),
                    shard: shard_of_delivery(destination, of_domain),
                    destination,
                    due,
                    suppressed,
                });
            }
        }
        all
    }

    fn insert(&self, tx: &Transaction<'_>, day: Day) -> Result<MadeDeliveries<'a>, Fault> {
        let mut made = MadeDeliveries::default();
        if self.rows.is_empty() {
            return Ok(made);
        }
        // Of an address that is there twice the first is made.
        let mut first: HashMap<(i64, KeyHash), &NewDelivery<'a>> = HashMap::new();
        for row in self.rows.iter().rev() {
            first.insert((row.r_id, row.hash), row);
        }
        for row in self.insert_rows(tx, day)? {
            let Some(new) = first.get(&(row.try_get(0)?, row.try_get(1)?)) else {
                continue;
            };
            *made.numbers.entry(new.at).or_default() += 1;
            match new.suppressed {
                Some(_) => made.suppressed.push(new.destination),
                None => made.pending.push(PendingDelivery {
                    shard: new.shard,
                    queue: new.destination.queue(),
                    due: new.due,
                    r_id: new.r_id,
                }),
            }
        }
        Ok(made)
    }

    /// Gives those that were not there.
    fn insert_rows(&self, tx: &Transaction<'_>, day: Day) -> Result<Vec<Row>, Fault> {
        let status = DeliveryStatus::Suppressed.as_str();
        let r_ids: Vec<i64> = self.column(|row| row.r_id);
        let hashes: Vec<KeyHash> = self.column(|row| row.hash);
        let shards: Vec<Shard> = self.column(|row| row.shard);
        let uris: Vec<Cow<'_, str>> = self.column(|row| stored_text(row.destination.uri()));
        let origins: Vec<&str> = self.column(|row| row.destination.named_by.as_str());
        let queues: Vec<String> = self.column(|row| row.destination.queue().to_string());
        let due: Vec<PgTime> = self.column(|row| PgTime(row.due));
        let statuses: Vec<Option<&str>> = self.column(|row| row.suppressed.map(|_| status));
        let reasons: Vec<Option<Cow<'_, str>>> = self.column(|row| row.suppressed.map(stored_text));
        tx.query(
            INSERT_DELIVERIES,
            &[
                &PgDay(day),
                &r_ids,
                &hashes,
                &shards,
                &uris,
                &origins,
                &queues,
                &due,
                &statuses,
                &reasons,
            ],
        )
    }

    fn column<'r, T>(&'r self, of: impl Fn(&'r NewDelivery<'a>) -> T) -> Vec<T> {
        self.rows.iter().map(of).collect()
    }
}
