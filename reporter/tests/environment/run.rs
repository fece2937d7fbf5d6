//! A daemon in such an environment: its settings, its store, its run.

use std::{ffi::OsString, path::Path, sync::Arc, time::Duration};

use tlsrptd_config::{Start, reportd::Reportd};
use tlsrptd_proto::{report::Submitter, tlsrpt_record::Mailbox};
use tlsrptd_reporter::{
    compose::{Composer, DestinationLimit},
    daemon::{Daemon, DaemonOptions, DigestOptions, Order},
    environment::Environment,
    model::CollectorCommand,
    route::Routes,
    schedule::Schedule,
    store::{self, CommitHook, StoreError},
};
use tokio::sync::mpsc;

use super::engine::{Engine, Folder, dbname};

/// The settings, with these options beside the required ones.
pub fn settings(folder: &Path, options: &[&str]) -> Reportd {
    let mut args: Vec<OsString> = vec![
        format!("--dbname={}", dbname(folder)).into(),
        "--fetchers=one".into(),
        "--organization_name=Org".into(),
        "--contact_info=tls@sender.example".into(),
    ];
    args.extend(options.iter().map(OsString::from));
    match tlsrptd_config::reportd::load(args, []) {
        Start::Run(settings) => settings.values,
        Start::Done { stderr, .. } => panic!("{stderr}"),
    }
}

/// Weeks are played through: so seldom it is looked at what the operator asks for, and what came back.
const REQUEST_INTERVAL: Duration = Duration::from_secs(600);

pub fn daemon<O: Environment>(
    settings: &Reportd,
    environment: Arc<O>,
    hook: Option<CommitHook>,
    seed: u64,
) -> Result<Daemon<O>, StoreError> {
    daemon_looking(REQUEST_INTERVAL, settings, environment, hook, seed)
}

/// One that looks more seldom: on PostgreSQL each look is an answer of a server.
pub fn daemon_looking<O: Environment>(
    request_interval: Duration,
    settings: &Reportd,
    environment: Arc<O>,
    hook: Option<CommitHook>,
    seed: u64,
) -> Result<Daemon<O>, StoreError> {
    let store = store::open(settings, hook)?;
    let composer = Composer {
        submitter: Submitter {
            organization_name: settings.organization_name.clone(),
            contact_info: Mailbox::parse(&settings.contact_info).unwrap(),
            installation: store.installation().clone(),
        },
        routes: Routes::load(settings).unwrap(),
        schedule: Arc::new(Schedule::new(settings)),
        max_report_size: settings.max_report_size,
        loop_guard: settings.loop_guard,
        report_days: settings.report_days,
        min_sessions: settings.min_sessions,
        limit: DestinationLimit {
            most: settings.max_reports_per_destination,
            known: settings.known_destinations.clone(),
        },
        mx_reports: settings.mx_reports,
    };
    let options = DaemonOptions {
        fetchers: (1..)
            .zip(&settings.fetchers)
            .map(|(index, command)| CollectorCommand {
                index,
                command: command.text.clone(),
            })
            .collect(),
        max_concurrent_deliveries: settings.max_concurrent_deliveries,
        max_concurrent_per_host: settings.max_concurrent_per_host,
        max_rate_per_host: settings.max_rate_per_host,
        max_mail_rate_per_domain: settings.max_mail_rate_per_domain,
        clock_confirmation: settings.clock_confirmation,
        late_interval: settings.late_interval,
        interval_main_loop: settings.interval_main_loop,
        digest: DigestOptions::new(settings),
        log_sent_interval: settings.log_sent_interval,
        request_interval,
    };
    Daemon::new(store, environment, Arc::new(composer), options, seed)
}

/// A database that a reporter has made and closed.
pub fn make_store(settings: &Reportd) {
    store::open(settings, None).unwrap().close().unwrap();
}

/// Runs for so long on the virtual clock, then stops orderly.
pub async fn run<O: Environment>(
    settings: &Reportd,
    environment: &Arc<O>,
    hook: Option<CommitHook>,
    time: Duration,
) -> Result<(), StoreError> {
    let mut daemon = daemon(settings, Arc::clone(environment), hook, 1)?;
    let (sender, mut orders) = mpsc::channel(1);
    let stop = tokio::spawn(async move {
        tokio::time::sleep(time).await;
        let _ = sender.send(Order::Stop).await;
    });
    let ran = daemon.run(&mut orders, |_| {}).await;
    stop.abort();
    // A crash stops nothing orderly.
    ran?;
    daemon
        .stop(Duration::from_secs(10), &mut orders, |_| {})
        .await?;
    daemon.into_store().close()
}

/// How long tests go on that could go on for ever: `make soak` says so.
pub fn soak() -> Duration {
    let seconds = std::env::var("TLSRPTD_SOAK").map_or(0, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// An empty folder, for the engine of the running test.
pub fn folder() -> Folder {
    Engine::current().folder()
}
