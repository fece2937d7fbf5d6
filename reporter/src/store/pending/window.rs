//! The earliest pending rows of each queue, in bounded memory.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

use jiff::Timestamp;

use crate::{
    model::QueueKey,
    store::{ClaimLimit, QueueDepth},
};

/// How much is kept; temporarily up to twice that.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct WindowSize {
    /// 16 octets each. The more, the less often pending rows are read again.
    pub(in crate::store) rows: usize,
    /// Some 250 octets each.
    pub(in crate::store) queues: usize,
}

impl Default for WindowSize {
    fn default() -> WindowSize {
        WindowSize {
            rows: 1 << 19,
            queues: 1 << 16,
        }
    }
}

/// A row that seems to be due. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Candidate {
    pub(in crate::store) queue: QueueKey,
    pub(super) due: i64,
    pub(in crate::store) r_id: i64,
}

impl Candidate {
    pub(in crate::store) fn due(&self) -> Timestamp {
        Timestamp::from_microsecond(self.due).unwrap_or(Timestamp::MIN)
    }
}

#[derive(Debug)]
pub(in crate::store) struct DueWindow {
    bounds: WindowSize,
    queues: HashMap<QueueKey, PendingQueue>,
    /// In all queues.
    rows: usize,
    /// Queues that are not kept have nothing that is due before this time.
    horizon: i64,
    /// Queues whose next row is not due, by its time. An entry is void when its queue has gone or is in the other queue.
    soon: BinaryHeap<Reverse<(i64, QueueKey)>>,
    /// Queues with something due: the operator's own, and the hosts of other people.
    turns: [VecDeque<QueueKey>; 2],
    /// A queue in turn has used up what is kept of it.
    is_used_up: bool,
}

/// Queues that are tried in one pass: most of them may have no room.
const LOOKED_AT: usize = 512;

#[derive(Debug)]
struct PendingQueue {
    rows: BinaryHeap<Reverse<(i64, i64)>>,
    /// All pending rows that are due before this time are kept.
    until: i64,
    is_in_turn: bool,
}

impl PendingQueue {
    /// When there is something to do for it.
    fn next(&self) -> Option<i64> {
        let first = self.rows.peek().map(|Reverse((due, _))| *due);
        first.or((self.until < i64::MAX).then_some(self.until))
    }
}

impl DueWindow {
    pub(in crate::store) fn new(bounds: WindowSize) -> DueWindow {
        DueWindow {
            bounds,
            queues: HashMap::new(),
            rows: 0,
            horizon: i64::MAX,
            soon: BinaryHeap::new(),
            turns: Default::default(),
            is_used_up: false,
        }
    }

    pub(in crate::store) fn add(&mut self, queue: &QueueKey, due: i64, r_id: i64) {
        let queue = match self.queues.get_key_value(queue) {
            Some((queue, known)) if due < known.until => queue.clone(),
            None if due < self.horizon || queue.is_local() => queue.clone(),
            // Too late to be kept.
            _ => return,
        };
        // The operator's own queues are always kept, however many hosts other people's records name.
        let until = match queue.is_local() {
            true => i64::MAX,
            false => self.horizon,
        };
        let entry = self
            .queues
            .entry(queue.clone())
            .or_insert_with(|| PendingQueue {
                rows: BinaryHeap::new(),
                until,
                is_in_turn: false,
            });
        let is_first = entry.rows.peek().is_none_or(|first| due < first.0.0);
        entry.rows.push(Reverse((due, r_id)));
        self.rows += 1;
        if is_first && !entry.is_in_turn {
            self.soon.push(Reverse((due, queue)));
        }
        if self.rows > 2 * self.bounds.rows || self.queues.len() > 2 * self.bounds.queues {
            self.shrink_to_bounds();
        }
    }

