//! When something is due, and when to give up. Pure: time and chance are arguments.

mod fetching;

use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, RngExt as _};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;

pub use fetching::FetchDeadline;

/// sys4's defaults, for those of its options that are not set beside one that is.
const SYS4_RETRIES: u32 = 5;
/// Ours between two attempts to deliver: about nine fit into 24 hours.
const DELIVERY_WAIT: Backoff = Backoff::of_seconds(300, 4 * 3600);
/// The wait after this host ran short of descriptors, processes, ports or memory.
const AFTER_SHORTAGE: Duration = Duration::from_secs(60);
/// The wait while posts cannot be made from here.
const WHILE_UNAVAILABLE: Duration = Duration::from_secs(900);
/// The wait while an owner's hosts have as many posts at one address as are allowed. With a thousand of them all get their
/// turns within hours.
const WHILE_OWNER_LIMIT_REACHED: Duration = Duration::from_secs(300);
/// Ours between two questions to a collector: it closes its day within seconds after midnight.
const FETCH_WAIT: Backoff = Backoff::of_seconds(30, 300);
/// The longest wait between two questions to a collector.
const ONE_DAY: Duration = Duration::from_secs(86_400);
/// sys4's between two attempts to deliver.
const SYS4_DELIVERY_WAIT: Backoff = Backoff::of_seconds(300, 1800);

/// What the settings say about times.
#[derive(Clone, Debug)]
pub struct Schedule {
    spread: Duration,
    delivery: Retries,
    retry_window: Duration,
    list: Retries,
    details: Retries,
    fetch_deadline: Duration,
    max_report_age: Duration,
    keep_days: u32,
    history_days: u32,
}

/// What follows on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAttempt {
    /// It is due then.
    At(Timestamp),
    /// There is none; why.
    GiveUp(&'static str),
}

/// Waits that double with each failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) min_wait: Duration,
    pub(crate) max_wait: Duration,
}

#[derive(Clone, Debug)]
struct Retries {
    /// `Some` as with sys4: so many after the first attempt.
    max: Option<u32>,
    backoff: Backoff,
}

impl Schedule {
    /// From the settings.
    pub fn new(settings: &Reportd) -> Schedule {
        let s = settings;
        Schedule {
            spread: s.spread_out_delivery,
            delivery: Retries::new(
                s.max_retries_delivery,
                s.min_wait_delivery,
                s.max_wait_delivery,
                DELIVERY_WAIT,
                SYS4_DELIVERY_WAIT,
            ),
            retry_window: s.retry_window,
            list: Retries::new(
                s.max_retries_domainlist,
                s.min_wait_domainlist,
                s.max_wait_domainlist,
                FETCH_WAIT,
                FETCH_WAIT,
            ),
            details: Retries::new(
                s.max_retries_domaindetails,
                s.min_wait_domaindetails,
                s.max_wait_domaindetails,
                FETCH_WAIT,
                FETCH_WAIT,
            ),
            fetch_deadline: s.fetch_deadline,
            max_report_age: s.max_report_age,
            keep_days: s.keep_days,
            history_days: s.history_days,
        }
    }

    /// The closed days that a report may still be about, the oldest first.
    pub fn reportable_days(&self, now: Timestamp) -> Vec<Day> {
        let today = Day::of(now);
        let mut days: Vec<Day> = (1..=self.keep_days)
            .map(|back| today.back(back))
            .take_while(|day| !self.is_too_old(*day, now))
            .collect();
        days.reverse();
        days
    }

    /// Whether the day is older than `max_report_age`.
    pub fn is_too_old(&self, day: Day, now: Timestamp) -> bool {
        self.too_old(day) < now
    }

    /// When a day becomes too old for a report: by `max_report_age`, or as its rows are not kept any longer.
    fn too_old(&self, day: Day) -> Timestamp {
        let kept = day.ahead(self.keep_days.saturating_add(1)).start();
        plus(day.next().start(), self.max_report_age).min(kept)
    }

    /// Whether a report that was made then is older than `max_report_age`, and its window over: the reporter was away.
    pub fn is_expired(&self, created: Timestamp, now: Timestamp) -> bool {
        let in_time = self.spread.saturating_add(self.retry_window);
        plus(created, self.max_report_age.max(in_time)) < now
    }

    /// Rows of earlier days are removed.
    pub fn oldest_kept(&self, now: Timestamp) -> Day {
        Day::of(now).back(self.keep_days)
    }

    /// What is remembered of earlier days is removed.
    pub fn oldest_remembered(&self, now: Timestamp) -> Day {
        Day::of(now).back(self.history_days)
    }

    /// Nothing that is made now is due after this.
    pub fn latest_due(&self, now: Timestamp) -> Timestamp {
        plus(
            now,
            self.spread.saturating_add(self.retry_window).max(ONE_DAY),
        )
    }

