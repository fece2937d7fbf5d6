//! How collectors are asked, and when days are composed.

use std::time::Duration;

use super::Court;
use crate::{collectors::Temper, plan::HOUR};

/// The least wait between two questions.
const MIN_WAIT: Duration = Duration::from_secs(30);

impl Court<'_> {
    pub(super) fn collectors_were_treated_well(&mut self) {
        self.nobody_was_asked_in_haste();
        self.no_day_was_forgotten();
        self.no_day_waited_for_ever();
    }

    fn nobody_was_asked_in_haste(&mut self) {
        if !self.clock_is_true() {
            return;
        }
        let mut faults = Vec::new();
        for (number, ask) in self.log.asks.iter().enumerate() {
            if ask.wall < ask.day.next().start() {
                faults.push(format!(
                    "collector {} was asked for {} at {}",
                    ask.collector, ask.day, ask.wall
                ));
            }
            let same_life = |other: &&crate::sim::Ask| {
                other.collector == ask.collector && other.life == ask.life
            };
            let Some(before) = self.log.asks[..number].iter().rev().find(same_life) else {
                continue;
            };
            let Some(until) = before.until else { continue };
            if until > ask.from {
                faults.push(format!(
                    "collector {} was asked twice at once",
                    ask.collector
                ));
            }
            // At midnight, and when the deadline comes, it is asked once more.
            let deadline =
                self.since_begin(ask.day.next().start()) + self.played.settings.fetch_deadline;
            let at_deadline = ask.from >= deadline;
            let same_day =
                tlsrptd_proto::day::Day::of(ask.wall) == tlsrptd_proto::day::Day::of(before.wall);
            if before.day == ask.day
                && same_day
                && !at_deadline
                && ask.from + Duration::from_millis(1) < until + MIN_WAIT
            {
                faults.push(format!(
                    "collector {} was asked for {} after {:?}",
                    ask.collector,
                    ask.day,
                    ask.from - until
                ));
            }
        }
        self.broken.extend(faults);
    }

    /// A day that ended while there was a reporter, or soon before, has its jobs.
    fn no_day_was_forgotten(&mut self) {
        if !self.clock_is_true() {
            return;
        }
        for (day, collector) in &self.ledger.undone {
            self.broken.push(format!(
                "{day}: the job of collector {collector} is gone, and nobody has set the clock"
            ));
        }
        let sim = &self.played.sim;
        let mut day = tlsrptd_proto::day::Day::of(sim.plan.begin);
        while sim.is_busy_day(day) {
            let end = self.since_begin(day.next().start());
            let until = end + self.played.settings.max_report_age;
            let there = until
                .saturating_sub(end)
                .saturating_sub(self.away(end, until));
            for collector in 1..=sim.plan.domains.collectors {
                if self.played.was_left_out(collector) {
                    continue;
                }
                if there > Duration::from_secs(1300)
                    && !self.ledger.jobs.contains_key(&(day, collector))
                {
                    self.broken
                        .push(format!("{day}: collector {collector} was never asked"));
                }
            }
            day = day.next();
        }
    }

    /// What a prompt collector has counted is decided by the deadline for the others.
    fn no_day_waited_for_ever(&mut self) {
        if !self.clock_is_true() {
            return;
        }
        let sim = &self.played.sim;
        // An older day's answer may be under way for an hour.
        let deadline = self.played.settings.fetch_deadline + HOUR * 2;
        let mut faults = Vec::new();
        for (day, domain, collector) in self.ledger.data.keys() {
            let is_prompt = sim.temper(*collector, *day) == Temper::Prompt
                && sim.nature(*collector).is_behind < self.played.settings.fetch_deadline;
            let Some(report) = self.ledger.reports.get(&(*day, domain.clone())) else {
                continue;
            };
            if !is_prompt || !sim.is_busy_day(*day) {
                continue;
            }
            let (end, made) = (
                self.since_begin(day.next().start()),
                self.since_begin(report.made),
            );
            let late = made.saturating_sub(end + deadline + self.away(end, made) * 2);
            if !late.is_zero() {
                faults.push(format!(
                    "{day}: {domain} was decided {late:?} after the deadline, {report:?}"
                ));
            }
        }
        self.broken.extend(faults);
    }
}
