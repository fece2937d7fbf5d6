//! The argument of EHLO (RFC 5321 section 4.1.1.1): a domain name, or an address literal if there is none.

use std::net::IpAddr;

/// The argument of EHLO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeloName {
    /// A name, or the literal from `helo_name`.
    Name(String),
    /// The literal of our address on the connection.
    Address,
}

impl HeloName {
    /// Parses `helo_name`.
    pub(super) fn set(text: &str) -> Option<HeloName> {
        let literal = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let is_good = match literal {
            Some(address) => {
                let bare = address.strip_prefix("IPv6:").unwrap_or(address);
                let is_v6 = bare.len() < address.len();
                bare.parse::<IpAddr>()
                    .is_ok_and(|found| found.is_ipv6() == is_v6)
            }
            None => is_name(text),
        };
        is_good.then(|| HeloName::Name(text.to_owned()))
    }

    /// The host name if it is fully qualified; relays refuse others (`504 5.5.2 need fully-qualified hostname`).
    pub(super) fn of_host() -> HeloName {
        let name = nix::unistd::gethostname().unwrap_or_default();
        HeloName::of_name(&name.to_string_lossy())
    }

    fn of_name(name: &str) -> HeloName {
        let name = name.strip_suffix('.').unwrap_or(name);
        match is_name(name) && name.contains('.') {
            true => HeloName::Name(name.to_owned()),
            false => HeloName::Address,
        }
    }

    /// The text for a connection from this address.
    pub(super) fn said(&self, from: IpAddr) -> String {
        match (self, from.to_canonical()) {
            (HeloName::Name(name), _) => name.clone(),
            (HeloName::Address, IpAddr::V4(address)) => format!("[{address}]"),
            (HeloName::Address, IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        }
    }
}

/// `Domain` of RFC 5321 section 4.1.2. An address needs brackets.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 255 && text.split('.').all(is_label) && text.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_name_or_an_address_literal() {
        #[rustfmt::skip]
        let rows = [
            ("mail.example.com", "mail.example.com", "a name"),
            ("mail.example.com.", "mail.example.com", "its root is not written in mail"),
            ("xn--mller-kva.example", "xn--mller-kva.example", "A-labels"),
            ("1.example", "1.example", "digits"),
            ("mail", "[192.0.2.1]", "nobody else knows that name: a relay may ask for one with a domain"),
            ("localhost", "[192.0.2.1]", "the same"),
            ("my_host.example.com", "[192.0.2.1]", "Exim: 501"),
            ("my_host", "[192.0.2.1]", "the same"),
            ("(none)", "[192.0.2.1]", "no name is set"),
            ("a b", "[192.0.2.1]", "two words"),
            ("", "[192.0.2.1]", "nothing"),
            ("-a.example", "[192.0.2.1]", "a hyphen at the end of a label"),
            ("a..example", "[192.0.2.1]", "an empty label"),
            ("müller.example", "[192.0.2.1]", "not ASCII"),
            ("a.example\r\nQUIT", "[192.0.2.1]", "a command"),
            ("192.0.2.7", "[192.0.2.1]", "an address is no name"),
        ];
        let from = "192.0.2.1".parse().unwrap();
        for (name, expected, why) in rows {
            assert_eq!(
                HeloName::of_name(name).said(from),
                expected,
                "{name:?}: {why}"
            );
        }
    }

    #[test]
    fn literals() {
        for (from, expected) in [
            ("127.0.0.1", "[127.0.0.1]"),
            ("::1", "[IPv6:::1]"),
            ("2001:db8::7", "[IPv6:2001:db8::7]"),
            ("::ffff:192.0.2.1", "[192.0.2.1]"),
        ] {
            assert_eq!(HeloName::Address.said(from.parse().unwrap()), expected);
        }
    }

    #[test]
    fn what_the_operator_may_write() {
        for (text, good) in [
            ("mail.example.com", true),
            ("mail", true),
            ("[192.0.2.1]", true),
            ("[IPv6:2001:db8::7]", true),
            ("[2001:db8::7]", false),
            ("[IPv6:192.0.2.1]", false),
            ("192.0.2.1", false),
            ("my_host", false),
            ("a b", false),
            ("", false),
            ("[mail]", false),
        ] {
            assert_eq!(HeloName::set(text).is_some(), good, "{text}");
        }
    }
}
