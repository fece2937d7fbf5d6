//! What has changed that members read again then: a number each, which anybody's write adds to.

use tlsrptd_fleet::{Fault, Session, Transaction};

/// What may have changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Changed {
    /// What the operator asks for.
    Requests,
    /// What came back.
    Bounces,
    /// The suppression list.
    Suppressions,
}

impl Changed {
    /// The word of the table.
    fn as_str(self) -> &'static str {
        match self {
            Changed::Requests => "requests",
            Changed::Bounces => "bounces",
            Changed::Suppressions => "suppressed",
        }
    }
}

/// Something of it changes in this transaction, by that member.
pub(super) fn bump(tx: &Transaction<'_>, what: Changed, member: i64) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO version AS v(subject, member, number) VALUES($1, $2, 1) \
         ON CONFLICT (subject, member) DO UPDATE SET number = v.number + 1",
        &[&what.as_str(), &member],
    )
    .map(drop)
}

/// A number that grows whenever something of these changes.
pub(super) fn of(db: &Session, what: &[Changed]) -> Result<i64, Fault> {
    let subjects: Vec<&str> = what.iter().map(|what| what.as_str()).collect();
    let sum = db.query_opt(
        "SELECT coalesce(sum(number), 0)::bigint FROM version WHERE subject = ANY($1)",
        &[&subjects],
    )?;
    Ok(sum.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}
