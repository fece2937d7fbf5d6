//! Which pending deliveries come next, whatever the engine.
//!
//! Due times are random. An index by due time would be filled at random places: with a million deliveries nearly each of
//! them rewrites a page. So the engine indexes pending rows in the order in which they were made, and their order in time is
//! kept in memory: of each queue the earliest, within the limits of [`DueWindow`]. When the rows kept of a queue are used
//! up, all pending rows are read again, a part a pass, while the other queues continue.
//!
//! These are candidates: each row is checked in the database before it is taken in hand.

mod probes;
mod turns;
pub(super) mod window;

use std::collections::HashSet;

use jiff::Timestamp;

use super::{ClaimLimit, QueueDepth, QueueDepths};
use crate::model::QueueKey;
use probes::RelayProbes;
use turns::ProbeTurns;
pub(super) use window::Candidate;
use window::{DueWindow, WindowSize};

/// Rows that are read in one pass: some ten milliseconds.
pub(super) const READ_AT_ONCE: usize = 20_000;
/// Due rows that are looked at for one probe; for the next those that follow.
pub(super) const LOOKED_AT: usize = 4096;

/// Pending rows, as an engine has them.
pub(super) trait PendingRows {
    /// How far they have been read.
    type Position: Copy;
    /// What can go wrong.
    type Fault;

    /// Reads some [`READ_AT_ONCE`] rows behind a position: queue, due time in microseconds since 1970, report. All rows of one
    /// report are one part. Gives how far it has come; `None`: these were the last.
    fn read_part(
        &self,
        after: Option<Self::Position>,
        take: &mut dyn FnMut(&QueueKey, i64, i64),
    ) -> Result<Option<Self::Position>, Self::Fault>;

    /// Looks at the due rows of a queue behind a position, some [`LOOKED_AT`]. Gives how far it has come; `None`: these were the
    /// last.
    fn look_at_due(
        &self,
        queue: &QueueKey,
        now: Timestamp,
        after: Option<Self::Position>,
        take: &mut dyn FnMut(DueRow<'_>),
    ) -> Result<Option<Self::Position>, Self::Fault>;
}

/// A row that is due.
pub(super) struct DueRow<'a> {
    pub(super) r_id: i64,
    /// In microseconds since 1970.
    pub(super) due: i64,
    /// The reported domain.
    pub(super) domain: &'a str,
    /// Reports have arrived at that destination before.
    pub(super) delivered_before: bool,
}

/// The next deliveries of each queue, as far as they are known.
#[derive(Debug)]
pub(super) struct PendingQueues<P> {
    bounds: WindowSize,
    window: Option<DueWindow>,
    /// The window that will replace it, and how far rows have been read.
    reading: Option<(DueWindow, Option<P>)>,
    /// Queues that are passed over until they are free.
    held: HashSet<QueueKey>,
    /// The operator's own queues where one delivery at a time asks whether any is taken.
    asking: HashSet<QueueKey>,
    again: RelayProbes,
    turns: ProbeTurns<P>,
}

impl<P> Default for PendingQueues<P> {
    fn default() -> PendingQueues<P> {
        PendingQueues {
            bounds: WindowSize::default(),
            window: None,
            reading: None,
            held: HashSet::new(),
            asking: HashSet::new(),
            again: RelayProbes::default(),
            turns: ProbeTurns::default(),
        }
    }
}

impl<P: Copy> PendingQueues<P> {
    /// Keeps so few rows and queues.
    #[cfg(test)]
    pub(super) fn with_bounds(rows: usize, queues: usize) -> PendingQueues<P> {
        PendingQueues {
            bounds: WindowSize { rows, queues },
            ..PendingQueues::default()
        }
    }

    #[cfg(test)]
    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
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

    /// Others may have added rows: everything is read once more, while what is known goes on.
    #[cfg(feature = "postgresql")]
    pub(super) fn renew(&mut self) {
        if self.reading.is_none() {
            self.read_anew();
        }
    }

    /// There are more rows, also where it was read already: everything is read from the first on, while what is known goes on.
    #[cfg(feature = "postgresql")]
    pub(super) fn read_anew(&mut self) {
        let is_known = self.window.is_some();
        self.reading = is_known.then(|| (DueWindow::new(self.bounds), None));
    }

    /// Picks what is due, so many of each kind, and so many of a queue as there is room for; queues take turns.
    pub(super) fn pick<R: PendingRows<Position = P>>(
        &mut self,
        rows: &R,
        now: Timestamp,
        limit: ClaimLimit,
        room: impl Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Candidate>, R::Fault> {
        self.read_on(rows, now)?;
        let held = &self.held;
        let room = |queue: &QueueKey| (!held.contains(queue)).then(|| room(queue));
        let mut limit = limit;
        let mut asking = self.asking.iter().filter(|_| limit.local > 0);
        let probe = match asking.find(|queue| room(queue) == Some(1)) {
            Some(queue) => match self.again.pick(queue, now.as_microsecond()) {
                None => self.turns.pick(rows, queue, now)?,
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
    pub(super) fn next<R: PendingRows<Position = P>>(
        &mut self,
        rows: &R,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, R::Fault> {
        if self.read_on(rows, now)? {
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
    fn read_on<R: PendingRows<Position = P>>(
        &mut self,
        rows: &R,
        now: Timestamp,
    ) -> Result<bool, R::Fault> {
        let held = self.held.len();
        let is_enough = |window: &mut DueWindow| !window.needs_reading(now.as_microsecond(), held);
        if self.reading.is_none() && self.window.as_mut().is_some_and(is_enough) {
            return Ok(false);
        }
        let bounds = self.bounds;
        let (window, after) = self
            .reading
            .get_or_insert_with(|| (DueWindow::new(bounds), None));
        let mut add = |queue: &QueueKey, due, r_id| window.add(queue, due, r_id);
        match rows.read_part(*after, &mut add)? {
            Some(position) => *after = Some(position),
            None => self.window = self.reading.take().map(|(window, _)| window),
        }
        Ok(true)
    }
}
