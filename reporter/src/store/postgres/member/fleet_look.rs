//! Who is in the fleet, and what of the work is whose.

use tlsrptd_fleet::{Fault, SHARDS, Session, Shard, Transaction};

use super::process;

/// All members that are not fenced, and whose shards are whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::postgres) struct FleetLook {
    /// Of each shard; `None`: it is free.
    owners: Vec<(Shard, Option<i64>)>,
    members: Vec<Colleague>,
}

/// A member that is not fenced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Colleague {
    id: i64,
    /// Its lease has run out.
    is_late: bool,
    /// Its process has ended: that is seen where it ran.
    is_dead: bool,
}

impl FleetLook {
    /// Looks.
    pub(in crate::store::postgres) fn take(db: &Session) -> Result<FleetLook, Fault> {
        let members = db.query(
            "SELECT id, until < clock_timestamp(), process FROM member WHERE NOT fenced ORDER BY id",
            &[],
        )?;
        let members = members.iter().map(|row| {
            let mark: String = row.try_get(2)?;
            Ok(Colleague {
                id: row.try_get(0)?,
                is_late: row.try_get(1)?,
                is_dead: process::is_dead(&mark),
            })
        });
        let members = members.collect::<Result<Vec<_>, Fault>>()?;
        let owners = db.query(
            "SELECT s.shard, CASE WHEN NOT m.fenced THEN s.owner END \
             FROM shard s LEFT JOIN member m ON m.id = s.owner ORDER BY s.shard",
            &[],
        )?;
        let owners = owners
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        Ok(FleetLook {
            members,
            owners: owners.collect::<Result<_, Fault>>()?,
        })
    }

    /// Whether that member is one still.
    pub(in crate::store::postgres) fn has(&self, id: i64) -> bool {
        self.members.iter().any(|member| member.id == id)
    }

    /// The members that are gone: those that have died here, and with `judges` those whose lease has run out.
    pub(in crate::store::postgres) fn gone(&self, own: i64, judges: bool) -> Vec<i64> {
        let is_gone = |member: &&Colleague| member.is_dead || judges && member.is_late;
        let gone = self.members.iter().filter(is_gone);
        gone.map(|member| member.id)
            .filter(|id| *id != own)
            .collect()
    }

    /// The shards of a member.
    pub(in crate::store::postgres) fn of(&self, id: i64) -> Vec<Shard> {
        let its = self.owners.iter().filter(|(_, owner)| *owner == Some(id));
        its.map(|(shard, _)| *shard).collect()
    }

    /// How many shards are each one's, at most, if all have the same.
    pub(in crate::store::postgres) fn fair_share(&self) -> usize {
        usize::try_from(SHARDS)
            .unwrap_or(0)
            .div_ceil(self.number_live().max(1))
    }

    /// How many members are at work.
    pub(in crate::store::postgres) fn number_live(&self) -> usize {
        let live = self
            .members
            .iter()
            .filter(|member| !member.is_late && !member.is_dead);
        live.count()
    }

    pub(in crate::store::postgres) fn number_free(&self) -> usize {
        let free = self.owners.iter().filter(|(_, owner)| owner.is_none());
        free.count()
    }
}

/// Takes these for dead, and gives their names: nothing that they write is taken from now on. What they write just now ends first.
pub(in crate::store::postgres) fn fence_members(
    transaction: &Transaction<'_>,
    gone: &[i64],
) -> Result<Vec<String>, Fault> {
    let names = transaction.query(
        "UPDATE member SET fenced = true WHERE id = ANY($1) AND NOT fenced RETURNING name",
        &[&gone],
    )?;
    names.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Takes free shards, at most so many. One whose last owner writes just now is left for the next time.
pub(in crate::store::postgres) fn take_shards(
    transaction: &Transaction<'_>,
    id: i64,
    most: usize,
) -> Result<Vec<Shard>, Fault> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let taken = transaction.query(
        "WITH free AS MATERIALIZED (SELECT s.shard FROM shard s LEFT JOIN member m ON m.id = s.owner \
         WHERE s.owner IS NULL OR m.fenced ORDER BY s.shard LIMIT $2 FOR UPDATE OF s SKIP LOCKED) \
         UPDATE shard SET owner = $1 FROM free WHERE shard.shard = free.shard RETURNING shard.shard",
        &[&id, &most],
    )?;
    taken.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Gives shards back.
pub(in crate::store::postgres) fn give_shards(
    transaction: &Transaction<'_>,
    id: i64,
    shards: &[Shard],
) -> Result<(), Fault> {
    transaction.execute(
        "UPDATE shard SET owner = NULL WHERE owner = $1 AND shard = ANY($2)",
        &[&id, &shards],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(members: &[(i64, bool, bool)]) -> FleetLook {
        FleetLook {
            owners: (0..SHARDS)
                .map(|shard| (shard, (shard < 2).then_some(1)))
                .collect(),
            members: members
                .iter()
                .map(|&(id, is_late, is_dead)| Colleague {
                    id,
                    is_late,
                    is_dead,
                })
                .collect(),
        }
    }

    #[test]
    fn who_gets_how_much() {
        for (members, share, why) in [
            (&[(1, false, false)][..], 64, "alone"),
            (&[(1, false, false), (2, false, false)], 32, "two"),
            (
                &[(1, false, false), (2, false, false), (3, false, false)],
                22,
                "rounded up: all are somebody's",
            ),
            (&[(1, false, false), (2, true, false)], 64, "one is late"),
            (&[(1, false, false), (2, false, true)], 64, "one is dead"),
            (&[(1, true, false)], 64, "late itself"),
        ] {
            assert_eq!(look(members).fair_share(), share, "{why}");
        }
    }

    #[test]
    fn who_is_gone() {
        let look = look(&[
            (1, true, false),
            (2, true, false),
            (3, false, true),
            (4, false, false),
        ]);
        assert_eq!(look.gone(1, true), [2, 3], "never itself");
        assert_eq!(look.gone(1, false), [3], "who has just come judges nobody");
        assert!(look.has(4) && !look.has(5));
        assert_eq!(look.number_free(), 62);
        assert_eq!(look.of(1), [0, 1]);
    }
}
