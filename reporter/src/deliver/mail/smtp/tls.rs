//! TLS to the relay: with a certificate that verifies where a password is at stake, otherwise with any.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Makes connections secret, as far as it can.
#[derive(Clone)]
pub(super) struct Tls {
    /// An error stays one until the next start: a system without certificates.
    config: Result<Arc<ClientConfig>, String>,
    name: Result<ServerName<'static>, String>,
}

impl Tls {
    pub(super) fn new(host: &str, verify: bool) -> Tls {
        let name = ServerName::try_from(host.to_owned());
        let name = match verify {
            true => name.map_err(|error| format!("{host} can have no certificate: {error}")),
            // Nobody looks at it.
            false => Ok(name.unwrap_or(ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))),
        };
        Tls {
            config: config(verify).map(Arc::new),
            name,
        }
    }

    pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<TlsStream<S>, String> {
        let (config, name) = (self.config.clone()?, self.name.clone()?);
        let connected = TlsConnector::from(config).connect(name, stream).await;
        connected.map_err(|error| format!("TLS: {error}"))
    }
}

fn config(verify: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        true => {
            let verifier = Verifier::new(Arc::clone(&provider));
            Arc::new(verifier.map_err(|error| format!("the system's certificates: {error}"))?)
        }
        false => Arc::new(Anybody(Arc::clone(&provider))),
    };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

/// Takes any certificate: without a password there is nothing that plain text would not give away too.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
