//! What is wrong with the configuration beyond its text, for `--check_config`: whatever start would refuse, with the rights
//! of the service. Nothing is begun, and no file is changed.

use std::path::{Path, PathBuf};

use tlsrptd_config::{credential, option::Program, reportd::Reportd, service_view::ServiceView};
use tlsrptd_service::observe;

use super::prepare;
use crate::store;

/// All of it.
pub fn faults(settings: &Reportd, file: Option<&Path>) -> Vec<String> {
    let mut faults = prepare::faults(&without_credentials(settings));
    let service = ServiceView::of(Program::Reportd, settings.database_file());
    faults.extend(read(settings, file, &service));
    faults.extend(written(settings, &service));
    // A password that systemd will hand over is not there yet: nobody is let in without it.
    let password = settings.dbname_password_file.as_deref();
    if password.and_then(credential::away).is_none() {
        faults.extend(store::find_fault(settings).map(|error| error.to_string()));
    }
    let fetchers = settings.fetchers.iter();
    faults.extend(fetchers.filter_map(|fetcher| service.run("fetchers", &fetcher.words)));
    faults
}

/// Less the files that systemd hands to the service once it runs; that they were passed over is said with the settings.
fn without_credentials(settings: &Reportd) -> Reportd {
    let mut there = settings.clone();
    there
        .dkim_keys
        .retain(|key| credential::away(&key.path).is_none());
    let away = |path: &Option<PathBuf>| path.as_deref().and_then(credential::away).is_some();
    if away(&there.mail_password_file) {
        // Both or none.
        (there.mail_user, there.mail_password_file) = (None, None);
    }
    if away(&there.https_ca_file) {
        there.https_ca_file = None;
    }
    there
}

fn read(settings: &Reportd, file: Option<&Path>, service: &ServiceView) -> Vec<String> {
    let keys = settings.dkim_keys.iter();
    let keys = keys.map(|key| ("dkim_keys", Some(key.path.as_path())));
    let others = [
        ("config_file", file),
        ("mail_password_file", settings.mail_password_file.as_deref()),
        ("https_ca_file", settings.https_ca_file.as_deref()),
        (
            "dbname_password_file",
            settings.dbname_password_file.as_deref(),
        ),
        ("tlsrpt_record_map", settings.tlsrpt_record_map.as_deref()),
        (
            "mail_destination_map",
            settings.mail_destination_map.as_deref(),
        ),
        ("http_upload_map", settings.http_upload_map.as_deref()),
    ];
    let named = others.into_iter().chain(keys);
    let named = named.filter_map(|(option, path)| Some((option, path?)));
    // A credential's mode says nothing of who may read it.
    let named = named.filter(|(_, path)| credential::unit(path).is_none());
    named
        .filter_map(|(option, path)| service.read(option, path))
        .collect()
}

fn written(settings: &Reportd, service: &ServiceView) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(file) = settings.database_file() {
        // Locks and journals stand beside it.
        faults.extend(service.write_into("dbname", file));
        if faults.is_empty() && file.exists() {
            faults.extend(service.write("dbname", file));
        }
    }
    for (option, path) in [
        ("logfilename", &settings.logfilename),
        ("pidfilename", &settings.pidfilename),
    ] {
        faults.extend(path.as_ref().and_then(|path| service.write(option, path)));
    }
    let observed = settings.observation_socket.as_ref();
    faults.extend(observed.and_then(|path| observe::fault(service, path)));
    faults
}
