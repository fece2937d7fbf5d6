//! What the operator's maps make of a record's addresses.

use crate::deliver::Destination;

/// What is left of a record's addresses after the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The record's addresses before any map, for `tlsrptctl maptest`.
    pub before: Vec<String>,
    /// Where the report goes.
    pub destinations: Vec<Destination>,
    /// What was dropped, each with its reason.
    pub dropped: Vec<(String, String)>,
    /// A map said DISCARD.
    pub discarded_by_map: bool,
}
