//! What has changed that members read again then: a number each, which anybody's write adds to.

use tlsrptd_fleet::{Fault, Session, Transaction};

use super::history::OPERATOR;

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

/// Something of it changes in this transaction, by that member. By how much the number grows is chance: what comes behind a
/// failover that has lost a change must not be taken for that one.
pub(super) fn bump(tx: &Transaction<'_>, what: Changed, member: i64) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO version AS v(subject, member, number) VALUES($1, $2, 1 + floor(random() * 1000000000)::bigint) \
         ON CONFLICT (subject, member) DO UPDATE SET number = v.number + excluded.number",
        &[&what.as_str(), &member],
    )
    .map(drop)
}

/// Removes the rows of members that are gone: whatever they changed is read once more.
pub(super) fn clean(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM version v WHERE v.member <> $1 AND NOT EXISTS (SELECT 1 FROM member m WHERE m.id = v.member AND NOT m.fenced)",
        &[&OPERATOR],
    )
    .map(drop)
}

/// A number that changes whenever something of these changes.
pub(super) fn of(db: &Session, what: &[Changed]) -> Result<i64, Fault> {
    let subjects: Vec<&str> = what.iter().map(|what| what.as_str()).collect();
    let sum = db.query_opt(
        "SELECT coalesce(sum(number), 0)::bigint FROM version WHERE subject = ANY($1)",
        &[&subjects],
    )?;
    Ok(sum.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use tlsrptd_cluster::{database, skip::or_skip};
    use tlsrptd_fleet::{Address, schema};

    use super::*;

    #[test]
    fn a_change_behind_a_failover_is_not_taken_for_the_one_that_it_has_lost() {
        let Some(address) = or_skip(database(), "there is no PostgreSQL here") else {
            return;
        };
        let db = Session::connect(Address::parse(&address).unwrap()).unwrap();
        schema::migrate(&db).unwrap();
        let suppressed = || of(&db, &[Changed::Suppressions]).unwrap();
        let change = |member| {
            let tx = db.begin().unwrap();
            bump(&tx, Changed::Suppressions, member).unwrap();
            tx.commit().unwrap();
            suppressed()
        };
        let before = change(OPERATOR);
        let seen = change(OPERATOR);
        assert_ne!(seen, before);
        // The replica lacks it.
        let lost = "UPDATE version SET number = $1";
        db.query(lost, &[&before]).unwrap();
        assert_ne!(change(OPERATOR), seen);
        change(7);
        let tx = db.begin().unwrap();
        clean(&tx).unwrap();
        tx.commit().unwrap();
        let rows = db.query("SELECT member FROM version", &[]).unwrap();
        let left: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(left, [OPERATOR], "there is no member 7");
    }
}
