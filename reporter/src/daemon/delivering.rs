//! The daemon's part of delivering: takes due deliveries in hand, judges how attempts ended, records it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tlsrptd_service::{descriptors, log::LogThrottle};

use super::{Daemon, DaemonOptions};
use crate::{
    deliver::Outcome,
    environment::Environment,
    queue::{End, Ended, Limits, Queues},
    schedule::{Next, Schedule, is_own},
    store::{Claimed, Recorded, Room, StoreError, Suspended, Verdict},
    suppress::{Pair, Suppressions},
};

/// Deliveries that are in hand for each one that may be under way. A queue goes on from what is in hand, without waiting
/// for the database; their reports are held in memory, so not too many.
const IN_HAND: usize = 8;

/// Deliveries in hand: waiting in their queues, under way, ended.
pub(super) struct Delivering<O: Environment> {
    pub(super) queues: Queues<O>,
    ended: Vec<Ended>,
    /// Judged, but not recorded: the database failed. Nothing new is taken in hand before it is.
    judged: Vec<Recorded>,
    /// In hand no more, which is not recorded either.
    pub(super) released: Vec<Claimed>,
    /// Of what was taken in hand something had nothing to wait for: there may be more that is due.
    pub(super) has_more: bool,
    /// The relay is held back as it takes no mail: who carries mails tells of that, and of its end.
    pub(super) is_denied: bool,
    /// What this host is short of is short for each delivery.
    lacks: LogThrottle,
}

impl<O: Environment> Delivering<O> {
    pub(super) fn new(environment: Arc<O>, options: &DaemonOptions) -> Delivering<O> {
        let limits = Limits::new(
            options.max_concurrent_deliveries,
            options.max_concurrent_per_host,
            options.max_rate_per_host,
            descriptors::raise(),
        );
        Delivering {
            queues: Queues::new(environment, limits),
            ended: Vec::new(),
            judged: Vec::new(),
            released: Vec::new(),
            has_more: false,
            is_denied: false,
            lacks: LogThrottle::default(),
        }
    }

    /// Until an attempt has ended. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) {
        if let Some(ended) = self.queues.wait().await {
            self.ended.push(ended);
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.queues.is_busy()
    }

    /// Ends all attempts, and gives their number. What they did is unknown: they will be repeated.
    pub(super) fn abort(&mut self) -> usize {
        self.queues.abort()
    }

    /// How many more may be taken in hand, of each kind.
    fn room(&self, deliveries: usize) -> Room {
        let (most, in_hand) = (IN_HAND * deliveries, self.queues.in_hand());
        // Room for one or two would cost a transaction each.
        let enough = |room: usize| {
            if room < deliveries.div_ceil(2) {
                0
            } else {
                room
            }
        };
        let posts = most.max(2 * self.queues.limits().posts());
        Room {
            own: enough(most.saturating_sub(in_hand.own)),
            posts: enough(posts.saturating_sub(in_hand.posts)),
            all: usize::MAX,
        }
    }
}

impl<O: Environment> Daemon<O> {
    pub(super) fn start_deliveries(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.put_back_released()?;
        self.delivering.has_more = false;
        let room = self.delivering.room(self.options.max_concurrent_deliveries);
        if room.own + room.posts == 0 {
            return Ok(());
        }
        let suppressions = self.state.suppressions()?;
        let queues = &self.delivering.queues;
        let claims = self
            .state
            .claim(now, room, |lane| queues.room(lane, IN_HAND))?;
        if self.state.posts_are_full() {
            self.delivering.queues.want_room();
        }
        for claimed in claims {
            match self.obstacle(&claimed, &suppressions, now) {
                Some((word, reason)) => {
                    self.delivering.has_more = true;
                    self.judge_final(&claimed, word, reason);
                }
                None => self.delivering.queues.push(claimed),
            }
        }
        self.record_judged(now)
    }

    /// What is in hand but not under way is pending again.
    pub(super) fn put_back_deliveries(&mut self) -> Result<(), StoreError> {
        let waiting = self.delivering.queues.drain();
        self.delivering.released.extend(waiting);
        self.put_back_released()
    }

    /// Why there is nothing to try.
    fn obstacle(
        &self,
        claimed: &Claimed,
        suppressions: &Suppressions,
        now: Timestamp,
    ) -> Option<(&'static str, String)> {
        match &claimed.delivery {
            None => Some((
                "refused",
                "the stored report is no text, or its domain or day is none".to_owned(),
            )),
            Some(delivery)
                if self.clock.moment.is_confirmed()
                    && self.schedule.is_expired(delivery.report.created, now) =>
            {
                Some((
                    "expired",
                    "it could not be sent while it was news".to_owned(),
                ))
            }
            Some(delivery) => {
                let domain = delivery.report.domain.as_str();
                let reason = suppressions.reason(domain, &claimed.uri, Day::of(now));
                reason.map(|reason| ("suppressed", reason))
            }
        }
    }

