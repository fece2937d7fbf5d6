//! `doctor`: looks at the whole set-up, and says of each thing how it is, and what to do.
//!
//! Two parts: [`reporter`] looks at what `tlsrpt-reportd` needs, best with its user's eyes; [`collector()`] at the socket, and at
//! whether Postfix's user reaches it. Each check is a small function over what is asked of its environment. What cannot be
//! found out is said.

mod access;
mod block_lists;
mod clock;
mod collector;
mod database;
mod disk;
mod dkim;
mod environment;
mod fetchers;
mod finding;
mod fleet;
mod host;
mod limits;
mod looking;
mod name_servers;
mod observed;
mod postfix;
mod relay;
mod sender;
mod tags;
mod trust;

use std::{path::Path, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tokio::runtime::Runtime;

pub use access::Account;
pub use collector::{CollectorLooking, CollectorSettings, collector};
pub use finding::{Diagnosis, Finding, Level};
pub use host::{HostPrograms, InstalledPrograms, NotSaid};
pub use looking::Viewer;
pub use postfix::{Eyes, SendAs, Sight};

use environment::{SystemDoctorEnvironment, SystemNames};
use looking::Looking;

/// No server or fetcher is waited for longer.
const WAIT: Duration = Duration::from_secs(20);

/// Looks at what the reporter needs, as who we are.
pub fn reporter(
    settings: &Reportd,
    config_file: Option<&Path>,
    viewer: Viewer,
    runtime: &Runtime,
) -> Vec<Finding> {
    let host = InstalledPrograms::new(runtime);
    let names = SystemNames::new(settings, runtime);
    let environment = SystemDoctorEnvironment { runtime };
    look(&Looking {
        settings,
        config_file,
        account: Account::ours(),
        viewer,
        host: &host,
        names: &names,
        environment: &environment,
    })
}

fn look(looking: &Looking<'_>) -> Vec<Finding> {
    let checks: [fn(&Looking<'_>) -> Vec<Finding>; 11] = [
        database::check,
        fetchers::check,
        name_servers::check,
        dkim::check,
        sender::check,
        block_lists::check,
        relay::check,
        trust::check,
        clock::check,
        disk::check,
        limits::check,
    ];
    checks.iter().flat_map(|check| check(looking)).collect()
}
