//! What is remembered of refusals, in its tables.

use rusqlite::{OptionalExtension as _, Transaction, named_params};
use tlsrptd_proto::day::Day;

use crate::{
    store::{
        refusals::{NewSuspension, RefusalRows, RememberedRefusals},
        sqlite::mails,
    },
    suppress::{Refusals, TargetForDomain},
};

impl RefusalRows for Transaction<'_> {
    type Fault = rusqlite::Error;

    fn remembers_any(&self) -> rusqlite::Result<bool> {
        self.prepare_cached("SELECT 1 FROM tlsrptd_refusals LIMIT 1")?
            .exists([])
    }

    fn any_mail(&self, day: Day) -> rusqlite::Result<bool> {
        mails::any(self, day)
    }

    fn domain_of(&self, r_id: i64) -> rusqlite::Result<Option<String>> {
        self.prepare_cached("SELECT domain FROM reports WHERE r_id = ?1 AND domain <> ''")?
            .query_row([r_id], |row| row.get(0))
            .optional()
    }

    fn remembered(&self, pair: &TargetForDomain) -> rusqlite::Result<Option<RememberedRefusals>> {
        let row = self
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

    fn remember(
        &self,
        pair: &TargetForDomain,
        RememberedRefusals { refusals, taken }: &RememberedRefusals,
    ) -> rusqlite::Result<()> {
        self.prepare_cached(
            "INSERT INTO tlsrptd_refusals(target, domain, days, last, times, taken) VALUES(?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT(target, domain) DO UPDATE SET days = ?3, last = ?4, times = ?5, taken = ?6",
        )?
        .execute((
            pair.target.as_str(),
            &pair.domain,
            refusals.days,
            refusals.last.to_string(),
            refusals.times,
            taken,
        ))
        .map(drop)
    }

    fn forget(&self, pair: &TargetForDomain) -> rusqlite::Result<bool> {
        let forgotten = self
            .prepare_cached("DELETE FROM tlsrptd_refusals WHERE target = ?1 AND domain = ?2")?
            .execute([pair.target.as_str(), &pair.domain])?;
        Ok(forgotten > 0)
    }

    fn was_suspended_since(&self, pair: &TargetForDomain, day: Day) -> rusqlite::Result<bool> {
        self.prepare_cached(
            "SELECT 1 FROM tlsrptd_suppressed WHERE target = ?1 AND domain = ?2 AND by = 'refusals' AND since >= ?3",
        )?
        .exists((pair.target.as_str(), &pair.domain, day.to_string()))
    }

    fn suspended_on(&self, day: Day) -> rusqlite::Result<i64> {
        self.prepare_cached(
            "SELECT count(*) FROM tlsrptd_suppressed WHERE by = 'refusals' AND until >= ?1",
        )?
        .query_row([day.to_string()], |row| row.get(0))
    }

    fn suspend(&self, pair: &TargetForDomain, entry: &NewSuspension) -> rusqlite::Result<()> {
        self.prepare_cached(
            "INSERT INTO tlsrptd_suppressed(target, domain, until, reason, since, by, times) \
             VALUES(:target, :domain, :until, :reason, :since, 'refusals', :times) \
             ON CONFLICT(target, domain) DO UPDATE SET until = :until, reason = :reason, since = :since, times = :times \
             WHERE by = 'refusals'",
        )?
        .execute(named_params! {
            ":target": pair.target.as_str(), ":domain": pair.domain, ":until": entry.until.to_string(),
            ":since": entry.since.to_string(), ":times": entry.times, ":reason": entry.reason,
        })
        .map(drop)
    }

    fn release(&self, pair: &TargetForDomain) -> rusqlite::Result<bool> {
        let released = self
            .prepare_cached(
                "DELETE FROM tlsrptd_suppressed WHERE target = ?1 AND domain = ?2 AND by = 'refusals'",
            )?
            .execute([pair.target.as_str(), &pair.domain])?;
        Ok(released > 0)
    }
}
