//! What the operator asks for by a row: looks for it, makes the attempts, records the answers.
//!
//! The look costs next to nothing while nobody asks: once a second SQLite says, from its shared memory, whether another
//! program has written; only then is the table read. Nothing is written, and no pass of the main loop follows.
//!
//! A report that is sent once more goes through the queues and throttles as any other, and is tried as often. A test goes
//! beside them: its one attempt begins at once, even if the relay is throttled, and what it is answered holds back nothing.

mod ends;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tlsrptd_service::clock::WorkingTime;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use self::ends::{of_test, resend_ended, throttled, too_old};
use super::delivering::Delivering;
use crate::{
    compose::{self, Composer},
    deliver::Outcome,
    environment::Environment,
    model::{Delivery, Destination, RequestId, RequestKind, RequestState},
    store::{Lease, OpenRequest, RequestEnd, RequestOutcome, StartedRequest, Store, StoreError},
};

/// Reports that are sent once more at a time: their texts are in memory.
const MAX_IN_HAND: usize = 16;
/// Tests at a time.
const MAX_TESTS: usize = 4;

/// Requests that are open or in hand.
pub(super) struct RequestRunner<E: Environment> {
    environment: Arc<E>,
    composer: Arc<Composer>,
    lease: Lease,
    interval: Duration,
    next_look: Instant,
    /// The store's number at the last look.
    change_number: Option<i64>,
    open: Vec<OpenRequest>,
    /// In the destination queues.
    in_hand: HashSet<RequestId>,
    tests: JoinSet<Option<EndedTest>>,
    /// The tests under way.
    tested: HashMap<RequestId, Destination>,
    /// Not recorded yet.
    ends: Vec<RequestEnd>,
    /// When the first of those that are open is due.
    next_due: Option<Instant>,
}

struct EndedTest {
    id: RequestId,
    outcome: Outcome,
    took: Duration,
}

impl<E: Environment> RequestRunner<E> {
    pub(super) fn new(
        environment: Arc<E>,
        composer: Arc<Composer>,
        lease: Lease,
        interval: Duration,
    ) -> RequestRunner<E> {
        RequestRunner {
            environment,
            composer,
            lease,
            interval,
            next_look: Instant::now(),
            change_number: None,
            open: Vec::new(),
            in_hand: HashSet::new(),
            tests: JoinSet::new(),
            tested: HashMap::new(),
            ends: Vec::new(),
            next_due: None,
        }
    }

    /// Waits until there is something to do. Cancel safe.
    pub(super) async fn wait(&mut self, store: &dyn Store) {
        loop {
            tokio::select! {
                Some(ended) = self.tests.join_next(), if !self.tests.is_empty() => {
                    self.test_ended(ended.ok().flatten());
                    return;
                }
                () = sleep_until(self.next_look) => {}
            }
            if self.is_active() || store.change_number().ok() != self.change_number {
                return;
            }
            self.next_look = Instant::now() + self.interval;
        }
    }

    /// The clock has moved: the times of those that wait may be others.
    pub(super) fn read_again(&mut self) {
        self.change_number = None;
    }

    /// Requests that are known and not over.
    pub(super) fn number(&self) -> usize {
        self.open.len() + self.in_hand.len() + self.tested.len()
    }

    /// Something is due, or may be given back by a queue. What waits for its time, or for one of those under way to end, needs no
    /// pass of the main loop.
    fn is_active(&self) -> bool {
        let is_due = self.next_due.is_some_and(|at| at <= Instant::now());
        is_due || !self.in_hand.is_empty()
    }

    /// Looks what is asked for, and starts what is due.
    pub(super) fn start(
        &mut self,
        store: &mut dyn Store,
        delivering: &mut Delivering<E>,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        let at = Instant::now();
        if at < self.next_look {
            return Ok(());
        }
        self.next_look = at + self.interval;
        // As for all mails: by a time that is days behind they would bear a wrong date.
        if !moment.is_beyond_last_known() {
            return Ok(());
        }
        let number = Some(store.change_number()?);
        if self.change_number == number && !self.is_active() {
            return Ok(());
        }
        self.open = store.open_requests()?;
        self.change_number = number;
        // Given back by a queue that was throttled meanwhile.
        self.open
            .iter()
            .for_each(|open| _ = self.in_hand.remove(&open.id));
        let due = self.due(delivering, moment);
        if !due.is_empty() {
            for started in store.start_requests(&due, moment.now)? {
                self.begin(started, delivering, moment.now);
            }
            self.open.retain(|open| !due.contains(&open.id));
        }
        let waits = self.open.iter().filter_map(|open| open.due).min();
        self.next_due = waits.map(|due| {
            let left = Duration::try_from(due.duration_since(moment.now));
            at + left.unwrap_or_default()
        });
        self.record_ends(store, moment.now)
    }

