//! Suspensions: a destination that refuses reports on a domain day after day gets no more on that domain for some days.
//!
//! A refusal counts for the pair of domain and destination. A record may name any destination, even another organisation's;
//! that it refuses reports on this domain says nothing about domains whose owners chose it.
//!
//! Where mails come back, a mail that the relay took is no answer of the receiver's: only when it has not come back for some days
//! the refusals before it are forgotten. And a bounce counts only if its mail went out after the last suspension began: what
//! was on its way then makes that no longer.

use rusqlite::{OptionalExtension as _, Transaction, named_params};
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::{
    model::{Destination, NamedBy, QueueKey, SuppressionTarget},
    store::{AttemptEnd, Disposition, Suspension, sqlite::mails},
    suppress::{Refusals, TargetForDomain},
};

/// The limit of suspensions at one time: the list is held in memory, and its entries come from other people's records.
/// Beyond the limit a destination that refuses is tried every day as before.
const MAX_SUSPENDED: i64 = 100_000;

/// A mail that has not come back for so long has arrived: relays give up after four or five days (RFC 5321 section 4.5.4.1).
const COMES_BACK_WITHIN: u32 = 7;
/// In `taken`: mails come back, and none has been taken since the last bounce.
const BOUNCED: &str = "";

/// Who refused a report.
#[derive(Clone, Copy, Debug)]
enum RefusedBy {
    /// The receiver, at once.
    Receiver,
    /// A bounce of a mail that went out on that day, if that is known.
    Bounce(Option<Day>),
}

/// What is remembered of a pair.
#[derive(Clone, Debug)]
struct RememberedRefusals {
    refusals: Refusals,
    /// See [`super::TABLES`].
    taken: Option<String>,
}

impl RememberedRefusals {
    /// A mail was taken since, and has not come back.
    fn is_over(&self, today: Day) -> bool {
        let taken = self.taken.as_deref().and_then(|day| Day::parse(day).ok());
        taken.is_some_and(|taken| taken.ahead(COMES_BACK_WITHIN) <= today)
    }
}

/// What follows from outcomes, determined in the transaction that records them.
#[derive(Debug)]
pub(in crate::store::sqlite) struct RefusalTracker {
    /// Whether any refusals are remembered: mostly there are none, and no report that is taken forgets any.
    remembers: bool,
    pub(in crate::store::sqlite) list_changed: bool,
    pub(in crate::store::sqlite) suspended: Vec<Suspension>,
}

impl RefusalTracker {
    pub(in crate::store::sqlite) fn before(
        tx: &Transaction<'_>,
    ) -> rusqlite::Result<RefusalTracker> {
        let mut any = tx.prepare_cached("SELECT 1 FROM tlsrptd_refusals LIMIT 1")?;
        Ok(RefusalTracker {
            remembers: any.exists([])?,
            list_changed: false,
            suspended: Vec::new(),
        })
    }

