//! `tlsrptctl maptest DOMAIN RECORD`: what the maps make of a record.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{domain::Domain, tlsrpt_record::TlsrptRecord};

use super::{answer::Answer, not_built_yet};
use crate::{
    error::Error,
    model::Destination,
    route::{Routed, Routes},
};

/// The destinations before and after mapping; without `record`, of that in DNS.
pub(super) fn answer(
    settings: &Reportd,
    domain: &str,
    record: Option<&str>,
) -> Result<Answer, Error> {
    let fault = |what, problem: &dyn std::fmt::Display| Error::Argument {
        what,
        problem: problem.to_string(),
    };
    let domain = Domain::parse(domain).map_err(|error| fault("DOMAIN", &error))?;
    let Some(record) = record else {
        return Err(not_built_yet("maptest without RECORD"));
    };
    let parsed = TlsrptRecord::parse(record).map_err(|error| fault("RECORD", &error))?;
    let routes = Routes::load(settings).map_err(Error::Maps)?;
    let routed = routes.route(&domain, &parsed);
    Ok(Answer::new(show(&routed), json(&domain, record, &routed)))
}

fn json(domain: &Domain, record: &str, routed: &Routed) -> Value {
    let uris = |destinations: &[Destination]| -> Vec<String> {
        let uris = destinations.iter().map(|destination| destination.uri());
        uris.map(|uri| uri.to_string()).collect()
    };
    let dropped = routed
        .dropped
        .iter()
        .map(|(uri, reason)| json!({ "destination": uri, "reason": reason.to_string() }));
    json!({
        "domain": domain.as_str(),
        "record": record,
        "before": uris(&routed.before),
        "after": uris(&routed.destinations),
        "discarded_by_map": routed.discarded_by_map,
        "left_out": dropped.collect::<Vec<_>>(),
        "more_left_out": routed.more_dropped,
    })
}

fn show(routed: &Routed) -> String {
    let mut text = String::from("Before mapping:\n");
    let line = |text: &mut String, content: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {content}");
    };
    routed
        .before
        .iter()
        .for_each(|destination| line(&mut text, destination.uri()));
    text.push_str("After mapping:\n");
    routed
        .destinations
        .iter()
        .for_each(|destination| line(&mut text, destination.uri()));
    if routed.discarded_by_map {
        line(&mut text, "none: discarded by a map");
    }
    if !routed.dropped.is_empty() {
        text.push_str("Left out:\n");
        for (uri, reason) in &routed.dropped {
            line(&mut text, &format!("{uri}: {reason}"));
        }
        if routed.more_dropped > 0 {
            line(&mut text, &format!("and {} more", routed.more_dropped));
        }
    }
    text
}
