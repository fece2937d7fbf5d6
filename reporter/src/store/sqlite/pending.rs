//! Which pending deliveries come next.
//!
//! Due times are random. An index by due time would be filled at random places: with a million deliveries nearly each of
//! them rewrites a page. So the file indexes pending rows in the order in which they were made, and their order in time is
//! kept in memory: of each queue the earliest, within the limits of [`DueWindow`]. When the rows kept of a queue are used
//! up, all pending rows are read again, a part a pass, while the other queues continue.
//!
//! These are candidates: each row is checked in the database before it is taken in hand.

mod probes;
mod turns;
mod window;

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::Connection;

use super::text;
use crate::model::QueueKey;
use crate::store::{ClaimLimit, QueueDepth, QueueDepths};
use probes::RelayProbes;
use turns::ProbeTurns;
use window::DueWindow;
pub(super) use window::{Candidate, WindowSize};

/// Rows that are read in one pass: some ten milliseconds.
const READ_AT_ONCE: usize = 20_000;

/// The next deliveries of each queue, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct PendingQueues {
    bounds: WindowSize,
    window: Option<DueWindow>,
    /// The window that will replace it, and the report up to which rows have been read.
    reading: Option<(DueWindow, i64)>,
    /// Queues that are passed over until they are free.
    held: HashSet<QueueKey>,
    /// The operator's own queues where one delivery at a time asks whether any is taken.
    asking: HashSet<QueueKey>,
    again: RelayProbes,
    turns: ProbeTurns,
}

impl PendingQueues {
    #[cfg(test)]
    fn with_bounds(bounds: WindowSize) -> PendingQueues {
        PendingQueues {
            bounds,
            ..PendingQueues::default()
        }
    }

    /// A row is pending.
    pub(super) fn added(&mut self, queue: &QueueKey, due: Timestamp, r_id: i64) {
        let due = due.as_microsecond();
        // Reading may have passed this row already. A row in both windows is taken once.
        if let Some((window, _)) = &mut self.reading {
            window.add(queue, due, r_id);
        }
        if let Some(window) = &mut self.window {
            window.add(queue, due, r_id);
        }
    }

    /// It was tried, and the relay takes no mail now.
    pub(super) fn seen(&mut self, queue: &QueueKey, due: Timestamp, r_id: i64) {
        self.added(queue, due, r_id);
        self.again.add(queue, due.as_microsecond(), r_id);
    }

    /// Nothing of that queue is picked.
    pub(super) fn hold(&mut self, queue: &QueueKey) {
        self.held.insert(queue.clone());
    }

    /// It is picked again, one at a time; it may have something due.
    pub(super) fn free(&mut self, queue: &QueueKey) {
        self.held.remove(queue);
        if queue.is_local() {
            self.asking.insert(queue.clone());
        }
        if let Some(window) = &mut self.window {
            window.wake(queue);
        }
    }

    /// It takes deliveries again.
    pub(super) fn flows(&mut self, queue: &QueueKey) {
        self.asking.remove(queue);
    }

    /// All queues may have something due: everything is read again.
    pub(super) fn read_again(&mut self) {
        (self.window, self.reading) = (None, None);
    }

    /// Picks what is due, so many of each kind, and so many of a queue as there is room for; queues take turns.
    pub(super) fn pick(
        &mut self,
        db: &Connection,
        now: Timestamp,
        limit: ClaimLimit,
        room: impl Fn(&QueueKey) -> usize,
    ) -> rusqlite::Result<Vec<Candidate>> {
        self.read_on(db, now)?;
        let held = &self.held;
        let room = |queue: &QueueKey| (!held.contains(queue)).then(|| room(queue));
        let mut limit = limit;
        let mut asking = self.asking.iter().filter(|_| limit.local > 0);
        let probe = match asking.find(|queue| room(queue) == Some(1)) {
            Some(queue) => match self.again.pick(queue, now.as_microsecond()) {
                None => self.turns.pick(db, queue, now)?,
                again => again,
            },
            None => None,
        };
        if probe.is_some() {
            (limit.local, limit.all) = (limit.local - 1, limit.all.saturating_sub(1));
        }
        let room = |queue: &QueueKey| match &probe {
            Some(candidate) if candidate.queue == *queue => Some(0),
            _ => room(queue),
        };
        let (window, now) = (self.window.as_mut(), now.as_microsecond());
        let mut picked = window.map_or(Vec::new(), |window| window.pick(now, limit, room));
        picked.extend(probe);
        self.again.passed(&picked);
        Ok(picked)
    }

