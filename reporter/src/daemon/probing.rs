//! The test calls at the start. A fetcher that does not answer is told of at once, not at midnight, and asked again until it does:
//! after a reboot of all hosts it may be seconds too early, and would seem to fail until the next day is gathered.

use std::{error::Error, time::Duration};

use jiff::Timestamp;

use super::observation::CollectorBoard;
use crate::{
    gather::{self, GatherError},
    model::CollectorCommand,
};

const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Ends when each has answered once.
pub(super) async fn probe_all(fetchers: Vec<CollectorCommand>, collectors: CollectorBoard) {
    let probes = fetchers.iter().map(|fetcher| {
        let probe = || gather::probe(&fetcher.command);
        probe_until_it_answers(fetcher, &collectors, probe)
    });
    futures_util::future::join_all(probes).await;
}

async fn probe_until_it_answers<F>(
    CollectorCommand { index, command }: &CollectorCommand,
    collectors: &CollectorBoard,
    probe: impl Fn() -> F,
) where
    F: Future<Output = Result<(), GatherError>>,
{
    let mut wait = FIRST_WAIT;
    let mut has_failed = false;
    loop {
        let answer = probe().await;
        let said = answer.as_ref().copied().map_err(|it| it as &dyn Error);
        collectors.note(command, said, Timestamp::now());
        match answer {
            Ok(()) if has_failed => {
                tracing::info!("fetcher {index} {command} answers its test call now");
                return;
            }
            Ok(()) => {
                tracing::debug!("fetcher {index} {command} answers");
                return;
            }
            Err(error) if has_failed => {
                tracing::debug!("fetcher {index} {command} failed its test call again: {error}");
            }
            Err(error) => {
                tracing::error!("fetcher {index} {command} failed its test call: {error}");
            }
        }
        has_failed = true;
        tokio::time::sleep(wait).await;
        wait = (2 * wait).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::Instant;

    use super::*;

    /// The seconds at which it is asked, when it answers the last time only.
    #[tokio::test(start_paused = true)]
    async fn a_fetcher_that_fails_is_asked_until_it_answers() {
        for want in [&[0][..], &[0, 30], &[0, 30, 90, 210, 450, 750, 1050]] {
            let fetcher = CollectorCommand {
                index: 1,
                command: "ssh mx2 tlsrpt-fetcher".to_owned(),
            };
            let collectors = CollectorBoard::new(std::slice::from_ref(&fetcher));
            let last_error = || collectors.states()[0].json()["last_error"].clone();
            let (began, asked) = (Instant::now(), RefCell::new(Vec::new()));
            let probe = async || {
                if !asked.borrow().is_empty() {
                    assert!(last_error().is_string(), "it is known to fail");
                }
                asked.borrow_mut().push(began.elapsed().as_secs());
                match asked.borrow().len() < want.len() {
                    true => Err(GatherError::Empty),
                    false => Ok(()),
                }
            };
            probe_until_it_answers(&fetcher, &collectors, probe).await;
            assert_eq!(*asked.borrow(), want);
            assert!(last_error().is_null(), "it does not seem to fail any more");
        }
    }
}
