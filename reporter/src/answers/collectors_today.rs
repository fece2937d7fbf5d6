//! What the collectors have counted today of one domain, so far.

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{counts::ReportCounts, day::Day, domain::Domain};

use super::waiting::{WaitNote, answers_of};
use crate::{
    gather::{self, RunAs, TodayStream},
    model::{CollectorRow, collector_of},
};

/// One collector's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CollectorToday {
    /// Its command.
    pub(crate) command: String,
    /// Sessions, and those that failed; or why it did not tell.
    pub(crate) told: Result<(u64, u64), String>,
}

/// All collectors' words on one domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountedToday {
    /// In the order of `fetchers`.
    pub(crate) collectors: Vec<CollectorToday>,
    /// Of those that have counted anything.
    pub(crate) rows: Vec<CollectorRow>,
}

impl CountedToday {
    /// Asks all of them at once. Whoever does not answer in time did not tell; `note` is told who is waited for.
    pub(crate) async fn ask(settings: &Reportd, domain: &Domain, note: WaitNote) -> CountedToday {
        let run_as = &RunAs::of(settings);
        let commands = settings.fetchers.iter();
        let asked = commands.map(|fetcher| {
            let name = collector_of(&fetcher.text);
            let counts = gather::today(&fetcher.text, run_as, domain);
            (name.clone(), async move { (name, counts.await) })
        });
        let mut today = CountedToday::default();
        for (command, counts) in answers_of(asked, note).await {
            let told = counts
                .map_err(|error| error.to_string())
                .and_then(|counts| {
                    let Some(data) = counts.map(|counts| counts.to_json()) else {
                        return Ok((0, 0));
                    };
                    let counts =
                        ReportCounts::from_json(&data, domain).map_err(|e| e.to_string())?;
                    today.rows.push(CollectorRow {
                        fetcher: command.clone(),
                        data: Some(data),
                    });
                    Ok((counts.sessions(), counts.failed()))
                });
            today.collectors.push(CollectorToday { command, told });
        }
        today
    }

    /// Collectors that did not tell.
    pub(crate) fn silent(&self) -> impl Iterator<Item = &CollectorToday> {
        self.collectors
            .iter()
            .filter(|collector| collector.told.is_err())
    }
}

impl CollectorToday {
    /// For programs.
    pub(crate) fn json(&self) -> Value {
        match &self.told {
            Ok((sessions, failed)) => json!({
                "collector": self.command, "sessions": sessions, "failed": failed, "error": null,
            }),
            Err(reason) => json!({
                "collector": self.command, "sessions": null, "failed": null, "error": reason,
            }),
        }
    }
}

/// What is wrong when it is another day where the collector is.
pub(crate) fn other_day(stream: &TodayStream, now: Timestamp) -> Option<String> {
    let (ours, theirs) = (Day::of(now), Day::of(stream.clock?));
    (ours != theirs).then(|| format!("it is {theirs} where the collector is"))
}
