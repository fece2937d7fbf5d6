//! Delivering: claims due deliveries, decides what follows from each attempt, records it.

mod disposition;
mod local_faults;
mod pace;
mod pauses;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::{SeedableRng as _, rngs::StdRng};
use tlsrptd_service::{clock::WorkingTime, descriptors};
use tokio::time::{sleep, timeout};

use super::{DaemonOptions, sent_log::SentLog};
use crate::{
    environment::Environment,
    model::{Delivery, QueueKey},
    queue::{ClaimedCounts, ConcurrencyLimits, DeliveryEvent, DeliveryQueues},
    schedule::Schedule,
    store::{AttemptEnd, ClaimLimit, Claimed, Disposition, Lease, Store, StoreError, Suspension},
    suppress::TargetForDomain,
};
use local_faults::LocalFaults;
use pace::MailPace;
use pauses::ThrottledQueue;

/// Deliveries that are claimed for each one that may be under way. The queues go on with them without waiting for the
/// database; their reports are held in memory, so not too many.
const CLAIMED_PER_CONNECTION: usize = 8;

/// What ends so soon after the first attempt is recorded with it, in any case: a transaction for each would cost more than
/// the reports.
const OUTCOMES_WAIT: Duration = Duration::from_millis(3);
/// What ends so soon after that is, too, unless a queue runs low: attempts wait for nothing. Two transactions that the disk
/// confirms cost as much as ten mails.
const MORE_OUTCOMES_WAIT: Duration = Duration::from_millis(17);

/// Claimed deliveries: waiting in their queues, under way, ended.
pub(super) struct Delivering<E: Environment> {
    schedule: Arc<Schedule>,
    rng: StdRng,
    /// `max_concurrent_deliveries`.
    max_concurrent: usize,
    queues: DeliveryQueues<E>,
    events: Vec<DeliveryEvent>,
    /// Not recorded yet. While the database fails nothing more is claimed.
    ends: Vec<AttemptEnd>,
    /// What the operator has asked for, ended: its rows are not those of other deliveries.
    requested: Vec<RequestedEnd>,
    /// Not claimed any more, which is not recorded yet.
    released: Vec<Delivery>,
    /// A claimed delivery needed no attempt: more may be due.
    pub(super) has_more: bool,
    /// The relay's queue is paused as it takes no mail. [`crate::deliver`] logs that, and its end.
    is_relay_denied: bool,
    local_faults: LocalFaults,
    sent: SentLog,
    pace: MailPace,
    /// The throttled queues.
    throttled: HashMap<QueueKey, ThrottledQueue>,
}

/// How an attempt ended that the operator has asked for.
pub(super) struct RequestedEnd {
    pub(super) delivery: Delivery,
    pub(super) disposition: Disposition,
    pub(super) took: Duration,
}

impl<E: Environment> Delivering<E> {
    pub(super) fn new(
        environment: Arc<E>,
        schedule: Arc<Schedule>,
        lease: Lease,
        options: &DaemonOptions,
        mut rng: StdRng,
    ) -> Delivering<E> {
        let limits = ConcurrencyLimits::new(
            options.max_concurrent_deliveries,
            options.max_concurrent_per_host,
            options.max_rate_per_host,
            descriptors::raise(),
        );
        Delivering {
            schedule,
            max_concurrent: options.max_concurrent_deliveries,
            queues: DeliveryQueues::new(environment, lease, limits, StdRng::from_rng(&mut rng)),
            rng,
            events: Vec::new(),
            ends: Vec::new(),
            requested: Vec::new(),
            released: Vec::new(),
            has_more: false,
            is_relay_denied: false,
            local_faults: LocalFaults::new(),
            sent: SentLog::new(options.log_sent_interval),
            pace: MailPace::new(options.max_mail_rate_per_domain),
            throttled: HashMap::new(),
        }
    }

    /// Waits until an attempt has ended. Cancel safe.
    pub(super) async fn wait(&mut self) {
        if let Some(event) = self.queues.wait().await {
            self.events.push(event);
        }
    }

    /// Waits for what ends together with that attempt, as long as no queue runs dry.
    pub(super) async fn wait_for_others(&self) {
        sleep(OUTCOMES_WAIT).await;
        drop(timeout(MORE_OUTCOMES_WAIT, self.queues.wait_for_capacity()).await);
    }

    /// So many have the mails to a domain among them, with no word between them: each takes its part of the rate.
    pub(super) fn share_rate(&mut self, members: u32) {
        self.pace.share(members);
    }

    /// Puts a delivery into its queue that the operator has asked for.
    pub(super) fn push(&mut self, delivery: Delivery) {
        self.queues.push(delivery);
    }

    /// Gives what [`Delivering::push`] has put in and what has ended since the last call.
    pub(super) fn take_requested(&mut self) -> Vec<RequestedEnd> {
        std::mem::take(&mut self.requested)
    }

    pub(super) fn claimed(&self) -> ClaimedCounts {
        self.queues.claimed()
    }

    /// Attempts under way.
    pub(super) fn number_active(&self) -> usize {
        self.queues.number_active()
    }

    /// Claimed deliveries by queue.
    pub(super) fn sizes(&self) -> &HashMap<QueueKey, usize> {
        self.queues.sizes()
    }

    pub(super) fn throttled_queues(&self) -> &HashMap<QueueKey, ThrottledQueue> {
        &self.throttled
    }

