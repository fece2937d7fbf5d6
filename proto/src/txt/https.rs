//! One `https` URL.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

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
    let last = domain.as_str().rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if is_number && domain.as_str().parse::<Ipv4Addr>().is_err() {
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