    /// When a new delivery is due: at a random time within the spread (RFC 8460 section 4.1).
    pub fn first_delivery(&self, now: Timestamp, rng: &mut impl Rng) -> Timestamp {
        // One second means now, as with sys4.
        if self.spread <= Duration::from_secs(1) {
            return now;
        }
        plus(now, self.spread.mul_f64(rng.random::<f64>()))
    }

    /// After a delivery's failure; `failures` includes this one. `after` is the receiver's `Retry-After`.
    pub fn after_delivery_failure(
        &self,
        failures: u32,
        first: Timestamp,
        after: Option<Duration>,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> NextAttempt {
        // The receiver may ask for a thousand years.
        let asked = after.unwrap_or_default().min(self.retry_window);
        let wait = self.delivery.backoff.wait(failures, rng).max(asked);
        let next = plus(now, wait);
        match self.delivery.max {
            Some(max) if failures > max => NextAttempt::GiveUp("all retries failed"),
            Some(_) => NextAttempt::At(next),
            None => self.in_window(first, now, next),
        }
    }

    /// After a failure to send a digest that was made then; `failures` includes this one. Waits are those of deliveries, and
    /// a day is the end of it, whatever the settings say of reports.
    pub fn after_digest_failure(
        &self,
        failures: u32,
        made: Timestamp,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> NextAttempt {
        let end = plus(made, ONE_DAY);
        let next = plus(now, self.delivery.backoff.wait(failures, rng));
        match now >= end {
            true => NextAttempt::GiveUp("it could not be sent for a day"),
            false => NextAttempt::At(next.min(end)),
        }
    }

    /// Whether sys4's options set the number of attempts: then each failure counts, whoever's fault it is.
    pub fn counts_attempts(&self) -> bool {
        self.delivery.max.is_some()
    }

    /// When a delivery is tried again that is not charged with the failure.
    pub fn after_uncharged_failure(&self, now: Timestamp, rng: &mut impl Rng) -> Timestamp {
        plus(now, self.delivery.backoff.wait(1, rng))
    }

    /// How long a delivery waits after this host ran short of descriptors, processes, ports or memory.
    pub fn after_shortage() -> Duration {
        AFTER_SHORTAGE
    }

    /// How long it waits while posts cannot be made from here.
    pub fn while_unavailable() -> Duration {
        WHILE_UNAVAILABLE
    }

    /// How long it waits while its host's owner has too many posts at one address.
    pub fn while_owner_limit_reached() -> Duration {
        WHILE_OWNER_LIMIT_REACHED
    }

    /// RFC 8460 section 4.1: for up to 24 hours. Whatever the receiver asks for, the last attempt is at the end of the window.
    fn in_window(&self, first: Timestamp, now: Timestamp, next: Timestamp) -> NextAttempt {
        let end = plus(first, self.retry_window);
        match now >= end {
            true => NextAttempt::GiveUp("the retry window has passed"),
            false => NextAttempt::At(next.min(end)),
        }
    }

    /// When a delivery is due again that was not attempted, for no fault of its own: after a while, but no later than at the
    /// end of its retry window.
    pub fn put_off(
        &self,
        failures: u32,
        first: Timestamp,
        wait: Duration,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Timestamp {
        let next = plus(now, wait.mul_f64(rng.random_range(1.0..1.25)));
        let end = plus(first, self.retry_window);
        match self.delivery.max {
            // A window that has ended sets no limit: the delivery would be due at once, again and again.
            None if failures > 0 && now < end => next.min(end),
            _ => next,
        }
    }
}

impl Retries {
    /// If one of sys4's options is set, sys4's rule holds.
    fn new(
        max: Option<u32>,
        min_wait: Option<Duration>,
        max_wait: Option<Duration>,
        ours: Backoff,
        sys4: Backoff,
    ) -> Retries {
        if max.is_none() && min_wait.is_none() && max_wait.is_none() {
            return Retries {
                max: None,
                backoff: ours,
            };
        }
        Retries {
            max: Some(max.unwrap_or(SYS4_RETRIES)),
            backoff: Backoff {
                min_wait: min_wait.unwrap_or(sys4.min_wait),
                max_wait: max_wait.unwrap_or(sys4.max_wait),
            },
        }
    }
}

impl Backoff {
    pub(crate) const fn of_seconds(min_wait: u64, max_wait: u64) -> Backoff {
        Backoff {
            min_wait: Duration::from_secs(min_wait),
            max_wait: Duration::from_secs(max_wait),
        }
    }

    /// Doubles with each failure, up to the longest, and varies by a quarter: deliveries that failed together do not come
    /// back together.
    pub(crate) fn wait(&self, failures: u32, rng: &mut impl Rng) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let base = self
            .min_wait
            .saturating_mul(1 << doublings)
            .min(self.max_wait);
        let jittered = base.mul_f64(rng.random_range(0.75..1.25));
        jittered.clamp(self.min_wait, self.max_wait.max(self.min_wait))
    }
}

fn plus(at: Timestamp, wait: Duration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