    /// Judges and records what has ended, in one transaction.
    pub(super) fn record_deliveries(&mut self, now: Timestamp) -> Result<(), StoreError> {
        while let Some(ended) = self.delivering.queues.next_ended() {
            self.delivering.ended.push(ended);
        }
        for Ended { claimed, end, news } in std::mem::take(&mut self.delivering.ended) {
            self.delivering.queues.leave(&claimed.lane);
            let (outcome, took) = match end {
                End::Tried(outcome, took) => (outcome, took),
                End::PutOff(wait) => {
                    let reason = "the receiver's host has others to serve first";
                    self.put_off(&claimed, wait, reason.to_owned(), now);
                    continue;
                }
            };
            if news {
                self.heed(&claimed.lane, &outcome);
            }
            self.judge(&claimed, outcome, took, now);
        }
        self.record_judged(now)
    }

    /// Not tried, and due again later: that is no failure.
    fn put_off(&mut self, claimed: &Claimed, wait: Duration, reason: String, now: Timestamp) {
        let (failures, first) = (claimed.failures, claimed.first);
        let at = self
            .schedule
            .put_off(failures, first, wait, now, &mut self.rng);
        tracing::debug!(rua = claimed.uri, reason, "put off");
        self.judged(claimed, Verdict::PutOff { at, reason });
    }

    fn record_judged(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if !self.delivering.judged.is_empty() {
            let suspended = self.state.record(&self.delivering.judged, now)?;
            self.delivering.judged.clear();
            for Suspended {
                pair: Pair { target, domain },
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
        Ok(())
    }

    fn judge(&mut self, claimed: &Claimed, outcome: Outcome, took: Duration, now: Timestamp) {
        let (reason, after) = match outcome {
            Outcome::Sent { detail } => return self.judge_final(claimed, "sent", detail),
            Outcome::Refused { reason } => {
                log(claimed, "refused", &reason);
                return self.judged(claimed, Verdict::Refused { reason });
            }
            Outcome::Unsendable { reason } => return self.judge_final(claimed, "refused", reason),
            Outcome::UnknownScheme => {
                return self.judge_final(
                    claimed,
                    "unknownrua",
                    "nobody can deliver to that scheme".to_owned(),
                );
            }
            Outcome::Exhausted { reason } => {
                if let Some(others) = self.delivering.lacks.pass_now() {
                    tracing::warn!(
                        reason,
                        others,
                        "this host is short of something that deliveries need: they wait (raise LimitNOFILE= of the unit, or lower max_concurrent_deliveries)"
                    );
                }
                return self.put_off(claimed, Schedule::after_lack(), reason, now);
            }
            Outcome::Retry { reason, after } => (reason, after),
            // What is the operator's to mend is charged to nobody, unless the operator has set a number of attempts.
            Outcome::Denied { reason } if !self.schedule.counts_attempts() => {
                return self.wait(claimed, reason, now);
            }
            Outcome::Unreachable { reason }
                if is_own(&claimed.lane) && !self.schedule.counts_attempts() =>
            {
                return self.wait(claimed, reason, now);
            }
            Outcome::Denied { reason } | Outcome::Unreachable { reason } => (reason, None),
        };
        let failures = claimed.failures + 1;
        // It may have waited in hand for others: that is no part of its window.
        let begins = claimed.begins_window.then(|| begun(now, took));
        match self.schedule.after_delivery_failure(
            failures,
            begins.unwrap_or(claimed.first),
            after,
            now,
            &mut self.rng,
        ) {
            Next::At(at) => {
                log(claimed, "retry", &reason);
                self.judged(claimed, Verdict::Later { at, begins, reason });
            }
            Next::GiveUp(why) => self.judge_final(claimed, "timedout", format!("{why}: {reason}")),
        }
    }

    /// As if it had not been tried: it ends only when nobody wants to hear of its day any more.
    fn wait(&mut self, claimed: &Claimed, reason: String, now: Timestamp) {
        let at = self.schedule.while_nothing_goes(now, &mut self.rng);
        log(claimed, "waits", &reason);
        self.judged(claimed, Verdict::Waits { at, reason });
    }

    fn judge_final(&mut self, claimed: &Claimed, word: &'static str, reason: String) {
        log(claimed, word, &reason);
        self.judged(claimed, Verdict::Final { word, reason });
    }

    fn judged(&mut self, claimed: &Claimed, verdict: Verdict) {
        self.delivering.judged.push(Recorded {
            r_id: claimed.r_id,
            uri: claimed.uri.clone(),
            verdict,
        });
    }
}

/// When an attempt began that has ended now.
fn begun(now: Timestamp, took: Duration) -> Timestamp {
    now.saturating_sub(took).unwrap_or(now)
}

/// One line an outcome, with fixed keys.
fn log(claimed: &Claimed, result: &str, reason: &str) {
    let (rua, attempt) = (&claimed.uri, claimed.failures + 1);
    let (day, domain, report) = match &claimed.delivery {
        Some(delivery) => {
            let report = &delivery.report;
            let (day, domain) = (report.day.to_string(), report.domain.to_string());
            let id = format!("{day}_idx{}_{domain}", report.uniqid);
            (day, domain, id)
        }
        None => Default::default(),
    };
    match result {
        "sent" | "retry" | "waits" | "suppressed" => tracing::info!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
        _ => tracing::warn!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
    }
}
