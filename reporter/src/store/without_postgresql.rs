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

#[cfg(test)]
mod tests {
    use tlsrptd_config::{Start, reportd};

    use super::*;
    use crate::store;

    #[test]
    fn an_address_is_refused_with_what_to_do() {
        let arguments = [
            "--dbname=postgresql://u@h/d",
            "--organization_name=O",
            "--contact_info=c@example.com",
        ];
        let Start::Run(settings) = reportd::load(arguments.map(Into::into), []) else {
            panic!("an address is a dbname, whatever was built");
        };
        let (settings, file) = (settings.values, Path::new("/f"));
        for (error, what) in [
            (store::open(&settings, None).err(), "a start"),
            (
                store::open_for_operator(&settings, OperatorAccess::Read).err(),
                "a question",
            ),
            (store::find_fault(&settings), "--check_config"),
            (store::reporter_at_work(&settings).err(), "a request"),
            (store::fleet_server(&settings).err(), "doctor"),
            (store::import(&settings, file).err(), "a move"),
            (store::export(&settings, file).err(), "and back"),
        ] {
            let told = error.unwrap().to_string();
            let want = "cannot use postgresql://u@h/d: this program was built without PostgreSQL";
            assert!(told.starts_with(want), "{what}: {told}");
        }
    }
}
