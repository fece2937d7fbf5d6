//! The test call at start: does the fetcher answer at all?

use tlsrptd_proto::fetch::{Event, FetchError, Parser};

use super::{
    GatherError,
    process::{FetcherProcess, MAX_LINE},
};

/// A day that no collector has: the answer is four lines.
pub(super) const NO_DAY: &str = "1999-01-01";

/// Asks for the list of a day long ago: header, clock, newest day (none when nothing is closed yet), end; exit code 0.
///
/// # Errors
///
/// When the fetcher cannot be asked.
pub async fn probe(command: &str) -> Result<(), GatherError> {
    let mut fetcher = FetcherProcess::start(command, &[NO_DAY], MAX_LINE as u64)?;
    let mut parser = Parser::new();
    while let Some(line) = fetcher.line().await? {
        match parser.line(&line) {
            Ok(Event::Listed { .. } | Event::Unusable(..) | Event::Counts(..)) => {
                return Err(GatherError::answer(FetchError::Behind, &line));
            }
            Ok(_) => {}
            Err(error) => return Err(GatherError::answer(error, &line)),
        }
    }
    fetcher.end().await?;
    parser
        .finish()
        .map_err(|error| GatherError::answer(error, ""))
}
