//! `tlsrptctl dkim-record`: what has to stand in DNS.

use std::fmt::Write as _;

use tlsrptd_config::reportd::Reportd;

use crate::{deliver, error::Error};

/// A string of a TXT record holds so many octets (RFC 1035 section 3.3.14).
const STRING: usize = 255;

/// One line a key, as a zone file has it.
pub(super) fn records(settings: &Reportd) -> Result<String, Error> {
    let records = deliver::dkim_records(settings).map_err(Error::Deliver)?;
    if records.is_empty() {
        return Ok("dkim_keys is not set: the MTA signs\n".to_owned());
    }
    let mut text = String::new();
    for (name, record) in records {
        let mut strings = Vec::new();
        let mut rest = record.as_str();
        while !rest.is_empty() {
            // ASCII alone.
            let (string, after) = rest.split_at(rest.len().min(STRING));
            strings.push(format!("\"{string}\""));
            rest = after;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}. IN TXT {}", strings.join(" "));
    }
    Ok(text)
}
