//! DKIM keys of a test: the files that `dkim_keys` names, and the TXT records that belong to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize};

use super::dns::Dns;

/// A key pair.
#[derive(Debug, Clone)]
pub struct DkimKey {
    /// Its selector: `rsa` or `ed`, or as [`DkimKey::under`] says.
    pub selector: &'static str,
    /// The private key, PEM (PKCS #8).
    pub path: PathBuf,
    /// The TXT record of `SELECTOR._domainkey.DOMAIN`, for TLS reports only (`s=tlsrpt`, RFC 8460 section 3).
    pub record: String,
}

impl DkimKey {
    /// An RSA key of 2048 bits, written into `folder`.
    pub fn rsa(folder: &Path) -> DkimKey {
        // Made once a run: a new RSA key takes a moment.
        static PAIR: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
        let (private, public) = PAIR.get_or_init(|| {
            let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
            let pair = pair.expect("the system has random numbers");
            (pair.serialize_der(), pair.subject_public_key_info())
        });
        DkimKey::write(folder, "rsa", "rsa", private, public)
    }

    /// An Ed25519 key (RFC 8463), written into `folder`.
    pub fn ed25519(folder: &Path) -> DkimKey {
        let pair = KeyPair::generate_for(&PKCS_ED25519).expect("the system has random numbers");
        // In the form that `openssl genpkey` writes: PKCS #8 version 1, without the public key. The seed follows
        // 16 bytes of head in either version.
        let mut private = vec![
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ];
        private.extend_from_slice(&pair.serialized_der()[16..48]);
        DkimKey::write(folder, "ed", "ed25519", &private, pair.public_key_raw())
    }

    /// The same key under another selector, whose record names a service type (`s=`) or none.
    pub fn under(&self, selector: &'static str, service: Option<&str>) -> DkimKey {
        let service = service.map_or_else(String::new, |service| format!("s={service}; "));
        DkimKey {
            selector,
            path: self.path.clone(),
            record: self.record.replace("s=tlsrpt; ", &service),
        }
    }

    /// What stands in `dkim_keys`.
    pub fn option(&self) -> String {
        format!("{}:{}", self.selector, self.path.display())
    }

    /// Publishes the key.
    pub fn publish(&self, dns: &Dns, domain: &str) {
        dns.txt(
            &format!("{}._domainkey.{domain}", self.selector),
            &[&self.record],
        );
    }

    fn write(
        folder: &Path,
        selector: &'static str,
        kind: &str,
        private: &[u8],
        public: &[u8],
    ) -> DkimKey {
        let path = folder.join(format!("dkim-{selector}.pem"));
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        let encoded = STANDARD.encode(private);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        fs::write(&path, pem).expect("the test's folder can be written");
        let record = format!("v=DKIM1; k={kind}; s=tlsrpt; p={}", STANDARD.encode(public));
        DkimKey {
            selector,
            path,
            record,
        }
    }
}
