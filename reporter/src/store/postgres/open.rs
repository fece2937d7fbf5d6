//! Opening and closing.

use std::path::Path;

use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Address, Fault, Session, schema};

use super::{PostgresReader, PostgresStore, history::FailuresOfShards, member::Member};
use crate::{
    model::BounceKey,
    store::{Cause, CommitHook, OperatorAccess, StoreError},
};

/// Where the database is, and as whom we come.
#[derive(Clone, Debug)]
pub(super) struct Place {
    address: Address,
}

impl Place {
    fn of(settings: &Reportd, program: &str) -> Result<Place, StoreError> {
        let text = settings.dbname.to_string_lossy();
        let address = Address::parse(&text).map_err(|error| open_fault(&text, error))?;
        Ok(Place {
            address: address.with_program(program),
        })
    }
}

/// Whether `dbname` names a database of PostgreSQL.
pub(in crate::store) fn is_address(dbname: &Path) -> bool {
    dbname.to_str().is_some_and(Address::is_meant)
}

impl PostgresStore {
    /// Opens the database, makes its tables, and becomes a member of the fleet.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(settings: &Reportd, hook: Option<CommitHook>) -> Result<PostgresStore, StoreError> {
        let place = Place::of(settings, "tlsrpt-reportd")?;
        let fault = |fault: Fault| open_fault(&place.address, fault);
        let db = Session::connect(place.address.clone()).map_err(fault)?;
        schema::migrate(&db).map_err(fault)?;
        let installation = schema::installation(&db).map_err(fault)?;
        let bounce_key = bounce_key(&db).map_err(fault)?;
        let member = Member::join(&db, &member_name()).map_err(fault)?;
        Ok(PostgresStore {
            db,
            place,
            hook,
            member,
            installation,
            bounce_key,
            guard: None,
            mx_reports: settings.mx_reports,
            failures: FailuresOfShards::new(settings.history_failures),
            composed: None,
        })
    }

    /// Leaves the fleet.
    pub(super) fn leave(self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl PostgresReader {
    pub(super) fn open(place: &Place, _: OperatorAccess) -> Result<PostgresReader, StoreError> {
        let fault = |fault: Fault| open_fault(&place.address, fault);
        let db = Session::connect(place.address.clone()).map_err(fault)?;
        schema::check(&db).map_err(fault)?;
        Ok(PostgresReader { db })
    }

    /// For one command.
    ///
    /// # Errors
    /// When no reporter has made the tables yet, or they cannot be used.
    pub fn of(settings: &Reportd, access: OperatorAccess) -> Result<PostgresReader, StoreError> {
        PostgresReader::open(&Place::of(settings, "tlsrptctl")?, access)
    }
}

/// Why a start would refuse the database, as far as can be seen without changing it.
pub(in crate::store) fn find_fault(settings: &Reportd) -> Option<StoreError> {
    Place::of(settings, "tlsrptctl").err()
}

/// A member that is at work, if there is one.
pub(in crate::store) fn reporter_at_work(settings: &Reportd) -> Result<Option<String>, StoreError> {
    let reader = PostgresReader::of(settings, OperatorAccess::Read)?;
    let rows = reader.read(
        "the members",
        "SELECT name FROM member WHERE NOT fenced AND until > clock_timestamp() ORDER BY id LIMIT 1",
        &[],
    )?;
    let name = rows.first().map(|row| row.try_get(0)).transpose();
    name.map_err(|error| super::unreadable("the members", error.into()))
}

fn bounce_key(db: &Session) -> Result<BounceKey, Fault> {
    let row = db.query_opt("SELECT bounce_key FROM meta", &[])?;
    let octets: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
    let key = octets.and_then(|octets| BounceKey::new(&octets));
    key.ok_or_else(|| Fault::Row("the bounce key in tlsrpt.meta is none".to_owned()))
}

fn member_name() -> String {
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    format!("{}:{}", host.unwrap_or_default(), std::process::id())
}

fn open_fault(database: &impl std::fmt::Display, source: impl Into<Cause>) -> StoreError {
    StoreError::Open {
        database: database.to_string(),
        source: source.into(),
    }
}
