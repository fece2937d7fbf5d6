//! The daemon's part of delivering: keeps so many attempts under way, judges how they ended.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::Daemon;
use crate::{
    deliver::Outcome,
    outside::Outside,
    schedule::Next,
    state::{Claimed, Recorded, StateError, Verdict},
};

/// Attempts under way, and what has ended.
#[derive(Default)]
pub(super) struct Delivering {
    tasks: JoinSet<(Claimed, Outcome)>,
    lanes: HashMap<String, usize>,
    ended: Vec<(Claimed, Outcome)>,
    /// Judged, but not recorded: the database failed. Nothing new begins before it is.
    judged: Vec<Recorded>,
}

impl Delivering {
    /// Until an attempt has ended. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) {
        match self.tasks.join_next().await {
            Some(ended) => self.take(ended),
            None => std::future::pending().await,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Ends all attempts, and gives their number. What they did is unknown: they will be repeated.
    pub(super) fn abort(&mut self) -> usize {
        let number = self.tasks.len();
        self.tasks.abort_all();
        number
    }

    fn take(&mut self, ended: Result<(Claimed, Outcome), tokio::task::JoinError>) {
        match ended {
            Ok((claimed, outcome)) => {
                self.leave(&claimed.lane);
                self.ended.push((claimed, outcome));
            }
            // It stays in hand, and is repeated after the next start.
            Err(error) => tracing::error!(%error, "a delivery ended badly"),
        }
    }

    fn take_all(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            self.take(ended);
        }
    }

    fn leave(&mut self, lane: &str) {
        if let Some(number) = self.lanes.get_mut(lane) {
            *number -= 1;
            if *number == 0 {
                self.lanes.remove(lane);
            }
        }
    }
}

impl<O: Outside> Daemon<O> {
    pub(super) fn start_deliveries(&mut self, now: Timestamp) -> Result<(), StateError> {
        let room = self
            .bounds
            .deliveries
            .saturating_sub(self.delivering.tasks.len());
        if room == 0 {
            return Ok(());
        }
        for claimed in self
            .state
            .claim(now, room, self.bounds.per_host, &self.delivering.lanes)?
        {
            match self.obstacle(&claimed, now) {
                Some((word, reason)) => self.judge_final(&claimed, word, reason.to_owned()),
                None => self.start_delivery(claimed),
            }
        }
        self.record_judged(now)
    }

    fn start_delivery(&mut self, claimed: Claimed) {
        let Some(delivery) = claimed.delivery.clone() else {
            return;
        };
        *self
            .delivering
            .lanes
            .entry(claimed.lane.clone())
            .or_default() += 1;
        let outside = Arc::clone(&self.outside);
        self.delivering.tasks.spawn(async move {
            let outcome = outside.deliver(&delivery).await;
            (claimed, outcome)
        });
    }

    /// Why there is nothing to try.
    fn obstacle(&self, claimed: &Claimed, now: Timestamp) -> Option<(&'static str, &'static str)> {
        match &claimed.delivery {
            None => Some((
                "refused",
                "the stored report is no text, or its domain or day is none",
            )),
            Some(delivery) if self.schedule.is_expired(delivery.report.created, now) => {
                Some(("expired", "it could not be sent while it was news"))
            }
            Some(_) => None,
        }
    }

    /// Judges and records what has ended, in one transaction.
    pub(super) fn record_deliveries(&mut self, now: Timestamp) -> Result<(), StateError> {
        self.delivering.take_all();
        for (claimed, outcome) in std::mem::take(&mut self.delivering.ended) {
            self.judge(&claimed, outcome, now);
        }
        self.record_judged(now)
    }

    fn record_judged(&mut self, now: Timestamp) -> Result<(), StateError> {
        if !self.delivering.judged.is_empty() {
            self.state.record(&self.delivering.judged, now)?;
            self.delivering.judged.clear();
        }
        Ok(())
    }

    fn judge(&mut self, claimed: &Claimed, outcome: Outcome, now: Timestamp) {
        let (reason, after) = match outcome {
            Outcome::Sent { detail } => return self.judge_final(claimed, "sent", detail),
            Outcome::Refused { reason } => return self.judge_final(claimed, "refused", reason),
            Outcome::UnknownScheme => {
                return self.judge_final(
                    claimed,
                    "unknownrua",
                    "nobody can deliver to that scheme".to_owned(),
                );
            }
            Outcome::Retry { reason, after } => (reason, after),
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
        "sent" | "retry" => tracing::info!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
        _ => tracing::warn!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
    }
}
