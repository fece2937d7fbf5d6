//! Lists of deliveries.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{PostgresReader, unfinished};
use crate::store::{
    Backlog, DeliveriesView, DeliveryQuestion, DeliveryRow, JobState, StoreError, WithoutReportRow,
};

impl DeliveriesView for PostgresReader {
    fn deliveries(&self, _question: &DeliveryQuestion) -> Result<Vec<DeliveryRow>, StoreError> {
        unfinished()
    }

    fn without_report(
        &self,
        _day: Day,
        _domain: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<WithoutReportRow>, StoreError> {
        unfinished()
    }

    fn backlog(&self, _late: Timestamp) -> Result<Backlog, StoreError> {
        unfinished()
    }

    fn jobs(&self, _day: Day) -> Result<Vec<JobState>, StoreError> {
        unfinished()
    }
}
