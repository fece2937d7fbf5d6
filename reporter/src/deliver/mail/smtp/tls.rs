//! TLS to the relay. The certificate is verified if a password is sent, otherwise any is accepted.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::deliver::tls;

/// The TLS settings for one relay.
#[derive(Clone)]
pub(super) struct Tls {
    /// An error, such as a missing certificate store, stays until the next start.
    config: Result<Arc<ClientConfig>, String>,
    name: Result<ServerName<'static>, String>,
}

impl Tls {
    pub(super) fn new(host: &str, verify: bool) -> Tls {
        let name = ServerName::try_from(host.to_owned());
        let name = match verify {
            true => name.map_err(|error| format!("{host} can have no certificate: {error}")),
            // Not verified.
            false => Ok(name.unwrap_or(ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))),
        };
        let config = tls::config(verify, Vec::new());
        Tls {
            config: config
                .map(Arc::new)
                .map_err(|error| format!("the system's certificates: {error}")),
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
