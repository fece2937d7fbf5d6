//! What maps need to know of a destination's text.

use tlsrptd_proto::tlsrpt_record::Mailbox;
use url::Url;

use crate::canonical::canonical;

/// The kind of a destination, by its scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mail,
    Https,
    Other,
}

pub(super) fn kind(uri: &str) -> Kind {
    match uri.split_once(':') {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("mailto") => Kind::Mail,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Kind::Https,
        _ => Kind::Other,
    }
}

/// The name that a domain pattern is matched against: the host of a URL, the domain of an address.
pub(super) fn name(uri: &str) -> String {
    match kind(uri) {
        Kind::Mail => uri
            .rsplit_once('@')
            .map_or(String::new(), |(_, domain)| domain.to_owned()),
        _ => Url::parse(uri)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default(),
    }
}

/// The same text for all spellings of one place.
pub(super) fn place(uri: &str) -> String {
    match kind(uri) {
        // A directory, with or without the slash at its end.
        Kind::Other => uri.trim_end_matches('/').to_owned(),
        _ => canonical(uri).unwrap_or_else(|| uri.to_owned()),
    }
}

/// Whether a rewritten URI still leads where the old one did: to the same host, by the same
/// scheme. Then the operator's substitution has not vouched for the place.
pub(super) fn same_place(old: &str, new: &str) -> bool {
    old == new || (kind(old) == Kind::Https && kind(new) == Kind::Https && name(old) == name(new))
}

/// Why a map's or option's text can be no destination at all.
pub(super) fn flaw(uri: &str) -> Option<&'static str> {
    if uri.is_empty() {
        return Some("empty");
    }
    // A quoted local part may hold spaces (RFC 5321 section 4.1.2).
    let is_address = |address| Mailbox::parse(address).is_ok();
    if uri.strip_prefix("mailto:").is_some_and(is_address) {
        return None;
    }
    if uri.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("white space or control characters");
    }
    None
}
