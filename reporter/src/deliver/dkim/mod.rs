//! DKIM signatures (RFC 6376, RFC 8301, RFC 8463) of report mails.
//!
//! `mail-auth` holds the keys and signs. The header field is made here, because its time has to be that of the first
//! attempt and not the clock's: a retry sends the same bytes.

mod canonical;
mod key;
mod new_key;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mail_auth::common::crypto::{DkimKey, HashAlgorithm, SigningKey};
use tlsrptd_config as config;
use tlsrptd_proto::domain::Domain;

use super::message::{Header, Message};

pub use key::KeyError;
pub(crate) use new_key::{KeyOwner, NewKeyError, make};

/// The name and the text of each key's TXT record (RFC 6376 section 3.6.1). The second key is for receivers that ask for a
/// key with `s=tlsrpt` (RFC 8460 section 3), the first for all others.
///
/// # Errors
/// With every key that cannot be used.
pub(super) fn records(
    domain: &Domain,
    keys: &[config::DkimKey],
) -> Result<Vec<(String, String)>, Vec<KeyError>> {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for (number, entry) in keys.iter().enumerate() {
        match record(domain, entry, number) {
            Ok(record) => records.push(record),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(records)
    } else {
        Err(problems)
    }
}

/// The record of a key that stands so far behind the first.
///
/// # Errors
/// When the key cannot be used.
pub(super) fn record(
    domain: &Domain,
    entry: &config::DkimKey,
    number: usize,
) -> Result<(String, String), KeyError> {
    let service = if number == 1 { "s=tlsrpt; " } else { "" };
    let (kind, public) = key::public(&entry.path)?;
    Ok((
        format!("{}._domainkey.{domain}", entry.selector),
        format!("v=DKIM1; k={kind}; {service}p={}", STANDARD.encode(public)),
    ))
}

/// The kind and the public half of each key, or why there is none.
pub(super) fn public_keys(
    keys: &[config::DkimKey],
) -> Vec<Result<(&'static str, String), KeyError>> {
    let encoded = |entry: &config::DkimKey| {
        let (kind, public) = key::public(&entry.path)?;
        Ok((kind, STANDARD.encode(public)))
    };
    keys.iter().map(encoded).collect()
}

/// The keys; each signs every mail.
pub(super) struct Signers {
    domain: Domain,
    keys: Vec<(String, DkimKey)>,
}

/// Signed although our mails do not have them, so that nobody can add them.
/// Not `Sender`: Exim's sendmail program adds it to mails of users that it does not trust.
const NEVER_THERE: &[&str] = &["Cc", "Reply-To", "Content-Transfer-Encoding"];

impl Signers {
    /// Reads the keys.
    pub(super) fn read(domain: Domain, keys: &[config::DkimKey]) -> Result<Signers, Vec<KeyError>> {
        let (mut read, mut problems) = (Vec::new(), Vec::new());
        for entry in keys {
            match key::read(&entry.path) {
                Ok(key) => read.push((entry.selector.clone(), key)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Signers { domain, keys: read })
        } else {
            Err(problems)
        }
    }

    /// Without keys the MTA signs: then there is nothing to compare.
    pub(super) fn warn_of_another(&self, from: &Domain) {
        if !self.keys.is_empty() && *from != self.domain {
            tracing::warn!(
                %from, dkim_domain = %self.domain,
                "sender_address is of another domain than the signature: DMARC may not count it"
            );
        }
    }

    /// One `DKIM-Signature` a key, in the order of `dkim_keys`.
    pub(super) fn sign(
        &self,
        message: &Message,
        time: Timestamp,
    ) -> Result<Vec<Header>, mail_auth::Error> {
        if self.keys.is_empty() {
            return Ok(Vec::new());
        }
        let body_hash = HashAlgorithm::Sha256.hash(&canonical::body(&message.body)[..]);
        let body_hash = STANDARD.encode(body_hash);
        let (names, headers) = signed_headers(message);
        let sign = |(selector, key): &(String, DkimKey)| {
            let algorithm = match key {
                DkimKey::Rsa(_) => "rsa-sha256",
                DkimKey::Ed25519(_) => "ed25519-sha256",
            };
            let unsigned = format!(
                "v=1; a={algorithm}; c=relaxed/relaxed; d={}; s={selector}; t={}; h={names}; bh={body_hash}; b=",
                self.domain,
                time.as_second(),
            );
            let own = Header::new(NAME, &unsigned);
            let input = format!("{headers}{}", canonical::header(NAME, &own.value));
            let signature = key.sign(input.as_bytes())?;
            Ok(Header {
                name: NAME,
                value: format!("{}{}", own.value, folded(&signature)),
            })
        };
        self.keys.iter().map(sign).collect()
    }
}

const NAME: &str = "DKIM-Signature";

/// The `h=` list and the header fields in its order. Each name stands once more than the
/// field does: a second Subject put before ours would break the signature. No field stands
/// twice in our mails.
fn signed_headers(message: &Message) -> (String, String) {
    let (mut names, mut fields) = (Vec::new(), String::new());
    for header in &message.headers {
        names.extend([header.name, header.name]);
        fields.push_str(&canonical::header(header.name, &header.value));
        fields.push_str("\r\n");
    }
    names.extend(NEVER_THERE);
    // White space around the colons is allowed (RFC 6376 section 3.5) and lets lines fold.
    (names.join(": "), fields)
}

/// base64 with white space, which `b=` may hold anywhere.
fn folded(signature: &[u8]) -> String {
    const COLUMNS: usize = 72;
    let encoded = STANDARD.encode(signature);
    let mut out = String::with_capacity(encoded.len() + encoded.len() / 20);
    for start in (0..encoded.len()).step_by(COLUMNS) {
        out.push_str("\r\n ");
        out.push_str(&encoded[start..encoded.len().min(start + COLUMNS)]);
    }
    out
}

impl std::fmt::Debug for Signers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let selectors: Vec<&String> = self.keys.iter().map(|(selector, _)| selector).collect();
        f.debug_struct("Signers")
            .field("domain", &self.domain)
            .field("selectors", &selectors)
            .finish()
    }
}

#[cfg(test)]
mod tests;
