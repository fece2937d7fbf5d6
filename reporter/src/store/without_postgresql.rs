//! In the place of the engine for PostgreSQL, in a program that was built without it: the address of one is refused.

use std::path::Path;

use tlsrptd_config::reportd::Reportd;

use super::{CommitHook, FleetServer, MovedRows, OperatorAccess, OperatorStore, Store, StoreError};

fn refused(settings: &Reportd) -> StoreError {
    StoreError::NoEngine {
        database: settings.dbname.display().to_string(),
    }
}

pub(super) fn open(
    settings: &Reportd,
    _: Option<CommitHook>,
) -> Result<Box<dyn Store>, StoreError> {
    Err(refused(settings))
}

pub(super) fn open_for_operator(
    settings: &Reportd,
    _: OperatorAccess,
) -> Result<Box<dyn OperatorStore>, StoreError> {
    Err(refused(settings))
}

pub(super) fn find_fault(settings: &Reportd) -> Option<StoreError> {
    Some(refused(settings))
}

pub(super) fn reporter_at_work(settings: &Reportd) -> Result<Option<String>, StoreError> {
    Err(refused(settings))
}

pub(super) fn server(settings: &Reportd) -> Result<FleetServer, StoreError> {
    Err(refused(settings))
}

pub(super) fn import(settings: &Reportd, _: &Path) -> Result<MovedRows, StoreError> {
    Err(refused(settings))
}

pub(super) fn export(settings: &Reportd, _: &Path) -> Result<MovedRows, StoreError> {
    Err(refused(settings))
}
