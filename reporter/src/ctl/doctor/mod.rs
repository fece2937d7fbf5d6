//! `tlsrptctl doctor`: what is wrong with the set-up.
//!
//! Root does not look with its own eyes: what the reporter needs is looked at by this program again, as the service's user,
//! and whether Postfix reaches the socket is tried as Postfix's user, in its chroot ([`child`]).

mod child;
mod configuration;
mod text;

use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use tlsrptd_config::{
    Start, collectd,
    ctl::{Doctor, Flaw},
    option::Program,
    reportd::Reportd,
    service_view::ServiceView,
    visible,
};
use tokio::runtime::{Builder, Runtime};

use super::answer::CommandAnswer;
use crate::{
    answers::doctor::{
        self, CollectorLooking, CollectorSettings, Diagnosis, Finding, InstalledPrograms, Viewer,
    },
    error::Error,
};
use child::{Children, ask_as};

pub use child::as_another_user;

/// The service's user in the packages.
const SERVICE_USER: &str = "tlsrpt";
/// The exit status when the reporter's part could not be looked at, and nothing else is wrong.
const UNKNOWN: u8 = 3;

/// A line each: ok, warn or FAIL. `flaws` are what is wrong with the configuration itself; the settings that they name hold
/// nothing.
pub(super) fn answer(
    settings: &Reportd,
    question: &Doctor,
    config_file: Option<&Path>,
    flaws: &[Flaw],
) -> Result<CommandAnswer, Error> {
    let runtime = runtime().map_err(Error::Runtime)?;
    let who = who(question, settings)?;
    let config_file = config_file.map(|file| std::path::absolute(file).unwrap_or(file.to_owned()));
    let config_file = config_file.as_deref();
    let mut findings = configuration::check(settings, config_file, flaws);
    findings.extend(collector(question, &runtime));
    let ours = |viewer| Ok(doctor::reporter(settings, config_file, viewer, &runtime));
    let looked = match &who {
        // Nothing is known of what it names.
        _ if configuration::is_unread(flaws) => Err(Vec::new()),
        Who::Ourselves => {
            findings.push(not_as_the_service());
            ours(Viewer::Bystander)
        }
        Who::Service => ours(Viewer::Service),
        Who::Other(user) => ask_as(user, config_file, &runtime),
    };
    let is_blind = looked.is_err();
    findings.extend(looked.unwrap_or_else(|unseen| unseen));
    let diagnosis = Diagnosis {
        user: match who {
            Who::Other(user) => user,
            Who::Ourselves | Who::Service => our_name(),
        },
        findings,
    };
    let answer = CommandAnswer::new(text::lines(&diagnosis), diagnosis.json());
    Ok(answer.with_exit(match diagnosis.exit() {
        0 if is_blind => UNKNOWN,
        exit => exit,
    }))
}

fn not_as_the_service() -> Finding {
    let (finding, remedy) = match Uid::effective().is_root() {
        true => (
            format!("looked as root, who may do everything: there is no user {SERVICE_USER}"),
            "tlsrptctl doctor --user NAME, with the name of the service's user",
        ),
        false => (
            format!(
                "looked as {}: the service's user may see it otherwise",
                our_name()
            ),
            "sudo tlsrptctl doctor",
        ),
    };
    Finding::unknown("user", finding, remedy)
}

/// Whose eyes look at what the reporter needs.
enum Who {
    /// Ours, which are not the service's.
    Ourselves,
    /// Ours, which are the service's.
    Service,
    /// This user's: we are root.
    Other(String),
}

fn who(question: &Doctor, settings: &Reportd) -> Result<Who, Error> {
    let exists = |name: &str| User::from_name(name).ok().flatten().is_some();
    let ours = our_name();
    let is_root = Uid::effective().is_root();
    if let Some(user) = &question.user {
        let problem = match (exists(user), is_root || *user == ours) {
            (false, _) => "there is no such user on this host",
            (true, false) => "only root can look with another user's eyes",
            (true, true) if *user == ours => return Ok(Who::Service),
            (true, true) => return Ok(Who::Other(user.clone())),
        };
        return Err(Error::Argument {
            what: "--user",
            problem: format!("{user}: {problem}"),
        });
    }
    if !is_root {
        return Ok(match ours == SERVICE_USER {
            true => Who::Service,
            false => Who::Ourselves,
        });
    }
    let service = ServiceView::of(Program::Reportd, None);
    let of_unit = service.user().map(str::to_owned);
    let usual = || exists(SERVICE_USER).then(|| SERVICE_USER.to_owned());
    let owner = || {
        let service = ServiceView::of(Program::Reportd, settings.database_file());
        service.user().map(str::to_owned)
    };
    let found = of_unit.or_else(usual).or_else(owner);
    Ok(found.map_or(Who::Ourselves, Who::Other))
}

fn our_name() -> String {
    let user = User::from_uid(Uid::effective()).ok().flatten();
    user.map_or_else(|| Uid::effective().to_string(), |user| user.name)
}

/// Few things are asked, one after the other.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

fn collector(question: &Doctor, runtime: &Runtime) -> Vec<Finding> {
    let usual = || PathBuf::from(Program::Collectd.default_file());
    let file = question.collectd_config.clone().unwrap_or_else(usual);
    let settings = collector_settings(file);
    let host = InstalledPrograms::new(runtime);
    doctor::collector(&CollectorLooking {
        settings: &settings,
        host: &host,
        eyes: &Children { runtime },
    })
}

fn collector_settings(file: PathBuf) -> CollectorSettings {
    match file.try_exists() {
        Ok(false) if file == Path::new(Program::Collectd.default_file()) => {
            return CollectorSettings::Absent(file);
        }
        Ok(false) => return CollectorSettings::Missing(file),
        Err(error) => {
            let problem = format!("{}: {error}", file.display());
            return CollectorSettings::Wrong(file, vec![problem]);
        }
        Ok(true) => {}
    }
    let arguments = ["--config_file".into(), file.clone().into_os_string()];
    match collectd::load(arguments, std::env::vars_os()) {
        Start::Run(settings) => CollectorSettings::Found(file, Box::new(settings.values)),
        Start::Done { stderr, .. } => {
            let problems = stderr.lines().map(visible::one_line).collect();
            CollectorSettings::Wrong(file, problems)
        }
    }
}
