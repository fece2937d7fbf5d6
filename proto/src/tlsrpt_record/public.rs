//! Names that a stranger's record may lead to.
//!
//! Reports go to whatever a record names, and the relay takes them as mail of a trusted client. So a record must not be
//! able to name the relay's own host or something in its network: what is no name of the public DNS is unusable. The
//! operator's maps may name anything.

use std::net::Ipv4Addr;

/// Names that are local wherever they are asked for, or no part of DNS at all, and everything below them.
///
/// `test` and `example` (RFC 6761 sections 6.2 and 6.5) are missing: they lead nowhere unless an operator has set them up,
/// for tests, and then they are to be reported to.
const RESERVED: &[&str] = &[
    // RFC 6761 sections 6.3 and 6.4.
    "localhost",
    "invalid",
    // What /etc/hosts of Red Hat and others adds to the first.
    "localdomain",
    "localdomain4",
    "localdomain6",
    "localhost4",
    "localhost6",
    // RFC 6762 section 3, and the names of private networks of its appendix G. ICANN has reserved `internal` (2024), and
    // delegates none of `home`, `corp` and `mail` for their use in such networks (2018).
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "mail",
    // RFC 7686; RFC 9476.
    "onion",
    "alt",
    // RFC 3172: infrastructure, among it home.arpa (RFC 8375) and the private networks' reverse zones (RFC 6303).
    "arpa",
];

/// Why a name is none that a record may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPublic {
    /// `b`, which resolvers complete by their search list.
    #[error("it has one label (allowed: a name of the public DNS)")]
    OneLabel,
    /// `127.0.0.1`, `a.1`: no top-level domain is a number (RFC 3696 section 2).
    #[error("it ends in a number (allowed: a name of the public DNS)")]
    Number,
    /// One of those above.
    #[error("nothing under .{0} is public (allowed: a name of the public DNS)")]
    Reserved(&'static str),
}

/// Whether a record may lead to this name: lower case, no trailing dot.
pub(super) fn check(name: &str) -> Result<(), NotPublic> {
    let (_, last) = name.rsplit_once('.').unwrap_or(("", name));
    if let Some(reserved) = RESERVED.iter().find(|reserved| **reserved == last) {
        return Err(NotPublic::Reserved(reserved));
    }
    if ends_in_number(name) {
        return Err(NotPublic::Number);
    }
    if last.len() == name.len() {
        return Err(NotPublic::OneLabel);
    }
    Ok(())
}

/// The same of a URL's host, which may be an address: whoever connects decides on those.
pub(super) fn check_host(host: &str) -> Result<(), NotPublic> {
    if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    check(host)
}

/// Whether readers may take the name for an IPv4 address, as WHATWG's do: `127.1`, `2130706433`, `a.0x7f`.
pub(super) fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    last.bytes().all(|byte| byte.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_public() {
        for (name, want, why) in [
            ("example.com", Ok(()), "an ordinary one"),
            ("a.test", Ok(()), "leads nowhere unless it was set up"),
            ("local.example", Ok(()), "only the end counts"),
            (
                "notlocal",
                Err(NotPublic::OneLabel),
                "a search list may complete it",
            ),
            ("b", Err(NotPublic::OneLabel), "one label"),
            (
                "localhost",
                Err(NotPublic::Reserved("localhost")),
                "ourselves",
            ),
            (
                "x.localhost",
                Err(NotPublic::Reserved("localhost")),
                "below it too",
            ),
            (
                "localhost.localdomain",
                Err(NotPublic::Reserved("localdomain")),
                "/etc/hosts",
            ),
            (
                "printer.local",
                Err(NotPublic::Reserved("local")),
                "multicast DNS",
            ),
            (
                "x.internal",
                Err(NotPublic::Reserved("internal")),
                "private",
            ),
            (
                "x.home.arpa",
                Err(NotPublic::Reserved("arpa")),
                "a home network",
            ),
            (
                "1.0.0.10.in-addr.arpa",
                Err(NotPublic::Reserved("arpa")),
                "a reverse zone",
            ),
            ("x.onion", Err(NotPublic::Reserved("onion")), "not in DNS"),
            (
                "x.alt",
                Err(NotPublic::Reserved("alt")),
                "not in DNS either",
            ),
            ("127.0.0.1", Err(NotPublic::Number), "an address"),
            (
                "2130706433",
                Err(NotPublic::Number),
                "the same in one number",
            ),
            ("127.0.0.0x1", Err(NotPublic::Number), "in hex"),
            ("x.0x", Err(NotPublic::Number), "read as 0"),
            ("a.0xyz", Ok(()), "no number"),
        ] {
            assert_eq!(check(name), want, "{name}: {why}");
        }
        for host in ["192.0.2.1", "[2001:db8::1]", "a.example"] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
        assert!(check_host("intranet").is_err() && check_host("127.1").is_err());
    }
}
