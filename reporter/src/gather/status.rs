//! Asks a collector how it is.
//!
//! `COMMAND status` gives one line of JSON, from the collector's observation socket. sys4's fetcher takes the word for a day,
//! and an older one of ours refuses it: they do not tell.

use std::time::Duration;

use serde_json::Value;

use super::{GatherError, RunAs, process::FetcherProcess};

/// What stands in the place of the day.
const STATUS: &str = "status";
/// A collector tells its figures in a few kilobytes.
const MAX_SIZE: u64 = 1 << 20;

/// What the collector says of itself; `None`: its fetcher does not know the question.
///
/// # Errors
///
/// When it does not answer within this time.
pub async fn ask_status(
    command: &str,
    run_as: &RunAs,
    limit: Duration,
) -> Result<Option<Value>, GatherError> {
    let asked = tokio::time::timeout(limit, answer(command, run_as)).await;
    asked.map_err(|_| GatherError::TooSlow { limit })?
}

async fn answer(command: &str, run_as: &RunAs) -> Result<Option<Value>, GatherError> {
    let mut fetcher = FetcherProcess::start_as(run_as, command, &[STATUS], MAX_SIZE)?;
    let first = fetcher
        .line()
        .await?
        .map(|line| serde_json::from_str(&line));
    match fetcher.end().await {
        // An older fetcher of ours.
        Err(GatherError::Exit { stderr, .. }) if stderr.contains("`status` is not a date") => {
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(match first {
            Some(Ok(status @ Value::Object(_))) => Some(status),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn what_collectors_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fetcher");
        for (script, want, why) in [
            (
                r#"echo '{"program": "x"}'"#,
                r#"Ok(Some(Object {"program": String("x")}))"#,
                "it tells",
            ),
            (
                "echo TLSRPT FETCHER 1",
                "Ok(None)",
                "sys4's begins the answer for a day",
            ),
            ("true", "Ok(None)", "nothing at all"),
            (
                "echo 'DAY: `status` is not a date (allowed: YYYY-MM-DD)' >&2; exit 2",
                "Ok(None)",
                "an older one of ours",
            ),
            ("echo '[1]'", "Ok(None)", "JSON of another kind"),
            (
                "echo no collector >&2; exit 8",
                "no collector",
                "it cannot ask the collector",
            ),
            ("sleep 60", "TooSlow", "a host that is away"),
            ("yes", "TooLarge", "it writes for ever"),
        ] {
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            let command = format!("/bin/sh {}", path.display());
            let told = ask_status(&command, &RunAs::Ourselves, Duration::from_millis(1500)).await;
            let told = format!("{told:?}");
            assert!(
                told.contains(want) || want == "TooLarge" && told.contains("TooSlow"),
                "{why}: {told}"
            );
        }
    }
}
