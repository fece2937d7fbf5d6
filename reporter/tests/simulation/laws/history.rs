//! What is remembered of each day is the sum of what was decided on it, and of how its deliveries ended.

use std::collections::BTreeMap;

use tlsrptd_proto::day::Day;
use tlsrptd_reporter::store::DayTotals;

use super::Court;
/// The same as a day's totals, added up from the rows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rows {
    domains: u64,
    sessions: u64,
    reports: u64,
    without: u64,
    deliveries: u64,
    outcomes: BTreeMap<String, u64>,
}

impl Court<'_> {
    pub(super) fn totals_are_what_was_done(&mut self) {
        let mut rows = self.rows_by_day();
        for (totals, contradiction) in &self.ledger.totals {
            let want = rows.remove(&totals.day).unwrap_or_default();
            let found = found(totals);
            if found != want {
                self.broken(format!(
                    "{}: {found:?} is remembered, and done was {want:?}",
                    totals.day
                ));
            }
            // Here each failed session has one failure.
            let by_result: u64 = totals.by_result.iter().map(|of| of.sessions).sum();
            if by_result != totals.failed {
                self.broken(format!("{}: {totals:?} lacks failures", totals.day));
            }
            let contradiction = contradiction.clone().into_iter();
            contradiction.for_each(|text| self.broken(text));
        }
        for (day, rows) in rows {
            self.broken(format!("{day}: nothing is remembered of {rows:?}"));
        }
    }

    fn rows_by_day(&self) -> BTreeMap<Day, Rows> {
        let mut days: BTreeMap<Day, Rows> = BTreeMap::new();
        let first = self.ledger.reports.iter();
        let first = first.map(|((day, _), report)| (day, report));
        let late = self.ledger.late.iter();
        let late = late.map(|((day, ..), report)| (day, report));
        for (day, report) in first.chain(late) {
            let reason = report.reason.as_deref();
            // The place of a name in another spelling, whose sessions count where they were reported.
            if reason.is_some_and(|reason| reason.starts_with("reported as ")) {
                continue;
            }
            let rows = days.entry(*day).or_default();
            rows.domains += u64::from(report.uniqid == 1);
            rows.sessions += report.sessions.unsigned_abs();
            match reason {
                None => rows.reports += 1,
                Some(_) => rows.without += 1,
            }
        }
        for (key, destination) in &self.ledger.destinations {
            let rows = days.entry(key.day).or_default();
            rows.deliveries += 1;
            if let Some(status) = &destination.status {
                *rows.outcomes.entry(status.clone()).or_default() += 1;
            }
        }
        days
    }
}

fn found(totals: &DayTotals) -> Rows {
    let outcomes = totals.outcomes.iter();
    Rows {
        domains: totals.domains,
        sessions: totals.sessions,
        reports: totals.reports,
        without: totals.without,
        deliveries: totals.deliveries,
        outcomes: outcomes
            .map(|of| (of.status.clone(), of.deliveries))
            .collect(),
    }
}
