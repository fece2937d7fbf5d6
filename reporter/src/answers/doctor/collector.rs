//! The collector's socket: where it is, whose, who listens, and whether Postfix's user gets there.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
};

use tlsrptd_config::{Storage, collectd::Collectd, paths};

use super::{
    access::{Owned, quoted},
    disk,
    finding::Finding,
    host::HostPrograms,
    observed,
    postfix::{self, Eyes},
};

const AREA: &str = "socket";
const START: &str = "systemctl start tlsrpt-collectd.socket tlsrpt-collectd.service";

/// What is known of the collector of this host.
#[derive(Debug)]
pub enum CollectorSettings {
    /// There is no such file: this host only reports.
    Absent(PathBuf),
    /// There is no such file, and somebody named it.
    Missing(PathBuf),
    /// It cannot be used; why, line by line.
    Wrong(PathBuf, Vec<String>),
    /// It is there.
    Found(PathBuf, Box<Collectd>),
}

/// What the checks of the collector's part share.
pub struct CollectorLooking<'a> {
    /// The collector.
    pub settings: &'a CollectorSettings,
    /// Programs of this host.
    pub host: &'a dyn HostPrograms,
    /// How a user sees a socket.
    pub eyes: &'a dyn Eyes,
}

impl std::fmt::Debug for CollectorLooking<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectorLooking").finish_non_exhaustive()
    }
}

/// Looks at the collector's socket, and at each instance of Postfix.
pub fn collector(looking: &CollectorLooking<'_>) -> Vec<Finding> {
    let (file, settings) = match looking.settings {
        CollectorSettings::Absent(file) => {
            return vec![Finding::unknown(
                AREA,
                format!(
                    "not looked at: there is no {}, so no collector on this host",
                    file.display()
                ),
                "tlsrptctl doctor --collectd_config FILE, if it is elsewhere",
            )];
        }
        CollectorSettings::Missing(file) => {
            return vec![Finding::fail(
                AREA,
                format!("not looked at: there is no file {}", file.display()),
                "tlsrptctl doctor --collectd_config FILE, with the collector's own file",
            )];
        }
        CollectorSettings::Wrong(file, problems) => {
            let check = format!(
                "tlsrpt-collectd --config_file {} --check_config",
                quoted(file)
            );
            let told = |problem: &String| Finding::fail(AREA, problem.clone(), check.clone());
            return problems.iter().map(told).collect();
        }
        CollectorSettings::Found(file, settings) => (file, settings),
    };
    let mut findings: Vec<Finding> = settings
        .socketname
        .iter()
        .flat_map(|socket| one(socket, settings))
        .collect();
    findings.extend(observed::check(settings, file));
    findings.extend(settings.storage.iter().flat_map(storage));
    findings.extend(postfix::check(looking, file, settings));
    findings
}

fn one(socket: &Path, settings: &Collectd) -> Vec<Finding> {
    let place = socket.display();
    let found = match fs::metadata(socket) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::fail(AREA, format!("there is no {place}"), START)];
        }
        Err(error) => {
            let finding = format!("{place} cannot be looked at: {error}");
            return vec![Finding::unknown(AREA, finding, "sudo tlsrptctl doctor")];
        }
    };
    if !found.file_type().is_socket() {
        let remedy = format!("rm {}; {START}", quoted(socket));
        return vec![Finding::fail(AREA, format!("{place} is no socket"), remedy)];
    }
    let owned = Owned::of(&found);
    let mut findings = vec![as_set(socket, &owned, settings)];
    let mode = found.permissions().mode();
    if mode & 0o002 != 0 && folders_are_open(socket) {
        let finding = format!("{place} is open to every user ({owned}): anybody may add sessions");
        findings.push(Finding::warn(
            AREA,
            finding,
            format!("chmod o-w {}", quoted(socket)),
        ));
    }
    findings.extend(listener(socket));
    findings
}

/// Owner and mode against what the configuration says of them.
fn as_set(socket: &Path, owned: &Owned, settings: &Collectd) -> Finding {
    let place = socket.display();
    let differs = |set: &Option<String>, is: &str| set.as_deref().is_some_and(|set| set != is);
    let (user, group) = (&settings.socketuser, &settings.socketgroup);
    if differs(user, &owned.owner) || differs(group, &owned.group) {
        let owner = user.as_deref().unwrap_or(&owned.owner);
        let group = group.as_deref().unwrap_or(&owned.group);
        return Finding::fail(
            AREA,
            format!("{place} is {owned}; socketuser and socketgroup say {owner}:{group}"),
            format!(
                "chown {owner}:{group} {}; and SocketUser={owner}, SocketGroup={group} by systemctl edit tlsrpt-collectd.socket",
                quoted(socket)
            ),
        );
    }
    match settings.socketmode {
        Some(mode) if mode != owned.mode => Finding::warn(
            AREA,
            format!("{place} is {owned}; socketmode says {mode:04o}"),
            format!(
                "chmod {mode:04o} {}; and SocketMode={mode:04o} by systemctl edit tlsrpt-collectd.socket",
                quoted(socket)
            ),
        ),
        _ => Finding::ok(AREA, format!("{place}: {owned}")),
    }
}

/// Whether everybody gets to a file.
fn folders_are_open(path: &Path) -> bool {
    let mut folders = path
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty());
    folders.all(|folder| {
        fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    })
}

/// Whether anybody holds the other end. Nothing is sent.
fn listener(socket: &Path) -> Option<Finding> {
    let place = socket.display();
    let connected = UnixDatagram::unbound().and_then(|unbound| unbound.connect(socket));
    Some(match connected {
        Ok(()) => Finding::ok(AREA, format!("{place} is listened at")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Finding::fail(AREA, format!("nobody listens at {place}"), START)
        }
        // Another user's: what Postfix's may do is asked below.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return None,
        Err(error) => Finding::fail(AREA, format!("{place}: {error}"), START),
    })
}

fn storage(storage: &Storage) -> Vec<Finding> {
    match storage {
        Storage::Sqlite { path, .. } => {
            disk::folder(paths::directory(path), "the collector's days")
        }
        Storage::Dummy { url, .. } => vec![Finding::warn(
            "storage",
            format!("storage = {url} keeps nothing"),
            "storage = sqlite:///var/lib/tlsrpt/collectd.sqlite",
        )],
    }
}
