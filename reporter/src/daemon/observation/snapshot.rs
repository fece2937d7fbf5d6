//! The daemon's present state, copied.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_service::clock::WorkingTime;
use tokio::time::Instant;

use super::{collectors::CollectorState, time};
use crate::{
    daemon::Daemon,
    environment::Environment,
    lookup::ResolverStatus,
    model::QueueKey,
    store::{QueueDepth, QueueDepths},
};

/// So many queues are told one by one: the operator's own, and of the others those that are throttled, and the longest.
const QUEUES_TOLD: usize = 100;

/// One copy.
#[derive(Debug)]
pub(in crate::daemon) struct Snapshot {
    at: WorkingTime,
    queues: Vec<QueueState>,
    more_queues: usize,
    /// All rows are known of which queues tell.
    is_read: bool,
    under_way: usize,
    claimed_mails: usize,
    claimed_posts: usize,
    collectors: Vec<CollectorState>,
    resolver: Option<ResolverStatus>,
    next_delivery: Option<Timestamp>,
    next_fetch: Option<Timestamp>,
    requests: usize,
    composing: Option<String>,
}

#[derive(Debug)]
struct QueueState {
    key: String,
    waiting: usize,
    due: usize,
    in_hand: usize,
    throttled: Option<Throttled>,
}

#[derive(Debug)]
struct Throttled {
    since: Timestamp,
    until: Timestamp,
    reason: String,
}

impl Snapshot {
    pub(super) fn of<E: Environment>(daemon: &Daemon<E>) -> Snapshot {
        let at = daemon.clock.moment;
        let (queues, more_queues, is_read) = queues(daemon, at.now);
        let claimed = daemon.delivering.claimed();
        Snapshot {
            at,
            queues,
            more_queues,
            is_read,
            under_way: daemon.delivering.number_active(),
            claimed_mails: claimed.local,
            claimed_posts: claimed.posts,
            collectors: daemon.collectors.states(),
            resolver: daemon.environment.resolver_status(),
            next_delivery: daemon.next_delivery,
            next_fetch: daemon.next_fetch,
            requests: daemon.requests.number(),
            composing: daemon.composing.day().map(|day| day.to_string()),
        }
    }

    pub(super) fn json(&self) -> Value {
        let resolver = match self.resolver {
            None => json!({ "state": "not_asked" }),
            Some(ResolverStatus::Available) => json!({ "state": "available" }),
            Some(ResolverStatus::Unavailable { skipped }) => {
                json!({ "state": "unavailable", "skipped": skipped })
            }
        };
        json!({
            "updated": time(self.at.now),
            "clock": {
                "is_confirmed": self.at.is_confirmed(),
                "may_discard": self.at.may_discard(),
                "is_beyond_last_known": self.at.is_beyond_last_known(),
            },
            "queues": self.queues.iter().map(QueueState::json).collect::<Vec<_>>(),
            "more_queues": self.more_queues,
            "queues_are_complete": self.is_read,
            "deliveries_in_hand": {
                "under_way": self.under_way,
                "mails": self.claimed_mails,
                "posts": self.claimed_posts,
            },
            "collectors": self.collectors.iter().map(CollectorState::json).collect::<Vec<_>>(),
            "resolver": resolver,
            "next_delivery": self.next_delivery.map(time),
            "next_fetch": self.next_fetch.map(time),
            "composing_day": self.composing,
            "requests": self.requests,
        })
    }
}

impl QueueState {
    fn json(&self) -> Value {
        let throttled = self.throttled.as_ref();
        json!({
            "key": self.key,
            "waiting": self.waiting,
            "due": self.due,
            "in_hand": self.in_hand,
            "throttled_since": throttled.map(|throttled| time(throttled.since)),
            "throttled_until": throttled.map(|throttled| time(throttled.until)),
            "reason": throttled.map(|throttled| throttled.reason.as_str()),
        })
    }
}

/// The queues that are told, how many more there are, and whether all rows are known.
fn queues<E: Environment>(daemon: &Daemon<E>, now: Timestamp) -> (Vec<QueueState>, usize, bool) {
    let depths = daemon.store.queue_depths(now, QUEUES_TOLD);
    let QueueDepths {
        longest,
        number,
        is_read,
    } = depths;
    let mut told: BTreeMap<QueueKey, QueueDepth> = BTreeMap::new();
    for depth in longest {
        told.insert(depth.key.clone(), depth);
    }
    let throttled = daemon.delivering.throttled_queues();
    let busy = daemon.delivering.sizes();
    let mut unknown = 0;
    for key in throttled.keys().chain(busy.keys()) {
        if told.contains_key(key) {
            continue;
        }
        if told.len() >= 2 * QUEUES_TOLD && !key.is_local() {
            unknown += 1;
            continue;
        }
        told.insert(key.clone(), daemon.store.queue_depth(key, now));
    }
    let more = (number + unknown).saturating_sub(told.len());
    let here = Instant::now();
    let states = told.into_iter().map(|(key, depth)| QueueState {
        waiting: depth.waiting,
        due: depth.due,
        in_hand: busy.get(&key).copied().unwrap_or(0),
        throttled: throttled.get(&key).map(|throttled| Throttled {
            since: before(now, here.saturating_duration_since(throttled.since)),
            until: after(now, throttled.until.saturating_duration_since(here)),
            reason: throttled.reason.clone(),
        }),
        key: key.to_string(),
    });
    (states.collect(), more, is_read)
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(now)
}

fn after(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}