    pub(super) fn is_busy(&self) -> bool {
        self.queues.is_busy()
    }

    /// Ends all attempts, and gives their number. What they did is unknown: they will be repeated.
    pub(super) fn abort(&mut self) -> usize {
        self.queues.abort()
    }

    /// Claims deliveries that are due, and puts them into their queues.
    pub(super) fn start(
        &mut self,
        store: &mut dyn Store,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        let now = moment.now;
        self.record_released(store)?;
        self.has_more = false;
        let limit = self.claim_limit();
        if limit.local + limit.posts == 0 {
            return Ok(());
        }
        if moment.change.is_some() {
            self.pace.forget();
        }
        let suppressions = store.suppressions()?;
        let queues = &self.queues;
        let claims = store.claim(now, limit, &|key| {
            queues.capacity(key, CLAIMED_PER_CONNECTION)
        })?;
        if store.posts_are_full() {
            self.queues.want_slot();
        }
        for claimed in claims {
            let end = match claimed {
                Claimed::Corrupt(row) => disposition::of_corrupt(row),
                Claimed::Delivery(delivery) => {
                    let schedule = &self.schedule;
                    let before =
                        disposition::before_attempt(&delivery, &suppressions, schedule, moment);
                    match before.or_else(|| self.pace.put_off(&delivery, schedule, now)) {
                        None => {
                            self.queues.push(delivery);
                            continue;
                        }
                        Some(disposition) => {
                            disposition::attempt_end(&delivery, disposition, &mut self.sent, now)
                        }
                    }
                }
            };
            self.has_more = true;
            self.ends.push(end);
        }
        self.queues.claimed_all(|queue| store.is_due(queue, now));
        self.record_ends(store, now)
    }

    /// How many more deliveries of each kind may be claimed.
    fn claim_limit(&self) -> ClaimLimit {
        let (most, claimed) = (
            CLAIMED_PER_CONNECTION * self.max_concurrent,
            self.queues.claimed(),
        );
        // A transaction for one or two would cost too much.
        let least = self.max_concurrent.div_ceil(2);
        let enough = |room: usize| if room < least { 0 } else { room };
        let posts = most.max(2 * self.queues.limits().posts());
        ClaimLimit {
            local: enough(most.saturating_sub(claimed.local)),
            posts: enough(posts.saturating_sub(claimed.posts)),
            all: usize::MAX,
        }
    }

    /// Records how attempts have ended, in one transaction.
    pub(super) fn record(
        &mut self,
        store: &mut dyn Store,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        while let Some(event) = self.queues.next_event() {
            self.events.push(event);
        }
        for event in std::mem::take(&mut self.events) {
            let (delivery, disposition, took) = match event {
                DeliveryEvent::PutOff(delivery, wait) => {
                    let reason = "the host asked this domain to wait, or answers it slowly";
                    let (schedule, rng) = (&self.schedule, &mut self.rng);
                    let reason = reason.to_owned();
                    let postponed =
                        disposition::postponed(&delivery, reason, wait, schedule, now, rng);
                    (delivery, postponed, Duration::ZERO)
                }
                DeliveryEvent::Attempted {
                    delivery,
                    outcome,
                    took,
                    throttle,
                } => {
                    if let Some(change) = throttle {
                        self.follow_throttle(store, &delivery.queue, &outcome, change);
                    }
                    self.local_faults.log(&delivery.queue, &outcome);
                    let began = now.saturating_sub(took).unwrap_or(now);
                    let (schedule, rng) = (&self.schedule, &mut self.rng);
                    let disposition =
                        disposition::after_attempt(&delivery, outcome, began, schedule, now, rng);
                    (delivery, disposition, took)
                }
            };
            self.queues.leave(&delivery.queue);
            if delivery.request.is_some() {
                self.requested.push(RequestedEnd {
                    delivery,
                    disposition,
                    took,
                });
                continue;
            }
            let end = disposition::attempt_end(&delivery, disposition, &mut self.sent, now);
            self.ends.push(end);
        }
        self.sent.look(now);
        self.record_ends(store, now)
    }

    fn record_ends(&mut self, store: &mut dyn Store, now: Timestamp) -> Result<(), StoreError> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let suspended = store.record(&self.ends, now)?;
        self.ends.clear();
        log_suspensions(suspended);
        Ok(())
    }

    /// Until a line is due on what was sent.
    pub(super) fn until_log(&self, now: Timestamp) -> Option<Duration> {
        self.sent.until_next(now)
    }

    /// Nothing more is sent.
    pub(super) fn end_log(&mut self, now: Timestamp) {
        self.sent.end(now);
    }

    /// What is claimed and not under way is pending again.
    pub(super) fn release_waiting(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        let waiting = self.queues.drain();
        self.released.extend(waiting);
        self.record_released(store)
    }

    /// If this fails, it is done later.
    fn record_released(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        store.put_back(&self.released)?;
        self.released.clear();
        Ok(())
    }
}

pub(super) fn log_suspensions(suspended: Vec<Suspension>) {
    for Suspension {
        pair: TargetForDomain { target, domain },
        until,
        days,
    } in suspended
    {
        tracing::warn!(
            "{target} has refused reports on {domain} on {days} days: it gets none on that domain until {until} \
             has passed (tlsrptctl suppress remove '{target}' --domain {domain} ends that)"
        );
    }
}
