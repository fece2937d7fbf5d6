//! All collectors' counts of today, merged domain by domain while they come.

use futures_util::future::join_all;
use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{counts::FetchedCounts, domain::Domain};

use super::CollectorTonight;
use crate::{
    answers::collectors_today::other_day,
    gather::{self, RunAs, TodayStream},
    model::{CollectorRow, collector_of},
};

/// One domain of each collector.
pub(super) struct MergedToday {
    sources: Vec<Source>,
}

/// One collector.
struct Source {
    told: CollectorTonight,
    /// `None` after the end, or when it cannot tell.
    stream: Option<TodayStream>,
    next: Option<(Domain, FetchedCounts)>,
}

impl MergedToday {
    pub(super) async fn ask(
        settings: &Reportd,
        domain: Option<&Domain>,
        now: Timestamp,
    ) -> MergedToday {
        let run_as = &RunAs::owner_of(&settings.dbname);
        let asked = settings.fetchers.iter().map(|fetcher| async move {
            let mut source = Source {
                told: CollectorTonight {
                    command: collector_of(&fetcher.text),
                    ..CollectorTonight::default()
                },
                stream: None,
                next: None,
            };
            if let Some(domain) = domain {
                match gather::today(&fetcher.text, run_as, domain).await {
                    Ok(counts) => {
                        source.told.domains = u64::from(counts.is_some());
                        source.next = counts.map(|counts| (domain.clone(), counts));
                    }
                    Err(error) => source.told.error = Some(error.to_string()),
                }
                return source;
            }
            match TodayStream::ask(&fetcher.text, run_as, settings.max_answer_size).await {
                Ok(stream) => match other_day(&stream, now) {
                    Some(problem) => source.told.error = Some(problem),
                    None => source.stream = Some(stream),
                },
                Err(error) => source.told.error = Some(error.to_string()),
            }
            source.read().await;
            source
        });
        MergedToday {
            sources: join_all(asked).await,
        }
    }

    /// The next domain, with the counts of each collector that has any.
    pub(super) async fn next(&mut self) -> Option<(Domain, Vec<CollectorRow>)> {
        let heads = self
            .sources
            .iter()
            .filter_map(|source| source.next.as_ref());
        let domain = heads.map(|(domain, _)| domain).min()?.clone();
        let mut rows = Vec::new();
        for source in &mut self.sources {
            let Some((_, counts)) = source.next.take_if(|(next, _)| *next == domain) else {
                continue;
            };
            rows.push(CollectorRow {
                fetcher: source.told.command.clone(),
                data: Some(counts.to_json()),
            });
            source.read().await;
        }
        Some((domain, rows))
    }

    /// How each collector did.
    pub(super) fn collectors(self) -> Vec<CollectorTonight> {
        self.sources.into_iter().map(|source| source.told).collect()
    }
}

impl Source {
    async fn read(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        match stream.next().await {
            Ok(Some(next)) => {
                self.told.domains += 1;
                self.next = Some(next);
            }
            Ok(None) => {
                if stream.left_out > 0 {
                    self.told.error = Some(format!("{} lines cannot be used", stream.left_out));
                }
                self.stream = None;
            }
            // What came before is good.
            Err(error) => {
                self.told.error = Some(error.to_string());
                self.stream = None;
            }
        }
    }
}
