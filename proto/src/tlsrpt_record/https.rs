//! One `https` URL.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::canonical;
use super::public::ends_in_number;
use super::rua::is_percent_encoded;
use crate::domain::Domain;

/// An `https` URL that every reader takes for the same: one host, no user, scheme and host in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpsUrl {
    text: String,
    /// Where the host ends in the text.
    host_end: usize,
}

/// Why a text is no URL that we post to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `https://` and something behind it.
    #[error("it is not absolute (allowed: https://HOST[:PORT]/...)")]
    Form,
    /// A user or a password: the part that makes one host look like another.
    #[error("it has a user name or password")]
    User,
    /// The host.
    #[error("its host is neither a domain name nor an IP address")]
    Host,
    /// The port.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// A character that RFC 3986 does not allow, which readers may understand differently.
    #[error("it has a character that is not allowed in a URL, or `%` without two hex digits")]
    Character,
}

const SCHEME: &str = "https://";

impl HttpsUrl {
    /// Reads a URL (RFC 3986). A fragment is cut off: it is never sent.
    ///
    /// # Errors
    ///
    /// When it is not an absolute `https:` URL of a host that reports may go to.
    pub fn parse(text: &str) -> Result<HttpsUrl, UrlError> {
        let (scheme, rest) = text.split_at_checked(SCHEME.len()).ok_or(UrlError::Form)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(UrlError::Form);
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        if !is_encoded(path) {
            return Err(UrlError::Character);
        }
        let (host, port) = split_port(authority)?;
        let mut text = format!("{SCHEME}{}", normal_host(host)?);
        let host_end = text.len();
        if let Some(port) = port {
            text.push_str(&format!(":{port}"));
        }
        if !path.starts_with('/') {
            text.push('/');
        }
        text.push_str(path);
        Ok(HttpsUrl { text, host_end })
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One text for all spellings of one place, for comparing (RFC 3986 section 6.2.2): no dot segments, nothing encoded
    /// that need not be, hex digits in upper case; and without a query that is empty.
    pub fn canonical(&self) -> String {
        let authority = self.text[SCHEME.len()..].find('/');
        let path = authority.map_or(self.text.len(), |at| at + SCHEME.len());
        let (before, rest) = self.text.split_at(path);
        format!("{before}{}", canonical::path_and_query(rest))
    }

    /// Its host: a domain, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.text[SCHEME.len()..self.host_end]
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    // The colons of an IPv6 address are inside brackets.
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[after_host..].find(':').map(|at| at + after_host) else {
        return Ok((authority, None));
    };
    let digits = &authority[colon + 1..];
    // `str::parse` would take a plus sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match digits.parse() {
        Ok(0) => Err(UrlError::Port),
        Ok(port) => Ok((&authority[..colon], (port != 443).then_some(port))),
        // An empty port is the scheme's own (RFC 3986 section 3.2.3).
        Err(_) if digits.is_empty() => Ok((&authority[..colon], None)),
        Err(_) => Err(UrlError::Port),
    }
}

fn normal_host(host: &str) -> Result<String, UrlError> {
    if let Some(literal) = host.strip_prefix('[') {
        let literal = literal.strip_suffix(']').ok_or(UrlError::Host)?;
        let address: Ipv6Addr = literal.parse().map_err(|_| UrlError::Host)?;
        return Ok(format!("[{address}]"));
    }
    let domain = Domain::parse(host).map_err(|_| UrlError::Host)?;
    // WHATWG's URL readers take `0x7f.1` and `2130706433` for IPv4 addresses; only the usual form may be one.
    if ends_in_number(domain.as_str()) && domain.as_str().parse::<Ipv4Addr>().is_err() {
        return Err(UrlError::Host);
    }
    Ok(domain.to_string())
}

/// Path and query have only what RFC 3986 section 3.3 and 3.4 allow there.
fn is_encoded(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    text.bytes().all(is_plain) && is_percent_encoded(text)
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_meaning() {
        let rows = [
            (
                "https://a.example",
                Ok("https://a.example/"),
                "a path is added",
            ),
            (
                "https://A.Example./R?x=%2C!#f",
                Ok("https://a.example/R?x=%2C!"),
                "the fragment is not sent",
            ),
            (
                "https://a.example:443/",
                Ok("https://a.example/"),
                "the scheme's own port",
            ),
            (
                "https://a.example:8443/",
                Ok("https://a.example:8443/"),
                "another port",
            ),
            (
                "https://a.example:/",
                Ok("https://a.example/"),
                "an empty port",
            ),
            (
                "https://a.example?x",
                Ok("https://a.example/?x"),
                "a query without a path",
            ),
            (
                "https://192.0.2.1/",
                Ok("https://192.0.2.1/"),
                "an IPv4 address; who connects decides",
            ),
            (
                "https://[2001:DB8:0::1]:444/",
                Ok("https://[2001:db8::1]:444/"),
                "an IPv6 address",
            ),
            ("https:a.example", Err(UrlError::Form), "not absolute"),
            ("https:/a.example/x", Err(UrlError::Form), "one slash"),
            ("https:///x", Err(UrlError::Host), "no host"),
            ("https://u:p@a.example/", Err(UrlError::User), "a password"),
            (
                "https://b.example@a.example/",
                Err(UrlError::User),
                "one host looks like another",
            ),
            (
                "https://a.example\\@b.example/",
                Err(UrlError::User),
                "a backslash, which some take for a slash",
            ),
            (
                "https://a.example\\b.example/",
                Err(UrlError::Host),
                "the same without a user",
            ),
            (
                "https://a%2eexample/",
                Err(UrlError::Host),
                "an encoded host",
            ),
            (
                "https://2130706433/",
                Err(UrlError::Host),
                "127.0.0.1 in one number",
            ),
            ("https://0x7f.1/", Err(UrlError::Host), "127.0.0.1 in hex"),
            (
                "https://a.0x7f/",
                Err(UrlError::Host),
                "a last label in hex",
            ),
            ("https://127.1/", Err(UrlError::Host), "127.0.0.1 in short"),
            ("https://[::1/", Err(UrlError::Port), "an unclosed bracket"),
            ("https://[::1%25eth0]/", Err(UrlError::Host), "a zone"),
            ("https://a.example:0/", Err(UrlError::Port), "no port"),
            (
                "https://a.example:65536/",
                Err(UrlError::Port),
                "no port either",
            ),
            ("https://a.example:+1/", Err(UrlError::Port), "a sign"),
            (
                "https://a.example/<x>",
                Err(UrlError::Character),
                "not a URL's characters",
            ),
            (
                "https://a.example/%zz",
                Err(UrlError::Character),
                "broken encoding",
            ),
        ];
        for (text, expected, reason) in rows {
            let url = HttpsUrl::parse(text);
            assert_eq!(
                url.as_ref().map(HttpsUrl::as_str).map_err(|error| *error),
                expected,
                "{reason}"
            );
            if let Ok(url) = url {
                assert_eq!(
                    HttpsUrl::parse(url.as_str()).as_ref(),
                    Ok(&url),
                    "a second reading changes nothing: {reason}"
                );
            }
        }
        assert_eq!(
            HttpsUrl::parse("https://[::1]:8443/x").unwrap().host(),
            "[::1]"
        );
    }
}
