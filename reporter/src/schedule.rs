//! When something is due, and when to give up. Pure: the time and the chance are arguments.

mod fetching;

use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, RngExt as _};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;

pub use fetching::FetchDeadline;

/// sys4's defaults, for those of its options that stand beside one that is set.
const SYS4_RETRIES: u32 = 5;
/// Ours between two attempts to deliver: 24 hours hold about nine.
const DELIVERY_WAIT: (Duration, Duration) =
    (Duration::from_secs(300), Duration::from_secs(4 * 3600));
/// A queue where nobody answers is held back so long, the first time and at most.
const HOLD: Retries = Retries {
    max: None,
    min_wait: Duration::from_secs(30),
    max_wait: Duration::from_secs(900),
};
/// For all that go to a host, the wish of several answers holds no longer: domains that are strangers to each other may
/// share it.
const LONGEST_WISH: Duration = Duration::from_secs(900);
/// What we ran out of is there again so much later, one hopes.
const AFTER_LACK: Duration = Duration::from_secs(60);
/// What posts need is mended, or a crowd has gone, so much later.
const WHILE_NOT_READY: Duration = Duration::from_secs(900);
/// Ours between two questions to a collector: it closes its day within seconds after midnight.
const FETCH_WAIT: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// No wait between two questions to a collector is longer.
const ONE_DAY: Duration = Duration::from_secs(86_400);
/// sys4's between two attempts to deliver.
const SYS4_DELIVERY_WAIT: (Duration, Duration) =
    (Duration::from_secs(300), Duration::from_secs(1800));

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
}

/// What follows on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    At(Timestamp),
    /// None; why.
    GiveUp(&'static str),
}

#[derive(Clone, Debug)]
struct Retries {
    /// `Some` as with sys4: so many after the first attempt.
    max: Option<u32>,
    min_wait: Duration,
    max_wait: Duration,
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

    /// Whether nobody wants to hear of that day any more.
    pub fn is_too_old(&self, day: Day, now: Timestamp) -> bool {
        self.too_old(day) < now
    }

    /// When a day becomes too old for a report: by `max_report_age`, or as its rows are not kept any longer.
    fn too_old(&self, day: Day) -> Timestamp {
        let kept = day.ahead(self.keep_days.saturating_add(1)).start();
        plus(day.next().start(), self.max_report_age).min(kept)
    }

    /// Whether a report that was made then should have been sent long ago: the reporter was away.
    pub fn is_expired(&self, created: Timestamp, now: Timestamp) -> bool {
        let in_time = self.spread.saturating_add(self.retry_window);
        plus(created, self.max_report_age.max(in_time)) < now
    }

    /// Rows before this day may go.
    pub fn oldest_kept(&self, now: Timestamp) -> Day {
        Day::of(now).back(self.keep_days)
    }

    /// Nothing that is made now is due after this.
    pub fn latest_due(&self, now: Timestamp) -> Timestamp {
        plus(
            now,
            self.spread.saturating_add(self.retry_window).max(ONE_DAY),
        )
    }

    /// When a new delivery is due: anywhere in the spread, each on its own (RFC 8460 section 4.1).
    pub fn first_delivery(&self, now: Timestamp, rng: &mut impl Rng) -> Timestamp {
        // One second means now, as with sys4.
        if self.spread <= Duration::from_secs(1) {
            return now;
        }
        plus(now, self.spread.mul_f64(rng.random::<f64>()))
    }

    /// After a delivery's failure, the how-manieth, counted with this one. `after` is the other side's wish.
    pub fn after_delivery_failure(
        &self,
        failures: u32,
        first: Timestamp,
        after: Option<Duration>,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Next {
        // The other side may ask for any time; a row that is due in a thousand years would stay as long.
        let asked = after.unwrap_or_default().min(self.retry_window);
        let wait = self.delivery.wait(failures, rng).max(asked);
        let next = plus(now, wait);
        match self.delivery.max {
            Some(max) if failures > max => Next::GiveUp("all retries failed"),
            Some(_) => Next::At(next),
            None => self.in_window(first, now, next),
        }
    }

    /// With sys4's options so many attempts are made, whatever is the matter.
    pub fn counts_attempts(&self) -> bool {
        self.delivery.max.is_some()
    }

    /// When a delivery is tried again that failed for no reason of its own.
    pub fn while_nothing_goes(&self, now: Timestamp, rng: &mut impl Rng) -> Timestamp {
        plus(now, self.delivery.wait(1, rng))
    }

    /// How long nothing goes to a host where nobody answers, found out so many times in a row.
    pub fn hold(&self, times: u32, rng: &mut impl Rng) -> Duration {
        HOLD.wait(times, rng)
    }

    /// The same when the host itself asks for it. The delivery that was answered so waits as long as asked.
    pub fn hold_as_asked(wish: Duration) -> Duration {
        wish.min(LONGEST_WISH)
    }

    /// How long a delivery waits for which something was missing here.
    pub fn after_lack() -> Duration {
        AFTER_LACK
    }

    /// The same while posts cannot be made, or while others are in its way.
    pub fn while_not_ready() -> Duration {
        WHILE_NOT_READY
    }

    /// RFC 8460 section 4.1: for up to 24 hours. Whatever the other side asks for, the end of the window is a last chance.
    fn in_window(&self, first: Timestamp, now: Timestamp, next: Timestamp) -> Next {
        let end = plus(first, self.retry_window);
        match now >= end {
            true => Next::GiveUp("the retry window has passed"),
            false => Next::At(next.min(end)),
        }
    }

    /// When a delivery is due again that was not tried, for no fault of its own, after so many failures: in a while, but
    /// no later than at the end of its window.
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
            // Not at once when that is over: it would be put off again, and so on without a pause.
            None if failures > 0 && now < end => next.min(end),
            _ => next,
        }
    }
}

impl Retries {
    /// One of sys4's options that is set brings sys4's rule.
    fn new(
        max: Option<u32>,
        min_wait: Option<Duration>,
        max_wait: Option<Duration>,
        ours: (Duration, Duration),
        sys4: (Duration, Duration),
    ) -> Retries {
        if max.is_none() && min_wait.is_none() && max_wait.is_none() {
            return Retries {
                max: None,
                min_wait: ours.0,
                max_wait: ours.1,
            };
        }
        Retries {
            max: Some(max.unwrap_or(SYS4_RETRIES)),
            min_wait: min_wait.unwrap_or(sys4.0),
            max_wait: max_wait.unwrap_or(sys4.1),
        }
    }

    /// Doubles with each failure, up to the longest, a quarter more or less by chance: those that failed together do not
    /// come back together.
    fn wait(&self, failures: u32, rng: &mut impl Rng) -> Duration {
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
