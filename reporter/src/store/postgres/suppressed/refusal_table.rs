//! What is remembered of refusals, of the pairs that one transaction is about: read at once, in the order of their keys, and held
//! until its end.

use std::{cell::RefCell, collections::HashMap};

use tlsrptd_fleet::{Fault, KeyHash, PgDay, Row, Transaction, stored_text, text_hash};
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::{
    model::{Destination, SuppressionTarget},
    store::{
        AttemptEnd, Disposition,
        postgres::{mails, record::EndedReports},
        refusals::{NewSuspension, RefusalRows, RememberedRefusals},
    },
    suppress::{Refusals, TargetForDomain},
};

const REMEMBERED: &str = "SELECT r.target, r.domain, r.days, r.last, r.times, r.taken FROM refusal r \
    WHERE (r.target_hash, r.domain) IN (SELECT h, d FROM unnest($1::uuid[], $2::text[]) AS w(h, d)) \
    ORDER BY r.target_hash, r.domain FOR UPDATE";
const REMEMBER: &str = "INSERT INTO refusal(target_hash, domain, target, days, last, times, taken) \
    VALUES($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (target_hash, domain) DO UPDATE SET days = $4, last = $5, times = $6, taken = $7";
/// The operator's own entry stays.
const SUSPEND: &str = "INSERT INTO suppressed AS s(target_hash, domain, target, until, reason, since, by, times) \
    VALUES($1, $2, $3, $4, $5, $6, 'refusals', $7) \
    ON CONFLICT (target_hash, domain) DO UPDATE SET until = $4, reason = $5, since = $6, times = $7 \
    WHERE s.by = 'refusals'";

/// The rows of these pairs.
pub(in super::super) struct RefusalTable<'a> {
    tx: &'a Transaction<'a>,
    member: i64,
    /// The domains of reports.
    domains: HashMap<i64, String>,
    known: RefCell<HashMap<TargetForDomain, RememberedRefusals>>,
}

impl<'a> RefusalTable<'a> {
    /// Of the deliveries among these that the other side took or refused.
    pub(in super::super) fn of(
        tx: &'a Transaction<'_>,
        member: i64,
        ends: &[&AttemptEnd],
        reports: &EndedReports,
    ) -> Result<RefusalTable<'a>, Fault> {
        let domain = |r_id: &i64| reports.get(r_id)?.domain.clone();
        let speaks = ends.iter().filter(|end| {
            end.disposition.is_sent() || matches!(end.disposition, Disposition::Refused { .. })
        });
        let about = speaks.filter_map(|end| Some((end.r_id, &end.destination, domain(&end.r_id)?)));
        RefusalTable::about(tx, member, about)
    }

    /// Of these deliveries of reports on these domains.
    pub(in super::super) fn about<'d>(
        tx: &'a Transaction<'_>,
        member: i64,
        deliveries: impl IntoIterator<Item = (i64, &'d Destination, Domain)>,
    ) -> Result<RefusalTable<'a>, Fault> {
        let (mut domains, mut pairs) = (HashMap::new(), Vec::new());
        for (r_id, destination, domain) in deliveries {
            if let Some(target) = SuppressionTarget::of(destination) {
                pairs.push((text_hash(target.as_str()), domain.to_string()));
            }
            domains.insert(r_id, domain.to_string());
        }
        let (hashes, names): (Vec<KeyHash>, Vec<String>) = pairs.into_iter().unzip();
        let rows = match hashes.is_empty() {
            true => Vec::new(),
            false => tx.query(REMEMBERED, &[&hashes, &names])?,
        };
        let known = rows.iter().map(remembered).collect::<Result<Vec<_>, _>>()?;
        Ok(RefusalTable {
            tx,
            member,
            domains,
            known: RefCell::new(known.into_iter().flatten().collect()),
        })
    }
}

/// `None`: its target is none.
fn remembered(row: &Row) -> Result<Option<(TargetForDomain, RememberedRefusals)>, Fault> {
    let Ok(target) = SuppressionTarget::parse(row.try_get(0)?) else {
        return Ok(None);
    };
    let domain = row.try_get(1)?;
    let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let PgDay(last) = row.try_get(3)?;
    let refusals = Refusals {
        days: number(row.try_get(2)?),
        last,
        times: number(row.try_get(4)?),
    };
    let taken = row.try_get(5)?;
    Ok(Some((
        TargetForDomain { target, domain },
        RememberedRefusals { refusals, taken },
    )))
}

impl RefusalRows for RefusalTable<'_> {
    type Fault = Fault;

    fn remembers_any(&self) -> Result<bool, Fault> {
        Ok(!self.known.borrow().is_empty())
    }

    fn any_mail(&self, day: Day) -> Result<bool, Fault> {
        mails::any(self.tx, self.member, day)
    }

    fn domain_of(&self, r_id: i64) -> Result<Option<String>, Fault> {
        Ok(self.domains.get(&r_id).cloned())
    }

    fn remembered(&self, pair: &TargetForDomain) -> Result<Option<RememberedRefusals>, Fault> {
        Ok(self.known.borrow().get(pair).cloned())
    }

    fn remember(
        &self,
        pair: &TargetForDomain,
        remembered: &RememberedRefusals,
    ) -> Result<(), Fault> {
        let RememberedRefusals { refusals, taken } = remembered;
        self.tx.execute(
            REMEMBER,
            &[
                &text_hash(pair.target.as_str()),
                &pair.domain,
                &pair.target.as_str(),
                &i64::from(refusals.days),
                &PgDay(refusals.last),
                &i64::from(refusals.times),
                taken,
            ],
        )?;
        let mut known = self.known.borrow_mut();
        known.insert(pair.clone(), remembered.clone());
        Ok(())
    }

    fn forget(&self, pair: &TargetForDomain) -> Result<bool, Fault> {
        if self.known.borrow_mut().remove(pair).is_none() {
            return Ok(false);
        }
        let forgotten = self.tx.execute(
            "DELETE FROM refusal WHERE target_hash = $1 AND domain = $2",
            &[&text_hash(pair.target.as_str()), &pair.domain],
        )?;
        Ok(forgotten > 0)
    }

    fn was_suspended_since(&self, pair: &TargetForDomain, day: Day) -> Result<bool, Fault> {
        let found = self.tx.query_opt(
            "SELECT 1 FROM suppressed WHERE target_hash = $1 AND domain = $2 AND by = 'refusals' AND since >= $3",
            &[&text_hash(pair.target.as_str()), &pair.domain, &PgDay(day)],
        )?;
        Ok(found.is_some())
    }

    fn suspended_on(&self, day: Day) -> Result<i64, Fault> {
        let number = self.tx.query_opt(
            "SELECT count(*) FROM suppressed WHERE by = 'refusals' AND until >= $1",
            &[&PgDay(day)],
        )?;
        Ok(number.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
    }

    fn suspend(&self, pair: &TargetForDomain, entry: &NewSuspension) -> Result<(), Fault> {
        self.tx
            .execute(
                SUSPEND,
                &[
                    &text_hash(pair.target.as_str()),
                    &pair.domain,
                    &pair.target.as_str(),
                    &PgDay(entry.until),
                    &stored_text(&entry.reason),
                    &PgDay(entry.since),
                    &i64::from(entry.times),
                ],
            )
            .map(drop)
    }

    fn release(&self, pair: &TargetForDomain) -> Result<bool, Fault> {
        let released = self.tx.execute(
            "DELETE FROM suppressed WHERE target_hash = $1 AND domain = $2 AND by = 'refusals'",
            &[&text_hash(pair.target.as_str()), &pair.domain],
        )?;
        Ok(released > 0)
    }
}
