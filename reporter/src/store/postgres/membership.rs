//! Tends the fleet: who is in it, what of the work is whose, and the days.

use std::{thread, time::Duration};

use jiff::Timestamp;
use tlsrptd_fleet::Shard;
use tlsrptd_proto::day::Day;
use tokio::time::Instant;

use super::{
    PostgresStore, at_step,
    closing::ClosingLooks,
    deliveries::release_shards,
    member::{FleetLook, fence_members, give_shards, take_shards},
};
use crate::store::{Lease, Membership, Step, StoreError, Tended};

/// So often a member looks when it has just come, as long as there is something that it cannot take yet.
const LOOKS_AT_START: u32 = 50;
/// Between two of these looks.
const MOMENT: Duration = Duration::from_millis(20);

impl Membership for PostgresStore {
    fn lease(&self) -> Lease {
        self.member.lease().clone()
    }

    fn tend(
        &mut self,
        now: Timestamp,
        deadlines: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
    ) -> Result<Tended, StoreError> {
        // It is not renewed, whatever others know of it by now.
        if !self.member.lease().is_valid() {
            return Err(StoreError::Fenced);
        }
        // What was learnt before something failed is told when nothing fails: who has the calendar since then does not know of it.
        let mut tended = std::mem::take(&mut self.untold);
        match self.look_after(&mut tended, now, deadlines) {
            Ok(()) => Ok(tended),
            Err(error) => {
                self.untold = tended;
                Err(error)
            }
        }
    }
}

impl PostgresStore {
    fn look_after(
        &mut self,
        tended: &mut Tended,
        now: Timestamp,
        deadlines: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
    ) -> Result<(), StoreError> {
        tended.is_in_doubt |= self.look_at_connection();
        let is_again = self.member.next_look.is_some_and(|at| at <= Instant::now());
        let has_news = self.member.lease().take_news() || is_again || tended.is_in_doubt;
        if has_news {
            // If it fails it is done later.
            self.member.next_look = Some(Instant::now());
            let is_done = self.share(Step::Released, tended)?;
            let again = Instant::now() + self.member.look_interval();
            self.member.next_look = (!is_done).then_some(again);
        }
        // Whoever keeps the calendar since now, or may have forgotten something, makes the fetch jobs first.
        let is_settled = tended.taken == 0 && !tended.is_in_doubt;
        let deadlines = deadlines.filter(|_| is_settled);
        if self.keeps_calendar() {
            self.tend_days(now, deadlines, has_news, &mut tended.closed)?;
        } else {
            self.closing = ClosingLooks::default();
        }
        (tended.members, tended.wait) = (self.member.live, self.until_next(now));
        Ok(())
    }

    /// Another connection may lead to another server, which lacks the last moments of the one before: what was learnt of them is
    /// forgotten.
    fn look_at_connection(&mut self) -> bool {
        let connection = self.db.connections();
        let is_another = self.connection != connection;
        if is_another {
            self.connection = connection;
            self.made = None;
            self.suppressions.invalidate();
            self.doubt_deliveries();
        }
        is_another
    }

    fn until_next(&self, now: Timestamp) -> Option<Duration> {
        let look = self.member.next_look;
        let look = look.map(|at| at.saturating_duration_since(Instant::now()));
        let deadline = self.closing.next().filter(|at| *at > now);
        let deadline = deadline.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
        let held = self.held.until_next();
        look.into_iter().chain(deadline).chain(held).min()
    }

    /// The first share. Whoever had the work before may have ended in the middle of a transaction: nobody can take its shards until
    /// the server has noticed.
    pub(super) fn share_at_start(&mut self) -> Result<(), StoreError> {
        for _ in 0..LOOKS_AT_START {
            self.share(Step::Made, &mut Tended::default())?;
            let fleet = FleetLook::take(&self.db).map_err(|fault| at_step(Step::Made, fault))?;
            let has_its_share = fleet.of(self.member.id()).len() >= fleet.fair_share();
            if has_its_share || fleet.number_free() == 0 {
                break;
            }
            thread::sleep(MOMENT);
        }
        Ok(())
    }

    /// Takes what nobody has, up to a fair share, and gives back what is more than that. Gives whether all is done.
    pub(super) fn share(&mut self, step: Step, tended: &mut Tended) -> Result<bool, StoreError> {
        let id = self.member.id();
        let look = |store: &PostgresStore| {
            FleetLook::take(&store.db).map_err(|fault| at_step(step, fault))
        };
        let mut fleet = look(self)?;
        if !fleet.has(id) {
            self.member.lease().end();
            return Err(StoreError::Fenced);
        }
        let gone = fleet.gone(id, self.member.may_judge());
        let are_judged = fleet.gone(id, true).len() == gone.len();
        if !gone.is_empty() {
            // First of all: whoever is fenced begins nothing more on its shards.
            let fenced = self.transact(step, &[], |tx| fence_members(tx, &gone))?;
            tended.fenced.extend(fenced);
            fleet = look(self)?;
        }
        let (own, share) = (fleet.of(id), fleet.fair_share());
        self.member.live = u32::try_from(fleet.number_live()).unwrap_or(u32::MAX);
        // A COMMIT whose answer was lost is seen here.
        let new = own.iter().filter(|shard| !self.member.owns(**shard));
        tended.taken += new.count();
        self.member.set_shards(own.clone());
        let missing = share.saturating_sub(own.len()).min(fleet.number_free());
        let taken = match missing {
            0 => 0,
            _ => self.take(step, missing, tended)?,
        };
        let surplus = own.len().saturating_sub(share);
        let given = self.give(step, surplus)?;
        tended.given += given;
        Ok(are_judged && taken == missing && given == surplus)
    }

    fn take(&mut self, step: Step, most: usize, tended: &mut Tended) -> Result<usize, StoreError> {
        let id = self.member.id();
        let (taken, repeated) = self.transact(step, &[], |tx| {
            let taken = take_shards(tx, id, most)?;
            // Whoever has just joined releases all that it owns by itself.
            let repeated = match step {
                Step::Made => 0,
                _ => release_shards(tx, &taken, id)?,
            };
            Ok((taken, repeated))
        })?;
        let number = taken.len();
        tended.taken += number;
        tended.repeated += repeated;
        let all = self.member.shards().iter().copied().chain(taken);
        self.member.set_shards(all.collect());
        Ok(number)
    }

    /// Those with nothing in hand at once; of others nothing more is taken in hand, so that they follow. The last first: the first
    /// has the calendar, and stays where it is.
    fn give(&mut self, step: Step, number: usize) -> Result<usize, StoreError> {
        let id = self.member.id();
        let in_hand = self.shards_in_hand();
        let own = self.member.shards().iter().skip(1).rev().copied();
        let (busy, idle): (Vec<Shard>, Vec<Shard>) = own.partition(|shard| in_hand.contains(shard));
        let given: Vec<Shard> = idle.into_iter().take(number).collect();
        if !given.is_empty() {
            // Before it is done: when the answer to COMMIT is lost, what ends meanwhile is recorded for the others. The next look
            // finds them again if it was undone.
            let kept = self.member.shards().iter().copied();
            let kept = kept.filter(|shard| !given.contains(shard)).collect();
            self.member.set_shards(kept);
            self.transact(step, &[], |tx| give_shards(tx, id, &given))?;
        }
        let leaving = busy.into_iter().take(number - given.len()).collect();
        self.member.set_leaving(leaving);
        Ok(given.len())
    }
}
