//! Who has had enough room: attempts that last make way for those that wait.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    super::{destination::SLOW, host::Class, strangers::Standing},
    Look, Scheduler, UnderWay, WaitsFor,
};
use crate::deliver::Progress;

/// While somebody waits of whom nothing bad is known, an answer is waited for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// While others need the room, a connection is waited for so long: a host that is there answers at once.
const TO_CONNECT: Duration = Duration::from_secs(2);

impl Scheduler {
    /// Looks at an attempt that lasts.
    pub(in crate::queue) fn look(&mut self, id: u64, progress: &Progress, now: Instant) -> Look {
        let Some(attempt) = self.under_way.get_mut(&id) else {
            return Look::Nothing;
        };
        let mut look = Look::Nothing;
        if attempt.class == Class::Quick && now - attempt.since >= SLOW {
            if self.busy[Class::Slow as usize] < self.limits.slow {
                attempt.class = Class::Slow;
                self.busy[Class::Quick as usize] -= 1;
                self.busy[Class::Slow as usize] += 1;
                self.crowded.remove(&id);
                look = Look::Room;
            } else {
                self.crowded.insert(id);
            }
        }
        let Some(waiting) = progress.waiting() else {
            let since = progress
                .connecting()
                .filter(|since| now - *since >= TO_CONNECT);
            attempt.may_be_cut = since.map(|since| (WaitsFor::Connection, since));
            if since.is_some() && self.all_need_room(id) {
                return self.cut(id);
            }
            return look;
        };
        let (name, key) = (attempt.host.clone(), attempt.queue.clone());
        let waited = now - waiting.since;
        let is_enough = waited >= waiting.least;
        attempt.may_be_cut = is_enough.then_some((WaitsFor::Answer, waiting.since));
        let (may_be_cut, domain) = (attempt.may_be_cut.is_some(), attempt.domain.clone());
        if let Some(queue) = self.hosts.get_mut(&name).and_then(|h| h.queue_mut(&key)) {
            // It took what we sent: somebody is there.
            if !queue.answers {
                queue.answers = true;
                look = Look::Room;
                self.more.notify_one();
            }
            if may_be_cut && queue.is_slow_for(&domain, now) {
                self.more.notify_one();
            }
        }
        if may_be_cut && (self.host_needs_room(id, waited, now) || self.all_need_room(id)) {
            return self.cut(id);
        }
        if look == Look::Room {
            self.line_up(&name, now);
        }
        look
    }

    fn cut(&mut self, id: u64) -> Look {
        if let Some(attempt) = self.under_way.get_mut(&id) {
            attempt.is_cut = true;
        }
        Look::Cut
    }

    /// Somebody of a better standing waits for the host, and this one has been waited for for long enough.
    fn host_needs_room(&self, id: u64, waited: Duration, now: Instant) -> bool {
        let attempt = &self.under_way[&id];
        let Some(host) = self.hosts.get(&attempt.host) else {
            return false;
        };
        if attempt.standing == Standing::Slow || !host.is_full(&self.limits) {
            return false;
        }
        let is_prompt = host
            .queue(&attempt.queue)
            .is_some_and(|queue| queue.is_prompt);
        match host.best_waiting(now) {
            Some(Standing::Worked) if is_prompt => true,
            Some(Standing::Worked | Standing::Unknown) => waited >= PATIENCE,
            Some(Standing::Slow) | None => false,
        }
    }

    /// The room for slow posts is full, and this one is among those that have been there longest. Where reports have
    /// arrived before, there is more hope.
    fn all_need_room(&self, id: u64) -> bool {
        let needed = self.crowded.len() + self.wanted;
        if needed == 0 {
            return false;
        }
        let key = |attempt: &UnderWay| (attempt.has_worked, attempt.may_be_cut);
        let this = key(&self.under_way[&id]);
        let others = self
            .under_way
            .values()
            .filter(|other| other.is_cut || other.may_be_cut.is_some() && key(other) < this);
        others.count() < needed
    }

    /// Memory is short: one of the slow has to go.
    pub(in crate::queue) fn want_room(&mut self) {
        self.wanted = 1;
    }
}
