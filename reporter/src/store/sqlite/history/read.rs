//! Answers from what is remembered.

use tlsrptd_proto::day::Day;

use crate::store::{
    DayTotals, FailureQuestion, FailureRow, History, KeptReport, StoreError,
    sqlite::ExistingDatabase,
};

impl History for ExistingDatabase {
    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        Ok(None)
    }

    fn totals(&self, _from: Day, _to: Day) -> Result<Vec<DayTotals>, StoreError> {
        Ok(Vec::new())
    }

    fn failures(&self, _question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError> {
        Ok(Vec::new())
    }

    fn kept_reports(&self, _day: Day, _domain: &str) -> Result<Vec<KeptReport>, StoreError> {
        Ok(Vec::new())
    }
}
