//! What must hold at the end of every play, whatever happened in it.

mod accounts;
mod attempts;
mod bounces;
mod gathering;
mod history;
mod mx_hosts;
mod outcomes;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::deliver::Outcome;

use super::{
    domains::Truth,
    ledger::Ledger,
    lives::Played,
    plan::{HOUR, Window, is_in},
    sim::{Attempt, Key, Log, Sim},
};

/// One that is in hand may have to wait so long for others before it is tried.
const IN_HAND: Duration = HOUR;

/// A start so long after the last that is known doubts its clock,
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// for the default of `clock_confirmation`, and what the daemon takes to look.
const DOUBT: Duration = Duration::from_secs(605);

/// One court for one play.
pub struct Court<'a> {
    played: &'a Played,
    ledger: &'a Ledger,
    log: &'a Log,
    /// In their order.
    attempts: BTreeMap<&'a Key, Vec<&'a Attempt>>,
    /// When the reporter was there, and did not know the time.
    doubts: Vec<Window>,
    broken: Vec<String>,
}

/// Everything that a play has broken.
pub fn judge(played: &Played) -> Vec<String> {
    let log = played.sim.log();
    let ledger = played.ledger.lock().unwrap();
    let mut attempts: BTreeMap<&Key, Vec<&Attempt>> = BTreeMap::new();
    for attempt in &log.attempts {
        attempts.entry(&attempt.key).or_default().push(attempt);
    }
    let mut court = Court {
        played,
        ledger: &ledger,
        log: &log,
        attempts,
        doubts: doubts(played),
        broken: ledger.broken.clone(),
    };
    court.every_session_is_accounted_for();
    court.every_reason_is_true();
    court.totals_are_what_was_done();
    court.sessions_at_mx_hosts_are_told_once();
    court.receivers_got_what_was_counted();
    court.collectors_were_treated_well();
    court.one_report_a_place();
    court.every_delivery_ended();
    court.what_came_back_is_refused();
    court.nobody_was_crowded();
    court.attempts_kept_their_distance();
    court.attempts_kept_to_their_time();
    court.broken
}

