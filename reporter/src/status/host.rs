//! Which names of hosts are ours.
//!
//! A browser sends the name that its user, or any web site, asked for. Whoever owns a domain can let it lead to 127.0.0.1 and
//! then read, from a page of theirs, whatever answers there (DNS rebinding): a browser asks for leave only beyond an
//! origin, and the name is the origin. So only names are answered that nobody else can own.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The names that are answered.
#[derive(Debug, Default)]
pub(crate) struct HostNames {
    /// Of `host_names`: in lower case.
    further: Vec<String>,
}

impl HostNames {
    /// With those of the settings.
    pub(crate) fn new(further: &[String]) -> HostNames {
        let plain = |name: &String| name.trim_end_matches('.').to_ascii_lowercase();
        HostNames {
            further: further.iter().map(plain).collect(),
        }
    }

    /// Whether a request that names this host, maybe with a port, is for us. The port is that of a tunnel or proxy, often.
    ///
    /// An address is nobody's name: a page that has it for its origin came from here.
    pub(crate) fn is_ours(&self, authority: &str) -> bool {
        let Some(host) = without_port(authority) else {
            return false;
        };
        if let Some(address) = host.strip_prefix('[') {
            let address = address.strip_suffix(']').unwrap_or_default();
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        host == "localhost" || host.parse::<Ipv4Addr>().is_ok() || self.further.contains(&host)
    }
}

/// `None`: what stands behind the colon is no port.
fn without_port(authority: &str) -> Option<&str> {
    let end = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    let is_port = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some(host),
        Some(port) if is_port(port) => Some(host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts() {
        let names = HostNames::new(&["Status.Example.".to_owned()]);
        for (authority, want, why) in [
            ("localhost", true, "this host"),
            ("LocalHost:9976", true, "in any spelling, with a port"),
            ("localhost.", true, "as a full name"),
            ("localhost:18080", true, "the port of a tunnel"),
            ("127.0.0.1:9976", true, "an address"),
            ("[::1]:9976", true, "an address of IPv6"),
            ("192.0.2.1", true, "nobody's name"),
            ("status.example", true, "of the settings"),
            ("STATUS.example.:443", true, "however it is written"),
            ("evil.example", false, "a name that leads here"),
            (
                "status.example.evil.example",
                false,
                "a name beneath another",
            ),
            ("x.status.example", false, "a name beneath ours"),
            ("localhost.evil.example", false, "looks like ours"),
            ("127.0.0.1.evil.example", false, "looks like an address"),
            ("127.1", false, "no browser sends that"),
            ("0x7f.1", false, "nor that"),
            ("user@localhost", false, "not a host"),
            ("localhost:80:80", false, "two ports"),
            ("localhost:x", false, "no port"),
            ("[::1", false, "cut"),
            ("[::1]x", false, "something behind it"),
            ("[evil.example]", false, "a name in brackets"),
            ("::1", false, "without brackets"),
            ("", false, "nothing"),
            (".", false, "the root"),
            ("localhost evil", false, "a space"),
        ] {
            assert_eq!(names.is_ours(authority), want, "{authority}: {why}");
        }
    }
}
