//! A record and what the maps make of it: as given, or as DNS has it.

use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{
    domain::Domain,
    tlsrpt_record::{Selection, TlsrptRecord, select},
};

use super::preview::record_json;
use crate::{
    error::Error,
    lookup::{LookupResult, Resolver},
    model::Destination,
    route::{Routed, Routes},
};

/// What becomes of a record's destinations.
#[derive(Debug)]
pub(crate) struct RecordRoute {
    /// The policy domain.
    pub(crate) domain: Domain,
    /// Where the record comes from.
    pub(crate) source: RecordSource,
    /// Before and after the maps; `None` without a record.
    pub(crate) routed: Option<Routed>,
}

/// Where a record comes from.
#[derive(Debug)]
pub(crate) enum RecordSource {
    /// From the command line.
    Given(String),
    /// From DNS: what it said, and the texts of the TXT records.
    Dns(LookupResult, Vec<String>),
}

impl RecordRoute {
    /// Of a record that was given.
    ///
    /// # Errors
    /// When it, the domain or the maps cannot be used.
    pub(crate) fn given(
        settings: &Reportd,
        domain: Domain,
        text: &str,
    ) -> Result<RecordRoute, Error> {
        let record = TlsrptRecord::parse(text).map_err(|error| Error::Argument {
            what: "RECORD",
            problem: error.to_string(),
        })?;
        let routes = Routes::load(settings).map_err(Error::Maps)?;
        Ok(RecordRoute {
            routed: Some(routes.route(&domain, &record)),
            source: RecordSource::Given(text.to_owned()),
            domain,
        })
    }

    /// Of the record that DNS has: asked as the reporter would. To be called where futures run.
    ///
    /// # Errors
    /// When the maps cannot be used.
    pub(crate) async fn in_dns(settings: &Reportd, domain: Domain) -> Result<RecordRoute, Error> {
        let routes = Routes::load(settings).map_err(Error::Maps)?;
        let resolver = Resolver::new(&settings.dns_servers, settings.dns_timeout);
        let (said, texts) = resolver.record_with_texts(&domain).await;
        let routed = match &said {
            LookupResult::Record(record) => Some(routes.route(&domain, record)),
            LookupResult::OptedOut(_) | LookupResult::Unknown(_) => None,
        };
        Ok(RecordRoute {
            source: RecordSource::Dns(said, texts),
            domain,
            routed,
        })
    }

    /// The record's text, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.source {
            RecordSource::Given(text) => Some(text),
            RecordSource::Dns(_, texts) => match select(texts) {
                Selection::One(_, chosen) => texts
                    .iter()
                    .find(|text| **text == chosen)
                    .map(String::as_str),
                _ => None,
            },
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let uris = |destinations: &[Destination]| -> Vec<String> {
            let uris = destinations.iter().map(Destination::uri);
            uris.map(str::to_owned).collect()
        };
        let (record, dns, texts) = match &self.source {
            RecordSource::Given(_) => (self.text(), None, None),
            RecordSource::Dns(said, texts) => (self.text(), Some(record_json(said)), Some(texts)),
        };
        let routed = self.routed.as_ref();
        let dropped = routed.into_iter().flat_map(|routed| &routed.dropped);
        let dropped = dropped
            .map(|(uri, reason)| json!({ "destination": uri, "reason": reason.to_string() }));
        json!({
            "domain": self.domain.as_str(),
            "record": record,
            "dns": dns,
            "txt_records": texts,
            "before": routed.map_or(Vec::new(), |routed| uris(&routed.before)),
            "after": routed.map_or(Vec::new(), |routed| uris(&routed.destinations)),
            "discarded_by_map": routed.is_some_and(|routed| routed.discarded_by_map),
            "left_out": dropped.collect::<Vec<_>>(),
            "more_left_out": routed.map_or(0, |routed| routed.more_dropped),
        })
    }
}
