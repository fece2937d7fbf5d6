//! `--check-config`: the address, and the files that the settings name, as the service's user would find them. What a start would
//! refuse is told; nothing is started, no file is changed, and nobody is asked.

use std::path::Path;

use tlsrptd_config::{
    Storage, credential, option::Program, service_view::ServiceView, shipper::Shipper,
};
use tlsrptd_fleet::Address;

use crate::incarnation;

/// What is wrong for the shipper.
pub fn shipper(settings: &Shipper, file: Option<&Path>) -> Vec<String> {
    let Storage::Sqlite { path: storage, .. } = &settings.storage else {
        // Refused when settings are read.
        return Vec::new();
    };
    let service = ServiceView::of(Program::Shipper, Some(storage));
    let mut faults: Vec<String> = Vec::new();
    faults.extend(file.and_then(|file| service.read("config_file", file)));
    if let Err(error) = Address::parse(&settings.ship_to) {
        faults.push(format!("ship_to: {error}"));
    }
    let password = settings.ship_to_password_file.as_deref();
    // A credential is there while the service runs.
    let password = password.filter(|path| credential::away(path).is_none());
    faults.extend(password.and_then(|path| match path.exists() {
        true => service.read("ship_to_password_file", path),
        false => Some(format!(
            "ship_to_password_file: {} is not there",
            path.display()
        )),
    }));
    faults.extend(service.read_from("storage", storage));
    let place = incarnation::place(storage);
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
