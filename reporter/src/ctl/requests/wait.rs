//! The wait for the daemon's answers.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use super::{super::answer::say, RequestsAnswer, WaitEnd, show};
use crate::{
    error::Error,
    model::{RequestId, RequestKind},
    store::{self, OperatorAccess},
};

/// Between two looks at the rows.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// After so long it is said what is waited for.
const SILENT: Duration = Duration::from_secs(2);
/// A reporter that is gone for so long has not just been restarted.
const GONE: Duration = Duration::from_secs(5);

/// Waits until all requests have ended, for so many seconds at most.
pub(super) fn for_answers(
    settings: &Reportd,
    answer: &mut RequestsAnswer,
    seconds: u32,
    reporter: &str,
) -> Result<(), Error> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let mut waiting = RequestWait {
        settings,
        reporter,
        begun: Instant::now(),
        limit: Duration::from_secs(seconds.into()),
        seen: Instant::now(),
        is_told: false,
        told: Vec::new(),
    };
    let end = runtime
        .map_err(Error::Runtime)?
        .block_on(waiting.run(answer))?;
    answer.wait = end;
    // What nobody waits for any longer shall not come by surprise: a test is of now.
    let withdraws = match end {
        WaitEnd::Interrupted | WaitEnd::ReporterEnded => true,
        WaitEnd::TimeIsOver => answer.kind == RequestKind::Test,
        WaitEnd::Answered | WaitEnd::NotWaited => false,
    };
    if withdraws {
        let mut store = store::open_for_operator(settings, OperatorAccess::Write)?;
        store.withdraw(&ids(answer), Timestamp::now())?;
        drop(store);
        read(settings, answer)?;
    }
    Ok(())
}

struct RequestWait<'a> {
    settings: &'a Reportd,
    reporter: &'a str,
    begun: Instant,
    limit: Duration,
    /// When the reporter was seen last.
    seen: Instant,
    is_told: bool,
    /// What was said of each request.
    told: Vec<String>,
}

impl RequestWait<'_> {
    async fn run(&mut self, answer: &mut RequestsAnswer) -> Result<WaitEnd, Error> {
        let listen = |kind| signal(kind).map_err(Error::Runtime);
        let mut interrupts = listen(SignalKind::interrupt())?;
        let mut terminations = listen(SignalKind::terminate())?;
        let mut next_look_at_lock = Instant::now() + Duration::from_secs(1);
        loop {
            read(self.settings, answer)?;
            if answer.requests.iter().all(|one| one.state.is_over()) {
                return Ok(WaitEnd::Answered);
            }
            if self.begun.elapsed() >= self.limit {
                return Ok(WaitEnd::TimeIsOver);
            }
            if Instant::now() >= next_look_at_lock {
                next_look_at_lock = Instant::now() + Duration::from_secs(1);
                if store::reporter_at_work(self.settings)?.is_some() {
                    self.seen = Instant::now();
                } else if self.seen.elapsed() >= GONE {
                    return Ok(WaitEnd::ReporterEnded);
                }
            }
            self.tell(answer);
            if is_interrupted(&mut interrupts, &mut terminations).await {
                return Ok(WaitEnd::Interrupted);
            }
        }
    }

    /// Says on standard error what is waited for, each thing once.
    fn tell(&mut self, answer: &RequestsAnswer) {
        if self.begun.elapsed() < SILENT {
            return;
        }
        if !std::mem::replace(&mut self.is_told, true) {
            say(&format!(
                "waiting for tlsrpt-reportd ({}), {} seconds at most; Ctrl-C ends that",
                self.reporter,
                self.limit.as_secs()
            ));
        }
        for request in answer.requests.iter().filter(|one| !one.state.is_over()) {
            let about = show::about(request);
            if !self.told.contains(&about) {
                say(&about);
                self.told.push(about);
            }
        }
    }
}

/// Waits for the next look. Whether somebody ends the wait.
async fn is_interrupted(interrupts: &mut Signal, terminations: &mut Signal) -> bool {
    tokio::select! {
        _ = interrupts.recv() => true,
        _ = terminations.recv() => true,
        () = sleep(LOOK_INTERVAL) => false,
    }
}

fn ids(answer: &RequestsAnswer) -> Vec<RequestId> {
    answer.requests.iter().map(|request| request.id).collect()
}

/// The database is open for no longer than the look: a reporter that ends wants it for itself.
fn read(settings: &Reportd, answer: &mut RequestsAnswer) -> Result<(), Error> {
    let store = store::open_for_operator(settings, OperatorAccess::Read)?;
    for row in store.requests(&ids(answer))? {
        let request = answer.requests.iter_mut().find(|one| one.id == row.id);
        if let Some(request) = request {
            request.state = row.state;
            request.answer = row.answer;
            request.seconds = row.seconds;
            request.next = row.next;
        }
    }
    Ok(())
}
