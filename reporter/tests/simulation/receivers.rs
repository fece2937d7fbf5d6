//! Receivers with a will of their own.

use std::time::Duration;

use rand::RngExt as _;
use tlsrptd_reporter::deliver::Outcome;

use super::{
    plan::{HOUR, Window, is_in},
    sim::{Key, Sim},
};

/// What a receiver does, and what it says.
pub struct Reply {
    pub outcome: Outcome,
    pub takes: Duration,
    /// It has the report, from the begin or from the end on, whatever it says.
    pub has_it: Has,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    No,
    AtOnce,
    AtTheEnd,
}

/// A relay that has taken a mail so lately takes mail.
const LATELY: Duration = Duration::from_secs(15 * 60);

/// How one host is, on all days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Good,
    Slow,
    /// It fails so often of a hundred.
    Flaky(u64),
    /// It takes the report and then says something else, so often of a hundred.
    Lies(u64),
    /// It wants so long a wait.
    Busy(Duration),
    Dead,
    Refuses,
    Hangs,
}

impl Sim {
    /// The host that a destination leads to; the relay for all mail.
    pub fn host(uri: &str) -> &str {
        match uri.strip_prefix("https://") {
            Some(rest) => rest.split(['/', ':']).next().unwrap(),
            None => "relay",
        }
    }

    pub fn temper_of_host(&self, host: &str) -> Host {
        let mut rng = self.dice.of(("host", host));
        if host == "relay" {
            return match rng.random_range(0..4) {
                0 | 1 => Host::Slow,
                2 => Host::Lies(5),
                _ => Host::Good,
            };
        }
        match rng.random_range(0..12) {
            0 => Host::Slow,
            1..3 => Host::Flaky(rng.random_range(10..90)),
            3..5 => Host::Lies(rng.random_range(5..60)),
            5 => Host::Busy(Duration::from_secs(rng.random_range(1..50_000))),
            6 => Host::Dead,
            7 => Host::Refuses,
            8 => Host::Hangs,
            _ => Host::Good,
        }
    }

    /// Nobody listens on that port, or whoever comes is held there.
    pub fn holds_back(uri: &str) -> bool {
        uri.contains(":81/") || uri.contains("/hold/")
    }

    /// When the host is gone for everybody.
    pub fn gone(&self, host: &str) -> Vec<Window> {
        match host {
            "relay" => self.plan.relay_gone.clone(),
            _ => Vec::new(),
        }
    }

    pub fn receive(
        &self,
        key: &Key,
        nth: u64,
        at: Duration,
        relay_took: Option<Duration>,
    ) -> Reply {
        let host = Sim::host(&key.uri);
        let mut rng = self.dice.of(("receive", key, nth));
        if is_in(&self.gone(host), at) {
            return unreachable(Duration::from_millis(100));
        }
        let quick = Duration::from_millis(rng.random_range(5..200));
        let slow = Duration::from_secs(rng.random_range(20..120));
        if host == "relay" && is_in(&self.plan.relay_denies, at) {
            return denied("554 5.7.1 Relay access denied", quick);
        }
        // One mail in fifty is taken by no relay. While others are taken, that is its own affair: as `Standing` has it.
        if host == "relay" && self.dice.percent(("no relay takes it", key), 2) {
            return match relay_took.is_some_and(|took| at < took + LATELY) {
                true => retry("552 5.3.4 too big", None, quick),
                false => denied("552 5.3.4 too big", quick),
            };
        }
        let fails = |share: u64| self.dice.percent(("fails", key, nth), share);
        // One mailbox in ten is full now and then, one in twenty is none.
        if host == "relay" && self.dice.percent(("no mailbox", &key.uri), 5) {
            return refused("550 5.1.1 no such user", quick);
        }
        if host == "relay" && self.dice.percent(("mailbox", &key.uri), 10) && fails(70) {
            return retry("452 4.2.2 full", None, quick);
        }
        if key.uri.contains(":81/") {
            return unreachable(Duration::from_secs(self.dice.below(("closed", host), 11)));
        }
        if key.uri.contains("/hold/") {
            return match self.dice.below(("holds", &key.domain), 3) {
                0 => retry("503", Some(Duration::from_secs(3600)), quick),
                1 => sent(slow),
                _ => sent(HOUR * 100),
            };
        }
        match self.temper_of_host(host) {
            Host::Good => sent(quick),
            Host::Slow => sent(slow),
            Host::Flaky(share) if fails(share) => retry("503", None, quick),
            Host::Lies(share) if fails(share) => Reply {
                has_it: Has::AtOnce,
                ..retry("cut off", None, slow)
            },
            Host::Flaky(_) | Host::Lies(_) => sent(quick),
            Host::Busy(wait) if nth == 0 => retry("429", Some(wait), quick),
            Host::Busy(_) => sent(quick),
            Host::Dead => unreachable(Duration::from_secs(10)),
            Host::Refuses => refused("403", quick),
            Host::Hangs if fails(50) => unreachable(Duration::from_secs(300)),
            Host::Hangs => sent(Duration::from_secs(250)),
        }
    }
}

fn sent(takes: Duration) -> Reply {
    let outcome = Outcome::Sent {
        detail: "250 taken".to_owned(),
    };
    Reply {
        outcome,
        takes,
        has_it: Has::AtTheEnd,
    }
}

fn retry(reason: &str, after: Option<Duration>, takes: Duration) -> Reply {
    let outcome = Outcome::Retry {
        reason: reason.to_owned(),
        after,
    };
    Reply {
        outcome,
        takes,
        has_it: Has::No,
    }
}

fn refused(reason: &str, takes: Duration) -> Reply {
    let outcome = Outcome::Refused {
        reason: reason.to_owned(),
    };
    Reply {
        outcome,
        takes,
        has_it: Has::No,
    }
}

fn denied(reason: &str, takes: Duration) -> Reply {
    let outcome = Outcome::Denied {
        reason: reason.to_owned(),
    };
    Reply {
        outcome,
        takes,
        has_it: Has::No,
    }
}

fn unreachable(takes: Duration) -> Reply {
    let outcome = Outcome::Unreachable {
        reason: "no connection".to_owned(),
    };
    Reply {
        outcome,
        takes,
        has_it: Has::No,
    }
}