    /// What may begin now. What waits for a throttled queue is told so.
    fn due(&mut self, delivering: &Delivering<E>, moment: &WorkingTime) -> Vec<RequestId> {
        let (mut due, now) = (Vec::new(), moment.now);
        let (mut resends, mut tests) = (
            MAX_IN_HAND.saturating_sub(self.in_hand.len()),
            MAX_TESTS.saturating_sub(self.tested.len()),
        );
        let is_due = |open: &&OpenRequest| open.due.is_none_or(|due| due <= now);
        for open in self.open.iter().filter(is_due) {
            let is_old = |asked| self.composer.schedule.is_expired(asked, now);
            if open.asked.is_some_and(is_old) {
                // By a clock that is ahead all of them are old.
                if moment.may_discard() {
                    self.ends.push(too_old(open));
                }
                continue;
            }
            let room = match open.kind {
                RequestKind::Resend => &mut resends,
                RequestKind::Test => &mut tests,
            };
            if *room == 0 {
                continue;
            }
            let throttle = match open.kind {
                RequestKind::Resend => delivering.throttled(&open.queue),
                RequestKind::Test => None,
            };
            match throttle {
                Some((left, reason)) => self.ends.push(throttled(open, left, reason, now)),
                None => {
                    *room -= 1;
                    due.push(open.id);
                }
            }
        }
        due
    }

    fn begin(&mut self, started: StartedRequest, delivering: &mut Delivering<E>, now: Timestamp) {
        let (id, destination) = match started {
            StartedRequest::Resend(delivery) => {
                self.in_hand.extend(delivery.request);
                return delivering.push(*delivery);
            }
            StartedRequest::Test { id, destination } => (id, destination),
        };
        self.tested.insert(id, destination.clone());
        let report = compose::test_report(&self.composer.submitter, id, now);
        let delivery = Delivery {
            r_id: 0,
            report: Arc::new(report),
            queue: destination.queue(),
            destination,
            failures: 0,
            first: now,
            begins_window: true,
            date: now,
            delivered_before: false,
            request: Some(id),
        };
        let (environment, lease) = (Arc::clone(&self.environment), self.lease.clone());
        self.tests.spawn(async move {
            let begun = Instant::now();
            let outcome = lease.during(environment.deliver(&delivery)).await?;
            let took = begun.elapsed();
            Some(EndedTest { id, outcome, took })
        });
    }

    /// Records how attempts have ended.
    pub(super) fn record(
        &mut self,
        store: &mut dyn Store,
        delivering: &mut Delivering<E>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for ended in delivering.take_requested() {
            self.in_hand
                .retain(|id| Some(*id) != ended.delivery.request);
            self.ends.extend(resend_ended(ended));
        }
        while let Some(ended) = self.tests.try_join_next() {
            self.test_ended(ended.ok().flatten());
        }
        self.record_ends(store, now)
    }

    fn record_ends(&mut self, store: &mut dyn Store, now: Timestamp) -> Result<(), StoreError> {
        if self.ends.is_empty() {
            return Ok(());
        }
        store.record_requests(&self.ends, now)?;
        self.ends.clear();
        // Some may wait for another attempt.
        self.change_number = None;
        Ok(())
    }

    /// The reporter stops: what the tests under way are answered will not be known.
    pub(super) fn stop(&mut self, store: &mut dyn Store, now: Timestamp) -> Result<(), StoreError> {
        while let Some(ended) = self.tests.try_join_next() {
            self.test_ended(ended.ok().flatten());
        }
        self.tests.abort_all();
        for (id, destination) in std::mem::take(&mut self.tested) {
            self.ends.push(RequestEnd {
                id,
                r_id: None,
                destination,
                outcome: RequestOutcome::Over {
                    state: RequestState::Unknown,
                    answer: "the reporter was stopped before there was an answer".to_owned(),
                },
                took: Duration::ZERO,
            });
        }
        self.record_ends(store, now)
    }

    /// `None` after a panic, which the log has, and when the work is another's by now: the row stays in hand until the next start.
    fn test_ended(&mut self, ended: Option<EndedTest>) {
        let Some(EndedTest { id, outcome, took }) = ended else {
            return;
        };
        let Some(destination) = self.tested.remove(&id) else {
            return;
        };
        let (state, answer) = of_test(outcome);
        let (rua, result, seconds) = (destination.uri(), state.as_str(), took.as_secs_f32());
        tracing::info!(rua, result, seconds, reason = answer, "test report");
        self.ends.push(RequestEnd {
            id,
            r_id: None,
            destination,
            outcome: RequestOutcome::Over { state, answer },
            took,
        });
    }
}
