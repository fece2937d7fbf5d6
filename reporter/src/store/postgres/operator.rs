//! What the operator asks and changes.

use tlsrptd_proto::day::Day;

use super::{PostgresReader, unfinished};
use crate::{
    model::SuppressionTarget,
    store::{
        MissingCollector, OperatorStore, ResultTotals, RunningTotals, StoreError, SuppressionRow,
    },
};

impl OperatorStore for PostgresReader {
    fn missing_collectors(
        &self,
        _from: Day,
        _to: Day,
    ) -> Result<Vec<MissingCollector>, StoreError> {
        unfinished()
    }

    fn running_totals(&self) -> Result<RunningTotals, StoreError> {
        unfinished()
    }

    fn most_failed(&self, _day: Day) -> Result<Vec<ResultTotals>, StoreError> {
        unfinished()
    }

    fn suppress(
        &mut self,
        _target: &SuppressionTarget,
        _until: Option<Day>,
        _reason: &str,
        _today: Day,
    ) -> Result<bool, StoreError> {
        unfinished()
    }

    fn unsuppress(
        &mut self,
        _target: &SuppressionTarget,
        _domain: Option<&str>,
    ) -> Result<usize, StoreError> {
        unfinished()
    }

    fn suppressed(&self, _today: Day) -> Result<Vec<SuppressionRow>, StoreError> {
        unfinished()
    }
}
