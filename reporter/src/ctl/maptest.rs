//! `tlsrptctl maptest DOMAIN [RECORD]`: what the maps make of a record, given or in DNS.

use std::fmt::Write as _;

use tlsrptd_config::{exit, reportd::Reportd};

use super::answer::CommandAnswer;
use crate::{
    answers::{
        reason,
        record::{RecordRoute, RecordSource},
        runtime,
        stored_day::read_domain,
    },
    error::Error,
    lookup::LookupResult,
    route::Routed,
};

/// The destinations before and after mapping; without `record`, of that in DNS.
pub(super) fn answer(
    settings: &Reportd,
    domain: &str,
    record: Option<&str>,
) -> Result<CommandAnswer, Error> {
    let domain = read_domain(domain)?;
    let found = match record {
        Some(record) => RecordRoute::given(settings, domain, record)?,
        None => runtime::wait_for(RecordRoute::in_dns(settings, domain))?,
    };
    let mut text = dns(&found, settings);
    if let Some(routed) = &found.routed {
        text.push_str(&show(routed));
    }
    let answer = CommandAnswer::new(text, found.json());
    match found.routed {
        Some(_) => Ok(answer),
        None => Ok(answer.with_exit(exit::FAILED)),
    }
}

/// What DNS said, if it was asked.
fn dns(found: &RecordRoute, settings: &Reportd) -> String {
    let RecordSource::Dns(said, texts) = &found.source else {
        return String::new();
    };
    let domain = found.domain.as_str();
    let mut lines = vec![match said {
        LookupResult::Record(_) => format!("DNS at _smtp._tls.{domain}:"),
        LookupResult::OptedOut(detail) => {
            format!("{domain}: {}", reason::opted_out(detail, domain))
        }
        LookupResult::Unknown(why) => format!(
            "DNS did not answer for _smtp._tls.{domain}: {why} (the reporter would use the record that the MTA saw)"
        ),
    }];
    match found.text() {
        Some(record) => lines.push(format!("  {record}")),
        None => lines.extend(texts.iter().map(|text| format!("  TXT: {text}"))),
    }
    if !settings.resolve_records {
        lines.push(
            "The reporter itself does not ask DNS: resolve_records is no, and the record that the MTA saw counts".to_owned(),
        );
    }
    // Whoever wrote a record: it stays on its line.
    let lines = lines
        .iter()
        .map(|line| line.replace(char::is_control, " ") + "\n");
    lines.collect()
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
