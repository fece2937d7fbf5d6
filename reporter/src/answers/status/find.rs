//! Asks whoever knows.

use std::{os::unix::fs::MetadataExt as _, time::Duration};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use nix::unistd::Uid;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;

use super::{
    Asker, CollectorFigures, CollectorReply, CollectorStatus, LastClosedDay, ReporterStatus,
    Status, judge::judge,
};
use crate::{
    answers::{fleet::FleetAnswer, pending_requests::PendingRequests, runtime::wait_for},
    error::Error,
    gather::{self, RunAs},
    model::NamedDestination,
    store::{self, OperatorAccess, OperatorStore, StoreError},
};

/// A host that is away must not hold the others' answers back for longer.
const COLLECTOR_LIMIT: Duration = Duration::from_secs(5);
/// What has failed, or waited beyond its time, for so long is late.
const LATE: SignedDuration = SignedDuration::from_hours(6);

/// What the daemons say of themselves.
#[derive(Clone, Debug)]
pub struct DaemonsAnswers {
    /// To whom.
    pub asker: Asker,
    /// The reporter.
    pub reporter: ReporterStatus,
    /// The collectors.
    pub collectors: Vec<CollectorStatus>,
    /// `fetch_deadline`: how long after its end a day of a fleet is closed.
    pub fetch_deadline: Duration,
}

impl Status {
    /// Asks the store, all collectors at once, and the reporter.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(settings: &Reportd, now: Timestamp) -> Result<Status, Error> {
        let store = store::open_for_operator(settings, OperatorAccess::Read)?;
        let daemons = DaemonsAnswers {
            asker: Asker::of(settings),
            reporter: ReporterStatus::ask(settings.observation_socket.as_deref()),
            collectors: collectors(settings)?,
            fetch_deadline: settings.fetch_deadline,
        };
        Ok(Status::of(store.as_ref(), daemons, now)?)
    }

    /// What the store and the daemons say together.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(
        store: &dyn OperatorStore,
        daemons: DaemonsAnswers,
        now: Timestamp,
    ) -> Result<Status, StoreError> {
        let today = Day::of(now);
        let day = today.previous();
        let mut status = Status {
            now,
            asker: daemons.asker,
            last_closed: LastClosedDay {
                day,
                totals: store.totals(day, day)?.pop(),
                jobs: store.jobs(day)?,
            },
            backlog: store.backlog(now - LATE)?,
            requests: PendingRequests::find(store)?,
            suppressed: store.suppressed(today)?.len() as u64,
            fleet: FleetAnswer::find(daemons.fetch_deadline, store)?,
            bounces: store.running_totals()?.bounces,
            named: named(store, day)?,
            reporter: daemons.reporter,
            collectors: daemons.collectors,
            findings: Vec::new(),
        };
        status.findings = judge(&status);
        Ok(status)
    }
}

impl Asker {
    /// Whoever runs this program.
    pub(crate) fn of(settings: &Reportd) -> Asker {
        let us = Uid::effective();
        // Whoever reads the password of a fleet's database is the service, or may do as it does.
        let mark = match settings.database_file() {
            Some(file) => Some(file),
            None => settings.dbname_password_file.as_deref(),
        };
        let owner = mark.and_then(|mark| mark.metadata().ok());
        let owns = owner.is_some_and(|found| found.uid() == us.as_raw());
        match us.is_root() || owns {
            true => Asker::Service,
            false => Asker::Other,
        }
    }
}

/// Those that were suspect, and those whom the operator's bound has kept reports from.
fn named(store: &dyn OperatorStore, day: Day) -> Result<Vec<NamedDestination>, StoreError> {
    let mut named = store.named(day, day)?;
    named.retain(|one| one.suspect_since.is_some() || one.left_out > 0);
    Ok(named)
}

fn collectors(settings: &Reportd) -> Result<Vec<CollectorStatus>, Error> {
    let run_as = &RunAs::of(settings);
    let asked = settings.fetchers.iter().map(|fetcher| async move {
        let told = match gather::ask_status(&fetcher.text, run_as, COLLECTOR_LIMIT).await {
            Ok(Some(status)) => CollectorReply::Figures(CollectorFigures::read(status)),
            Ok(None) => CollectorReply::Nothing,
            Err(error) => CollectorReply::Failed(error.to_string()),
        };
        CollectorStatus {
            command: fetcher.text.clone(),
            told,
        }
    });
    wait_for(async { Ok(join_all(asked).await) })
}
