//! The DNS record that says where the report goes (RFC 8460 section 3).
//!
//! A record is read by the RFC's grammar. A URI in it that we cannot use is set aside with its reason; the usable ones
//! of the same record still get the report.

mod canonical;
mod https;
mod mailbox;
mod public;
mod rua;

use std::collections::BTreeSet;

pub use https::{HttpsUrl, UrlError};
pub use mailbox::{Mailbox, MailboxError};
pub use public::NotPublic;
pub use rua::{Rua, RuaError};

const VERSION: &str = "v=TLSRPTv1";
/// The longest name of an extension (RFC 8460 section 3: one character and up to 31 more).
const MAX_EXTENSION: usize = 32;
/// So much of a stranger's text is repeated in messages, in characters.
const MAX_QUOTED: usize = 80;
/// So many unusable URIs of one record are kept; the others are counted.
const MAX_REJECTED: usize = 20;

/// A valid record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsrptRecord {
    /// Where reports may go, in the record's order, each once, however it is written.
    pub ruas: Vec<Rua>,
    /// The URIs that we cannot use, or their beginnings, and why. Only the first few of many.
    pub rejected: Vec<(String, RuaError)>,
    /// How many more there are.
    pub more_rejected: usize,
}

/// Why a text is no TLSRPT record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsrptRecordError {
    /// It begins with something else.
    #[error("not a TLSRPT record (allowed: it begins with `{VERSION};`)")]
    Version,
    /// There is nothing behind the version.
    #[error("the record has no field (allowed: `rua=URI`)")]
    NoField,
    /// Something between two `;` is no field.
    #[error("`{0}` is not a field (allowed: `name=value` without white space)")]
    Field(String),
}

/// What the TXT records of one name amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One valid record, with its text.
    One(TlsrptRecord, String),
    /// None: the domain does not take part.
    None,
    /// So many, which is none (RFC 8460 section 3).
    Several(usize),
    /// One that breaks the grammar.
    Invalid(TlsrptRecordError),
}

/// Chooses among the TXT records at `_smtp._tls`; the strings of each are already joined (RFC 8460 section 3).
pub fn select(records: &[String]) -> Selection {
    let mut candidates = records.iter().filter(|text| after_version(text).is_some());
    match (candidates.next(), candidates.count()) {
        (None, _) => Selection::None,
        (Some(text), 0) => TlsrptRecord::parse(text).map_or_else(Selection::Invalid, |record| {
            Selection::One(record, text.clone())
        }),
        (Some(_), more) => Selection::Several(more + 1),
    }
}

impl TlsrptRecord {
    /// Reads a record: `record = "v=TLSRPTv1" 1*(*WSP ";" *WSP field) [*WSP ";" *WSP]`.
    ///
    /// # Errors
    ///
    /// When it is not a TLSRPT record (RFC 8460 section 3).
    pub fn parse(text: &str) -> Result<TlsrptRecord, TlsrptRecordError> {
        let rest = after_version(text).ok_or(TlsrptRecordError::Version)?;
        let rest = trim(rest);
        // One `;` may end the record. White space at the end is taken without it too: nothing is gained by refusing it.
        let fields = rest.strip_suffix(';').unwrap_or(rest);
        if trim(fields).is_empty() {
            return Err(TlsrptRecordError::NoField);
        }
        let mut record = TlsrptRecord {
            ruas: Vec::new(),
            rejected: Vec::new(),
            more_rejected: 0,
        };
        let mut seen = BTreeSet::new();
        for field in fields.split(';').map(trim) {
            match field.split_once('=') {
                Some(("rua", uris)) => record.add_uris(uris, &mut seen),
                Some((name, value)) if is_extension(name, value) => {}
                _ => return Err(TlsrptRecordError::Field(beginning(field))),
            }
        }
        Ok(record)
    }

    fn add_uris(&mut self, uris: &str, seen: &mut BTreeSet<String>) {
        for uri in uris.split(',').map(trim) {
            for rua in Rua::parse(uri) {
                match rua {
                    Ok(rua) if seen.insert(rua.canonical()) => self.ruas.push(rua),
                    Ok(_) => {}
                    Err(error) if self.rejected.len() < MAX_REJECTED => {
                        self.rejected.push((beginning(uri), error));
                    }
                    Err(_) => self.more_rejected += 1,
                }
            }
        }
    }
}

/// A text that ends up in logs and in the database, where a record of 64 kB has no place.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What stands behind the first `;`. White space before it is legal by the grammar.
fn after_version(text: &str) -> Option<&str> {
    text.strip_prefix(VERSION)?
        .trim_start_matches(is_wsp)
        .strip_prefix(';')
}

/// `name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")`, `value = 1*(%x21-3A / %x3C / %x3E-7E)`.
fn is_extension(name: &str, value: &str) -> bool {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let in_value = |byte: u8| byte.is_ascii_graphic() && byte != b'=' && byte != b';';
    name.len() <= MAX_EXTENSION
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(in_name)
        && !value.is_empty()
        && value.bytes().all(in_value)
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_wsp)
}

/// WSP (RFC 5234 appendix B.1).
fn is_wsp(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
