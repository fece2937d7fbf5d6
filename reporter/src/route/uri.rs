//! What maps need to know of a destination.

use crate::model::{Destination, DestinationKind};

/// The name that a domain pattern is matched against: the host of a URL, the domain of an address.
pub(super) fn name(destination: &Destination) -> String {
    match destination.https_url() {
        Some(url) => url.host_str().unwrap_or_default().to_owned(),
        // Of an address that cannot be used too: a map may mend it.
        None => destination
            .uri()
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
            .to_owned(),
    }
}

/// The same text for all spellings of one place.
pub(super) fn place(destination: &Destination) -> String {
    // A directory, with or without the slash at its end.
    destination
        .canonical()
        .unwrap_or_else(|| destination.uri().trim_end_matches('/').to_owned())
}

/// Whether a rewritten destination is still at the host of the old one. Then the operator's substitution has not vouched
/// for the host.
pub(super) fn is_same_host(old: &Destination, new: &Destination) -> bool {
    let is_one_host = || Some(old.https_url()?.host_str() == new.https_url()?.host_str());
    old.uri() == new.uri() || is_one_host().unwrap_or(false)
}

/// Why a map's or option's text can be no destination at all.
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
