//! A relay that takes mails for mailboxes that nobody has, and brings them back: at once or days later, sometimes twice; and
//! strangers who bring back what is none of ours.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_reporter::{
    model::{BounceBlame, BounceKey, BounceKind, Delivery},
    store::{self, NewBounce, OperatorAccess},
};

use super::{
    plan::{DAY, HOUR},
    sim::{Key, Sim},
};

/// So often the relay brings what is due.
const ROUND: Duration = Duration::from_secs(300);

/// A mail that is to come back.
#[derive(Clone, Debug)]
pub struct Returned {
    due: Duration,
    key: Key,
    bounce: NewBounce,
    is_ours: bool,
}

/// One that came back.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub key: Key,
    pub at: Duration,
    /// By the wall clock.
    pub wall: Timestamp,
    /// It bears the tag of that delivery, and says that it failed.
    pub ends_it: bool,
    pub blame: BounceBlame,
}

impl Sim {
    /// The relay took a mail.
    pub fn plan_return(&self, delivery: &Delivery, key: &Key) {
        let known = self.bounce_key.get_or_init(|| {
            let store = store::open_for_operator(&self.settings, OperatorAccess::Read).unwrap();
            store.known_bounce_key().unwrap().unwrap()
        });
        let tag = known.tag_of(delivery);
        let (dice, from) = (self.dice, self.elapsed());
        let blame = match dice.percent(("blames", &key.uri), 80) {
            true => BounceBlame::Address,
            false => BounceBlame::Other,
        };
        let waits = [HOUR / 720, HOUR, HOUR * 26, DAY * 5, DAY * 13];
        let plan = |wait: Duration, kind, tag, is_ours| Returned {
            due: from + wait,
            key: key.clone(),
            bounce: NewBounce {
                tag,
                kind,
                blame,
                text: "550 5.1.1 no such user".to_owned(),
            },
            is_ours,
        };
        let mut bag = self.bag.lock().unwrap();
        if dice.percent(("comes back", &key.uri), 8) {
            let wait = dice.pick(("after", key), &waits);
            bag.push(plan(HOUR / 2, BounceKind::Delayed, tag, true));
            bag.push(plan(wait, BounceKind::Failed, tag, true));
            if dice.percent(("twice", key), 30) {
                let again = dice.pick(("again", key), &waits);
                bag.push(plan(wait + again, BounceKind::Failed, tag, true));
            }
        }
        if dice.percent(("forged", key), 3) {
            let forged = BounceKey::new(&[7; 32]).unwrap().tag_of(delivery);
            bag.push(plan(HOUR, BounceKind::Failed, forged, false));
        }
        if dice.percent(("of an earlier row", key), 3) {
            // As of a row that had this number before.
            let (r_id, report) = (delivery.r_id, &delivery.report);
            let domain = report.domain.as_str();
            let earlier = known.of_delivery(r_id, "2001-01-01", domain, 1, &key.uri);
            bag.push(plan(HOUR, BounceKind::Failed, earlier, false));
        }
    }

    /// Brings back what is due. What the database does not take waits, as with an MTA.
    pub async fn bring_back(&self) {
        loop {
            tokio::time::sleep(ROUND).await;
            let at = self.elapsed();
            let mut bag = self.bag.lock().unwrap();
            if !bag.iter().any(|returned| returned.due <= at) {
                continue;
            }
            let access = OperatorAccess::Write;
            let Ok(mut store) = store::open_for_operator(&self.settings, access) else {
                continue;
            };
            let wall = self.now();
            for returned in bag.extract_if(.., |returned| returned.due <= at) {
                store.add_bounce(&returned.bounce, wall).unwrap();
                self.log().arrived.push(Arrived {
                    key: returned.key,
                    at,
                    wall,
                    ends_it: returned.is_ours && returned.bounce.kind == BounceKind::Failed,
                    blame: returned.bounce.blame,
                });
            }
        }
    }
}
