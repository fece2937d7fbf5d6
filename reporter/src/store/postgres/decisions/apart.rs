//! Decisions that cannot be stored, as a row is refused or a page of an index is lost: they hold back their shard alone; but MX hosts,
//! which wait for all domains of the day.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, Shard};
use tlsrptd_proto::day::Day;

use super::super::{PostgresStore, answers::shard_of_domain, left::LeftShards};
use crate::{
    model::{DecidedDomain, ReportSubject},
    store::{Decisions, StoreError},
};

impl PostgresStore {
    /// See [`Decisions::store_apart`].
    pub(super) fn store_by_shard(
        &mut self,
        day: Day,
        decisions: &mut Vec<DecidedDomain>,
        subject: ReportSubject,
        error: StoreError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if decisions.is_empty() || !is_of_rows(&error) {
            return Err(error);
        }
        decisions.sort_by_key(|decided| shard_of_domain(&decided.domain));
        let mut left = Vec::new();
        for part in decisions
            .chunk_by(|one, next| shard_of_domain(&one.domain) == shard_of_domain(&next.domain))
        {
            let shard = shard_of_domain(&part[0].domain);
            match self.store_part(day, part, subject, now) {
                Ok(true) => {}
                Ok(false) => left.push(shard),
                Err(error) if is_of_rows(&error) => {
                    left.push(shard);
                    let list = match subject {
                        ReportSubject::Domain => &self.left,
                        ReportSubject::MxHost => &self.left_hosts,
                    };
                    leave_unwritable(list, day, shard, &error);
                }
                Err(error) => return Err(error),
            }
        }
        decisions.retain(|decided| !left.contains(&shard_of_domain(&decided.domain)));
        Ok(())
    }

    /// Begins shard by shard, so that those are left whose rows cannot be given their names.
    pub(super) fn begin_each(
        &mut self,
        day: Day,
        shards: &[Shard],
        now: Timestamp,
    ) -> Result<Option<Vec<Shard>>, StoreError> {
        let mut begun = Vec::new();
        for shard in shards {
            match self.begin_shards(day, &[*shard], now) {
                Ok(Some(one)) => begun.extend(one),
                Ok(None) => return Ok(None),
                Err(error) if is_of_rows(&error) => {
                    leave_unwritable(&self.left, day, *shard, &error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(begun))
    }

    /// Gives whether they are stored.
    fn store_part(
        &mut self,
        day: Day,
        part: &[DecidedDomain],
        subject: ReportSubject,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match subject {
            ReportSubject::Domain => self.store_decisions(day, part, now).map(|()| true),
            ReportSubject::MxHost => self.store_mx_decisions(day, part, now),
        }
    }
}

fn leave_unwritable(list: &LeftShards, day: Day, shard: Shard, error: &StoreError) {
    let (failures, seconds) = list.leave(day, shard, error.may_pass());
    tracing::error!(%day, shard, failures, seconds, %error, "decisions on domains cannot be stored: this part of the day waits, and it is tried again");
}

/// Whether it is about some rows: others may be stored.
pub(super) fn is_of_rows(error: &StoreError) -> bool {
    let StoreError::Step { source, .. } = error else {
        return false;
    };
    source
        .downcast_ref::<Fault>()
        .is_some_and(Fault::is_of_rows)
}
