//! Pauses what fails again and again; then a probe finds out whether it works again. Pure: the time is an argument.
//!
//! The resolver has one ([`crate::lookup`]), and each destination queue, that of the relay too ([`crate::queue`]). What
//! counts as a failure, how long a pause is, and who may probe is theirs to say.

use std::time::Duration;

use tokio::time::Instant;

/// A failure is not in a row with one that is older than this.
pub(crate) const ROW: Duration = Duration::from_secs(3600);

/// Failures in a row, and the pause that followed.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// Failures of this weight together cause a pause.
    limit: u32,
    weight: u32,
    last_failure: Option<Instant>,
    pause: Option<Pause>,
}

#[derive(Debug)]
struct Pause {
    since: Instant,
    /// A probe may start.
    until: Instant,
}

/// Whether an attempt may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    /// It may.
    Go,
    /// As a probe: the pause is over, and its outcome decides.
    Probe,
    /// Not during the pause.
    Wait,
}

impl Throttle {
    /// Failures of the weight `limit` together cause a pause.
    pub(crate) fn new(limit: u32) -> Throttle {
        Throttle {
            limit,
            weight: 0,
            last_failure: None,
            pause: None,
        }
    }

    pub(crate) fn permit(&self, now: Instant) -> Permit {
        match &self.pause {
            None => Permit::Go,
            Some(pause) if now < pause.until => Permit::Wait,
            Some(_) => Permit::Probe,
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// No failures that count: a throttle in this state is as good as a new one.
    pub(crate) fn is_clear(&self, now: Instant) -> bool {
        self.pause.is_none() && !self.is_in_row(now)
    }

    fn is_in_row(&self, now: Instant) -> bool {
        self.last_failure.is_some_and(|last| now - last <= ROW)
    }

    /// Counts a failure. `true`: there are enough for a pause, and the count starts again. After a pause, one is enough.
    pub(crate) fn failed(&mut self, weight: u32, now: Instant) -> bool {
        if !self.is_in_row(now) {
            self.weight = 0;
        }
        self.weight += weight;
        self.last_failure = Some(now);
        let is_enough = self.is_paused() || self.weight >= self.limit;
        if is_enough {
            self.weight = 0;
        }
        is_enough
    }

    /// Starts a pause, or another one after a probe. Gives whether it is the first since all worked.
    pub(crate) fn pause(&mut self, until: Instant, now: Instant) -> bool {
        let since = self.pause.as_ref().map_or(now, |pause| pause.since);
        self.pause.replace(Pause { since, until }).is_none()
    }

    /// It works. Gives how long it did not, if it was paused.
    pub(crate) fn works(&mut self, now: Instant) -> Option<Duration> {
        self.weight = 0;
        self.last_failure = None;
        self.pause.take().map(|pause| now - pause.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_and_its_end() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut throttle = Throttle::new(3);
        assert!(!throttle.failed(2, at(0)));
        assert_eq!(throttle.works(at(0)), None, "a success ends the row");
        assert!(!throttle.failed(2, at(1)));
        assert!(!throttle.failed(2, at(3602)), "and so does an hour");
        assert!(throttle.failed(1, at(3602)));
        assert_eq!(throttle.permit(at(3602)), Permit::Go, "the caller pauses");
        assert!(throttle.pause(at(3610), at(3602)), "the first pause");
        assert_eq!(throttle.permit(at(3609)), Permit::Wait);
        assert_eq!(throttle.permit(at(3610)), Permit::Probe);
        assert!(throttle.failed(1, at(3611)), "one failed probe is enough");
        assert!(!throttle.pause(at(3630), at(3611)), "another pause");
        assert_eq!(throttle.permit(at(3629)), Permit::Wait);
        assert!(!throttle.is_clear(at(99_999)));
        assert_eq!(throttle.works(at(3632)), Some(Duration::from_secs(30)));
        assert_eq!(throttle.permit(at(3632)), Permit::Go);
        assert!(throttle.is_clear(at(3632)));
    }
}
