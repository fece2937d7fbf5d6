//! Where `smtp_tlsrpt_socket_name` leads, in the chroot and out of it, and whether Postfix's user may send there.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use tlsrptd_config::collectd::Collectd;

use super::{
    AREA, Instance,
    parameters::is_yes,
    services::{Service, Services},
};
use crate::answers::doctor::{
    access::{Account, Want, quoted},
    collector::CollectorLooking,
    finding::Finding,
};

const ENABLE: &str = "smtp_tlsrpt_enable";
const SOCKET_NAME: &str = "smtp_tlsrpt_socket_name";
/// Where the socket is, below the queue directory, in the packages and in the documentation.
const USUAL: &str = "run/tlsrpt/tlsrpt.sock";

/// How another user sees a socket.
pub trait Eyes {
    /// Tries, without sending anything.
    fn send_as(&self, who: &SendAs) -> Sight;
}

/// Who would send, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAs {
    /// Postfix's user.
    pub user: String,
    /// Its queue directory, where its programs stand.
    pub folder: PathBuf,
    /// Whether they see nothing but that.
    pub chroot: bool,
    /// The socket as they name it.
    pub socket: PathBuf,
}

/// What the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A datagram would be taken.
    Open,
    /// No.
    Denied,
    /// Nobody listens.
    Refused,
    /// Another error.
    Failed(String),
    /// It cannot be asked.
    Unknown(String),
}

/// Services that are alike: where they stand, and what they send to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    chroot: bool,
    socket: String,
}

pub(super) fn check(
    looking: &CollectorLooking<'_>,
    file: &Path,
    collector: &Collectd,
    instance: &Instance,
) -> Vec<Finding> {
    let services = match &instance.services {
        Ok(services) => services,
        Err(reason) => {
            let finding = format!(
                "{}which services stand in a chroot: {reason}",
                instance.name()
            );
            return vec![Finding::unknown(
                AREA,
                finding,
                instance.command("postconf", "-M"),
            )];
        }
    };
    if let Some(off) = switched_off(instance, services) {
        return vec![off];
    }
    let mut findings = Vec::new();
    for (way, names) in ways(instance, services) {
        let who = format!(
            "{}{} ({})",
            instance.name(),
            names.join(", "),
            standing(&way)
        );
        let found = Reach {
            looking,
            file,
            collector,
            instance,
            way: &way,
        };
        findings.push(found.look(&who));
    }
    findings
}

fn standing(way: &Way) -> &'static str {
    match way.chroot {
        true => "in the chroot",
        false => "no chroot",
    }
}

/// TLSRPT is on where any service has it on.
fn switched_off(instance: &Instance, services: &Services) -> Option<Finding> {
    let is_on = |service: &Service| setting(instance, service, ENABLE).is_some_and(is_yes);
    if services.clients().any(is_on) {
        return None;
    }
    let remedy = instance.set(&format!("{ENABLE}=yes {SOCKET_NAME}={USUAL}"));
    let finding = format!(
        "{}{ENABLE} is not yes: Postfix tells nothing",
        instance.name()
    );
    Some(Finding::fail(AREA, finding, remedy))
}

/// Of a service, or else of `main.cf`.
fn setting<'a>(instance: &'a Instance, service: &'a Service, name: &str) -> Option<&'a str> {
    service
        .overridden(name)
        .or_else(|| instance.parameters.get(name))
}

/// The services that tell, by their way to the socket.
fn ways(instance: &Instance, services: &Services) -> BTreeMap<Way, Vec<String>> {
    let mut ways: BTreeMap<Way, Vec<String>> = BTreeMap::new();
    for service in services.clients() {
        // tlsproxy(8) makes the handshake for smtp(8), which tells it whether to report.
        if !setting(instance, service, ENABLE).is_some_and(is_yes) {
            continue;
        }
        let way = Way {
            chroot: service.chroot.unwrap_or_else(|| old_default(instance)),
            socket: setting(instance, service, SOCKET_NAME)
                .unwrap_or_default()
                .to_owned(),
        };
        ways.entry(way)
            .or_default()
            .push(format!("{}/{}", service.name, service.kind));
    }
    ways
}

/// A `-` meant a chroot before compatibility level 1 (master(5)).
fn old_default(instance: &Instance) -> bool {
    let level = instance
        .parameters
        .get("compatibility_level")
        .unwrap_or_default();
    level.split('.').next() == Some("0")
}

/// One way, and all that is needed to judge it.
struct Reach<'a> {
    looking: &'a CollectorLooking<'a>,
    file: &'a Path,
    collector: &'a Collectd,
    instance: &'a Instance,
    way: &'a Way,
}