    /// The next due time after `now`; `now` if rows remain unread.
    pub(super) fn next(
        &mut self,
        db: &Connection,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Timestamp>> {
        if self.read_on(db, now)? {
            return Ok(Some(now));
        }
        let window = self.window.as_mut();
        let next = window.and_then(|window| window.next(now.as_microsecond()));
        Ok(next.and_then(|due| Timestamp::from_microsecond(due).ok()))
    }

    /// The queues of which most is kept.
    pub(super) fn depths(&self, now: Timestamp, most: usize) -> QueueDepths {
        let Some(window) = &self.window else {
            return QueueDepths::default();
        };
        QueueDepths {
            longest: window.longest(now.as_microsecond(), most),
            number: window.number(),
            is_read: self.reading.is_none(),
        }
    }

    /// What is kept of one queue.
    pub(super) fn depth(&self, queue: &QueueKey, now: Timestamp) -> QueueDepth {
        let window = self.window.as_ref();
        let depth = window.and_then(|window| window.depth(queue, now.as_microsecond()));
        depth.unwrap_or_else(|| QueueDepth {
            key: queue.clone(),
            waiting: 0,
            due: 0,
        })
    }

    /// Whether something of a queue would be picked if there was room.
    pub(super) fn is_due(&self, queue: &QueueKey, now: Timestamp) -> bool {
        let window = self.window.as_ref();
        !self.held.contains(queue)
            && window.is_some_and(|window| window.is_due(queue, now.as_microsecond()))
    }

    /// Reads the next part, and says whether there was one to read.
    fn read_on(&mut self, db: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        let held = self.held.len();
        let is_enough = |window: &mut DueWindow| !window.needs_reading(now.as_microsecond(), held);
        if self.reading.is_none() && self.window.as_mut().is_some_and(is_enough) {
            return Ok(false);
        }
        let bounds = self.bounds;
        let (window, after) = self
            .reading
            .get_or_insert_with(|| (DueWindow::new(bounds), i64::MIN));
        if read_part(db, window, after)? {
            self.window = self.reading.take().map(|(window, _)| window);
        }
        Ok(true)
    }
}

/// Gives whether that was the last.
fn read_part(db: &Connection, window: &mut DueWindow, after: &mut i64) -> rusqlite::Result<bool> {
    let mut select = db.prepare_cached(PENDING)?;
    let mut rows = select.query([*after])?;
    let mut number = 0;
    while let Some(row) = rows.next()? {
        let r_id = row.get(0)?;
        // All rows of one report are one part.
        if number >= READ_AT_ONCE && r_id != *after {
            return Ok(false);
        }
        (number, *after) = (number + 1, r_id);
        // An invalid time counts as due: the database decides when the row is checked.
        let due = row.get_ref(1)?.as_str().ok().and_then(text::instant);
        if let Ok(queue) = row.get_ref(2)?.as_str() {
            let queue = &QueueKey::parse(queue);
            window.add(queue, due.map_or(i64::MIN, Timestamp::as_microsecond), r_id);
        }
    }
    Ok(true)
}

const PENDING: &str = "SELECT d_r_id, nexttry, tlsrptd_queue FROM destinations \
    WHERE status IS NULL AND tlsrptd_started IS NULL AND d_r_id > ?1 ORDER BY d_r_id";

#[cfg(test)]
mod tests;
