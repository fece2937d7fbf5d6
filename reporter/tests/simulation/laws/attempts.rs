//! When attempts are made, and how many at once.

use std::time::Duration;

use tlsrptd_reporter::deliver::Outcome;

use super::{Attempt, Court, IN_HAND};
use crate::{
    receivers::Host,
    sim::{Key, Sim},
};

/// Without options of the operator's.
const MIN_WAIT: Duration = Duration::from_secs(300);
const MAX_WAIT: Duration = Duration::from_secs(4 * 3600);
/// With sys4's.
const SYS4_MAX_WAIT: Duration = Duration::from_secs(1800);

impl Court<'_> {
    pub(super) fn nobody_was_crowded(&mut self) {
        let settings = &self.played.settings;
        for (host, busy) in &self.log.busy {
            let bound = match host.as_str() {
                // Mails, posts, and posts that were found slow.
                "all" => {
                    let most = settings.max_concurrent_deliveries;
                    settings.max_concurrent_per_host.min(most) + most + (most * 8).min(512)
                }
                "relay" => settings
                    .max_concurrent_per_host
                    .min(settings.max_concurrent_deliveries),
                _ => settings.max_concurrent_per_host,
            };
            if busy.most > bound {
                self.broken.push(format!(
                    "{host} had {} connections at once, the bound is {bound}",
                    busy.most
                ));
            }
            assert_eq!(busy.now, 0, "{host}: the simulation has lost count");
        }
    }

    /// No two attempts of one delivery are closer than the least wait, apart from a crash.
    pub(super) fn attempts_kept_their_distance(&mut self) {
        if !self.clock_is_true() {
            return;
        }
        let settings = &self.played.settings;
        let longest = match settings.max_retries_delivery {
            Some(_) => SYS4_MAX_WAIT,
            None => MAX_WAIT,
        };
        let mut faults = Vec::new();
        for (key, attempts) in &self.attempts {
            // Its end is an attempt's time whatever the wait would be.
            let mut end_of_window = self.taken_in_hand(attempts[0]) + settings.retry_window;
            let mut failures = 0_u32;
            for pair in attempts.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                let waits = self.waits(before);
                if waits {
                    end_of_window = self.taken_in_hand(after) + settings.retry_window;
                }
                let Some((ended, outcome)) = &before.ended else {
                    continue;
                };
                if self.is_unknown(before) {
                    continue;
                }
                let asked = match outcome {
                    Outcome::Retry {
                        after: Some(asked), ..
                    } => *asked,
                    _ => Duration::ZERO,
                };
                // What is charged to nobody makes no wait longer.
                let doublings = if waits { 0 } else { failures.min(10) };
                let base = MIN_WAIT.saturating_mul(1 << doublings).min(longest);
                let least = base.mul_f64(0.75).max(MIN_WAIT).max(asked);
                failures += u32::from(!waits);
                let waited = after.from.saturating_sub(*ended);
                // Stored times end at microseconds.
                let slack = Duration::from_millis(1);
                if waited + slack < least && after.from + IN_HAND < end_of_window {
                    faults.push(format!(
                        "{key:?}: {waited:?} after failure {failures}, least {least:?}"
                    ));
                }
            }
        }
        self.broken.extend(faults);
    }

    /// Not before the day is over, within the spread, and not for ever.
    pub(super) fn attempts_kept_to_their_time(&mut self) {
        let mut faults = Vec::new();
        for (key, attempts) in &self.attempts {
            for attempt in attempts {
                if self.clock_is_true() && attempt.wall < key.day.next().start() {
                    faults.push(format!(
                        "{key:?}: tried at {}, before the day was over",
                        attempt.wall
                    ));
                }
            }
            if self.clock_is_true() {
                faults.extend(
                    self.out_of_time(key, attempts)
                        .map(|fault| format!("{key:?}: {fault}")),
                );
            }
        }
        self.broken.extend(faults);
    }

    fn out_of_time(&self, key: &Key, attempts: &[&Attempt]) -> Option<String> {
        let settings = &self.played.settings;
        let late = (key.day, key.domain.clone(), key.uniqid as i64);
        let report = match key.uniqid {
            1 => self.ledger.reports.get(&(key.day, key.domain.clone()))?,
            _ => self.ledger.late.get(&late)?,
        };
        let made = self.since_begin(report.made);
        let (first, last) = (attempts[0], attempts[attempts.len() - 1]);
        // Its time is written in whole seconds.
        if first.from + Duration::from_secs(1) < made {
            return Some(format!("tried {:?} before it was made", made - first.from));
        }
        // Where nobody answers, those that are in hand are tried one by one, a quarter of an hour apart.
        let slack = match Sim::holds_back(&key.uri) {
            true => IN_HAND * 5,
            false => IN_HAND,
        };
        let in_time = settings.spread_out_delivery + settings.retry_window;
        let longest = settings.max_report_age.max(in_time) + slack;
        if last.from > made + longest {
            return Some(format!("tried {:?} after it was made", last.from - made));
        }
        // The time in which nobody could try is not counted.
        let window = self.window(attempts);
        let away = self.away(window[0].from, last.from) * 2;
        let too_late = window[0].from + settings.retry_window + slack + away;
        let beyond = window
            .iter()
            .filter(|attempt| attempt.from > too_late && !self.is_unknown(attempt));
        if settings.max_retries_delivery.is_none() && beyond.count() > 1 {
            return Some("tried several times after the end of its window".to_owned());
        }
        let host = Sim::host(&key.uri);
        let until = made + settings.spread_out_delivery;
        let away = self.away(made, first.from);
        let gone: Duration = self
            .played
            .sim
            .gone(host)
            .iter()
            .chain(&self.played.sim.plan.relay_denies)
            .map(|window| window.1 - window.0)
            .sum();
        // A host that is slow has a queue; so has everybody, when few may be under way in all.
        let is_quick = self.played.sim.temper_of_host(host) == Host::Good
            && !Sim::holds_back(&key.uri)
            && settings.max_concurrent_deliveries >= 8;
        if is_quick && gone.is_zero() && first.from > until + slack + away * 2 {
            return Some(format!(
                "first tried {:?} after the spread, {away:?} of it away",
                first.from - until
            ));
        }
        None
    }
}
