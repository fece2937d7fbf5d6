//! The thread that ships, again and again, until it is told to stop.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tlsrptd_service::log::FailureThrottle;
use tracing::{debug, error, info, warn};

use crate::{
    error::{ShipError, explained},
    growth::Rule,
    incarnation::IncarnationError,
    shipper::{Next, Shipper},
    stop::Stop,
};

/// After a failure it is tried again, by then at the latest.
const RETRY: Duration = Duration::from_secs(15);
/// A sleeper shows that it lives.
const SLICE: Duration = Duration::from_secs(30);
/// A failure that lasts is told that often.
const TELL: Duration = Duration::from_secs(1800);
/// The tables of a new day are made by a reporter, soon; if not, it is asked as often as after a failure, and then as usual.
const SOON: Duration = Duration::from_secs(2);
const TIMES_SOON: u32 = 5;
const TIMES_RETRIED: u32 = 20;
/// A reading that fails once, as when its day ends meanwhile, is not worth a line.
const WORTH_A_LINE: u32 = 2;

/// See the module.
pub(crate) struct Worker {
    pub(crate) shipper: Shipper,
    pub(crate) interval: Duration,
    pub(crate) stop: Arc<Stop>,
    /// Ends with the main thread, or says that it is to stop.
    pub(crate) wake: Receiver<()>,
}

impl Worker {
    pub(crate) fn run(mut self) {
        let mut failures = Failures::new();
        loop {
            self.stop.beat();
            let result = self.shipper.run_once(Rule::Worthwhile, &self.stop);
            if self.stop.is_requested() {
                break;
            }
            if let Err(ShipError::Incarnation(error @ IncarnationError::File { .. })) = &result
                && !error.is_full()
            {
                // The service manager makes the folder when it starts us anew.
                error!(%error, "cannot keep who this collector is");
                return;
            }
            let wait = match failures.note(result, &self.stop) {
                Some(Next::After(wait)) => wait,
                Some(Next::Awaits(_)) => patience(failures.awaited, self.interval),
                None => {
                    self.shipper.disconnect();
                    self.interval.min(RETRY)
                }
            };
            if !self.sleep(wait) {
                break;
            }
        }
        if failures.is_failing() {
            return;
        }
        match self.shipper.run_once(Rule::Everything, &self.stop) {
            Ok(_) => debug!("all of today is shipped"),
            Err(error) => info!(%error, "not all of today is shipped: the next start does it"),
        }
    }

    /// Whether to go on.
    fn sleep(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            self.stop.beat();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            match self.wake.recv_timeout(left.min(SLICE)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

/// Until it is asked again whether a day's tables are made, for so many times now.
fn patience(times: u32, interval: Duration) -> Duration {
    match times {
        ..=TIMES_SOON => SOON.min(interval),
        _ if times <= TIMES_SOON + TIMES_RETRIED => RETRY.min(interval),
        _ => interval,
    }
}

/// What fails, told once, now and then, and when it is over.
struct Failures {
    database: FailureThrottle,
    collector: FailureThrottle,
    in_a_row: u32,
    /// How often a day's tables were not there, in a row.
    awaited: u32,
}

impl Failures {
    fn new() -> Failures {
        Failures {
            database: FailureThrottle::new(TELL),
            collector: FailureThrottle::new(TELL),
            in_a_row: 0,
            awaited: 0,
        }
    }

    fn is_failing(&self) -> bool {
        self.in_a_row > 0
    }

    fn note(&mut self, result: Result<Next, ShipError>, stop: &Stop) -> Option<Next> {
        let now = Timestamp::now();
        let error = match result {
            Ok(next) => {
                self.in_a_row = 0;
                match next {
                    Next::Awaits(day) => self.await_tables(day, now, stop),
                    Next::After(_) => self.recovered(now),
                }
                return Some(next);
            }
            Err(error) => error,
        };
        self.in_a_row += 1;
        stop.tell(error.to_string());
        match &error {
            ShipError::Anew | ShipError::Stopped => debug!(%error, "trying again"),
            ShipError::Read(_) if self.in_a_row < WORTH_A_LINE => debug!(%error, "trying again"),
            ShipError::Read(_) => {
                if self.collector.failed(now).is_some() {
                    warn!(%error, "cannot read what the collector has counted: its files keep it meanwhile");
                }
            }
            ShipError::Held { .. } => {
                if self.database.failed(now).is_some() {
                    warn!(%error, "cannot ship: the collector's files keep what it counts meanwhile");
                }
            }
            ShipError::Fleet(fault) if fault.may_pass() && !fault.is_refusal() => {
                if self.database.failed(now).is_some() {
                    warn!(
                        error = explained(fault),
                        "cannot ship: the collector's files keep what it counts meanwhile"
                    );
                }
            }
            ShipError::Fleet(fault) => {
                if self.database.failed(now).is_some() {
                    error!(
                        error = explained(fault),
                        "cannot ship: somebody has to see to it"
                    );
                }
            }
            ShipError::Password { .. } | ShipError::Incarnation(_) => {
                if self.database.failed(now).is_some() {
                    error!(%error, "cannot ship: somebody has to see to it");
                }
            }
        }
        None
    }

    fn recovered(&mut self, now: Timestamp) {
        self.awaited = 0;
        if let Some(lasted) = self.database.recovered(now) {
            info!(seconds = lasted.as_secs(), "shipping works again");
        }
        if let Some(lasted) = self.collector.recovered(now) {
            info!(
                seconds = lasted.as_secs(),
                "the collector can be read again"
            );
        }
    }

    /// It is usual for a moment, where the day is the first of a fleet.
    fn await_tables(&mut self, day: Day, now: Timestamp, stop: &Stop) {
        self.awaited = self.awaited.saturating_add(1);
        stop.tell(format!(
            "{day}: waits for a reporter to make the day's tables"
        ));
        if self.awaited > TIMES_SOON + TIMES_RETRIED && self.database.failed(now).is_some() {
            warn!(%day, "cannot ship: no reporter makes the day's tables; the collector's files keep what it counts meanwhile");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_ever_less_often_for_tables() {
        let minute = Duration::from_secs(60);
        for (times, interval, want, why) in [
            (1, minute, SOON, "a reporter makes them at once"),
            (6, minute, RETRY, "none has"),
            (25, minute, RETRY, "for five minutes"),
            (26, minute, minute, "as usual from then on"),
            (u32::MAX, minute, minute, "for ever"),
            (6, SOON / 2, SOON / 2, "never less often than usual"),
        ] {
            assert_eq!(patience(times, interval), want, "{why}");
        }
    }
}
