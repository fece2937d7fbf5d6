//! What a queue knows of the reported domains whose deliveries go through it: what one of them has met there is held
//! against no other.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// Domains that are remembered in a queue.
const REMEMBERED: usize = 1000;
/// That a domain's deliveries are slow is remembered so long.
const SLOW_FOR: Duration = Duration::from_secs(86_400);

/// Reported domains at one place, as far as there is anything to know of them.
#[derive(Debug, Default)]
pub(super) struct Strangers(HashMap<String, Stranger>);

#[derive(Clone, Copy, Debug, Default)]
struct Stranger {
    slow_until: Option<Instant>,
    held_until: Option<Instant>,
}

/// Who begins first: deliveries of the better standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Reports have arrived there before.
    Worked,
    /// Nothing is known.
    Unknown,
    /// Answers take long there.
    Slow,
}

impl Strangers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn standing(&self, domain: &str, has_worked: bool, now: Instant) -> Standing {
        match self.0.get(domain) {
            Some(known) if known.slow_until.is_some_and(|until| until > now) => Standing::Slow,
            _ if has_worked => Standing::Worked,
            _ => Standing::Unknown,
        }
    }

    /// How long nothing of that domain is to be tried: the place has asked for it.
    pub(super) fn held(&self, domain: &str, now: Instant) -> Option<Duration> {
        let until = self.0.get(domain)?.held_until?;
        (until > now).then(|| until - now)
    }

    pub(super) fn hold(&mut self, domain: &str, time: Duration, now: Instant) {
        self.known(domain, now).held_until = Some(now + time);
    }

    /// Its answers take long; gives whether that is new.
    pub(super) fn is_slow(&mut self, domain: &str, now: Instant) -> bool {
        let until = &mut self.known(domain, now).slow_until;
        let before = until.replace(now + SLOW_FOR);
        before.is_none_or(|until| until <= now)
    }

    /// It was answered at once.
    pub(super) fn is_quick(&mut self, domain: &str) {
        self.0.remove(domain);
    }

    fn known(&mut self, domain: &str, now: Instant) -> &mut Stranger {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(domain) {
            let is_on = |until: Option<Instant>| until.is_some_and(|until| until > now);
            self.0
                .retain(|_, known| is_on(known.slow_until) || is_on(known.held_until));
            // Half of them, so that it is not done for each one that comes. Which ones, chance says.
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
        let (mut strangers, now) = (Strangers::default(), Instant::now());
        strangers.hold("a", Duration::from_secs(60), now);
        strangers.is_slow("b", now);
        assert_eq!(strangers.held("a", now), Some(Duration::from_secs(60)));
        assert_eq!(strangers.held("a", now + Duration::from_secs(60)), None);
        assert_eq!(strangers.held("b", now), None);
        for (domain, worked, standing) in [
            ("a", true, Standing::Worked),
            ("a", false, Standing::Unknown),
            ("b", true, Standing::Slow),
            ("c", false, Standing::Unknown),
        ] {
            assert_eq!(strangers.standing(domain, worked, now), standing);
        }
        let later = now + SLOW_FOR;
        assert_eq!(strangers.standing("b", true, later), Standing::Worked);
        strangers.is_quick("b");
        assert_eq!(strangers.standing("b", true, now), Standing::Worked);
    }

    #[test]
    fn domains_without_number_are_forgotten() {
        let (mut strangers, now) = (Strangers::default(), Instant::now());
        for number in 0..10 * REMEMBERED {
            strangers.is_slow(&format!("d{number}"), now);
            assert!(strangers.0.len() <= REMEMBERED);
        }
    }
}
