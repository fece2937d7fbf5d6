//! Which attempts have had their slots for long enough: those that last make way for those that wait.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    super::{
        destination::{NOT_CONNECTED, SLOW},
        domain_history::Priority,
        host::SlotKind,
    },
    ActiveAttempt, Review, Scheduler, WaitsFor,
};
use crate::deliver::Progress;

/// The longest wait for an answer while a delivery waits that is not known to be slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait for a connection while others need the slot: a host that is there answers at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

impl Scheduler {
    /// Reviews an attempt that lasts.
    pub(in crate::queue) fn review(
        &mut self,
        id: u64,
        progress: &Progress,
        now: Instant,
    ) -> Review {
        let Some(attempt) = self.active.get_mut(&id) else {
            return Review::Unchanged;
        };
        let mut review = Review::Unchanged;
        let quick = match progress.connecting() {
            Some(_) => NOT_CONNECTED,
            None => SLOW,
        };
        if attempt.slot == SlotKind::Quick && now - attempt.since >= quick {
            self.crowded.insert(id);
            if self.move_to_slow(id) {
                review = Review::SlotFreed;
            }
        }
        let Some(attempt) = self.active.get_mut(&id) else {
            return review;
        };
        let Some(waiting) = progress.waiting() else {
            let since = progress
                .connecting()
                .filter(|since| now - *since >= CONNECT_TIMEOUT);
            attempt.may_be_cut = since.map(|_| WaitsFor::Connection);
            if since.is_some() && self.all_need_slot(id) {
                return self.cut_off(id);
            }
            return review;
        };
        let (name, key) = (attempt.host.clone(), attempt.queue.clone());
        let waited = now - waiting.since;
        let is_enough = waited >= waiting.least;
        attempt.may_be_cut = is_enough.then_some(WaitsFor::Answer(waiting.since));
        let (may_be_cut, domain) = (attempt.may_be_cut.is_some(), attempt.domain.clone());
        if let Some(queue) = self.hosts.get_mut(&name).and_then(|h| h.queue_mut(&key)) {
            // It took what we sent, so somebody is there.
            if !queue.answers {
                queue.answers = true;
                review = Review::SlotFreed;
                self.capacity_changed.notify_one();
            }
            if may_be_cut && queue.mark_slow(&domain, now) {
                self.capacity_changed.notify_one();
            }
        }
        if may_be_cut && (self.host_needs_slot(id, waited, now) || self.all_need_slot(id)) {
            return self.cut_off(id);
        }
        if review == Review::SlotFreed {
            self.make_ready(&name, now);
        }
        review
    }

    /// A slow slot is free: a crowded attempt takes it.
    pub(super) fn relieve_crowded(&mut self) {
        if let Some(id) = self.crowded.iter().next().copied() {
            self.move_to_slow(id);
        }
    }

    /// A crowded attempt gives its quick slot to others, if there is a slow one.
    fn move_to_slow(&mut self, id: u64) -> bool {
        let is_free = self.busy[SlotKind::Slow as usize] < self.limits.slow;
        if let Some(attempt) = self.active.get_mut(&id).filter(|_| is_free) {
            attempt.slot = SlotKind::Slow;
            self.busy[SlotKind::Quick as usize] -= 1;
            self.busy[SlotKind::Slow as usize] += 1;
            self.crowded.remove(&id);
        }
        is_free
    }

    fn cut_off(&mut self, id: u64) -> Review {
        if let Some(attempt) = self.active.get_mut(&id) {
            attempt.is_cut = true;
        }
        Review::CutOff
    }

    /// A delivery with a better priority waits for the host, and this answer has been awaited for long enough.
    fn host_needs_slot(&self, id: u64, waited: Duration, now: Instant) -> bool {
        let attempt = &self.active[&id];
        let Some(host) = self.hosts.get(&attempt.host) else {
            return false;
        };
        if attempt.start.priority == Priority::Slow || !host.is_full(&self.limits) {
            return false;
        }
        let is_prompt = host
            .queue(&attempt.queue)
            .is_some_and(|queue| queue.is_prompt);
        match host.best_waiting(now) {
            Some(Priority::DeliveredBefore) if is_prompt => true,
            Some(Priority::DeliveredBefore | Priority::Unknown) => waited >= PATIENCE,
            Some(Priority::Slow) | None => false,
        }
    }

    /// All slots for slow posts are taken, and this one is among those that have been there longest. Posts to destinations
    /// that never worked go first.
    fn all_need_slot(&self, id: u64) -> bool {
        let needed = self.crowded.len() + self.slots_wanted;
        if needed == 0 {
            return false;
        }
        let key = |attempt: &ActiveAttempt| (attempt.delivered_before, attempt.may_be_cut);
        let this = key(&self.active[&id]);
        let others = self
            .active
            .values()
            .filter(|other| other.is_cut || other.may_be_cut.is_some() && key(other) < this);
        others.count() < needed
    }

    /// Memory is short: one of the slow posts has to end.
    pub(in crate::queue) fn want_slot(&mut self) {
        self.slots_wanted = 1;
    }
}
