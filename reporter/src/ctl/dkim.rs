//! `tlsrptctl dkim-record`: what has to stand in DNS.

use serde_json::json;
use tlsrptd_config::reportd::Reportd;

use super::answer::CommandAnswer;
use crate::{deliver, error::Error};

/// A string of a TXT record holds so many octets (RFC 1035 section 3.3.14).
const STRING: usize = 255;

/// One line a key, as a zone file has it.
pub(super) fn answer(settings: &Reportd) -> Result<CommandAnswer, Error> {
    let records = deliver::dkim_records(settings).map_err(Error::Deliver)?;
    let json = records.iter().map(|(name, record)| {
        json!({ "name": name, "type": "TXT", "text": record, "zone_line": zone_line(name, record) })
    });
    let json = json!({ "records": json.collect::<Vec<_>>() });
    let lines = records
        .iter()
        .map(|(name, record)| zone_line(name, record) + "\n");
    Ok(match records.is_empty() {
        true => CommandAnswer::new("dkim_keys is not set: the MTA signs\n", json),
        false => CommandAnswer::new(lines.collect::<String>(), json),
    })
}

/// As a zone file has it.
pub(super) fn zone_line(name: &str, record: &str) -> String {
    let mut strings = Vec::new();
    let mut rest = record;
    while !rest.is_empty() {
        // ASCII alone.
        let (string, after) = rest.split_at(rest.len().min(STRING));
        strings.push(format!("\"{string}\""));
        rest = after;
    }
    format!("{name}. IN TXT {}", strings.join(" "))
}
