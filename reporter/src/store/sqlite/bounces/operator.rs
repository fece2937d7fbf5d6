//! Bounces as `tlsrptctl bounce` leaves them to the daemon.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{ADDRESS, known_key, mailed};
use crate::{
    model::{BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, Destination},
    store::{
        NewBounce, OperatorBounces, StoreError,
        sqlite::{ExistingDatabase, history, text},
    },
};

impl OperatorBounces for ExistingDatabase {
    fn known_bounce_key(&self) -> Result<Option<BounceKey>, StoreError> {
        self.read(known_key)
    }

    fn bounced_destination(
        &self,
        key: &BounceKey,
        tag: &BounceTag,
    ) -> Result<Option<Destination>, StoreError> {
        let mailed = self.read(|db| mailed::find(db, key, tag))?;
        Ok(mailed.map(|mailed| mailed.destination))
    }

    fn add_bounce(&mut self, bounce: &NewBounce, now: Timestamp) -> Result<bool, StoreError> {
        let (tag, kind) = (bounce.tag.to_string(), bounce.kind.as_str());
        let came = text::nexttry(now);
        self.change(|tx| {
            let blame = match bounce.blame {
                BounceBlame::Address => ADDRESS,
                BounceBlame::Other => "other",
            };
            let added = tx.execute(
                "INSERT OR IGNORE INTO tlsrptd_bounces(tag, kind, blame, text, came) VALUES(?1, ?2, ?3, ?4, ?5)",
                (&tag, kind, blame, &bounce.text, &came),
            )?;
            if added == 0 {
                history::count_bounce(tx, Day::of(now), BounceResult::Repeated)?;
            }
            if added == 0 && bounce.kind != BounceKind::Failed {
                // The latest word on what goes on.
                tx.execute(
                    "UPDATE tlsrptd_bounces SET text = ?3, came = ?4 WHERE tag = ?1 AND kind = ?2",
                    (&tag, kind, &bounce.text, &came),
                )?;
            }
            Ok(added > 0)
        })
    }

    fn count_bounce(&mut self, result: BounceResult, now: Timestamp) -> Result<(), StoreError> {
        self.change(|tx| history::count_bounce(tx, Day::of(now), result))
    }
}
