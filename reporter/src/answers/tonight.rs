//! What would go out tonight: what all collectors have counted today, merged, and decided on by the records that the MTA saw.
//! However many domains there are, one of each collector is in memory, and the rows that are shown.

mod merged;
mod most;
mod spool;

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};
use tokio::task::yield_now;

use super::{preview::Previewer, stored_day::open, waiting::WaitNote};
use crate::{
    compose::MX_HOSTS_A_DAY,
    error::Error,
    gather::TodayLimits,
    model::{DecidedDomain, Decision, DomainDay, OurMails},
};
use merged::{MergedToday, TodayQuestion};
use most::MostSessions;

/// After so many domains it is seen whether somebody wants it to end.
const AT_ONCE: u64 = 256;

/// Which domains are wanted.
#[derive(Clone, Debug)]
pub(crate) struct TonightQuestion {
    /// This one alone.
    pub(crate) domain: Option<Domain>,
    /// Those with this outlook.
    pub(crate) outlook: Option<Outlook>,
    /// So many rows.
    pub(crate) limit: usize,
}

/// What is to be expected for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// A report.
    Report,
    /// A report, but not to all of its destinations; or none, as all are suppressed.
    Suppressed,
    /// No report.
    None,
}

/// The answer.
#[derive(Clone, Debug)]
pub(crate) struct Tonight {
    /// Today.
    pub(crate) day: Day,
    /// In the order of `fetchers`.
    pub(crate) collectors: Vec<CollectorTonight>,
    /// Domains with sessions.
    pub(crate) domains: u64,
    /// All sessions.
    pub(crate) sessions: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
    /// Reports to be expected.
    pub(crate) reports: u64,
    /// Their destinations.
    pub(crate) deliveries: u64,
    /// With `mx_reports`: MX hosts with DANE. Which of them ask for reports is seen when the day is decided on.
    pub(crate) mx_hosts: Option<MxHostsTonight>,
    /// Domains and sessions without a report, by the kind of reason.
    pub(crate) without: BTreeMap<String, (u64, u64)>,
    /// Domains that fit the question, those of the most sessions first.
    pub(crate) rows: Vec<TonightRow>,
    /// Further ones.
    pub(crate) more: u64,
}

/// MX hosts whose TLSRPT records will be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MxHostsTonight {
    names: HashSet<Domain>,
    /// Sessions there.
    pub(crate) sessions: u64,
}

/// What one collector has told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CollectorTonight {
    /// Its command.
    pub(crate) command: String,
    /// Domains that came.
    pub(crate) domains: u64,
    /// Why that is not all.
    pub(crate) error: Option<String>,
}

/// One domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TonightRow {
    /// Its name.
    pub(crate) domain: String,
    /// Its sessions.
    pub(crate) sessions: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Where its report would go.
    pub(crate) destinations: Vec<String>,
    /// Where it would not, being suppressed.
    pub(crate) suppressed: Vec<String>,
    /// Why there would be none.
    pub(crate) reason: Option<String>,
}

impl Tonight {
    /// Asks all collectors. `note` is told whose answers are waited for.
    ///
    /// # Errors
    /// When the settings or the store cannot be used.
    pub(crate) async fn find(
        settings: &Reportd,
        question: &TonightQuestion,
        now: Timestamp,
        note: WaitNote,
    ) -> Result<Tonight, Error> {
        let day = Day::of(now);
        let store = open(settings, day, day)?;
        let previewer = Previewer::new(settings, store.as_deref())?;
        let asked = TodayQuestion {
            domain: question.domain.as_ref(),
            now,
            limits: TodayLimits::default(),
        };
        let mut merged = MergedToday::ask(settings, &asked, note).await;
        let mut tonight = Tonight::new(day);
        tonight.mx_hosts = settings.mx_reports.then(MxHostsTonight::default);
        let mut most = MostSessions::new(question.limit);
        while let Some((domain, rows)) = merged.next() {
            let found = DomainDay {
                domain,
                rows,
                our_mails: OurMails::default(),
                mx_mails: Vec::new(),
                reports: 0,
            };
            let decided = previewer.outlook(day, found, now).await;
            if let Some(hosts) = &mut tonight.mx_hosts {
                hosts.add(&decided);
            }
            let row = TonightRow::of(decided);
            tonight.count(&row);
            if question.outlook.is_none_or(|wanted| row.has(wanted)) {
                most.offer(row);
            }
            if tonight.domains.is_multiple_of(AT_ONCE) {
                yield_now().await;
            }
        }
        (tonight.rows, tonight.more) = most.rows();
        tonight.collectors = merged.collectors();
        Ok(tonight)
    }