impl Court<'_> {
    fn broken(&mut self, text: String) {
        self.broken.push(text);
    }

    /// The wall clock was never set: then times mean something.
    fn clock_is_true(&self) -> bool {
        self.played.sim.plan.steps.is_empty()
    }

    fn since_begin(&self, at: Timestamp) -> Duration {
        let since = at.duration_since(self.played.sim.plan.begin);
        Duration::try_from(since).unwrap_or(Duration::ZERO)
    }

    /// How much of that time there was no reporter, or none that could write, or none that knew the time.
    fn away(&self, from: Duration, until: Duration) -> Duration {
        let overlap =
            |window: &(Duration, Duration)| window.1.min(until).saturating_sub(window.0.max(from));
        let there: Duration = self.played.lives.iter().map(overlap).sum();
        let full: Duration = self.played.sim.plan.disk_full.iter().map(overlap).sum();
        let doubts: Duration = self.doubts.iter().map(overlap).sum();
        until.saturating_sub(from).saturating_sub(there) + full + doubts
    }

    /// Whether nobody can know how this attempt ended: its outcome was not recorded when the reporter was gone.
    fn is_unknown(&self, attempt: &Attempt) -> bool {
        let after = |other: &&&Attempt| other.life == attempt.life && other.from > attempt.from;
        let is_last = !self.attempts[&attempt.key]
            .iter()
            .any(|other| after(&other));
        attempt.ended.is_none() || is_last && self.ledger.is_unknown(&attempt.key, attempt.life)
    }

    /// Whether an attempt is charged to nobody: the relay is gone, or takes no mail. Without sys4's options, and when it
    /// is recorded.
    fn waits(&self, attempt: &Attempt) -> bool {
        self.was_denied(attempt) && !self.is_unknown(attempt)
    }

    /// The same, recorded or not.
    fn was_denied(&self, attempt: &Attempt) -> bool {
        let is_mail = Sim::host(&attempt.key.uri) == "relay";
        let is_ours = match attempt.ended.as_ref().map(|(_, outcome)| outcome) {
            Some(Outcome::Denied { .. }) => true,
            Some(Outcome::Unreachable { .. }) => is_mail,
            _ => false,
        };
        is_ours && self.played.settings.max_retries_delivery.is_none()
    }

    /// The attempts since the last that was charged to nobody, or that one alone.
    fn window<'b>(&self, attempts: &'b [&'b Attempt]) -> &'b [&'b Attempt] {
        let last = attempts.iter().rposition(|attempt| self.waits(attempt));
        let begin = last.map_or(0, |last| (last + 1).min(attempts.len() - 1));
        &attempts[begin..]
    }

    /// The retry window begins no earlier, and no later than the first attempt: a reporter that crashed cannot know
    /// whether what it had in hand was tried.
    fn taken_in_hand(&self, first: &Attempt) -> Duration {
        // After one that was charged to nobody it begins anew.
        if self.attempts[&first.key][0].from != first.from {
            return first.from.saturating_sub(IN_HAND);
        }
        let in_hand = self.ledger.in_hand.get(&first.key);
        let lives = in_hand
            .into_iter()
            .flatten()
            .map(|life| self.played.lives[*life].0);
        lives.chain([first.from]).min().unwrap_or_default()
    }

    /// What the truth says of a domain's day, by what the database says was fetched in time.
    fn counted(&self, day: Day, domain: &str) -> (u64, u64) {
        let sim = &self.played.sim;
        let (mut total, mut failed) = (0, 0);
        for collector in 1..=sim.plan.domains.collectors {
            let data = self.ledger.data.get(&(day, domain.to_owned(), collector));
            if data.is_some_and(|data| {
                data.status.as_deref() == Some("fetched") && data.reason.is_none()
            }) {
                let truth = sim
                    .plan
                    .domains
                    .truth(collector, day, domain)
                    .unwrap_or_default();
                total += truth.total;
                failed += truth.failed;
            }
        }
        (total, failed)
    }

    /// The same of what was fetched after the report.
    fn counted_late(&self, day: Day, domain: &str) -> Truth {
        let sim = &self.played.sim;
        let late = (1..=sim.plan.domains.collectors).filter(|collector| {
            let data = self.ledger.data.get(&(day, domain.to_owned(), *collector));
            data.is_some_and(|data| data.status.as_deref() == Some("late") && data.reason.is_none())
        });
        let truth = late.filter_map(|collector| sim.plan.domains.truth(collector, day, domain));
        truth.fold(Truth::default(), |sum, truth| Truth {
            total: sum.total + truth.total,
            failed: sum.failed + truth.failed,
        })
    }

    /// Sessions that were reported late, or not for a reason.
    fn reported_late(&self, day: Day, domain: &str) -> u64 {
        let of = |number: i64| (day, domain.to_owned(), number);
        let late = self.ledger.late.range(of(0)..of(i64::MAX));
        late.map(|(_, report)| report.sessions.unsigned_abs()).sum()
    }

    fn dns_was_gone(&self, from: Duration, until: Duration) -> bool {
        let gone = &self.played.sim.plan.dns_gone;
        is_in(gone, from)
            || is_in(gone, until)
            || gone.iter().any(|window| (from..until).contains(&window.0))
    }
}

/// The begins of lives that found their clock far from what the database knew; nothing is decided and nobody is sent
/// anything before the clock has held. What ends sooner leaves the doubt to the next.
fn doubts(played: &Played) -> Vec<Window> {
    let mut known = None;
    let mut doubts = Vec::new();
    for (from, until) in &played.lives {
        let is_far = known.is_some_and(|known| *from > known + LONGEST_REST);
        if is_far || played.sim.plan.glitch(*from) != 0 {
            doubts.push((*from, (*from + DOUBT).min(*until)));
        }
        if !is_far || *until > *from + DOUBT {
            known = Some(*until);
        }
    }
    doubts
}
