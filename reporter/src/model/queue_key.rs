//! Which deliveries share connections.

use std::{fmt, sync::Arc};

use url::Url;

/// The key of a destination queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueKey {
    /// The mail relay: `mailto:`.
    Relay,
    /// The local disk: `directory:`.
    Disk,
    /// One HTTPS host and port: `https:HOST:PORT`.
    Https {
        /// In lower case, without a dot at its end; an IPv6 address in brackets.
        host: Arc<str>,
        /// 443 unless the URL says otherwise.
        port: u16,
    },
    /// Any other scheme: these cannot be delivered, except `http:` by a debug option.
    Other(Arc<str>),
}

/// By what way reports go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// Mail, through the relay.
    Mail,
    /// HTTPS.
    Https,
    /// A directory of this host.
    Directory,
    /// None that we know, and `http:` by a debug option.
    Other,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Carrier; 4] = [
        Carrier::Mail,
        Carrier::Https,
        Carrier::Directory,
        Carrier::Other,
    ];

    /// The word of the database and of the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Carrier::Mail => "mail",
            Carrier::Https => "https",
            Carrier::Directory => "directory",
            Carrier::Other => "other",
        }
    }
}

impl QueueKey {
    /// By what way its deliveries go.
    pub fn carrier(&self) -> Carrier {
        match self {
            QueueKey::Relay => Carrier::Mail,
            QueueKey::Https { .. } => Carrier::Https,
            QueueKey::Disk => Carrier::Directory,
            QueueKey::Other(_) => Carrier::Other,
        }
    }

    /// The host and port of a URL.
    pub fn of_url(url: &Url) -> Option<QueueKey> {
        // With the dot or without, it is one host.
        let host = url.host_str()?.trim_end_matches('.').into();
        let port = url.port_or_known_default()?;
        Some(QueueKey::Https { host, port })
    }

    pub(super) fn of_scheme(scheme: &str) -> QueueKey {
        QueueKey::Other(format!("{}:", scheme.to_ascii_lowercase()).into())
    }

    /// Reads the text form. Any text is a key, and keeps its form.
    pub fn parse(text: &str) -> QueueKey {
        let https = |text: &str| {
            let (host, port) = text.strip_prefix("https:")?.rsplit_once(':')?;
            // `str::parse` would take a plus sign, and zeros before the number.
            let number = port
                .parse()
                .ok()
                .filter(|number: &u16| number.to_string() == port)?;
            let (host, port) = (host.into(), number);
            Some(QueueKey::Https { host, port })
        };
        match text {
            "mailto:" => QueueKey::Relay,
            "directory:" => QueueKey::Disk,
            _ => https(text).unwrap_or_else(|| QueueKey::Other(text.into())),
        }
    }

    /// Who shares a limit of connections: the host, whatever the port. With 64 ports a record would get 64 times the
    /// connections.
    pub fn host(&self) -> &str {
        match self {
            QueueKey::Relay => "mailto:",
            QueueKey::Disk => "directory:",
            QueueKey::Https { host, .. } => host,
            QueueKey::Other(text) => text,
        }
    }

    /// Whether it leads to something of the operator's: all but the hosts of other people.
    pub fn is_local(&self) -> bool {
        match self {
            QueueKey::Relay | QueueKey::Disk => true,
            QueueKey::Https { .. } => false,
            // Nothing is sent there, except to the server that the operator's debug option names.
            QueueKey::Other(_) => true,
        }
    }
}

impl fmt::Display for QueueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueueKey::Https { host, port } => write!(f, "https:{host}:{port}"),
            _ => f.write_str(self.host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Destination, NamedBy};

    #[test]
    fn by_host_and_port() {
        #[rustfmt::skip]
        let rows = [
            ("mailto:a@x.example", "mailto:", "mailto:", "one relay"),
            ("MAILTO:a", "mailto:", "mailto:", "no address: the relay would refuse it"),
            ("https://Host.example/a", "https:host.example:443", "host.example", "a host"),
            ("HTTPS://host.example:443/b", "https:host.example:443", "host.example", "the same one"),
            ("https://host.example:8443/", "https:host.example:8443", "host.example", "another port of it"),
            ("https://host.example.:/", "https:host.example:443", "host.example", "an empty port, and a dot"),
            ("https://u:p@host.example/", "https:host.example:443", "host.example", "a user"),
            ("https://%68ost.example:0443/", "https:host.example:443", "host.example", "other spellings"),
            ("https://[2001:db8::1]:443/x", "https:[2001:db8::1]:443", "[2001:db8::1]", "an IPv6 address's port"),
            ("https://[2001:db8::1]/x", "https:[2001:db8::1]:443", "[2001:db8::1]", "an IPv6 address"),
            ("https://2130706433/", "https:127.0.0.1:443", "127.0.0.1", "a number is an address"),
            ("https://a b/", "https:", "https:", "nowhere"),
            ("directory:/var/x", "directory:", "directory:", "one disk"),
            ("http://host.example/", "http:", "http:", "a debug option's"),
            ("odd", ":", ":", "no scheme"),
        ];
        for (uri, want, host, why) in rows {
            let key = Destination::new(uri, NamedBy::Record).queue();
            assert_eq!(key.to_string(), want, "{why}");
            assert_eq!(key.host(), host, "{why}");
            assert_eq!(
                key.is_local(),
                !want.starts_with("https:h") && !want.contains('1'),
                "{why}"
            );
            assert_eq!(QueueKey::parse(want), key, "{why}");
        }
    }

    #[test]
    fn any_text_of_a_row_keeps_its_form() {
        for text in [
            "",
            ":",
            "https:host",
            "https:host:0443",
            "https:host:+443",
            "https:host:99999",
            "x",
        ] {
            assert_eq!(QueueKey::parse(text).to_string(), text);
        }
    }
}
