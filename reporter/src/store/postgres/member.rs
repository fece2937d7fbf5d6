//! This reporter as one of a fleet: its lease, and the shards that it owns.
//!
//! A member lives as long as its lease is renewed. Whoever was silent for longer is fenced by another: from then on nothing that
//! it writes is taken, and its shards are free. It becomes a new member then, with nothing in hand.

mod fleet_look;
mod heartbeat;
mod process;

use std::time::Duration;

use tlsrptd_fleet::{Fault, Session, Shard, Transaction};
use tokio::time::Instant;

use self::{
    heartbeat::{Heartbeat, Holder, LOOKS},
    process::ProcessMark,
};
use crate::store::Lease;

pub(super) use self::fleet_look::{FleetLook, fence_members, give_shards, take_shards};

/// Those that are gone are remembered for so long.
const FORGET: &str = "DELETE FROM member m WHERE fenced AND until < clock_timestamp() - interval '90 days' \
    AND NOT EXISTS (SELECT 1 FROM shard s WHERE s.owner = m.id)";

/// What a member's writes are let in by.
#[derive(Clone, Debug)]
pub(super) struct MemberToken {
    /// Never used again.
    id: i64,
    process: String,
}

impl MemberToken {
    /// Holds these shards until the end of the transaction: nobody can take them over meanwhile.
    pub(super) fn fence(
        &self,
        transaction: &Transaction<'_>,
        shards: &[Shard],
    ) -> Result<(), Fault> {
        let mut wanted = shards.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let held = transaction.query(
            "SELECT 1 FROM shard s JOIN member m ON m.id = s.owner \
             WHERE s.owner = $1 AND m.process = $2 AND NOT m.fenced AND s.shard = ANY($3) FOR SHARE OF s",
            &[&self.id, &self.process, &wanted],
        )?;
        match held.len() == wanted.len() {
            true => Ok(()),
            false => Err(Fault::Fenced),
        }
    }
}

/// This reporter as one of a fleet.
#[derive(Debug)]
pub(super) struct Member {
    token: MemberToken,
    _mark: ProcessMark,
    lease: Lease,
    length: Duration,
    _heartbeat: Heartbeat,
    /// Those that it owns, as far as it knows, in order.
    shards: Vec<Shard>,
    /// Those of them that go to others when nothing of them is in hand any more.
    leaving: Vec<Shard>,
    joined: Instant,
    /// How many are at work with it, itself among them.
    pub(super) live: u32,
    /// Something was left undone, and is tried again then.
    pub(super) next_look: Option<Instant>,
}

impl Member {
    /// Becomes a member, as yet without a shard.
    pub(super) fn join(db: &Session, name: &str) -> Result<Member, Fault> {
        let (mark, asked) = (ProcessMark::new(), Lease::clock());
        let transaction = db.begin()?;
        transaction.execute(FORGET, &[])?;
        let joined = transaction.query_opt(
            "INSERT INTO member(name, process, until) SELECT $1, $2, clock_timestamp() + length FROM lease \
             RETURNING id, (SELECT extract(epoch FROM length)::float8 FROM lease)",
            &[&name, &mark.as_str()],
        )?;
        let joined = joined.ok_or_else(|| Fault::Row("tlsrpt.lease is empty".to_owned()))?;
        let (id, seconds) = (joined.try_get(0)?, joined.try_get(1)?);
        transaction.commit()?;
        let length = heartbeat::length_of(seconds)?;
        let lease = Lease::of(asked, heartbeat::usable(length));
        let holder = Holder {
            id,
            process: mark.as_str().to_owned(),
            lease: lease.clone(),
            length,
        };
        let heartbeat = Heartbeat::start(db.address(), holder)
            .map_err(|error| Fault::Row(format!("no thread for the heartbeat: {error}")))?;
        Ok(Member {
            token: MemberToken {
                id,
                process: mark.as_str().to_owned(),
            },
            _mark: mark,
            lease,
            length,
            _heartbeat: heartbeat,
            shards: Vec::new(),
            leaving: Vec::new(),
            joined: Instant::now(),
            live: 1,
            next_look: None,
        })
    }

    /// Its number.
    pub(super) fn id(&self) -> i64 {
        self.token.id
    }

    /// What its writes are let in by.
    pub(super) fn token(&self) -> &MemberToken {
        &self.token
    }

    /// Until when it may act.
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The shards that it owns.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Those of which more may be taken in hand.
    pub(super) fn staying_shards(&self) -> Vec<Shard> {
        let own = self.shards.iter().copied();
        own.filter(|shard| !self.leaving.contains(shard)).collect()
    }

    pub(super) fn set_leaving(&mut self, leaving: Vec<Shard>) {
        self.leaving = leaving;
    }

    pub(super) fn owns(&self, shard: Shard) -> bool {
        self.shards.binary_search(&shard).is_ok()
    }

    /// These are its shards now.
    pub(super) fn set_shards(&mut self, mut shards: Vec<Shard>) {
        shards.sort_unstable();
        self.shards = shards;
    }

    /// How long until what was left undone is tried again.
    pub(super) fn look_interval(&self) -> Duration {
        self.length / LOOKS
    }

    /// Whether it has been there for as long as others may be silent. When a database comes back that was away for longer than a
    /// lease, all have run out; each gets the time to record what has ended before it is fenced.
    pub(super) fn may_judge(&self) -> bool {
        self.joined.elapsed() >= self.length
    }

    /// Leaves: what it owned is free at once.
    pub(super) fn leave(&self, db: &Session) -> Result<(), Fault> {
        let transaction = db.begin()?;
        transaction.execute(
            "UPDATE member SET fenced = true, until = least(until, clock_timestamp()) WHERE id = $1 AND process = $2",
            &[&self.token.id, &self.token.process],
        )?;
        transaction.execute(
            "UPDATE shard SET owner = NULL WHERE owner = $1",
            &[&self.token.id],
        )?;
        transaction.commit()
    }
}
