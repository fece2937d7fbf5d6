//! How much of a core observers may take, all together: little, and hardly any while many datagrams come. On two cores the
//! reader, a writer and an MTA at full load leave nothing to spare.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::stats::Stats;

/// Pauses after a look, by the time that it took: from so many datagrams a second on, the most first.
const PAUSES: [(u64, u32); 4] = [(50_000, 240), (5_000, 60), (500, 8), (0, QUIET_PAUSE)];
const QUIET_PAUSE: u32 = 1;
/// How long the rate is measured.
const SAMPLE: Duration = Duration::from_millis(50);
/// Nobody waits longer than that for a turn: the client would go away.
const MOST: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Pace {
    stats: Arc<Stats>,
    state: Mutex<PaceState>,
}

struct PaceState {
    /// When the next look may begin.
    due: Instant,
    /// How long a look takes that others have to let go first.
    length: Duration,
    sampled: Instant,
    received: u64,
    pause: u32,
}

impl Pace {
    pub(super) fn new(stats: Arc<Stats>) -> Pace {
        let now = Instant::now();
        Pace {
            state: Mutex::new(PaceState {
                due: now,
                length: Duration::ZERO,
                sampled: now,
                received: stats.received.value(),
                pause: QUIET_PAUSE,
            }),
            stats,
        }
    }

    /// Does what takes some milliseconds at most, when it is due.
    pub(super) fn look<T>(&self, look: impl FnOnce() -> T) -> T {
        let turn = self.with(|state| state.take_turn(Instant::now()));
        thread::sleep(turn.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        let found = look();
        let received = self.stats.received.value();
        self.with(|state| state.ended(began, Instant::now(), received));
        found
    }

    fn with<T>(&self, change: impl FnOnce(&mut PaceState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PaceState {
    /// When a look may begin that is asked for now. Who asks next comes after it: looks of several at the same time would take
    /// all cores.
    fn take_turn(&mut self, now: Instant) -> Instant {
        let turn = self.due.max(now);
        self.due = (turn + self.length).min(now + MOST);
        turn
    }

    fn ended(&mut self, began: Instant, now: Instant, received: u64) {
        let since = now.saturating_duration_since(self.sampled);
        if since >= SAMPLE {
            let more = received.saturating_sub(self.received);
            let is_reached =
                |rate: u64| u128::from(more) * 1000 >= u128::from(rate) * since.as_millis();
            let pause = PAUSES.iter().find(|(rate, _)| is_reached(*rate));
            self.pause = pause.map_or(QUIET_PAUSE, |(_, pause)| *pause);
            (self.sampled, self.received) = (now, received);
        }
        let took = now.saturating_duration_since(began);
        // Half of a longer one before: what is asked for by turns is long and short by turns.
        self.length = took.max(self.length / 2);
        self.due = (self.due.max(now) + took.saturating_mul(self.pause)).min(now + MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_by_load() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut state = PaceState {
            due: start,
            length: Duration::ZERO,
            sampled: start,
            received: 0,
            pause: QUIET_PAUSE,
        };
        for (began, ended, received, due, why) in [
            (0, 2, 0, 4, "as long as it took"),
            (4, 6, 100, 8, "not yet measured"),
            (58, 60, 400, 180, "four hundred within sixty milliseconds"),
            (180, 182, 500, 198, "a hundred within a tenth of a second"),
            (302, 304, 505, 306, "five within a tenth of a second"),
            (306, 10_000, 505, 12_000, "bounded"),
        ] {
            state.ended(after(began), after(ended), received);
            assert_eq!(state.due, after(due), "{why}");
        }
    }

    #[test]
    fn one_look_after_the_other() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut state = PaceState {
            due: start,
            length: Duration::ZERO,
            sampled: start,
            received: 0,
            pause: QUIET_PAUSE,
        };
        assert_eq!(state.take_turn(start), start);
        state.ended(start, after(2), 0);
        for (asked, turn, why) in [
            (3, 4, "after the pause"),
            (3, 6, "after the one that waits"),
            (20, 20, "at once"),
            (20, 22, "two at the same time"),
        ] {
            assert_eq!(state.take_turn(after(asked)), after(turn), "{why}");
        }
    }
}