impl Reach<'_> {
    fn look(&self, who: &str) -> Finding {
        let named = &self.way.socket;
        if named.is_empty() {
            let finding = format!("{who}: {SOCKET_NAME} is not set: Postfix tells nobody");
            return Finding::fail(AREA, finding, self.rename());
        }
        let outside = self.outside();
        let sockets = &self.collector.socketname;
        if !sockets.iter().any(|socket| is_same(socket, &outside)) {
            let own: Vec<String> = sockets
                .iter()
                .map(|socket| socket.display().to_string())
                .collect();
            let finding = format!(
                "{who}: {SOCKET_NAME} = {named} leads to {}, the collector is at {}",
                outside.display(),
                own.join(", ")
            );
            return Finding::fail(AREA, finding, self.rename());
        }
        self.send(who, &outside)
    }

    /// The way as it is seen from outside of the chroot.
    fn outside(&self) -> PathBuf {
        let queue = self.instance.queue_directory();
        let named = Path::new(&self.way.socket);
        match (named.strip_prefix("/"), self.way.chroot) {
            (Ok(inside), true) => queue.join(inside),
            (Ok(_), false) => named.to_owned(),
            (Err(_), _) => queue.join(named),
        }
    }

    fn send(&self, who: &str, outside: &Path) -> Finding {
        let user = self
            .instance
            .parameters
            .get("mail_owner")
            .unwrap_or("postfix");
        let sight = self.looking.eyes.send_as(&SendAs {
            user: user.to_owned(),
            folder: self.instance.queue_directory().to_owned(),
            chroot: self.way.chroot,
            socket: PathBuf::from(&self.way.socket),
        });
        let place = outside.display();
        let account = Account::named(user);
        let obstacle = account
            .as_ref()
            .and_then(|account| account.obstacle(outside, Want::Write));
        match (sight, obstacle, account) {
            (Sight::Open, ..) => Finding::ok(AREA, format!("{who}: {user} may send to {place}")),
            (Sight::Denied | Sight::Unknown(_), Some(obstacle), Some(account)) => Finding::fail(
                AREA,
                format!("{who}: {user} may not send to {place}: {obstacle}"),
                permanent(&obstacle.path, outside, obstacle.remedy(&account)),
            ),
            (Sight::Denied, ..) => Finding::fail(
                AREA,
                format!(
                    "{who}: {user} may not send to {place}: permission denied, neither by owner nor by mode: an access list, or SELinux"
                ),
                format!("getfacl {0}; ausearch -m avc -ts recent", quoted(outside)),
            ),
            (Sight::Refused, ..) => Finding::fail(
                AREA,
                format!("{who}: nobody listens at {place}"),
                "systemctl start tlsrpt-collectd.socket tlsrpt-collectd.service",
            ),
            (Sight::Failed(why), ..) => Finding::fail(
                AREA,
                format!("{who}: {user} cannot send to {place}: {why}"),
                "systemctl restart tlsrpt-collectd.socket tlsrpt-collectd.service",
            ),
            (Sight::Unknown(why), ..) => Finding::unknown(
                AREA,
                format!(
                    "{who}: whether {user} may send to {place}: {why}; nothing in owners and modes speaks against it"
                ),
                "sudo tlsrptctl doctor",
            ),
        }
    }

    /// The name that leads to the collector; or where to put the socket.
    fn rename(&self) -> String {
        let queue = self.instance.queue_directory();
        let within = |socket: &PathBuf| socket.strip_prefix(queue).map(Path::to_owned).ok();
        if let Some(relative) = self.collector.socketname.iter().find_map(within) {
            return self
                .instance
                .set(&format!("{SOCKET_NAME}={}", quoted(&relative)));
        }
        match self.collector.socketname.first() {
            Some(socket) if !self.way.chroot => self
                .instance
                .set(&format!("{SOCKET_NAME}={}", quoted(socket))),
            _ => format!(
                "in {0}: socketname = {1}; systemctl edit tlsrpt-collectd.socket, [Socket] ListenDatagram={1}; {2}",
                self.file.display(),
                queue.join(USUAL).display(),
                self.instance.set(&format!("{SOCKET_NAME}={USUAL}"))
            ),
        }
    }
}

/// The socket's own mode is its unit's to set.
fn permanent(obstacle: &Path, socket: &Path, remedy: String) -> String {
    match fs::canonicalize(socket).is_ok_and(|real| real == obstacle) {
        true => format!(
            "{remedy}; for good: SocketGroup=postfix, SocketMode=0220 by systemctl edit tlsrpt-collectd.socket"
        ),
        false => remedy,
    }
}

/// One file, or what will be one.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        fs::metadata(path)
            .map(|found| (found.dev(), found.ino()))
            .ok()
    };
    match (identity(one), identity(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
