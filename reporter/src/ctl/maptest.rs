//! `tlsrptctl maptest DOMAIN RECORD`: what the maps make of a record.

use std::fmt::Write as _;

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{domain::Domain, tlsrpt_record::TlsrptRecord};

use crate::{
    error::Error,
    route::{Routed, Routes},
};

/// The destinations before and after mapping.
pub(super) fn maptest(settings: &Reportd, domain: &str, record: &str) -> Result<String, Error> {
    let fault = |what, problem: &dyn std::fmt::Display| Error::Argument {
        what,
        problem: problem.to_string(),
    };
    let domain = Domain::parse(domain).map_err(|error| fault("DOMAIN", &error))?;
    let record = TlsrptRecord::parse(record).map_err(|error| fault("RECORD", &error))?;
    let routes = Routes::load(settings).map_err(Error::Maps)?;
    Ok(show(&routes.route(&domain, &record)))
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
