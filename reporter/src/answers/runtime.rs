//! For answers that ask the outside: collectors, DNS.

use std::{future::Future, io};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use crate::error::Error;

/// Waits for an answer. SIGINT and SIGTERM end that: what was asked is dropped then, and with it the programs that were started,
/// which no terminal's signal reaches.
///
/// # Errors
/// When it cannot be had, or nothing can be started here; or a signal came.
pub(crate) fn wait_for<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async {
        tokio::select! {
            ended = signal_to_end() => Err(ended.map_or_else(Error::Runtime, Error::Signal)),
            answer = answer => answer,
        }
    })
}

/// The number of the signal.
async fn signal_to_end() -> io::Result<i32> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let [mut interrupts, mut terminations] = [signal(kinds[0])?, signal(kinds[1])?];
    let kind = tokio::select! {
        _ = interrupts.recv() => kinds[0],
        _ = terminations.recv() => kinds[1],
    };
    Ok(kind.as_raw_value())
}
