//! One URI of a record's `rua`.

use percent_encoding::percent_decode_str;

use super::https::{HttpsUrl, UrlError};
use super::mailbox::{Mailbox, MailboxError};
use super::public::{self, NotPublic};

/// The longest URI that we take. An address has 254 octets at most, and three times as many encoded.
const MAX_URI: usize = 2048;

/// One place that a report may go to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rua {
    /// One address.
    Mailto(Mailbox),
    /// One URL.
    Https(HttpsUrl),
}

/// Why a URI cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuaError {
    /// Nothing between two commas.
    #[error("the URI is empty")]
    Empty,
    /// Too long.
    #[error("the URI is too long (allowed: {MAX_URI} octets)")]
    TooLong,
    /// No scheme, or one that RFC 8460 does not define.
    #[error("the scheme is unusable (allowed: mailto, https)")]
    Scheme,
    /// White space, a control character or something beyond ASCII.
    #[error("the URI has a character that is not allowed in one")]
    Character,
    /// `%` without two hex digits, or bytes that are not UTF-8.
    #[error("the percent-encoding is broken")]
    PercentEncoding,
    /// `mailto://`: an address is no path to a host, and who reads it as one sends it to another local part.
    #[error("there is no `//` in a mailto (allowed: mailto:LOCAL@DOMAIN)")]
    Slashes,
    /// `a%x.example@b.example`, `x.example!a@b.example`, `"a@x.example"@b.example`: relays send these on to `x.example` for
    /// a trusted client, as Postfix does by its defaults (`allow_percent_hack`, `swap_bangpath`, `resolve_dequoted_address`).
    #[error("the local part is a route (allowed: no `%`, `!` or `@` in it)")]
    Route,
    /// A domain or host that only we, or our relay, would find.
    #[error("the domain is unusable: {0}")]
    NotPublic(#[from] NotPublic),
    /// The address of a `mailto`.
    #[error("the address is unusable: {0}")]
    Mailbox(#[from] MailboxError),
    /// An `https` URL.
    #[error("the URL is unusable: {0}")]
    Url(#[from] UrlError),
}

impl Rua {
    /// Reads one URI of a record. A `mailto` with several addresses gives several results.
    pub fn parse(uri: &str) -> Vec<Result<Rua, RuaError>> {
        let (scheme, rest) = match checked(uri) {
            Ok(parts) => parts,
            Err(error) => return vec![Err(error)],
        };
        // Schemes are compared without case (RFC 3986 section 3.1).
        if scheme.eq_ignore_ascii_case("mailto") {
            return mailboxes(rest);
        }
        if scheme.eq_ignore_ascii_case("https") {
            return vec![url(uri)];
        }
        vec![Err(RuaError::Scheme)]
    }

    /// `mailto:` and one decoded address, or the URL.
    pub fn uri(&self) -> String {
        match self {
            Rua::Mailto(mailbox) => format!("mailto:{mailbox}"),
            Rua::Https(url) => url.to_string(),
        }
    }

    /// One text for all spellings of one place, for comparing; what is sent goes to [`Rua::uri`].
    pub fn canonical(&self) -> String {
        match self {
            Rua::Mailto(mailbox) => format!("mailto:{}", mailbox.canonical()),
            Rua::Https(url) => url.canonical(),
        }
    }
}

fn url(uri: &str) -> Result<Rua, RuaError> {
    let url = HttpsUrl::parse(uri)?;
    public::check_host(url.host())?;
    Ok(Rua::Https(url))
}

/// The scheme and the rest of something that has only a URI's characters (RFC 3986 section 2).
fn checked(uri: &str) -> Result<(&str, &str), RuaError> {
    if uri.is_empty() {
        return Err(RuaError::Empty);
    }
    if uri.len() > MAX_URI {
        return Err(RuaError::TooLong);
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RuaError::Character);
    }
    uri.split_once(':').ok_or(RuaError::Scheme)
}

/// The addresses of a `mailto` (RFC 6068): decoded, its headers ignored.
fn mailboxes(rest: &str) -> Vec<Result<Rua, RuaError>> {
    let encoded = rest.split(['?', '#']).next().unwrap_or(rest);
    match decoded(encoded) {
        // A header line may be what somebody tries to inject: no part of such a URI is trusted.
        Ok(addresses) if addresses.contains(char::is_control) => {
            vec![Err(MailboxError::Control.into())]
        }
        Ok(addresses) => split(&addresses).map(mailbox).collect(),
        Err(error) => vec![Err(error)],
    }
}

fn mailbox(text: &str) -> Result<Rua, RuaError> {
    if text.starts_with("//") {
        return Err(RuaError::Slashes);
    }
    let mailbox = Mailbox::parse(text)?;
    public::check(mailbox.domain().as_str())?;
    if mailbox.local().contains(['%', '!', '@']) {
        return Err(RuaError::Route);
    }
    Ok(Rua::Mailto(mailbox))
}

fn decoded(text: &str) -> Result<String, RuaError> {
    if !is_percent_encoded(text) {
        return Err(RuaError::PercentEncoding);
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| RuaError::PercentEncoding)?;
    Ok(decoded.into_owned())
}

/// Whether each `%` has two hex digits behind it (RFC 3986 section 2.1).
pub(super) fn is_percent_encoded(text: &str) -> bool {
    let is_hex = |piece: &str| piece.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.split('%').skip(1).all(is_hex)
}

/// The addresses between commas. In a record every comma is encoded, so that one in a quoted local part looks like one
/// between two addresses until it is decoded: the quotes decide.
fn split(addresses: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    addresses.split(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == ',' && !quoted,
        }
        false
    })
}
