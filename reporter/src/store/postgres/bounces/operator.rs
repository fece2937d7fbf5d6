//! Bounces as `tlsrptctl bounce` leaves them to the daemon.

use jiff::Timestamp;
use tlsrptd_fleet::{PgTime, ToSql, stored_text};
use tlsrptd_proto::day::Day;

use super::{ADDRESS, mailed};
use crate::{
    model::{BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, Destination},
    store::{
        NewBounce, OperatorBounces, StoreError,
        postgres::{
            PostgresReader,
            history::{self, OPERATOR},
            unreadable,
            version::{self, Changed},
        },
    },
};

impl OperatorBounces for PostgresReader {
    fn known_bounce_key(&self) -> Result<Option<BounceKey>, StoreError> {
        let rows = self.read("the bounce key", "SELECT bounce_key FROM meta", &[])?;
        let octets: Option<Vec<u8>> = rows
            .first()
            .map(|row| row.try_get(0))
            .transpose()
            .map_err(|error| unreadable("the bounce key", error.into()))?;
        Ok(octets.and_then(|octets| BounceKey::new(&octets)))
    }

    fn bounced_destination(
        &self,
        key: &BounceKey,
        tag: &BounceTag,
    ) -> Result<Option<Destination>, StoreError> {
        let query = |sql: &str, parameters: &[&(dyn ToSql + Sync)]| self.db.query(sql, parameters);
        let mailed = mailed::find(&query, key, tag);
        let mailed = mailed.map_err(|fault| unreadable("a delivery", fault))?;
        Ok(mailed.map(|mailed| mailed.destination))
    }

    fn add_bounce(&mut self, bounce: &NewBounce, now: Timestamp) -> Result<bool, StoreError> {
        let (tag, kind) = (bounce.tag.to_string(), bounce.kind.as_str());
        let (text, came) = (stored_text(&bounce.text), PgTime(now));
        let blame = match bounce.blame {
            BounceBlame::Address => ADDRESS,
            BounceBlame::Other => "other",
        };
        self.change(|tx| {
            let added = tx.execute(
                "INSERT INTO bounce(tag, kind, blame, text, came) VALUES($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                &[&tag, &kind, &blame, &text, &came],
            )?;
            if added == 0 {
                history::count_bounces(tx, OPERATOR, Day::of(now), BounceResult::Repeated, 1)?;
            }
            if added == 0 && bounce.kind != BounceKind::Failed {
                // The latest word on what goes on.
                tx.execute(
                    "UPDATE bounce SET text = $3, came = $4 WHERE tag = $1 AND kind = $2",
                    &[&tag, &kind, &text, &came],
                )?;
            }
            version::bump(tx, Changed::Bounces, OPERATOR)?;
            Ok(added > 0)
        })
    }

    fn count_bounce(&mut self, result: BounceResult, now: Timestamp) -> Result<(), StoreError> {
        self.change(|tx| history::count_bounces(tx, OPERATOR, Day::of(now), result, 1))
    }
}
