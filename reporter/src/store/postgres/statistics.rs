//! What the server knows of the tables of the day that is composed: it plans each question by it.

use tlsrptd_fleet::schema;
use tlsrptd_proto::day::Day;

use super::PostgresStore;

/// By so many rows the others can be judged.
const ENOUGH: usize = 256;

/// How many reports of a day this member has stored.
#[derive(Debug, Default)]
pub(super) struct StoredReports {
    day: Option<Day>,
    number: usize,
}

impl PostgresStore {
    /// So many reports of that day were stored, with their deliveries.
    pub(super) fn count_stored(&mut self, day: Day, number: usize) {
        if self.stored.day != Some(day) {
            self.stored = StoredReports {
                day: Some(day),
                number: 0,
            };
        }
        let before = self.stored.number;
        self.stored.number += number;
        if before < ENOUGH && self.stored.number >= ENOUGH {
            self.analyze(day, &["report", "delivery"]);
        }
    }

    /// Has the server look at these tables of a day, if it never did. All is right without it, and slower.
    pub(super) fn analyze(&self, day: Day, tables: &[&str]) {
        if let Err(fault) = schema::analyze_new(&self.db, day, tables) {
            tracing::debug!(%day, %fault, "the server did not look at tables");
        }
    }
}