    /// The queues of which most is kept; the operator's own come first.
    pub(super) fn longest(&self, now: i64, most: usize) -> Vec<QueueDepth> {
        let waiting = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.rows.is_empty());
        let mut keys: Vec<(bool, usize, &QueueKey)> = waiting
            .map(|(key, queue)| (key.is_local(), queue.rows.len(), key))
            .collect();
        if keys.len() > most {
            keys.select_nth_unstable_by(most, |a, b| b.cmp(a));
            keys.truncate(most);
        }
        let depths = keys
            .into_iter()
            .filter_map(|(.., key)| self.depth(key, now));
        depths.collect()
    }

    /// Queues with something kept.
    pub(super) fn number(&self) -> usize {
        self.queues
            .values()
            .filter(|queue| !queue.rows.is_empty())
            .count()
    }

    pub(super) fn depth(&self, key: &QueueKey, now: i64) -> Option<QueueDepth> {
        let rows = &self.queues.get(key)?.rows;
        let due = rows.iter().filter(|Reverse((due, _))| *due <= now).count();
        Some(QueueDepth {
            key: key.clone(),
            waiting: rows.len(),
            due,
        })
    }

    /// Whether something of it is due, as far as is known.
    pub(super) fn is_due(&self, key: &QueueKey, now: i64) -> bool {
        let next = self.queues.get(key).and_then(PendingQueue::next);
        next.is_some_and(|next| next <= now)
    }

    /// `room` is `None` for queues on hold; they are skipped until [`DueWindow::wake`].
    pub(in crate::store) fn pick(
        &mut self,
        now: i64,
        limit: ClaimLimit,
        room: impl Fn(&QueueKey) -> Option<usize>,
    ) -> Vec<Candidate> {
        self.move_due(now);
        let mut picked = Vec::new();
        for (kind, limit_of_kind) in [limit.local, limit.posts].into_iter().enumerate() {
            let most = limit.all.min(picked.len().saturating_add(limit_of_kind));
            for _ in 0..self.turns[kind].len().min(LOOKED_AT) {
                if picked.len() >= most {
                    break;
                }
                let Some(name) = self.turns[kind].pop_front() else {
                    break;
                };
                match room(&name) {
                    Some(room) => {
                        let room = room.min(most - picked.len());
                        self.pick_of(name, now, room, &mut picked);
                    }
                    None => {
                        if let Some(queue) = self.queues.get_mut(&name) {
                            queue.is_in_turn = false;
                        }
                    }
                }
            }
        }
        picked
    }

    /// Ends the hold of a queue.
    pub(super) fn wake(&mut self, queue: &QueueKey) {
        if let Some((name, queue)) = self.queues.get_key_value(queue)
            && !queue.is_in_turn
            && let Some(next) = queue.next()
        {
            self.soon.push(Reverse((next, name.clone())));
        }
    }

    fn pick_of(&mut self, name: QueueKey, now: i64, room: usize, picked: &mut Vec<Candidate>) {
        let Some(queue) = self.queues.get_mut(&name) else {
            return;
        };
        for _ in 0..room {
            let Some(&Reverse((due, r_id))) = queue.rows.peek().filter(|row| row.0.0 <= now) else {
                break;
            };
            queue.rows.pop();
            self.rows -= 1;
            picked.push(Candidate {
                queue: name.clone(),
                due,
                r_id,
            });
        }
        // Beyond the horizon the queue need not be kept.
        let is_known = !queue.rows.is_empty() || queue.until < self.horizon || name.is_local();
        match queue.next().filter(|_| is_known) {
            Some(next) if next <= now => {
                self.is_used_up |= queue.rows.is_empty() && room > 0;
                self.turns[kind(&name)].push_back(name);
            }
            Some(next) => {
                queue.is_in_turn = false;
                self.soon.push(Reverse((next, name)));
            }
            None => drop(self.queues.remove(&name)),
        }
    }

    /// The next due time after `now`.
    pub(super) fn next(&mut self, now: i64) -> Option<i64> {
        self.move_due(now);
        let soon = self.soon.peek().map(|Reverse((due, _))| *due);
        let horizon = Some(self.horizon).filter(|horizon| (now + 1..i64::MAX).contains(horizon));
        soon.into_iter().chain(horizon).min()
    }

    /// Whether a row may be due that is not kept; `passed_over` queues are on hold.
    pub(super) fn needs_reading(&mut self, now: i64, passed_over: usize) -> bool {
        self.move_due(now);
        // While there is much to do, queues beyond the horizon wait: reading is expensive.
        let in_turn: usize = self.turns.iter().map(VecDeque::len).sum();
        self.is_used_up || (self.horizon <= now && in_turn + passed_over <= self.bounds.queues / 2)
    }

    /// Queues with something due get in turn; void entries go.
    fn move_due(&mut self, now: i64) {
        while let Some(Reverse((due, name))) = self.soon.peek() {
            let queue = self.queues.get_mut(name).filter(|queue| !queue.is_in_turn);
            match queue.filter(|queue| queue.next() == Some(*due)) {
                Some(_) if *due > now => return,
                Some(queue) => {
                    queue.is_in_turn = true;
                    self.turns[kind(name)].push_back(name.clone());
                }
                None => {}
            }
            self.soon.pop();
        }
    }

    /// Forgets the latest rows, of which there are more than memory is meant for; the database keeps them.
    fn shrink_to_bounds(&mut self) {
        if self.queues.len() > self.bounds.queues {
            self.drop_queues();
        }
        let most = self.most_a_queue();
        for queue in self.queues.values_mut() {
            if queue.rows.len() <= most {
                continue;
            }
            let mut rows: Vec<_> = std::mem::take(&mut queue.rows).into_vec();
            // `Reverse` puts the latest first.
            rows.sort_unstable_by_key(|row| row.0);
            queue.until = rows[most].0.0;
            self.rows -= rows.len() - most;
            rows.truncate(most);
            rows.shrink_to_fit();
            queue.rows = rows.into();
        }
    }

    /// Drops the queues whose next row is due last.
    fn drop_queues(&mut self) {
        let mut nexts: Vec<i64> = self
            .queues
            .values()
            .filter_map(PendingQueue::next)
            .collect();
        let (_, horizon, _) = nexts.select_nth_unstable(self.bounds.queues);
        let horizon = *horizon;
        self.horizon = self.horizon.min(horizon);
        // All may be due at one time.
        let before = self
            .queues
            .values()
            .filter(|queue| queue.next() < Some(horizon));
        let mut equal = self.bounds.queues - before.count().min(self.bounds.queues);
        self.queues.retain(|name, queue| match queue.next() {
            _ if queue.is_in_turn || name.is_local() => true,
            Some(next) if next == horizon && equal > 0 => {
                equal -= 1;
                true
            }
            next => next < Some(horizon),
        });
        self.rows = self.queues.values().map(|queue| queue.rows.len()).sum();
    }

    /// The number of rows of each queue that fits the limit: small queues are kept completely, large ones are cut.
    fn most_a_queue(&self) -> usize {
        let mut sizes: Vec<usize> = self.queues.values().map(|queue| queue.rows.len()).collect();
        sizes.sort_unstable();
        let (mut room, mut left) = (self.bounds.rows, sizes.len());
        for size in sizes {
            if size * left > room {
                break;
            }
            (room, left) = (room - size, left - 1);
        }
        match left {
            0 => usize::MAX,
            _ => (room / left).max(1),
        }
    }
}

/// Which of the turns.
fn kind(queue: &QueueKey) -> usize {
    usize::from(!queue.is_local())
}
