//! Properties of a destination that the maps need.

use crate::model::{Destination, DestinationKind};

/// The name for domain patterns: the host of a URL or the domain of an address.
pub(super) fn name(destination: &Destination) -> String {
    match destination.https_url() {
        Some(url) => url.host_str().unwrap_or_default().to_owned(),
        // An invalid address too: a map may correct it.
        None => destination
            .uri()
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
            .to_owned(),
    }
}

/// One text for all spellings of a place, for comparing.
pub(super) fn place(destination: &Destination) -> String {
    // A directory, with or without the slash at its end.
    destination
        .canonical()
        .unwrap_or_else(|| destination.uri().trim_end_matches('/').to_owned())
}

/// Whether a rewritten destination has the host of the old one. Then the record still names the host, and not the operator.
pub(super) fn is_same_host(old: &Destination, new: &Destination) -> bool {
    let is_one_host = || Some(old.https_url()?.host_str() == new.https_url()?.host_str());
    old.uri() == new.uri() || is_one_host().unwrap_or(false)
}

/// Why a text of a map or option cannot be a destination.
pub(super) fn flaw(destination: &Destination) -> Option<&'static str> {
    if destination.uri().is_empty() {
        return Some("empty");
    }
    // A quoted local part may hold spaces (RFC 5321 section 4.1.2).
    if matches!(destination.kind(), DestinationKind::Mailto(Ok(_))) {
        return None;
    }
    let is_blank = |c: char| c.is_control() || c.is_whitespace();
    destination
        .uri()
        .contains(is_blank)
        .then_some("white space or control characters")
}
