//! A domain name that is safe wherever it stands.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest name in text form (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
/// The longest label (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A domain in A-labels and lower case, without a trailing dot.
///
/// It holds only letters, digits, `-`, `_` and `.`, has no empty label and does not begin with `-`: it can stand in
/// file names, command arguments, mail headers, SQL and logs as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Arc<str>);

/// Why a text is no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Nothing, or a dot alone.
    #[error("a domain is empty (allowed: at least one label)")]
    Empty,
    /// More than 253 octets.
    #[error("a domain is too long (allowed: {MAX_NAME} octets)")]
    TooLong,
    /// An empty label, or one of more than 63 octets.
    #[error("a label is empty or too long (allowed: 1 to {MAX_LABEL} octets)")]
    Label,
    /// Something else than letters, digits, `-` and `_`.
    #[error(
        "a domain has a character that is not allowed (allowed: letters, digits, `-`, `_`, `.`, no `-` in front)"
    )]
    Character,
    /// Not ASCII, and without a form in A-labels (UTS 46).
    #[error("an international domain has no form in A-labels")]
    International,
}

/// Who may have made up a domain: its last two labels. Where a registry gives out names below more labels (`co.uk`), several
/// owners count as one.
pub fn owner(domain: &str) -> &str {
    match domain.rmatch_indices('.').nth(1) {
        Some((dot, _)) => &domain[dot + 1..],
        None => domain,
    }
}

impl Domain {
    /// Reads a domain in any case, in A-labels or U-labels, with or without one trailing dot.
    ///
    /// # Errors
    ///
    /// When the text is no domain name that DNS can hold (RFC 1035 section 2.3.4, UTS 46).
    pub fn parse(text: &str) -> Result<Domain, DomainError> {
        if text.is_ascii() {
            return Self::from_ascii(text);
        }
        // Some work on U-labels grows with the square of their length: what is too long anyway never gets there.
        if text.len() > 4 * MAX_NAME {
            return Err(DomainError::TooLong);
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| DomainError::International)?;
        Self::from_ascii(&ascii)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_ascii(text: &str) -> Result<Domain, DomainError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(DomainError::Empty);
        }
        if name.len() > MAX_NAME {
            return Err(DomainError::TooLong);
        }
        for label in name.split('.') {
            if label.is_empty() || label.len() > MAX_LABEL {
                return Err(DomainError::Label);
            }
        }
        // A name that begins with `-` would be an option to the program that gets it as an argument.
        if name.starts_with('-') || !name.bytes().all(is_allowed) {
            return Err(DomainError::Character);
        }
        Ok(Domain(name.to_ascii_lowercase().into()))
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Domain, DomainError> {
        Domain::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_in_every_form() {
        let long = format!(
            "{}.{}",
            ["a".repeat(62).as_str(); 3].join("."),
            "b".repeat(61)
        );
        let rows = [
            ("Example.COM", "example.com", "case does not count"),
            (
                "example.com.",
                "example.com",
                "one trailing dot is the root",
            ),
            (
                "müller.example",
                "xn--mller-kva.example",
                "U-labels become A-labels",
            ),
            (
                "MÜLLER.example.",
                "xn--mller-kva.example",
                "U-labels with case and dot",
            ),
            (
                "xn--mller-kva.example",
                "xn--mller-kva.example",
                "A-labels stay",
            ),
            (
                "_dmarc.a-b.example",
                "_dmarc.a-b.example",
                "underscores occur in DNS",
            ),
            ("localhost", "localhost", "one label is a domain"),
            (long.as_str(), long.as_str(), "250 octets are allowed"),
        ];
        for (text, name, reason) in rows {
            assert_eq!(Domain::parse(text).unwrap().as_str(), name, "{reason}");
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        let label = format!("{}.example", "a".repeat(64));
        let name = ["abcdefg"; 33].join(".");
        let wide = "ü".repeat(100_000);
        let rows = [
            (
                wide.as_str(),
                DomainError::TooLong,
                "hours of work for nothing",
            ),
            ("", DomainError::Empty, "nothing"),
            (
                ".",
                DomainError::Empty,
                "the root, which the fetcher uses for all domains",
            ),
            ("example.com..", DomainError::Label, "only one dot is lost"),
            (
                ".example.com",
                DomainError::Label,
                "an empty label in front",
            ),
            ("..", DomainError::Label, "a path"),
            (label.as_str(), DomainError::Label, "64 octets in a label"),
            (name.as_str(), DomainError::TooLong, "263 octets"),
            ("a/b.example", DomainError::Character, "a path separator"),
            ("a b.example", DomainError::Character, "white space"),
            ("a.example\n", DomainError::Character, "a line end"),
            (
                "-o.example",
                DomainError::Character,
                "an option to a program",
            ),
            ("[192.0.2.1]", DomainError::Character, "an address literal"),
            (
                "a\u{200b}/.example",
                DomainError::Character,
                "not ASCII, and a separator still",
            ),
        ];
        for (text, error, reason) in rows {
            assert_eq!(Domain::parse(text), Err(error), "{reason}");
        }
    }

    #[test]
    fn orders_by_bytes() {
        let mut names = ["b.example", "a-b.example", "a.example", "ab.example"]
            .map(|name| Domain::parse(name).unwrap());
        names.sort();
        assert_eq!(
            names.map(|name| name.to_string()),
            ["a-b.example", "a.example", "ab.example", "b.example"]
        );
    }
}
