//! What a queue knows about each reported domain whose deliveries go through it. It is held against no other domain.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// Domains that a queue remembers.
const REMEMBERED: usize = 1000;
/// How long a domain's deliveries count as slow.
const SLOW_FOR: Duration = Duration::from_secs(86_400);

/// The reported domains about which something is known.
#[derive(Debug, Default)]
pub(super) struct DomainHistory(HashMap<String, DomainState>);

#[derive(Clone, Copy, Debug, Default)]
struct DomainState {
    slow_until: Option<Instant>,
    /// Its host asked it to wait.
    delayed_until: Option<Instant>,
}

/// Which deliveries start first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// Reports on the domain have arrived there before.
    DeliveredBefore,
    /// Nothing is known.
    Unknown,
    /// Answers to reports on the domain take long.
    Slow,
}

impl DomainHistory {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn priority(&self, domain: &str, delivered_before: bool, now: Instant) -> Priority {
        match self.0.get(domain) {
            Some(known) if known.slow_until.is_some_and(|until| until > now) => Priority::Slow,
            _ if delivered_before => Priority::DeliveredBefore,
            _ => Priority::Unknown,
        }
    }

    /// How long the domain's deliveries have to wait, as the host asked.
    pub(super) fn delay(&self, domain: &str, now: Instant) -> Option<Duration> {
        let until = self.0.get(domain)?.delayed_until?;
        (until > now).then(|| until - now)
    }

    pub(super) fn delay_for(&mut self, domain: &str, time: Duration, now: Instant) {
        self.known(domain, now).delayed_until = Some(now + time);
    }

    /// Its answers take long. Gives whether that is new.
    pub(super) fn mark_slow(&mut self, domain: &str, now: Instant) -> bool {
        let until = &mut self.known(domain, now).slow_until;
        let before = until.replace(now + SLOW_FOR);
        before.is_none_or(|until| until <= now)
    }

    /// It was answered at once: nothing bad is known any more.
    pub(super) fn mark_quick(&mut self, domain: &str) {
        self.0.remove(domain);
    }

    fn known(&mut self, domain: &str, now: Instant) -> &mut DomainState {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(domain) {
            let is_on = |until: Option<Instant>| until.is_some_and(|until| until > now);
            self.0
                .retain(|_, known| is_on(known.slow_until) || is_on(known.delayed_until));
            // Half of them, so that it is not done for each new one. Which ones is left to chance.
            let mut left = REMEMBERED / 2;
            self.0.retain(|_, _| {
                left = left.saturating_sub(1);
                left > 0
            });
        }
        self.0.entry(domain.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_one_says_nothing_of_another() {
        let (mut history, now) = (DomainHistory::default(), Instant::now());
        history.delay_for("a", Duration::from_secs(60), now);
        history.mark_slow("b", now);
        assert_eq!(history.delay("a", now), Some(Duration::from_secs(60)));
        assert_eq!(history.delay("a", now + Duration::from_secs(60)), None);
        assert_eq!(history.delay("b", now), None);
        for (domain, worked, priority) in [
            ("a", true, Priority::DeliveredBefore),
            ("a", false, Priority::Unknown),
            ("b", true, Priority::Slow),
            ("c", false, Priority::Unknown),
        ] {
            assert_eq!(history.priority(domain, worked, now), priority);
        }
        let later = now + SLOW_FOR;
        assert_eq!(
            history.priority("b", true, later),
            Priority::DeliveredBefore
        );
        history.mark_quick("b");
        assert_eq!(history.priority("b", true, now), Priority::DeliveredBefore);
    }

    #[test]
    fn domains_without_number_are_forgotten() {
        let (mut history, now) = (DomainHistory::default(), Instant::now());
        for number in 0..10 * REMEMBERED {
            history.mark_slow(&format!("d{number}"), now);
            assert!(history.0.len() <= REMEMBERED);
        }
    }
}
