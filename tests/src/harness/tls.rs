//! Certificates for the loopback receivers.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate authority of one test. Another one is an unknown CA.
#[derive(Debug)]
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Default for Ca {
    fn default() -> Ca {
        Ca::new()
    }
}

impl Ca {
    /// A new authority with a new key.
    pub fn new() -> Ca {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "tlsrptd test CA");
        let key = KeyPair::generate().expect("the system has random numbers");
        Ca {
            issuer: CertifiedIssuer::self_signed(params, key)
                .expect("the parameters above are valid"),
        }
    }

    /// Its certificate, for `https_ca_file`.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's side of TLS with a certificate for `names` (host names and IP addresses).
    pub(crate) fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).expect("a test writes valid names");
        let key = KeyPair::generate().expect("the system has random numbers");
        let leaf = params
            .signed_by(&key, &self.issuer)
            .expect("the parameters above are valid");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("the key belongs to the certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}
