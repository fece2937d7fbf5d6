//! Rows that stand where their domain does not belong: in another shard, or, of shipped counts, under another spelling.
//!
//! No program of ours writes them, unless two versions differ in how they read a name; whoever has the password of a shipper can.
//! Decided on, they would be looked for where they are not, and so be reported again and again; and each spelling would be a
//! report of its own.

use tlsrptd_fleet::{PgDay, Shard, shard_of};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::super::{PostgresStore, at_step};
use crate::store::{Step, StoreError};

/// What is shipped has this job.
const SHIPPED: i32 = 0;

/// They are in no report.
const LEAVE: &str = "UPDATE answer a SET state = 'unusable', reason = 'it stands under a name or in a shard that is not its domain''s' \
    FROM unnest($2::smallint[], $3::text[], $4::int[]) AS u(shard, domain, job) \
    WHERE a.day = $1 AND a.shard = u.shard AND a.domain = u.domain AND a.job = u.job";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct StrayRows {
    shards: Vec<Shard>,
    domains: Vec<String>,
    jobs: Vec<i32>,
}

impl StrayRows {
    /// Takes the row if it is one.
    pub(super) fn take(&mut self, shard: Shard, name: &str, job: i32) -> bool {
        let is_stray = match Domain::parse(name) {
            Ok(domain) => {
                let normalized = domain.as_str();
                shard_of(normalized) != shard || job == SHIPPED && normalized != name
            }
            Err(_) => shard_of(name) != shard,
        };
        if is_stray {
            self.shards.push(shard);
            self.domains.push(name.to_owned());
            self.jobs.push(job);
        }
        is_stray
    }

    pub(super) fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }
}

impl PostgresStore {
    /// Notes that they are in no report, and why.
    pub(super) fn leave_strays(&self, day: Day, strays: &StrayRows) -> Result<(), StoreError> {
        let leave = || {
            let transaction = self.db.begin()?;
            self.member.token().fence(&transaction, &strays.shards)?;
            transaction.execute(
                LEAVE,
                &[&PgDay(day), &strays.shards, &strays.domains, &strays.jobs],
            )?;
            transaction.commit()
        };
        leave().map_err(|fault| at_step(Step::RowsStored, fault))?;
        let (domain, number) = (strays.domains.first(), strays.domains.len());
        tracing::warn!(%day, domain, number, "counts are in no report: they stand under a name or in a shard that is not their domain's");
        Ok(())
    }
}
