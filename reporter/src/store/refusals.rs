//! Suspensions: a destination that refuses reports on a domain day after day gets no more on that domain for some days.
//! Whatever the engine.
//!
//! A refusal counts for the pair of domain and destination. A record may name any destination, even another organisation's;
//! that it refuses reports on this domain says nothing about domains whose owners chose it.
//!
//! Where mails come back, a mail that the relay took is no answer of the receiver's: only when it has not come back for some days
//! the refusals before it are forgotten. And a bounce counts only if its mail went out after the last suspension began: what
//! was on its way then makes that no longer.

use tlsrptd_proto::{day::Day, domain::Domain};

use super::{AttemptEnd, Disposition, Suspension};
use crate::{
    model::{Destination, NamedBy, QueueKey, SuppressionTarget},
    suppress::{Refusals, TargetForDomain},
};

/// The limit of suspensions at one time: the list is held in memory, and its entries come from other people's records.
/// Beyond the limit a destination that refuses is tried every day as before.
const MAX_SUSPENDED: i64 = 100_000;

/// A mail that has not come back for so long has arrived: relays give up after four or five days (RFC 5321 section 4.5.4.1).
const COMES_BACK_WITHIN: u32 = 7;
/// In `taken`: mails come back, and none has been taken since the last bounce.
const BOUNCED: &str = "";

/// What is remembered of refusals, in a transaction that records outcomes.
pub(super) trait RefusalRows {
    /// What can go wrong.
    type Fault;

    /// Whether any refusals are remembered.
    fn remembers_any(&self) -> Result<bool, Self::Fault>;

    /// Whether the relay took any mail on that day.
    fn any_mail(&self, day: Day) -> Result<bool, Self::Fault>;

    /// The domain of a report, as its row has it.
    fn domain_of(&self, r_id: i64) -> Result<Option<String>, Self::Fault>;

    /// What is remembered of a pair.
    fn remembered(&self, pair: &TargetForDomain)
    -> Result<Option<RememberedRefusals>, Self::Fault>;

    /// Remembers that of it.
    fn remember(
        &self,
        pair: &TargetForDomain,
        refusals: &RememberedRefusals,
    ) -> Result<(), Self::Fault>;

    /// Forgets it. Gives whether there was something.
    fn forget(&self, pair: &TargetForDomain) -> Result<bool, Self::Fault>;

    /// Whether its last suspension for refusals began on that day, or later.
    fn was_suspended_since(&self, pair: &TargetForDomain, day: Day) -> Result<bool, Self::Fault>;

    /// How many are suspended for their refusals on that day.
    fn suspended_on(&self, day: Day) -> Result<i64, Self::Fault>;

    /// Suspends it; the operator's own entry stays.
    fn suspend(&self, pair: &TargetForDomain, entry: &NewSuspension) -> Result<(), Self::Fault>;

    /// Ends its suspension for refusals. Gives whether there was one.
    fn release(&self, pair: &TargetForDomain) -> Result<bool, Self::Fault>;
}

/// An entry of the suppression list, for refusals.
pub(super) struct NewSuspension {
    /// The first day.
    pub(super) since: Day,
    /// The last day.
    pub(super) until: Day,
    /// The number of the suspension.
    pub(super) times: u32,
    /// Why.
    pub(super) reason: String,
}

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
pub(super) struct RememberedRefusals {
    pub(super) refusals: Refusals,
    /// `None` where the receiver itself refuses; where mails come back, the day of the first one that was taken since the last
    /// bounce, and `""` before it.
    pub(super) taken: Option<String>,
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
pub(super) struct RefusalTracker {
    /// Whether any refusals are remembered: mostly there are none, and no report that is taken forgets any.
    remembers: bool,
    pub(super) list_changed: bool,
    pub(super) suspended: Vec<Suspension>,
}

impl RefusalTracker {
    pub(super) fn before<R: RefusalRows>(rows: &R) -> Result<RefusalTracker, R::Fault> {
        Ok(RefusalTracker {
            remembers: rows.remembers_any()?,
            list_changed: false,
            suspended: Vec::new(),
        })
    }

