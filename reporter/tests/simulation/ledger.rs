//! What the database says between two lives of the reporter and whenever it is cleaned, kept beyond the time for which it
//! keeps it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{collectors::number_of, sim::Key};
use crate::environment::{
    self,
    stored::{DeliveryRow, JobRow, ReportRow},
};
use tlsrptd_reporter::store::DayTotals;

/// A row of `reports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub made: Timestamp,
    pub uniqid: i64,
    pub reason: Option<String>,
    pub sessions: i64,
}

/// A row of `destinations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub status: Option<String>,
    pub in_hand: bool,
    pub reason: Option<String>,
}

/// A row of `reportdata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub status: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub reports: BTreeMap<(Day, String), Report>,
    /// Those of what came late, by their numbers.
    pub late: BTreeMap<(Day, String, i64), Report>,
    /// Those on MX hosts, by their numbers.
    pub on_mx_hosts: BTreeMap<(Day, String, i64), Report>,
    pub destinations: BTreeMap<Key, Destination>,
    pub data: BTreeMap<(Day, String, i64), Data>,
    pub jobs: BTreeMap<(Day, i64), Option<String>>,
    /// Waited, and went: their days had not ended, by the clock as it was set then.
    pub undone: BTreeSet<(Day, i64)>,
    /// In hand when a life ended, by the number of the life.
    pub in_hand: BTreeMap<Key, BTreeSet<usize>>,
    /// The totals of all days, and what is wrong with them in themselves.
    pub totals: Vec<(DayTotals, Option<String>)>,
    /// What must not be.
    pub broken: Vec<String>,
}

impl Ledger {
    /// Takes down what the database holds when a life is over.
    pub fn read_after(&mut self, path: &Path, life: usize, oldest_kept: Day) {
        self.read(path, life, oldest_kept);
        if environment::read(path).is_some() {
            if !environment::knows_what_it_keeps(path) {
                let text = format!("life {life}: the sum of what is kept is wrong");
                self.broken.push(text);
            }
            let totals = environment::totals(path).into_iter();
            self.totals = totals
                .map(|day| {
                    let contradiction = environment::contradiction(path, &day);
                    (day, contradiction)
                })
                .collect();
        }
        for (key, destination) in &self.destinations {
            if destination.in_hand && destination.status.is_none() {
                self.in_hand.entry(key.clone()).or_default().insert(life);
            }
        }
    }

    /// Takes down what the database holds.
    pub fn read(&mut self, path: &Path, life: usize, oldest_kept: Day) {
        // A reporter that crashed while it made the tables has left none.
        let Some(stored) = environment::read(path) else {
            return;
        };
        self.read_reports(stored.reports, life, oldest_kept);
        self.read_destinations(stored.deliveries, life, oldest_kept);
        self.data.extend(stored.data.into_iter().map(|row| {
            let key = (day(&row.day), row.domain, number_of(&row.command));
            let (status, reason) = (row.status, row.reason);
            (key, Data { status, reason })
        }));
        self.read_jobs(stored.jobs);
    }

    fn read_jobs(&mut self, jobs: Vec<JobRow>) {
        let now: BTreeMap<(Day, i64), Option<String>> = jobs
            .into_iter()
            .map(|row| ((day(&row.day), number_of(&row.command)), row.status))
            .collect();
        let is_gone = |(key, status): &(&(Day, i64), &Option<String>)| {
            status.is_none() && !now.contains_key(key)
        };
        let gone = self.jobs.iter().filter(is_gone).map(|(key, _)| *key);
        self.undone.extend(gone.collect::<Vec<_>>());
        self.jobs.retain(|key, _| !self.undone.contains(key));
        self.undone.retain(|key| !now.contains_key(key));
        self.jobs.extend(now);
    }

    fn read_reports(&mut self, reports: Vec<ReportRow>, life: usize, oldest_kept: Day) {
        let (on_hosts, reports): (Vec<_>, Vec<_>) =
            reports.into_iter().partition(|row| row.is_on_mx_host);
        let read = |row: ReportRow| {
            let report = Report {
                made: format!("{}Z", row.made).parse().unwrap(),
                uniqid: row.uniqid,
                reason: row.reason,
                sessions: row.sessions,
            };
            ((day(&row.day), row.domain), report)
        };
        let on_hosts = on_hosts.into_iter().map(read);
        self.on_mx_hosts
            .extend(on_hosts.map(|((day, host), report)| ((day, host, report.uniqid), report)));
        let found = reports.into_iter().map(read);
        let mut now = BTreeMap::new();
        for (key, report) in found {
            if report.uniqid > 1 {
                self.late.insert((key.0, key.1, report.uniqid), report);
                continue;
            }
            if now.insert(key.clone(), report).is_some() {
                self.broken
                    .push(format!("life {life}: two reports on {key:?}"));
            }
        }
        for (key, before) in &self.reports {
            match now.get(key) {
                Some(report) if report != before => {
                    self.broken.push(format!(
                        "life {life}: the report on {key:?} was {before:?} and is {report:?}"
                    ));
                }
                None if key.0 >= oldest_kept => {
                    self.broken.push(format!(
                        "life {life}: the report on {key:?} is gone, {before:?}"
                    ));
                }
                _ => {}
            }
        }
        self.reports.extend(now);
    }

    fn read_destinations(&mut self, rows: Vec<DeliveryRow>, life: usize, oldest_kept: Day) {
        let destination = |row: DeliveryRow| {
            let key = Key {
                day: day(&row.day),
                domain: row.domain,
                uniqid: row.uniqid.unsigned_abs(),
                uri: row.uri,
            };
            let (status, in_hand, reason) = (row.status, row.in_hand, row.reason);
            let destination = Destination {
                status,
                in_hand,
                reason,
            };
            (key, destination)
        };
        let now: BTreeMap<Key, Destination> = rows.into_iter().map(destination).collect();
        for (key, before) in &self.destinations {
            match now.get(key) {
                Some(destination)
                    if before.status.is_some()
                        && destination.status != before.status
                        && !came_back(before, destination) =>
                {
                    let text = format!(
                        "life {life}: {key:?} was final, {before:?}, and is {destination:?}"
                    );
                    self.broken.push(text);
                }
                None if key.day >= oldest_kept || before.status.is_none() => {
                    self.broken
                        .push(format!("life {life}: {key:?} is gone, {before:?}"));
                }
                _ => {}
            }
        }
        self.destinations.extend(now);
    }

    /// Whether nobody can know how the attempt of that life ended.
    pub fn is_unknown(&self, key: &Key, life: usize) -> bool {
        self.in_hand
            .get(key)
            .is_some_and(|lives| lives.contains(&life))
    }
}

/// The relay had taken it, and brought it back: the one end that another may follow.
fn came_back(before: &Destination, destination: &Destination) -> bool {
    let reason = destination.reason.as_deref().unwrap_or_default();
    before.status.as_deref() == Some("sent")
        && destination.status.as_deref() == Some("refused")
        && reason.starts_with("bounced: ")
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}
