//! One mail address.

use std::fmt;

use crate::domain::{Domain, DomainError};

/// The longest local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// The longest address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const MAX_ADDRESS: usize = 254;

/// An addr-spec: a local part and a domain, no display name, no comment, nothing but printable ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    address: String,
    domain: Domain,
}

/// Why a text is no address that we send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// The whole or the local part.
    #[error("it is too long (allowed: {MAX_ADDRESS} octets, {MAX_LOCAL} before the @)")]
    TooLong,
    /// A control character, as in an attempt to inject a header line.
    #[error("it has a control character")]
    Control,
    /// No `@`, or nothing before it.
    #[error("it has no local part and domain (allowed: LOCAL@DOMAIN)")]
    Form,
    /// The local part.
    #[error("its local part is neither a dot-atom nor a quoted string of ASCII")]
    Local,
    /// `[...]`: no domain's name.
    #[error("it has an address literal (allowed: a domain name)")]
    Literal,
    /// The domain.
    #[error("its domain is unusable: {0}")]
    Domain(#[from] DomainError),
}

impl Mailbox {
    /// Reads an addr-spec (RFC 5322 section 3.4.1).
    ///
    /// # Errors
    ///
    /// When it is not one address of the form `local@domain` (RFC 5321 section 4.1.2).
    pub fn parse(text: &str) -> Result<Mailbox, MailboxError> {
        if text.is_empty() {
            return Err(MailboxError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(MailboxError::Control);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(MailboxError::Form)?;
        if local.is_empty() {
            return Err(MailboxError::Form);
        }
        if !is_dot_atom(local) && !is_quoted(local) {
            return Err(MailboxError::Local);
        }
        if domain.starts_with('[') {
            return Err(MailboxError::Literal);
        }
        let domain = Domain::parse(domain)?;
        let address = format!("{local}@{domain}");
        if local.len() > MAX_LOCAL || address.len() > MAX_ADDRESS {
            return Err(MailboxError::TooLong);
        }
        Ok(Mailbox { address, domain })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// One text for all spellings of one mailbox, for comparing: no quotes and backslashes but where they are needed
    /// (RFC 5321 section 4.1.2: `"a"` and `"\a"` are `a`), and no case. Only its host knows whether a local part has case
    /// (section 2.4), and hardly one does; mail goes to the address as it was written.
    pub fn canonical(&self) -> String {
        let local = unquoted(self.local()).to_ascii_lowercase();
        let domain = &self.domain;
        match is_dot_atom(&local) {
            true => format!("{local}@{domain}"),
            false => format!(
                "\"{}\"@{domain}",
                local.replace('\\', "\\\\").replace('"', "\\\"")
            ),
        }
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        &self.address[..self.address.len() - self.domain.as_str().len() - 1]
    }
}

/// RFC 5322 section 3.2.3.
fn is_dot_atom(local: &str) -> bool {
    let is_atext =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// RFC 5322 section 3.2.4, without folding.
fn is_quoted(local: &str) -> bool {
    let Some(inner) = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return false;
    };
    let mut escaped = false;
    for byte in inner.bytes() {
        match byte {
            b' '..=b'~' if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return false,
            b' '..=b'~' => {}
            _ => return false,
        }
    }
    !escaped
}

/// What a local part stands for.
fn unquoted(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"') else {
        return local.to_owned();
    };
    let mut chars = inner.strip_suffix('"').unwrap_or(inner).chars();
    std::iter::from_fn(|| match chars.next() {
        Some('\\') => chars.next(),
        other => other,
    })
    .collect()
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.address, f)
    }
}

impl std::str::FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Mailbox, MailboxError> {
        Mailbox::parse(text)
    }
}
