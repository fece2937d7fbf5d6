//! For answers that ask the outside: collectors, DNS.

use std::future::Future;

use tokio::runtime::Builder;

use crate::error::Error;

/// Waits for an answer.
///
/// # Errors
/// When it cannot be had, or nothing can be started here.
pub(crate) fn wait_for<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(answer)
}
