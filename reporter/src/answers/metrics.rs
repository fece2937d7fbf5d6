//! The figures for a monitoring system: what [`Status`] says now, and counters of all that was done. The names are those of
//! [`tlsrptd_metrics::family`].

mod reporter;
mod store;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_metrics::{collector, exposition::Exposition, family, form::TextForm};

use super::status::{CollectorFigures, CollectorStatus, Status, CollectorReply};
use crate::{
    error::Error,
    store::{
        OperatorAccess, OperatorStore, ResultTotals, RunningTotals, StoreError, open_for_operator,
    },
};

/// All of them.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// How everything is.
    pub status: Status,
    /// What was done on all days.
    pub totals: RunningTotals,
    /// Of the last closed day, by result type: failed sessions at the domain that had most of them.
    pub most_failed: Vec<ResultTotals>,
}

impl Metrics {
    /// Asks whoever knows.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(settings: &Reportd, now: Timestamp) -> Result<Metrics, Error> {
        let status = Status::find(settings, now)?;
        let store = open_for_operator(settings, OperatorAccess::Read)?;
        Ok(Metrics::of(status, &*store)?)
    }

    /// For whoever has asked how everything is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(status: Status, store: &dyn OperatorStore) -> Result<Metrics, StoreError> {
        Ok(Metrics {
            totals: store.running_totals()?,
            most_failed: store.most_failed(status.last_closed.day)?,
            status,
        })
    }

    /// The text that a monitoring system reads.
    pub fn text(&self, form: TextForm) -> String {
        self.exposition().text(form)
    }

    /// For programs that read no such text.
    pub fn json(&self) -> Value {
        self.exposition().json()
    }

    fn exposition(&self) -> Exposition {
        let mut out = Exposition::new();
        if let Some(now) = seconds(self.status.now) {
            out.add(&family::METRICS_TIMESTAMP, &[], now);
        }
        for asked in &self.status.collectors {
            add_collector(&mut out, asked, self.status.now);
        }
        reporter::add(&mut out, &self.status);
        store::add(&mut out, self);
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
        CollectorReply::Nothing => {}
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
