//! The daemon's part of delivering: takes due deliveries in hand, judges how attempts ended, records it.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{Daemon, holding::is_ours, lane::Ended, lanes::Lanes};
use crate::{
    deliver::Outcome,
    outside::Outside,
    schedule::Next,
    state::{Claimed, Recorded, StateError, Suspended, Verdict},
    suppress::{Pair, Suppressions},
};

/// Deliveries that are in hand for each one that may be under way. A lane goes on from what is in hand, without waiting
/// for the database; their reports are held in memory, so not too many.
const IN_HAND: usize = 8;

/// Deliveries in hand: waiting in their lanes, under way, ended.
#[derive(Default)]
pub(super) struct Delivering {
    pub(super) lanes: Lanes,
    ended: Vec<Ended>,
    /// Judged, but not recorded: the database failed. Nothing new is taken in hand before it is.
    judged: Vec<Recorded>,
    /// In hand no more, which is not recorded either.
    pub(super) released: Vec<Claimed>,
    /// Of what was taken in hand something had nothing to wait for: there may be more that is due.
    pub(super) has_more: bool,
}

impl Delivering {
    /// Until an attempt has ended. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) {
        if let Some(ended) = self.lanes.wait().await {
            self.ended.push(ended);
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.lanes.is_busy()
    }

    /// Ends all attempts, and gives their number. What they did is unknown: they will be repeated.
    pub(super) fn abort(&mut self) -> usize {
        self.lanes.abort()
    }
}

impl<O: Outside> Daemon<O> {
    pub(super) fn start_deliveries(&mut self, now: Timestamp) -> Result<(), StateError> {
        self.put_back_released()?;
        self.delivering.has_more = false;
        let room =
            (IN_HAND * self.bounds.deliveries).saturating_sub(self.delivering.lanes.in_hand());
        // Room for one or two would cost a transaction each.
        if room < self.bounds.deliveries.div_ceil(2) {
            return Ok(());
        }
        let per_lane = IN_HAND * self.bounds.per_host;
        let suppressions = self.state.suppressions()?;
        let lanes = &self.delivering.lanes;
        let claims = self
            .state
            .claim(now, room, |lane| lanes.room(lane, per_lane))?;
        for claimed in claims {
            match self.obstacle(&claimed, &suppressions, now) {
                Some((word, reason)) => {
                    self.delivering.has_more = true;
                    self.judge_final(&claimed, word, reason);
                }
                None => self
                    .delivering
                    .lanes
                    .push(&self.outside, &self.bounds, claimed),
            }
        }
        self.record_judged(now)
    }

    /// What is in hand but not under way is pending again.
    pub(super) fn put_back_deliveries(&mut self) -> Result<(), StateError> {
        let waiting = self.delivering.lanes.drain();
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
    pub(super) fn record_deliveries(&mut self, now: Timestamp) -> Result<(), StateError> {
        while let Some(ended) = self.delivering.lanes.next_ended() {
            self.delivering.ended.push(ended);
        }
        for ended in std::mem::take(&mut self.delivering.ended) {
            let claimed = &ended.claimed;
            self.delivering.lanes.leave(&claimed.lane);
            if ended.news {
                self.heed(&claimed.lane, &ended.outcome);
            }
            self.judge(claimed, ended.outcome, now);
        }
        self.record_judged(now)
    }

    fn record_judged(&mut self, now: Timestamp) -> Result<(), StateError> {
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

    fn judge(&mut self, claimed: &Claimed, outcome: Outcome, now: Timestamp) {
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
            Outcome::Retry { reason, after } => (reason, after),
            // What is the operator's to mend is charged to nobody, unless the operator has set a number of attempts.
            Outcome::Denied { reason } if !self.schedule.counts_attempts() => {
                return self.wait(claimed, reason, now);
            }
            Outcome::Unreachable { reason }
                if is_ours(&claimed.lane) && !self.schedule.counts_attempts() =>
            {
                return self.wait(claimed, reason, now);
            }
            Outcome::Denied { reason } | Outcome::Unreachable { reason } => (reason, None),
        };
        let failures = claimed.failures + 1;
        match self.schedule.after_delivery_failure(
            failures,
            claimed.first,
            after,
            now,
            &mut self.rng,
        ) {
            Next::At(at) => {
                log(claimed, "retry", &reason);
                self.judged(claimed, Verdict::Later { at, reason });
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
