//! What the daemon would decide, by its own code: nothing is stored, nothing is sent.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use crate::{
    compose::{self, Composer},
    environment::Records,
    error::Error,
    lookup::{BlockLists, LookupResult, Resolver},
    model::{DecidedDomain, Decision, DomainDay},
    route::Routes,
    store::{LoopGuard, OperatorStore},
    suppress::Suppressions,
};

/// Stands in a preview's report-id while no reporter has a database yet.
const NO_INSTALLATION: &str = "0000000000000000";

/// Decides as the daemon would.
pub(crate) struct Previewer {
    pub(crate) composer: Composer,
    suppressions: Suppressions,
    resolver: Option<Resolver>,
    block_lists: Option<BlockLists>,
}

/// A decision that would be made.
#[derive(Clone, Debug)]
pub(crate) struct Preview {
    /// It.
    pub(crate) decided: DecidedDomain,
    /// What DNS said, if it was asked.
    pub(crate) record: Option<LookupResult>,
    /// Not before then.
    pub(crate) at: Timestamp,
}

impl Previewer {
    /// From the settings, and what the store knows. To be called where futures run.
    ///
    /// # Errors
    /// When the maps or the contact cannot be used, or the store cannot be read.
    pub(crate) fn new(
        settings: &Reportd,
        store: Option<&dyn OperatorStore>,
    ) -> Result<Previewer, Error> {
        let routes = Routes::load(settings).map_err(Error::Maps)?;
        let installation = installation(store)?;
        let suppressions = match store {
            Some(store) => store.suppression_list()?,
            None => Suppressions::default(),
        };
        Ok(Previewer {
            composer: Composer::new(settings, routes, installation).map_err(Error::Contact)?,
            suppressions,
            resolver: settings
                .resolve_records
                .then(|| Resolver::new(&settings.dns_servers, settings.dns_timeout)),
            block_lists: BlockLists::new(settings),
        })
    }

    /// Whether mails of ours are set against the sessions.
    pub(crate) fn guard(&self) -> LoopGuard {
        match self.composer.loop_guard {
            true => LoopGuard::On,
            false => LoopGuard::Off,
        }
    }

    /// Decides, with the report's text.
    pub(crate) async fn decide(&self, day: Day, found: DomainDay, now: Timestamp) -> Preview {
        let (records, at) = (
            Remembered::new(self.resolver.as_ref(), self.block_lists.as_ref()),
            decided_at(day, now),
        );
        let decided = self.composer.decide(&records, day, found, at, 0).await;
        Preview {
            decided: self.suppressed(decided, at),
            record: records.said(),
            at,
        }
    }

    /// Decides without DNS and without the text: by the record that the MTA saw.
    pub(crate) async fn outlook(
        &self,
        day: Day,
        found: DomainDay,
        now: Timestamp,
    ) -> DecidedDomain {
        let at = decided_at(day, now);
        let decided = self
            .composer
            .outlook(&Remembered::new(None, None), day, found, at)
            .await;
        self.suppressed(decided, at)
    }

    /// What DNS says of a domain's record; `None` with `resolve_records = no`.
    pub(crate) async fn record(&self, domain: &Domain) -> Option<LookupResult> {
        match &self.resolver {
            Some(resolver) => Some(resolver.record(domain).await),
            None => None,
        }
    }

    fn suppressed(&self, mut decided: DecidedDomain, at: Timestamp) -> DecidedDomain {
        compose::suppress(&mut decided, &self.suppressions, Day::of(at));
        decided
    }
}

impl Preview {
    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let rows = &self.decided.rows;
        let (destinations, suppressed, reason) = match &self.decided.decision {
            Decision::Report(report) => {
                let to = report
                    .destinations
                    .iter()
                    .map(|(to, _)| to.uri().to_owned());
                let suppressed = report
                    .suppressed
                    .iter()
                    .map(|(to, reason)| json!({ "destination": to.uri(), "reason": reason }));
                (to.collect(), suppressed.collect(), None)
            }
            Decision::NoReport(reason) => (Vec::new(), Vec::new(), Some(reason)),
        };
        json!({
            "sessions": rows.sessions,
            "failed": rows.failed,
            "destinations": destinations,
            "suppressed": Value::Array(suppressed),
            "reason": reason,
            "dns": self.record.as_ref().map(record_json),
            "not_before": self.at.to_string(),
        })
    }
}

/// Whose the database is.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn installation(store: Option<&dyn OperatorStore>) -> Result<InstallationId, Error> {
    let known = match store {
        Some(store) => store.installation()?,
        None => None,
    };
    known
        .or_else(|| InstallationId::parse(NO_INSTALLATION))
        .ok_or_else(|| Error::Argument {
            what: "installation",
            problem: "not one".to_owned(),
        })
}

/// What DNS said, for programs.
pub(crate) fn record_json(said: &LookupResult) -> Value {
    match said {
        LookupResult::Record(record) => {
            let ruas: Vec<String> = record.ruas.iter().map(|rua| rua.uri()).collect();
            json!({ "result": "record", "destinations": ruas, "reason": null })
        }
        LookupResult::OptedOut(reason) => {
            json!({ "result": "none", "destinations": [], "reason": reason })
        }
        LookupResult::Unknown(reason) => {
            json!({ "result": "failed", "destinations": [], "reason": reason })
        }
    }
}

/// A day is decided on when it has ended.
fn decided_at(day: Day, now: Timestamp) -> Timestamp {
    now.max(day.next().start())
}

/// Asks DNS, and remembers what it said.
struct Remembered<'a> {
    resolver: Option<&'a Resolver>,
    block_lists: Option<&'a BlockLists>,
    said: Mutex<Option<LookupResult>>,
}

impl<'a> Remembered<'a> {
    fn new(resolver: Option<&'a Resolver>, block_lists: Option<&'a BlockLists>) -> Remembered<'a> {
        Remembered {
            resolver,
            block_lists,
            said: Mutex::new(None),
        }
    }

    fn said(self) -> Option<LookupResult> {
        self.said
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for Remembered<'_> {
    async fn record(&self, domain: &Domain) -> Option<LookupResult> {
        let said = self.resolver?.record(domain).await;
        let mut last = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(said.clone());
        Some(said)
    }

    fn block_lists(&self) -> Option<&BlockLists> {
        self.block_lists
    }
}
