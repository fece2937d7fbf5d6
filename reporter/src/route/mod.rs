//! Applies the operator's destination maps to the destinations of a record.
//!
//! The record map works on the whole list, by the report's domain. Then each `https:` destination goes through the http map
//! and each `mailto:` destination through the mail map; their results are final. Only a map can name a `directory:`.

mod map;
mod python_regex;
mod uri;

use std::collections::{HashMap, hash_map::Entry};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::tlsrpt_record::TlsrptRecord;
use tlsrptd_service::log::LogThrottle;

use crate::model::{Destination, DestinationKind, NamedBy};
use map::{DestinationMap, MapKind, Mapped};

pub use map::RouteError;

/// The destinations of a report after the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The record's destinations before the maps, for `tlsrptctl maptest`.
    pub before: Vec<Destination>,
    /// Where the report goes.
    pub destinations: Vec<Destination>,
    /// Dropped destinations and unusable URIs of the record, each with its reason; only the first of many.
    pub dropped: Vec<(String, String)>,
    /// The number of further ones.
    pub more_dropped: usize,
    /// No destination is left, and a map said DISCARD.
    pub discarded_by_map: bool,
}

/// Dropped destinations that are kept with their reasons: a record may name thousands.
const MAX_DROPPED: usize = 20;

/// The maps and debug options, read once at start.
#[derive(Debug)]
pub struct Routes {
    record: Option<DestinationMap>,
    mail: SchemeRoute,
    https: SchemeRoute,
    /// A map may fail for each of a million domains: its error is logged at most now and then.
    failures: LogThrottle,
    max_destinations: usize,
}

/// What happens to the destinations of one scheme. A debug option and a map exclude each other.
#[derive(Debug)]
enum SchemeRoute {
    Keep,
    Map(DestinationMap),
    /// A debug option replaces them all.
    Debug(Destination),
}

impl Routes {
    /// Reads the maps.
    ///
    /// # Errors
    /// With all mistakes of all maps.
    pub fn load(settings: &Reportd) -> Result<Routes, Vec<RouteError>> {
        let mut problems = Vec::new();
        let mut load = |which, path: &Option<std::path::PathBuf>| {
            let map = DestinationMap::load(which, path.as_deref()?);
            map.map_err(|mistakes| problems.extend(mistakes)).ok()
        };
        let record = load(MapKind::Rua, &settings.tlsrpt_record_map);
        let mail = load(MapKind::Mail, &settings.mail_destination_map);
        let https = load(MapKind::Http, &settings.http_upload_map);
        if !problems.is_empty() {
            return Err(problems);
        }
        let operators = |uri| Destination::new(uri, NamedBy::Operator);
        let mail_debug = settings.debug_send_mail_dest.as_deref().map(with_mailto);
        Ok(Routes {
            record,
            mail: SchemeRoute::of(mail, mail_debug.map(operators)),
            https: SchemeRoute::of(https, settings.debug_send_http_dest.clone().map(operators)),
            failures: LogThrottle::default(),
            max_destinations: settings.max_destinations,
        })
    }

    /// The destinations of one domain's report.
    pub fn route(&self, domain: &Domain, record: &TlsrptRecord) -> Routed {
        let mut routing = Routing::default();
        for (uri, reason) in &record.rejected {
            routing.drop(uri, reason.to_string());
        }
        routing.more_dropped += record.more_rejected;
        // The parser has removed duplicates.
        let mut before: Vec<Destination> = record.ruas.iter().map(Destination::from).collect();
        for destination in before.drain(before.len().min(self.max_destinations)..) {
            routing.drop(
                destination.uri(),
                format!("beyond max_destinations ({})", self.max_destinations),
            );
        }
        let mut destinations = before.clone();
        if let Some(map) = &self.record {
            let mapped = map.apply(domain.as_str(), domain.as_str(), destinations);
            destinations = routing.settle(mapped, &before);
        }
        for destination in destinations {
            self.route_one(destination, &mut routing);
        }
        if let Some(reason) = &routing.failed
            && let Some(others) = self.failures.pass_now()
        {
            tracing::error!(%domain, reason, others, "a destination map failed: nothing is delivered there");
        }
        Routed {
            discarded_by_map: routing.discarded && routing.kept.is_empty(),
            before,
            destinations: routing.kept,
            dropped: routing.dropped,
            more_dropped: routing.more_dropped,
        }
    }

    fn route_one(&self, destination: Destination, routing: &mut Routing) {
        let step = match destination.kind() {
            DestinationKind::Mailto(_) => &self.mail,
            DestinationKind::Https(_) => &self.https,
            DestinationKind::Directory(_) | DestinationKind::Other => &SchemeRoute::Keep,
        };
        let last = match step {
            SchemeRoute::Keep => vec![destination],
            SchemeRoute::Debug(debug) => vec![debug.clone()],
            SchemeRoute::Map(map) => {
                let (name, uri) = (uri::name(&destination), destination.uri());
                let mapped = map.apply(&name, uri, vec![destination.clone()]);
                routing.settle(mapped, &[destination])
            }
        };
        for destination in last {
            routing.keep(destination);
        }
    }
}

impl SchemeRoute {
    fn of(map: Option<DestinationMap>, debug: Option<Destination>) -> SchemeRoute {
        match (map, debug) {
            (_, Some(debug)) => SchemeRoute::Debug(debug),
            (Some(map), None) => SchemeRoute::Map(map),
            (None, None) => SchemeRoute::Keep,
        }
    }
}

/// `debug_send_mail_dest` may be an address alone.
fn with_mailto(address: &str) -> String {
    let has_scheme = address
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    match has_scheme {
        true => address.to_owned(),
        false => format!("mailto:{address}"),
    }
}

/// The state of routing one report.
#[derive(Debug, Default)]
struct Routing {
    kept: Vec<Destination>,
    /// The index in `kept` of the destination at each place.
    places: HashMap<String, usize>,
    dropped: Vec<(String, String)>,
    more_dropped: usize,
    discarded: bool,
    /// Why a map failed.
    failed: Option<String>,
}

impl Routing {
    fn settle(&mut self, mapped: Mapped, before: &[Destination]) -> Vec<Destination> {
        match mapped {
            Mapped::To(destinations) => return destinations,
            Mapped::Discarded => self.discarded = true,
            Mapped::Failed(reason) => {
                for destination in before {
                    self.drop(destination.uri(), reason.clone());
                }
                self.failed = Some(reason);
            }
        }
        Vec::new()
    }

    fn keep(&mut self, destination: Destination) {
        if let Some(flaw) = uri::flaw(&destination) {
            return self.drop(destination.uri(), format!("a map made it unusable: {flaw}"));
        }
        // One report is sent to one place once, as its first spelling says.
        match self.places.entry(uri::place(&destination)) {
            Entry::Vacant(place) => {
                place.insert(self.kept.len());
                self.kept.push(destination);
            }
            // If both the record and the operator name a place, it counts as the operator's.
            Entry::Occupied(place) if destination.named_by == NamedBy::Operator => {
                self.kept[*place.get()].named_by = NamedBy::Operator;
            }
            Entry::Occupied(_) => {}
        }
    }

    fn drop(&mut self, uri: &str, reason: String) {
        if self.dropped.len() < MAX_DROPPED {
            self.dropped.push((uri.to_owned(), reason));
        } else {
            self.more_dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests;
