//! Key files: PEM, RSA (PKCS#1 or PKCS#8) or Ed25519 (PKCS#8).

use std::io;
use std::path::{Path, PathBuf};

use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey, Sha256};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tlsrptd_config::service_view;

use crate::secret::warn_if_open;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("DKIM key {}: cannot be read: {}", path.display(), service_view::explained(path, source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds no private key that can sign.
    #[error("DKIM key {}: {reason} (allowed: PEM of an unencrypted RSA key of 2048 to 8192 bits or an Ed25519 key)", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        reason: String,
    },
}

/// Reads a key; warns of a file that everyone can read.
pub(super) fn read(path: &Path) -> Result<DkimKey, KeyError> {
    let read = |source| KeyError::Read {
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read(path).map_err(read)?;
    warn_if_open(path, "the DKIM key").map_err(read)?;
    parse(&pem).map_err(|reason| KeyError::Unusable {
        path: path.to_owned(),
        reason,
    })
}

/// The algorithm and the public half of a key, as `k=` and `p=` have them: an RSA key in its wrapping (RFC 6376 section 3.6.1),
/// an Ed25519 key bare (RFC 8463 section 4).
pub(super) fn public(path: &Path) -> Result<(&'static str, Vec<u8>), KeyError> {
    const ED25519_OCTETS: usize = 32;
    let kind = read(path)?;
    let unusable = || KeyError::Unusable {
        path: path.to_owned(),
        reason: "tells no public key".to_owned(),
    };
    let der = PrivateKeyDer::from_pem_file(path).map_err(|_| unusable())?;
    let pair = any_supported_type(&der).map_err(|_| unusable())?;
    let wrapped = pair.public_key().ok_or_else(unusable)?;
    Ok(match kind {
        DkimKey::Rsa(_) => ("rsa", wrapped.to_vec()),
        DkimKey::Ed25519(_) => {
            let bare = wrapped.len().saturating_sub(ED25519_OCTETS);
            ("ed25519", wrapped[bare..].to_vec())
        }
    })
}

fn parse(pem: &[u8]) -> Result<DkimKey, String> {
    if let Some(reason) = other_content(&String::from_utf8_lossy(pem)) {
        return Err(reason.to_owned());
    }
    let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| "holds no private key".to_owned())?;
    match &der {
        PrivateKeyDer::Pkcs8(pkcs8) if holds(pkcs8.secret_pkcs8_der(), OID_ED25519) => {
            Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der())
                .map(DkimKey::Ed25519)
                .map_err(|error| format!("is no good Ed25519 key: {error}"))
        }
        PrivateKeyDer::Pkcs8(pkcs8) if !holds(pkcs8.secret_pkcs8_der(), OID_RSA) => {
            Err("is neither RSA nor Ed25519".to_owned())
        }
        PrivateKeyDer::Sec1(_) => Err("is an elliptic curve key".to_owned()),
        _ => RsaKey::<Sha256>::from_key_der(der.clone_key())
            .map(DkimKey::Rsa)
            .map_err(|error| match error.to_string() {
                // Receivers may refuse shorter keys too (RFC 8301 section 3.2).
                text if text.contains("TooSmall") => {
                    "is an RSA key of less than 2048 bits".to_owned()
                }
                text if text.contains("TooLarge") => {
                    "is an RSA key of more than 8192 bits".to_owned()
                }
                text => format!("is no good RSA key: {text}"),
            }),
    }
}

/// Files that are configured by mistake.
fn other_content(pem: &str) -> Option<&'static str> {
    [
        ("BEGIN ENCRYPTED PRIVATE KEY", "is encrypted"),
        ("Proc-Type: 4,ENCRYPTED", "is encrypted"),
        ("BEGIN PUBLIC KEY", "is the public key"),
        ("BEGIN RSA PUBLIC KEY", "is the public key"),
        ("BEGIN CERTIFICATE", "is a certificate"),
        ("BEGIN OPENSSH PRIVATE KEY", "is in OpenSSH's own form"),
    ]
    .into_iter()
    .find_map(|(label, reason)| pem.contains(label).then_some(reason))
}

const OID_RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
];
const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// Whether a key's algorithm identifier, which stands near the beginning, is this one.
fn holds(der: &[u8], oid: &[u8]) -> bool {
    let head = &der[..der.len().min(32)];
    head.windows(oid.len()).any(|window| window == oid)
}
