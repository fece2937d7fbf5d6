//! Destinations that the records of others name, for programs.

use serde_json::{Value, json};

use crate::model::NamedDestination;

/// One of them.
pub(crate) fn json(named: &NamedDestination) -> Value {
    json!({
        "day": named.day.to_string(),
        "name": named.name,
        "domains": named.domains,
        "owners": named.owners,
        "sessions": named.sessions,
        "deliveries": named.deliveries,
        "left_out": named.left_out,
        "suspect_since": named.suspect_since.map(|day| day.to_string()),
    })
}
