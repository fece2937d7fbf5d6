//! The figures for a monitoring system: what daemons and store say now, and counters of all that was done. The names are those
//! of [`tlsrptd_metrics::family`].

mod reporter;
mod store;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use tlsrptd_metrics::{collector, exposition::Exposition, family};
use tlsrptd_proto::day::Day;

use super::status::{CollectorFigures, CollectorReply, CollectorStatus, ReporterStatus, Status};
use crate::store::{OperatorStore, ResultTotals, RunningTotals, StoreError};

/// What they are made of.
#[derive(Clone, Copy, Debug)]
pub struct Metrics<'a> {
    /// When it was asked.
    pub now: Timestamp,
    /// What the collectors say of themselves.
    pub collectors: &'a [CollectorStatus],
    /// What the reporter says of itself.
    pub reporter: &'a ReporterStatus,
    /// What the store says; `None`: it cannot be read.
    pub stored: Option<(&'a Status, &'a StoredFigures)>,
}

/// Figures of the store that only metrics tell.
#[derive(Clone, Debug)]
pub struct StoredFigures {
    /// What was done on all days.
    pub totals: RunningTotals,
    /// Of the last closed day, by result type: failed sessions at the domain that had most of them.
    pub most_failed: Vec<ResultTotals>,
}

impl StoredFigures {
    /// Asks the store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(store: &dyn OperatorStore, last_closed: Day) -> Result<StoredFigures, StoreError> {
        Ok(StoredFigures {
            totals: store.running_totals()?,
            most_failed: store.most_failed(last_closed)?,
        })
    }
}

impl Metrics<'_> {
    /// All values.
    pub fn exposition(&self) -> Exposition {
        let mut out = Exposition::new();
        if let Some(now) = seconds(self.now) {
            out.add(&family::METRICS_TIMESTAMP, &[], now);
        }
        for asked in self.collectors {
            add_collector(&mut out, asked, self.now);
        }
        reporter::add(&mut out, self.reporter);
        out.add(&family::STORE_UP, &[], self.stored.is_some().into());
        if let Some((status, figures)) = self.stored {
            store::add(&mut out, status, figures);
        }
        out
    }
}

fn add_collector(out: &mut Exposition, asked: &CollectorStatus, now: Timestamp) {
    let name = asked.command.as_str();
    match &asked.told {
        CollectorReply::Figures(figures) => {
            collector::add(out, Some(name), &figures.whole);
            if let Some(difference) = clock_difference(figures, now) {
                let labels = [("collector", name)];
                out.add(&family::COLLECTD_CLOCK_DIFFERENCE, &labels, difference);
            }
        }
        CollectorReply::Failed(_) => collector::add_silent(out, name),
        CollectorReply::Nothing | CollectorReply::NotAsked => {}
    }
}

fn clock_difference(figures: &CollectorFigures, now: Timestamp) -> Option<u64> {
    let difference = figures.now?.duration_since(now).abs();
    u64::try_from(difference.as_secs()).ok()
}

/// Since 1970.
fn seconds(at: Timestamp) -> Option<u64> {
    u64::try_from(at.as_second()).ok()
}