    fn new(day: Day) -> Tonight {
        Tonight {
            day,
            collectors: Vec::new(),
            domains: 0,
            sessions: 0,
            failed: 0,
            reports: 0,
            deliveries: 0,
            mx_hosts: None,
            without: BTreeMap::new(),
            rows: Vec::new(),
            more: 0,
        }
    }

    fn count(&mut self, row: &TonightRow) {
        self.domains += 1;
        self.sessions = self.sessions.saturating_add(row.sessions);
        self.failed = self.failed.saturating_add(row.failed);
        let Some(reason) = &row.reason else {
            self.reports += 1;
            self.deliveries += u64::try_from(row.destinations.len()).unwrap_or(u64::MAX);
            return;
        };
        let kind = reason.split(": ").next().unwrap_or_default();
        let (domains, sessions) = self.without.entry(kind.to_owned()).or_default();
        *domains += 1;
        *sessions = sessions.saturating_add(row.sessions);
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let collectors = self.collectors.iter().map(|collector| {
            json!({
                "collector": collector.command,
                "domains": collector.domains,
                "error": collector.error,
            })
        });
        let without = self.without.iter().map(|(reason, (domains, sessions))| {
            json!({ "reason": reason, "domains": domains, "sessions": sessions })
        });
        let rows = self.rows.iter().map(|row| {
            json!({
                "domain": row.domain,
                "sessions": row.sessions,
                "failed": row.failed,
                "destinations": row.destinations,
                "suppressed": row.suppressed,
                "reason": row.reason,
            })
        });
        let mx_hosts = self.mx_hosts.as_ref();
        json!({
            "day": self.day.to_string(),
            "mx_hosts": mx_hosts.map(MxHostsTonight::number),
            "sessions_at_mx_hosts": mx_hosts.map(|hosts| hosts.sessions),
            "domains": self.domains,
            "sessions": self.sessions,
            "failed": self.failed,
            "reports": self.reports,
            "deliveries": self.deliveries,
            "without": without.collect::<Vec<_>>(),
            "collectors": collectors.collect::<Vec<_>>(),
            "rows": rows.collect::<Vec<_>>(),
            "more_rows": self.more,
        })
    }
}

impl MxHostsTonight {
    fn add(&mut self, decided: &DecidedDomain) {
        for (host, counts) in &decided.rows.by_mx_host {
            self.sessions = self.sessions.saturating_add(counts.sessions());
            if self.names.len() < MX_HOSTS_A_DAY {
                self.names.insert(host.clone());
            }
        }
    }

    /// How many there are, as far as they are looked up.
    pub(crate) fn number(&self) -> usize {
        self.names.len()
    }
}

impl TonightRow {
    fn of(decided: DecidedDomain) -> TonightRow {
        let (report, reason) = match decided.decision {
            Decision::Report(report) => (Some(report), None),
            Decision::NoReport(reason) => (None, Some(reason)),
        };
        let (destinations, suppressed) = report.map_or_else(Default::default, |report| {
            let to = report.destinations.into_iter();
            let suppressed = report.suppressed.into_iter();
            (
                to.map(|(to, _)| to.uri().to_owned()).collect(),
                suppressed.map(|(to, _)| to.uri().to_owned()).collect(),
            )
        });
        TonightRow {
            domain: decided.domain,
            sessions: decided.rows.sessions,
            failed: decided.rows.failed,
            destinations,
            suppressed,
            reason,
        }
    }

    fn has(&self, outlook: Outlook) -> bool {
        let reason = self.reason.as_deref();
        match outlook {
            Outlook::Report => reason.is_none(),
            Outlook::None => reason.is_some(),
            Outlook::Suppressed => {
                !self.suppressed.is_empty()
                    || reason.is_some_and(|reason| reason.starts_with("suppressed: "))
            }
        }
    }
}
