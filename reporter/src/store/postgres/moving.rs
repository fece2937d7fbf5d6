//! Moving from a file into a fleet, and back.
//!
//! Either is one transaction on each side, and first of all the source is noted as on the way: whatever happens in between, two
//! reporters never work on the same deliveries. What was cut short is done again by the same command.

mod export;
mod import;
mod tables;

use std::path::Path;

use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Fault, Session, Transaction, schema};
use tlsrptd_proto::day::Day;

use super::open::{DatabasePlace, open_fault};
use crate::store::StoreError;

pub(in crate::store) use export::export;
pub(in crate::store) use import::import;

/// An open fleet, and nobody at work on it.
struct QuietFleet {
    place: DatabasePlace,
    db: Session,
}

impl QuietFleet {
    fn open(settings: &Reportd) -> Result<QuietFleet, StoreError> {
        let fleet = QuietFleet::connect(settings)?;
        fleet.bring_forward()?;
        Ok(fleet)
    }

    /// Its tables are this program's from then on. Refused, when nobody works on it any more.
    fn bring_forward(&self) -> Result<(), StoreError> {
        schema::migrate(&self.db).map_err(|fault| self.fault(fault))
    }

    /// As it is: whatever its tables are, and even if nobody works on it any more.
    fn connect(settings: &Reportd) -> Result<QuietFleet, StoreError> {
        let place = DatabasePlace::of(settings, "tlsrptctl")?;
        let fault = |fault| open_fault(&place.address, fault);
        let db = Session::connect(place.address.clone()).map_err(fault)?;
        super::health::check_version(&db).map_err(fault)?;
        Ok(QuietFleet { place, db })
    }

    fn fault(&self, fault: Fault) -> StoreError {
        open_fault(&self.place.address, fault)
    }
}

/// Whoever is at work; the table is locked, so that nobody joins until the transaction has ended.
fn members_at_work(transaction: &Transaction<'_>) -> Result<Vec<String>, Fault> {
    // It is idle while the file is written, which may take longer than any session of a member may hang.
    transaction.batch(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
         LOCK TABLE member IN SHARE ROW EXCLUSIVE MODE",
    )?;
    let rows = transaction.query(
        "SELECT name FROM member WHERE NOT fenced AND until > clock_timestamp() ORDER BY id",
        &[],
    )?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The answer to a COMMIT is lost, or was none.
fn unknown(what: &str, error: &StoreError) -> StoreError {
    refused(
        what,
        format!("{error}; whether it is there now is not known: run the same command again"),
    )
}

fn refused(what: &str, why: impl Into<String>) -> StoreError {
    StoreError::NotMoved {
        what: what.to_owned(),
        why: why.into(),
    }
}

fn listed(days: impl IntoIterator<Item = Day>) -> String {
    let days: Vec<String> = days.into_iter().map(|day| day.to_string()).collect();
    days.join(", ")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
