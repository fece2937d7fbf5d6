//! `--check_config`: the files, users and sockets that the settings name, as the service's user would find them. What a
//! start would refuse is told; nothing is started, and no file is changed.

use std::{
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::{Group, User};
use tlsrptd_config::{
    Storage, collectd::Collectd, fetcher::Fetcher, option::Program, service_view::ServiceView,
};

use tlsrptd_service::observe;

use crate::store;

/// What is wrong for the collector.
pub fn collector(settings: &Collectd, file: Option<&Path>) -> Vec<String> {
    let storages = || settings.storage.iter().filter_map(path);
    let service = ServiceView::of(Program::Collectd, storages().next());
    let mut faults: Vec<String> = Vec::new();
    faults.extend(file.and_then(|file| service.read("config_file", file)));
    for storage in &settings.storage {
        // Closed days and journals stand beside it.
        faults.extend(
            path(storage).and_then(|path| match service.write_into("storage", path) {
                None if path.exists() => service.write("storage", path),
                fault => fault,
            }),
        );
        faults.extend(store::foreign(storage).map(|fault| format!("storage: {fault}")));
    }
    let made_by_us = |socket: &&PathBuf| !service.is_given(socket);
    let mut sockets = settings.socketname.iter().filter(made_by_us).peekable();
    if sockets.peek().is_some() {
        faults.extend(owners(settings));
    }
    faults.extend(sockets.filter_map(|socket| {
        service
            .write_into("socketname", socket)
            .or_else(|| not_a_socket(socket))
    }));
    for (option, path) in [
        ("logfilename", &settings.logfilename),
        ("pidfilename", &settings.pidfilename),
    ] {
        faults.extend(path.as_ref().and_then(|path| service.write(option, path)));
    }
    for (option, path) in [
        ("stats_file", &settings.stats_file),
        (
            "dump_path_for_invalid_datagram",
            &settings.dump_path_for_invalid_datagram,
        ),
    ] {
        let path = path.as_ref();
        faults.extend(path.and_then(|path| service.write_into(option, path)));
    }
    let observed = settings.observation_socket.as_ref();
    faults.extend(observed.and_then(|path| observe::fault(&service, path)));
    let is_taken = |path: &&PathBuf| settings.socketname.contains(path);
    faults.extend(observed.filter(is_taken).map(|path| {
        format!(
            "observation_socket: {} is that of socketname, too (allowed: another name)",
            path.display()
        )
    }));
    let script = settings.daily_rollover_script.as_ref();
    faults.extend(script.and_then(|words| service.run("daily_rollover_script", words)));
    faults
}

/// What is wrong for the fetcher. Days may not exist yet, but their directory must.
pub fn fetcher(settings: &Fetcher, file: Option<&Path>) -> Vec<String> {
    let storage = path(&settings.storage);
    let service = ServiceView::of(Program::Fetcher, storage);
    let mut faults: Vec<String> = Vec::new();
    faults.extend(file.and_then(|file| service.read("config_file", file)));
    faults.extend(storage.and_then(|storage| service.read_from("storage", storage)));
    let log = settings.logfilename.as_ref();
    faults.extend(log.and_then(|path| service.write("logfilename", path)));
    faults
}

fn path(storage: &Storage) -> Option<&Path> {
    match storage {
        Storage::Sqlite { path, .. } => Some(path),
        Storage::Dummy { .. } => None,
    }
}

fn not_a_socket(path: &Path) -> Option<String> {
    let found = std::fs::symlink_metadata(path).ok()?;
    let path = path.display();
    (!found.file_type().is_socket()).then(|| {
        format!(
            "socketname: {path} exists and is not a socket (allowed: another name, or to remove it)"
        )
    })
}

/// `socketuser` and `socketgroup` must exist.
fn owners(settings: &Collectd) -> Vec<String> {
    let is_number = |name: &String| name.parse::<u32>().is_ok();
    let user = settings
        .socketuser
        .as_ref()
        .filter(|name| !is_number(name) && matches!(User::from_name(name), Ok(None)));
    let group = settings
        .socketgroup
        .as_ref()
        .filter(|name| !is_number(name) && matches!(Group::from_name(name), Ok(None)));
    let user = user.map(|name| format!("socketuser: no user named {name:?} on this system"));
    let group = group.map(|name| format!("socketgroup: no group named {name:?} on this system"));
    user.into_iter().chain(group).collect()
}