    /// Evaluates one outcome.
    pub(in crate::store::sqlite) fn evaluate(
        &mut self,
        tx: &Transaction<'_>,
        end: &AttemptEnd,
        today: Day,
    ) -> rusqlite::Result<()> {
        match &end.disposition {
            Disposition::Refused { reason } if counts(tx, end, today)? => {
                self.refused(
                    tx,
                    (end.r_id, &end.destination),
                    reason,
                    today,
                    RefusedBy::Receiver,
                )?;
            }
            disposition if disposition.is_sent() && self.remembers => {
                self.list_changed |= taken(tx, end, today)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Evaluates a bounce that came on that day, of a mail that was sent then. It speaks of the address, and has ended the
    /// delivery.
    pub(in crate::store::sqlite) fn bounced(
        &mut self,
        tx: &Transaction<'_>,
        r_id: i64,
        destination: &Destination,
        reason: &str,
        came: Day,
        sent: Option<Day>,
    ) -> rusqlite::Result<()> {
        let by = RefusedBy::Bounce(sent);
        self.refused(tx, (r_id, destination), reason, came, by)
    }

    fn refused(
        &mut self,
        tx: &Transaction<'_>,
        delivery: (i64, &Destination),
        reason: &str,
        today: Day,
        by: RefusedBy,
    ) -> rusqlite::Result<()> {
        let suspended = refused(tx, delivery, reason, today, by)?;
        self.remembers = true;
        self.list_changed |= suspended.is_some();
        self.suspended.extend(suspended);
        Ok(())
    }
}

/// Whether a refusal counts as the receiver's. A destination that the operator named is the operator's to correct. A relay
/// that has taken no mail all day may refuse us, not the address.
fn counts(tx: &Transaction<'_>, end: &AttemptEnd, today: Day) -> rusqlite::Result<bool> {
    let by_operator = end.destination.named_by == NamedBy::Operator;
    if by_operator || end.destination.queue() != QueueKey::Relay {
        return Ok(!by_operator);
    }
    mails::any(tx, today)
}

/// A destination refused; gives its suspension, if that follows.
fn refused(
    tx: &Transaction<'_>,
    (r_id, destination): (i64, &Destination),
    reason: &str,
    today: Day,
    by: RefusedBy,
) -> rusqlite::Result<Option<Suspension>> {
    let Some(pair) = pair(tx, r_id, destination)? else {
        return Ok(None);
    };
    if let RefusedBy::Bounce(Some(sent)) = by
        && was_suspended_since(tx, &pair, sent)?
    {
        return Ok(None);
    }
    let before = remembered(tx, &pair)?.filter(|before| !before.is_over(today));
    let comes_back = matches!(by, RefusedBy::Bounce(_))
        || before.as_ref().is_some_and(|before| before.taken.is_some());
    let before = before.map(|before| before.refusals);
    let (mut refusals, mut until) = Refusals::and_today(before, today);
    if until.is_some() && is_full(tx, today)? {
        until = None;
        refusals.times = before.map_or(0, |before| before.times);
    }
    tx.prepare_cached(
        "INSERT INTO tlsrptd_refusals(target, domain, days, last, times, taken) VALUES(?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT(target, domain) DO UPDATE SET days = ?3, last = ?4, times = ?5, taken = ?6",
    )?
    .execute((
        pair.target.as_str(),
        &pair.domain,
        refusals.days,
        refusals.last.to_string(),
        refusals.times,
        comes_back.then_some(BOUNCED),
    ))?;
    let Some(until) = until else { return Ok(None) };
    // The operator's own entry stays.
    tx.prepare_cached(
        "INSERT INTO tlsrptd_suppressed(target, domain, until, reason, since, by, times) \
         VALUES(:target, :domain, :until, :reason, :since, 'refusals', :times) \
         ON CONFLICT(target, domain) DO UPDATE SET until = :until, reason = :reason, since = :since, times = :times \
         WHERE by = 'refusals'",
    )?
    .execute(named_params! {
        ":target": pair.target.as_str(), ":domain": pair.domain, ":until": until.to_string(), ":since": today.to_string(),
        ":times": refusals.times, ":reason": format!("refused on {} days, at last: {reason}", refusals.days),
    })?;
    let days = refusals.days;
    Ok(Some(Suspension { pair, until, days }))
}

/// The pair that a delivery counts for.
fn pair(
    tx: &Transaction<'_>,
    r_id: i64,
    destination: &Destination,
) -> rusqlite::Result<Option<TargetForDomain>> {
    let Some(target) = SuppressionTarget::of(destination) else {
        return Ok(None);
    };
    let domain: Option<String> = tx
        .prepare_cached("SELECT domain FROM reports WHERE r_id = ?1 AND domain <> ''")?
        .query_row([r_id], |row| row.get(0))
        .optional()?;
    // Normalized: sys4 keeps names as it received them.
    let domain = domain.and_then(|domain| Domain::parse(&domain).ok());
    Ok(domain.map(|domain| TargetForDomain {
        target,
        domain: domain.to_string(),
    }))
}

/// Whether its last suspension began on that day, or later.
fn was_suspended_since(
    tx: &Transaction<'_>,
    pair: &TargetForDomain,
    day: Day,
) -> rusqlite::Result<bool> {
    tx.prepare_cached(
        "SELECT 1 FROM tlsrptd_suppressed WHERE target = ?1 AND domain = ?2 AND by = 'refusals' AND since >= ?3",
    )?
    .exists((pair.target.as_str(), &pair.domain, day.to_string()))
}

fn remembered(
    tx: &Transaction<'_>,
    pair: &TargetForDomain,
) -> rusqlite::Result<Option<RememberedRefusals>> {
    let row = tx
        .prepare_cached(
            "SELECT days, last, times, taken FROM tlsrptd_refusals WHERE target = ?1 AND domain = ?2",
        )?
        .query_row([pair.target.as_str(), &pair.domain], |row| {
            let last: String = row.get(1)?;
            let (days, times) = (row.get(0)?, row.get(2)?);
            let last = Day::parse(&last).ok();
            let taken = row.get(3)?;
            Ok(last.map(|last| RememberedRefusals {
                refusals: Refusals { days, last, times },
                taken,
            }))
        })
        .optional()?;
    Ok(row.flatten())
}

fn is_full(tx: &Transaction<'_>, today: Day) -> rusqlite::Result<bool> {
    let suspended: i64 = tx
        .prepare_cached(
            "SELECT count(*) FROM tlsrptd_suppressed WHERE by = 'refusals' AND until >= ?1",
        )?
        .query_row([today.to_string()], |row| row.get(0))?;
    Ok(suspended >= MAX_SUSPENDED)
}

/// A destination took a report: what it refused before is forgotten, at once or when the mail does not come back. Gives whether
/// the list has changed.
fn taken(tx: &Transaction<'_>, end: &AttemptEnd, today: Day) -> rusqlite::Result<bool> {
    let Some(pair) = pair(tx, end.r_id, &end.destination)? else {
        return Ok(false);
    };
    let before = remembered(tx, &pair)?;
    if let Some(before) = &before
        && let Some(taken) = &before.taken
        && !before.is_over(today)
    {
        let today = today.to_string();
        // By a clock that was ahead it may be a day to come.
        if taken == BOUNCED || *taken > today {
            tx.prepare_cached(
                "UPDATE tlsrptd_refusals SET taken = ?3 WHERE target = ?1 AND domain = ?2",
            )?
            .execute((pair.target.as_str(), &pair.domain, today))?;
        }
        return Ok(false);
    }
    let forgotten = tx
        .prepare_cached("DELETE FROM tlsrptd_refusals WHERE target = ?1 AND domain = ?2")?
        .execute([pair.target.as_str(), &pair.domain])?;
    if forgotten == 0 {
        return Ok(false);
    }
    let released = tx
        .prepare_cached(
            "DELETE FROM tlsrptd_suppressed WHERE target = ?1 AND domain = ?2 AND by = 'refusals'",
        )?
        .execute([pair.target.as_str(), &pair.domain])?;
    Ok(released > 0)
}
