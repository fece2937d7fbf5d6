//! The daemon's part of delivering: takes due deliveries in hand, judges how attempts ended, records it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tlsrptd_service::{descriptors, log::LogThrottle};

use super::{Daemon, DaemonOptions};
use crate::{
    deliver::Outcome,
    environment::Environment,
    model::{Delivery, DeliveryStatus},
    queue::{End, Ended, Limits, Queues},
    schedule::{Next, Schedule},
    store::{AttemptEnd, ClaimLimit, Claimed, CorruptRow, Disposition, StoreError, Suspension},
    suppress::{Suppressions, TargetForDomain},
};

/// Deliveries that are in hand for each one that may be under way. A queue goes on from what is in hand, without waiting
/// for the database; their reports are held in memory, so not too many.
const IN_HAND: usize = 8;

/// Deliveries in hand: waiting in their queues, under way, ended.
pub(super) struct Delivering<O: Environment> {
    pub(super) queues: Queues<O>,
    ended: Vec<Ended>,
    /// Judged, but not recorded: the database failed. Nothing new is taken in hand before it is.
    judged: Vec<AttemptEnd>,
    /// In hand no more, which is not recorded either.
    pub(super) released: Vec<Delivery>,
    /// Of what was taken in hand something had nothing to wait for: there may be more that is due.
    pub(super) has_more: bool,
    /// The relay is held back as it takes no mail: who carries mails tells of that, and of its end.
    pub(super) is_denied: bool,
    /// What this host is short of is short for each delivery.
    lacks: LogThrottle,
    /// What posts need was missing, and the log says so.
    is_not_ready: bool,
    not_ready: LogThrottle,
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
            is_not_ready: false,
            not_ready: LogThrottle::new(Duration::from_secs(3600)),
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
    fn room(&self, deliveries: usize) -> ClaimLimit {
        let (most, in_hand) = (IN_HAND * deliveries, self.queues.in_hand());
        // ClaimLimit for one or two would cost a transaction each.
        let enough = |room: usize| {
            if room < deliveries.div_ceil(2) {
                0
            } else {
                room
            }
        };
        let posts = most.max(2 * self.queues.limits().posts());
        ClaimLimit {
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
        let suppressions = self.store.suppressions()?;
        let queues = &self.delivering.queues;
        let claims = self
            .store
            .claim(now, room, &|key| queues.room(key, IN_HAND))?;
        if self.store.posts_are_full() {
            self.delivering.queues.want_room();
        }
        for claimed in claims {
            match claimed {
                Claimed::Delivery(delivery) => self.begin(delivery, &suppressions, now),
                Claimed::Corrupt(row) => self.give_up_corrupt(row),
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

    /// Puts a delivery into its queue, unless there is a reason not to try.
    fn begin(&mut self, delivery: Delivery, suppressions: &Suppressions, now: Timestamp) {
        let is_expired = self.schedule.is_expired(delivery.report.created, now);
        if is_expired && !self.clock.moment.is_calm() {
            // By a clock that is ahead all reports are old. When it is back this one is due again.
            self.delivering.has_more = true;
            let (at, reason) = (
                self.schedule.latest_due(now),
                "the clock has moved".to_owned(),
            );
            return self.judged(&delivery, Disposition::Postpone { at, reason });
        }
        match self.obstacle(&delivery, suppressions, now) {
            Some((status, reason)) => {
                self.delivering.has_more = true;
                self.judge_final(&delivery, status, reason);
            }
            None => self.delivering.queues.push(delivery),
        }
    }

    fn obstacle(
        &self,
        delivery: &Delivery,
        suppressions: &Suppressions,
        now: Timestamp,
    ) -> Option<(DeliveryStatus, String)> {
        if self.schedule.is_expired(delivery.report.created, now) {
            let reason = "older than max_report_age".to_owned();
            return Some((DeliveryStatus::Expired, reason));
        }
        let today = Day::of(now);
        let reason = suppressions.reason(delivery.domain(), &delivery.destination, today)?;
        Some((DeliveryStatus::Suppressed, reason))
    }

    /// Its report cannot be read: nothing can be sent.
    fn give_up_corrupt(&mut self, row: CorruptRow) {
        let (rua, attempt) = (row.destination.uri(), row.failures + 1);
        let (result, reason) = ("refused", "stored report row is corrupt");
        tracing::warn!(rua, attempt, result, reason, "delivery");
        self.delivering.has_more = true;
        self.delivering.judged.push(AttemptEnd {
            r_id: row.r_id,
            destination: row.destination,
            disposition: Disposition::Final {
                status: DeliveryStatus::Refused,
                reason: reason.to_owned(),
            },
        });
    }

    /// Judges and records what has ended, in one transaction.
    pub(super) fn record_deliveries(&mut self, now: Timestamp) -> Result<(), StoreError> {
        while let Some(ended) = self.delivering.queues.next_ended() {
            self.delivering.ended.push(ended);
        }
        for Ended {
            delivery,
            end,
            news,
        } in std::mem::take(&mut self.delivering.ended)
        {
            self.delivering.queues.leave(&delivery.queue);
            let (outcome, took) = match end {
                End::Tried(outcome, took) => (outcome, took),
                End::PutOff(wait) => {
                    let reason = "the host asked this domain to wait, or answers it slowly";
                    self.put_off(&delivery, wait, reason.to_owned(), now);
                    continue;
                }
            };
            if news {
                self.heed(&delivery.queue, &outcome);
            }
            self.judge(&delivery, outcome, took, now);
        }
        self.record_judged(now)
    }

    /// Not tried, and due again later: that is no failure.
    fn put_off(&mut self, delivery: &Delivery, wait: Duration, reason: String, now: Timestamp) {
        let (failures, first) = (delivery.failures, delivery.first);
        let at = self
            .schedule
            .put_off(failures, first, wait, now, &mut self.rng);
        tracing::debug!(rua = delivery.destination.uri(), reason, "put off");
        self.judged(delivery, Disposition::Postpone { at, reason });
    }

    fn record_judged(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if !self.delivering.judged.is_empty() {
            let suspended = self.store.record(&self.delivering.judged, now)?;
            self.delivering.judged.clear();
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
        Ok(())
    }

    fn judge(&mut self, delivery: &Delivery, outcome: Outcome, took: Duration, now: Timestamp) {
        let (reason, after) = match outcome {
            Outcome::Sent { detail } => {
                if !delivery.queue.is_own() && std::mem::take(&mut self.delivering.is_not_ready) {
                    tracing::warn!("https: destinations can be reached again: posts go on");
                }
                return self.judge_final(delivery, DeliveryStatus::Sent, detail);
            }
            Outcome::Refused { reason } => {
                log(delivery, "refused", &reason);
                return self.judged(delivery, Disposition::Refused { reason });
            }
            Outcome::Unsendable { reason } => {
                return self.judge_final(delivery, DeliveryStatus::Refused, reason);
            }
            Outcome::UnknownScheme => {
                return self.judge_final(
                    delivery,
                    DeliveryStatus::UnknownScheme,
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
                return self.put_off(delivery, Schedule::after_lack(), reason, now);
            }
            Outcome::NotReady { reason } => {
                self.tell_not_ready(&reason);
                return self.put_off(delivery, Schedule::while_not_ready(), reason, now);
            }
            Outcome::Crowded { reason } => {
                return self.put_off(delivery, Schedule::while_not_ready(), reason, now);
            }
            Outcome::Retry { reason, after } => (reason, after),
            // What is the operator's to mend is charged to nobody, unless the operator has set a number of attempts.
            Outcome::Denied { reason } if !self.schedule.counts_attempts() => {
                return self.wait(delivery, reason, now);
            }
            Outcome::Unreachable { reason }
                if delivery.queue.is_own() && !self.schedule.counts_attempts() =>
            {
                return self.wait(delivery, reason, now);
            }
            Outcome::Denied { reason } | Outcome::Unreachable { reason } => (reason, None),
        };
        let failures = delivery.failures + 1;
        // It may have waited in hand for others: that is no part of its window.
        let begins = delivery.begins_window.then(|| begun(now, took));
        match self.schedule.after_delivery_failure(
            failures,
            begins.unwrap_or(delivery.first),
            after,
            now,
            &mut self.rng,
        ) {
            Next::At(at) => {
                log(delivery, "retry", &reason);
                self.judged(delivery, Disposition::Retry { at, begins, reason });
            }
            Next::GiveUp(why) => {
                let reason = format!("{why}: {reason}");
                self.judge_final(delivery, DeliveryStatus::TimedOut, reason);
            }
        }
    }

    /// Once, and again after an hour: it is so for each post.
    fn tell_not_ready(&mut self, reason: &str) {
        if let Some(others) = self.delivering.not_ready.pass_now() {
            self.delivering.is_not_ready = true;
            tracing::warn!(
                reason,
                others,
                "https: destinations cannot be reached from this host: they wait (see to https_proxy, the CA certificates or http_script)"
            );
        }
    }

    /// As if it had not been tried: it ends only when nobody wants to hear of its day any more.
    fn wait(&mut self, delivery: &Delivery, reason: String, now: Timestamp) {
        let at = self.schedule.while_nothing_goes(now, &mut self.rng);
        log(delivery, "waits", &reason);
        self.judged(delivery, Disposition::Wait { at, reason });
    }

    fn judge_final(&mut self, delivery: &Delivery, status: DeliveryStatus, reason: String) {
        log(delivery, status.as_str(), &reason);
        self.judged(delivery, Disposition::Final { status, reason });
    }

    fn judged(&mut self, delivery: &Delivery, disposition: Disposition) {
        self.delivering.judged.push(AttemptEnd {
            r_id: delivery.r_id,
            destination: delivery.destination.clone(),
            disposition,
        });
    }
}

/// When an attempt began that has ended now.
fn begun(now: Timestamp, took: Duration) -> Timestamp {
    now.saturating_sub(took).unwrap_or(now)
}

/// One line an outcome, with fixed keys.
fn log(delivery: &Delivery, result: &str, reason: &str) {
    let (rua, attempt) = (delivery.destination.uri(), delivery.attempt());
    let report = &delivery.report;
    let (day, domain) = (report.day.to_string(), report.domain.as_str());
    // What the receiver has, and quotes.
    let report = report
        .installation
        .report_id(report.day, report.uniqid, &report.domain);
    match result {
        "sent" | "retry" | "waits" | "suppressed" => tracing::info!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
        _ => tracing::warn!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
    }
}
