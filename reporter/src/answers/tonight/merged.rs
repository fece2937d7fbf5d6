//! All collectors' counts of today, each read at its own pace and put aside, then merged domain by domain.

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::domain::Domain;

use super::{
    CollectorTonight,
    spool::{Spool, SpoolReader},
};
use crate::{
    answers::{
        collectors_today::other_day,
        waiting::{WaitNote, answers_of},
    },
    gather::{self, GatherError, RunAs, TodayLimits, TodayStream},
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
    rest: Option<SpoolReader>,
    /// A domain and its counts.
    next: Option<(String, String)>,
}

/// What all collectors are asked.
pub(super) struct TodayQuestion<'a> {
    /// This domain alone.
    pub(super) domain: Option<&'a Domain>,
    pub(super) now: Timestamp,
    pub(super) limits: TodayLimits,
}

impl MergedToday {
    /// Asks all of them at once, and waits until each has told all, or has used up its time.
    pub(super) async fn ask(
        settings: &Reportd,
        question: &TodayQuestion<'_>,
        note: WaitNote,
    ) -> MergedToday {
        let run_as = &RunAs::of(settings);
        let asked = settings.fetchers.iter().map(|fetcher| {
            let mut source = Source::new(collector_of(&fetcher.text));
            let name = source.told.command.clone();
            let answer = async move {
                let asked = match question.domain {
                    Some(domain) => source.ask_one(&fetcher.text, run_as, domain).await,
                    None => {
                        let most = settings.max_answer_size;
                        source.ask_all(&fetcher.text, run_as, most, question).await
                    }
                };
                source.told.error = asked.err();
                source.read();
                source
            };
            (name, answer)
        });
        MergedToday {
            sources: answers_of(asked, note).await,
        }
    }

    /// The next domain, with the counts of each collector that has any.
    pub(super) fn next(&mut self) -> Option<(String, Vec<CollectorRow>)> {
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
                data: Some(counts),
            });
            source.read();
        }
        Some((domain, rows))
    }

    /// How each collector did.
    pub(super) fn collectors(self) -> Vec<CollectorTonight> {
        self.sources.into_iter().map(|source| source.told).collect()
    }
}

impl Source {
    fn new(command: String) -> Source {
        Source {
            told: CollectorTonight {
                command,
                ..CollectorTonight::default()
            },
            rest: None,
            next: None,
        }
    }

    async fn ask_one(
        &mut self,
        command: &str,
        run_as: &RunAs,
        domain: &Domain,
    ) -> Result<(), String> {
        let counts = gather::today(command, run_as, domain).await;
        let counts = counts.map_err(|error| error.to_string())?;
        self.told.domains = u64::from(counts.is_some());
        self.next = counts.map(|counts| (domain.to_string(), counts.to_json()));
        Ok(())
    }

    /// What comes before a fault is good.
    async fn ask_all(
        &mut self,
        command: &str,
        run_as: &RunAs,
        max_size: u64,
        question: &TodayQuestion<'_>,
    ) -> Result<(), String> {
        let mut stream = TodayStream::ask(command, run_as, max_size, question.limits)
            .await
            .map_err(|error| error.to_string())?;
        if let Some(problem) = other_day(&stream, question.now) {
            return Err(problem);
        }
        let mut spool = Spool::new().map_err(unkept)?;
        let filled = self.fill(&mut spool, &mut stream).await;
        self.rest = Some(spool.read().map_err(unkept)?);
        filled
    }

    async fn fill(&mut self, spool: &mut Spool, stream: &mut TodayStream) -> Result<(), String> {
        let told = |error: GatherError| error.to_string();
        while let Some((domain, counts)) = stream.next().await.map_err(told)? {
            let kept = spool.put(domain.as_str(), &counts.to_json());
            kept.map_err(unkept)?;
            self.told.domains += 1;
        }
        match stream.left_out {
            0 => Ok(()),
            lines => Err(format!("{lines} lines cannot be used")),
        }
    }

    fn read(&mut self) {
        let Some(rest) = &mut self.rest else {
            return;
        };
        match rest.next() {
            Ok(next) => self.next = next,
            Err(error) => {
                self.told.error = Some(format!("what it told cannot be read again: {error}"));
                self.rest = None;
            }
        }
    }
}

fn unkept(error: std::io::Error) -> String {
    format!("its answer cannot be kept: {error}")
}

#[cfg(test)]
mod tests;