    /// Evaluates one outcome.
    pub(super) fn evaluate<R: RefusalRows>(
        &mut self,
        rows: &R,
        end: &AttemptEnd,
        today: Day,
    ) -> Result<(), R::Fault> {
        match &end.disposition {
            Disposition::Refused { reason } if counts(rows, end, today)? => {
                self.refused(
                    rows,
                    (end.r_id, &end.destination),
                    reason,
                    today,
                    RefusedBy::Receiver,
                )?;
            }
            disposition if disposition.is_sent() && self.remembers => {
                self.list_changed |= taken(rows, end, today)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Evaluates a bounce that came on that day, of a mail that was sent then. It speaks of the address, and has ended the
    /// delivery.
    pub(super) fn bounced<R: RefusalRows>(
        &mut self,
        rows: &R,
        r_id: i64,
        destination: &Destination,
        reason: &str,
        came: Day,
        sent: Option<Day>,
    ) -> Result<(), R::Fault> {
        let by = RefusedBy::Bounce(sent);
        self.refused(rows, (r_id, destination), reason, came, by)
    }

    fn refused<R: RefusalRows>(
        &mut self,
        rows: &R,
        delivery: (i64, &Destination),
        reason: &str,
        today: Day,
        by: RefusedBy,
    ) -> Result<(), R::Fault> {
        let suspended = refused(rows, delivery, reason, today, by)?;
        self.remembers = true;
        self.list_changed |= suspended.is_some();
        self.suspended.extend(suspended);
        Ok(())
    }
}

/// Whether a refusal counts as the receiver's. A destination that the operator named is the operator's to correct. A relay
/// that has taken no mail all day may refuse us, not the address.
fn counts<R: RefusalRows>(rows: &R, end: &AttemptEnd, today: Day) -> Result<bool, R::Fault> {
    let by_operator = end.destination.named_by == NamedBy::Operator;
    if by_operator || end.destination.queue() != QueueKey::Relay {
        return Ok(!by_operator);
    }
    rows.any_mail(today)
}

/// A destination refused; gives its suspension, if that follows.
fn refused<R: RefusalRows>(
    rows: &R,
    (r_id, destination): (i64, &Destination),
    reason: &str,
    today: Day,
    by: RefusedBy,
) -> Result<Option<Suspension>, R::Fault> {
    let Some(pair) = pair(rows, r_id, destination)? else {
        return Ok(None);
    };
    if let RefusedBy::Bounce(Some(sent)) = by
        && rows.was_suspended_since(&pair, sent)?
    {
        return Ok(None);
    }
    let before = rows
        .remembered(&pair)?
        .filter(|before| !before.is_over(today));
    let comes_back = matches!(by, RefusedBy::Bounce(_))
        || before.as_ref().is_some_and(|before| before.taken.is_some());
    let before = before.map(|before| before.refusals);
    let (mut refusals, mut until) = Refusals::and_today(before, today);
    if until.is_some() && rows.suspended_on(today)? >= MAX_SUSPENDED {
        until = None;
        refusals.times = before.map_or(0, |before| before.times);
    }
    let taken = comes_back.then(|| BOUNCED.to_owned());
    rows.remember(&pair, &RememberedRefusals { refusals, taken })?;
    let Some(until) = until else { return Ok(None) };
    let entry = NewSuspension {
        since: today,
        until,
        times: refusals.times,
        reason: format!("refused on {} days, at last: {reason}", refusals.days),
    };
    rows.suspend(&pair, &entry)?;
    let days = refusals.days;
    Ok(Some(Suspension { pair, until, days }))
}

/// The pair that a delivery counts for.
fn pair<R: RefusalRows>(
    rows: &R,
    r_id: i64,
    destination: &Destination,
) -> Result<Option<TargetForDomain>, R::Fault> {
    let Some(target) = SuppressionTarget::of(destination) else {
        return Ok(None);
    };
    // Normalized: sys4 keeps names as it received them.
    let domain = rows.domain_of(r_id)?;
    let domain = domain.and_then(|domain| Domain::parse(&domain).ok());
    Ok(domain.map(|domain| TargetForDomain {
        target,
        domain: domain.to_string(),
    }))
}

/// A destination took a report: what it refused before is forgotten, at once or when the mail does not come back. Gives whether
/// the list has changed.
fn taken<R: RefusalRows>(rows: &R, end: &AttemptEnd, today: Day) -> Result<bool, R::Fault> {
    let Some(pair) = pair(rows, end.r_id, &end.destination)? else {
        return Ok(false);
    };
    let Some(before) = rows.remembered(&pair)? else {
        return Ok(rows.forget(&pair)? && rows.release(&pair)?);
    };
    if let Some(taken) = &before.taken
        && !before.is_over(today)
    {
        let today = today.to_string();
        // By a clock that was ahead it may be a day to come.
        if taken == BOUNCED || *taken > today {
            let taken = Some(today);
            rows.remember(&pair, &RememberedRefusals { taken, ..before })?;
        }
        return Ok(false);
    }
    Ok(rows.forget(&pair)? && rows.release(&pair)?)
}
