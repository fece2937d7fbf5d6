//! `--check-config`: the address, the database there, and the files that the settings name, as the service's user would find them.
//! What a start would refuse, and what would keep it from shipping, is told; nothing is started or changed.

use std::{path::Path, time::Duration};

use tlsrptd_config::{
    Storage, credential, option::Program, service_view::ServiceView, shipper::Shipper,
};
use tlsrptd_fleet::{Address, Fault, Session, schema};
use tlsrptd_proto::dayfile;

use crate::{error, rights};

/// For the database, whatever is wrong with it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is wrong for the shipper.
pub fn shipper(settings: &Shipper, file: Option<&Path>) -> Vec<String> {
    let Storage::Sqlite { path: storage, .. } = &settings.storage else {
        // Refused when settings are read.
        return Vec::new();
    };
    let service = ServiceView::of(Program::Shipper, Some(storage));
    let mut faults: Vec<String> = Vec::new();
    faults.extend(file.and_then(|file| service.read("config_file", file)));
    faults.extend(database(settings, &service));
    faults.extend(service.read_from("storage", storage));
    let place = dayfile::incarnation(storage);
    if place.exists() {
        faults.extend(service.write("storage", &place));
    }
    let fetcher = settings.fetcher.as_ref();
    faults.extend(fetcher.and_then(|words| service.run("fetcher", words)));
    for (option, path) in [
        ("logfilename", &settings.logfilename),
        ("pidfilename", &settings.pidfilename),
    ] {
        faults.extend(path.as_ref().and_then(|path| service.write(option, path)));
    }
    faults
}

/// What is wrong with the first thing that is.
fn database(settings: &Shipper, service: &ServiceView) -> Option<String> {
    let mut address = match Address::parse(&settings.ship_to) {
        Ok(address) => address,
        Err(error) => return Some(format!("ship_to: {error}")),
    };
    let readable = |option: &str, path: &Path| match path.exists() {
        true => service.read(option, path),
        false => Some(format!("{option}: {} is not there", path.display())),
    };
    if let Some(fault) = address
        .authority()
        .and_then(|path| readable("ship_to: sslrootcert", path))
    {
        return Some(fault);
    }
    if let Some(path) = &settings.ship_to_password_file {
        if credential::away(path).is_some() {
            // It is there while the service runs, and nobody is let in without it.
            return None;
        }
        if credential::unit(path).is_none()
            && let Some(fault) = readable("ship_to_password_file", path)
        {
            return Some(fault);
        }
        match crate::shipper::password(path) {
            Ok(password) => address = address.with_password(&password),
            Err(error) => return Some(error.to_string()),
        }
    }
    match look(address) {
        Ok(missing) if missing.is_empty() => None,
        Ok(missing) => Some(format!(
            "ship_to: the user lacks {}; tlsrpt-shipper(8) has the GRANTs",
            missing.join(", ")
        )),
        Err(fault) => Some(format!("ship_to: {}", error::explained(&fault))),
    }
}

/// The rights that are missing.
fn look(address: Address) -> Result<Vec<String>, Fault> {
    let session = Session::new(address.with_program("tlsrpt-shipper"));
    let session = session.with_patience(PATIENCE).read_only().connected()?;
    schema::check(&session)?;
    rights::missing(&session)
}
