//! What `postconf -M` says of `master.cf`: which services speak TLS as a client, and whether in a chroot.

use std::collections::BTreeMap;

/// The services of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Services(Vec<Service>);

/// One line of `master.cf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// Its name, as `smtp` or `relay`.
    pub(super) name: String,
    /// Its type, as `unix`.
    pub(super) kind: String,
    /// `None`: as the compatibility level has it.
    pub(super) chroot: Option<bool>,
    /// The program.
    pub(super) command: String,
    /// What `-o` sets for it.
    overrides: BTreeMap<String, String>,
}

impl Services {
    /// # Errors
    /// When none of the lines is one of a service.
    pub(super) fn parse(said: &str) -> Result<Services, String> {
        let services: Vec<Service> = said.lines().filter_map(Service::parse).collect();
        match services.is_empty() {
            true => Err("postconf -M names no service".to_owned()),
            false => Ok(Services(services)),
        }
    }

    /// Those that tell of TLS sessions.
    pub(super) fn clients(&self) -> impl Iterator<Item = &Service> {
        let programs = ["smtp", "tlsproxy"];
        self.0
            .iter()
            .filter(move |service| programs.contains(&service.command.as_str()))
    }

    pub(super) fn has(&self, command: &str) -> bool {
        self.0.iter().any(|service| service.command == command)
    }
}

impl Service {
    /// Eight words: name, type, private, unprivileged, chroot, wake-up, limit, command; then its arguments.
    fn parse(line: &str) -> Option<Service> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, kind, _, _, chroot, _, _, command, arguments @ ..] = words.as_slice() else {
            return None;
        };
        let chroot = match *chroot {
            "y" => Some(true),
            "n" => Some(false),
            "-" => None,
            _ => return None,
        };
        Some(Service {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            chroot,
            command: (*command).to_owned(),
            overrides: overrides(arguments),
        })
    }

    /// What `-o` sets for it in place of `main.cf`.
    pub(super) fn overridden(&self, parameter: &str) -> Option<&str> {
        self.overrides.get(parameter).map(String::as_str)
    }
}

/// `-o name=value`, or `-oname=value`. Values in braces, which may hold spaces, are none of those that are looked for.
fn overrides(arguments: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-o") {
            Some("") => words.next().copied(),
            Some(setting) => Some(setting),
            None => None,
        };
        if let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) {
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postconf_says() {
        // Debian 13's, with a service of an operator's.
        let said = "smtp       inet  n       -       y       -       -       smtpd\n\
            smtp       unix  -       -       y       -       -       smtp\n\
            relay      unix  -       -       -       -       -       smtp -o syslog_name=${multi_instance_name?{$multi_instance_name}:{postfix}}/$service_name\n\
            quiet      unix  -       -       n       -       -       smtp -o smtp_tlsrpt_enable=no -osmtp_tlsrpt_socket_name=x\n\
            tlsmgr     unix  -       -       y       1000?   1       tlsmgr\n";
        let services = Services::parse(said).unwrap();
        let clients: Vec<(&str, Option<bool>)> = services
            .clients()
            .map(|service| (service.name.as_str(), service.chroot))
            .collect();
        assert_eq!(
            clients,
            [
                ("smtp", Some(true)),
                ("relay", None),
                ("quiet", Some(false))
            ]
        );
        let quiet = services.clients().last().unwrap();
        assert_eq!(quiet.overridden("smtp_tlsrpt_enable"), Some("no"));
        assert_eq!(quiet.overridden("smtp_tlsrpt_socket_name"), Some("x"));
        assert!(services.has("tlsmgr") && !services.has("tlsproxy"));
        for rubbish in ["", "rubbish", "a b c d e f g h", "\u{fffd}\n\n"] {
            assert!(Services::parse(rubbish).is_err(), "{rubbish:?}");
        }
    }
}
