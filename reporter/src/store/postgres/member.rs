//! This reporter as one of a fleet: its lease, and the shards that it owns.

use tlsrptd_fleet::{Fault, SHARDS, Session, Shard, Transaction};

/// This reporter as one of a fleet.
#[derive(Debug)]
pub(super) struct Member {
    /// Never used again: the fencing token.
    id: i64,
    /// Those that it owns, as far as it knows.
    shards: Vec<Shard>,
}

impl Member {
    /// Becomes a member.
    pub(super) fn join(db: &Session, name: &str) -> Result<Member, Fault> {
        // Until there are leases: it takes all that there is.
        let transaction = db.begin()?;
        let joined = transaction.query_opt(
            "INSERT INTO member(name, until) VALUES($1, clock_timestamp() + interval '30 seconds') RETURNING id",
            &[&name],
        )?;
        let id = joined.map_or(Ok(0), |row| row.try_get(0))?;
        transaction.execute("UPDATE shard SET owner = $1", &[&id])?;
        transaction.commit()?;
        Ok(Member {
            id,
            shards: (0..SHARDS).collect(),
        })
    }

    /// Its number.
    pub(super) fn id(&self) -> i64 {
        self.id
    }

    /// The shards that it owns.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Holds these shards until the end of the transaction: nobody can take them over meanwhile.
    pub(super) fn fence(
        &self,
        transaction: &Transaction<'_>,
        shards: &[Shard],
    ) -> Result<(), Fault> {
        let held = transaction.query(
            "SELECT 1 FROM shard s JOIN member m ON m.id = s.owner \
             WHERE s.owner = $1 AND NOT m.fenced AND s.shard = ANY($2) FOR SHARE OF s",
            &[&self.id, &shards],
        )?;
        match held.len() == shards.len() {
            true => Ok(()),
            false => Err(Fault::Fenced),
        }
    }
}
