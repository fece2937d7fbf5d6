//! Each instance of Postfix: does it tell sessions, and does what it tells reach the collector?

mod built;
mod parameters;
mod reach;
mod services;
mod version;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tlsrptd_config::{collectd::Collectd, visible};

use super::{access::quoted, collector::CollectorLooking, finding::Finding, host::NotSaid};
use parameters::Parameters;
use services::Services;

pub use reach::{Eyes, SendAs, Sight};

const AREA: &str = "postfix";
/// More instances are not looked at one by one.
const MAX_INSTANCES: usize = 20;

/// One instance.
struct Instance {
    /// Its `config_directory`; `None`: the default one.
    folder: Option<PathBuf>,
    parameters: Parameters,
    services: Result<Services, String>,
}

pub(super) fn check(
    looking: &CollectorLooking<'_>,
    file: &Path,
    collector: &Collectd,
) -> Vec<Finding> {
    let default = match instance(looking, None) {
        Ok(default) => default,
        Err(unclear) => return vec![unclear],
    };
    let others = default.parameters.list("multi_instance_directories");
    let others: BTreeSet<PathBuf> = others.into_iter().map(PathBuf::from).collect();
    let mut findings = Vec::new();
    if others.len() > MAX_INSTANCES {
        let finding = format!(
            "{} instances; {MAX_INSTANCES} of them are looked at",
            others.len() + 1
        );
        findings.push(Finding::unknown(AREA, finding, "postmulti -l"));
    }
    findings.extend(one(looking, file, collector, &default));
    for folder in others.into_iter().take(MAX_INSTANCES) {
        match instance(looking, Some(folder)) {
            Ok(other) => findings.extend(one(looking, file, collector, &other)),
            Err(unclear) => findings.push(unclear),
        }
    }
    findings
}

fn one(
    looking: &CollectorLooking<'_>,
    file: &Path,
    collector: &Collectd,
    instance: &Instance,
) -> Vec<Finding> {
    let known = match version::check(instance) {
        Ok(findings) => findings,
        // Without TLSRPT nothing else matters.
        Err(too_old) => return vec![too_old],
    };
    let mut findings = known;
    findings.extend(built::check(instance));
    findings.extend(reach::check(looking, file, collector, instance));
    findings.extend(habits(instance));
    findings
}

fn instance(looking: &CollectorLooking<'_>, folder: Option<PathBuf>) -> Result<Instance, Finding> {
    let ask = |arguments: &[&str]| {
        let place = folder.as_ref().map(|folder| folder.display().to_string());
        let mut all = Vec::new();
        if let Some(place) = &place {
            all.extend(["-c", place]);
        }
        all.extend(arguments);
        looking.host.ask("postconf", &all)
    };
    let who = match &folder {
        Some(folder) => format!("postconf -c {}", folder.display()),
        None => "postconf".to_owned(),
    };
    let asked = [&["-x"], parameters::NAMES].concat();
    let said = ask(&asked).map_err(|error| match error {
        NotSaid::Missing => Finding::unknown(
            AREA,
            "postconf is not here: what Postfix does, if there is one, cannot be seen from this host",
            "on the host, or in the container, of Postfix: postconf smtp_tlsrpt_enable smtp_tlsrpt_socket_name",
        ),
        other => Finding::unknown(AREA, format!("{who}: {other}"), format!("{who} mail_version")),
    })?;
    let parameters = Parameters::parse(&said);
    if parameters.get("mail_version").is_none() || parameters.get("queue_directory").is_none() {
        let begin = visible::excerpt(said.trim());
        let finding = format!("{who} says nothing that can be used: {begin}");
        return Err(Finding::unknown(
            AREA,
            finding,
            format!("{who} mail_version queue_directory"),
        ));
    }
    let services = match ask(&["-M"]) {
        Ok(said) => Services::parse(&said),
        Err(error) => Err(format!("{who} -M: {error}")),
    };
    Ok(Instance {
        folder,
        parameters,
        services,
    })
}

impl Instance {
    /// How findings name it: not at all when there is but one.
    fn name(&self) -> String {
        match &self.folder {
            Some(folder) => format!("{}: ", folder.display()),
            None => String::new(),
        }
    }

    /// A command for it: `postconf -e ...` or `postfix reload`.
    fn command(&self, program: &str, words: &str) -> String {
        match &self.folder {
            Some(folder) => format!("{program} -c {} {words}", quoted(folder)),
            None => format!("{program} {words}"),
        }
    }

    /// Sets parameters, and lets it read them.
    fn set(&self, settings: &str) -> String {
        let set = self.command("postconf", &format!("-e {settings}"));
        format!("{set} && {}", self.command("postfix", "reload"))
    }

    fn queue_directory(&self) -> &Path {
        Path::new(
            self.parameters
                .get("queue_directory")
                .unwrap_or("/var/spool/postfix"),
        )
    }
}

/// Settings that keep sessions from being told.
fn habits(instance: &Instance) -> Vec<Finding> {
    let parameters = &instance.parameters;
    let name = instance.name();
    let mut findings = Vec::new();
    let level = parameters
        .get("smtp_tls_security_level")
        .unwrap_or_default();
    if level.is_empty() || level == "none" {
        findings.push(Finding::warn(
            AREA,
            format!(
                "{name}smtp_tls_security_level is {}: without TLS there is nothing to tell",
                if level.is_empty() { "not set" } else { level }
            ),
            instance.set("smtp_tls_security_level=may"),
        ));
    }
    let has_tlsproxy = match &instance.services {
        Ok(services) => services.has("tlsproxy"),
        Err(_) => true,
    };
    if parameters.is_yes("smtp_tls_connection_reuse") && !has_tlsproxy {
        findings.push(Finding::warn(
            AREA,
            format!("{name}smtp_tls_connection_reuse = yes, but master.cf has no tlsproxy: no TLS takes place, and nothing tells of it"),
            instance.command("postconf", "-M 'tlsproxy/unix=tlsproxy unix - - y - 0 tlsproxy'") + " && " + &instance.command("postfix", "reload"),
        ));
    }
    findings
}
