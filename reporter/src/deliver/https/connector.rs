//! Connections to receivers: TCP to the addresses that the resolver lets through, a proxy where there is one, TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::record::{AnswerRecord, ByteStream, RecordingConnection};
use super::resolver::{BoxError, FilteringResolver};

/// Whoever says nothing for so long, though it was asked, is gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How often it is asked.
const SIGNS: u32 = 3;
/// What was sent is to be acknowledged within.
const ACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    direct: HttpsConnector<HttpConnector<FilteringResolver>>,
    /// The hop to a proxy, which may know nothing of ALPN.
    hop: HttpsConnector<HttpConnector<FilteringResolver>>,
    tls: Arc<ClientConfig>,
    proxies: Arc<Matcher>,
    /// To be connected.
    time: Duration,
}

impl Connector {
    pub(super) fn new(
        resolver: FilteringResolver,
        tls: ClientConfig,
        proxies: Arc<Matcher>,
        time: Duration,
    ) -> Connector {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // It is divided among a host's addresses: one that never answers leaves time for the next, and for TLS.
        tcp.set_connect_timeout(Some(time * 3 / 4));
        tcp.set_keepalive(Some(SIGN_OF_LIFE));
        tcp.set_keepalive_interval(Some(SIGN_OF_LIFE));
        tcp.set_keepalive_retries(Some(SIGNS));
        tcp.set_tcp_user_timeout(Some(ACKNOWLEDGED));
        let hop = HttpsConnector::from((tcp.clone(), tls.clone()));
        let mut tls = tls;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = Arc::new(tls);
        Connector {
            direct: HttpsConnector::from((tcp, Arc::clone(&tls))),
            hop,
            tls,
            proxies,
            time,
        }
    }

    async fn open(mut self, uri: Uri) -> Result<TokioIo<RecordingConnection>, BoxError> {
        let (wire, is_proxied): (Box<dyn ByteStream>, bool) = match self.proxies.intercept(&uri) {
            None => {
                let wire = self.direct.call(uri).await?;
                (Box::new(TokioIo::new(wire)), false)
            }
            Some(proxy) if uri.scheme() == Some(&Scheme::HTTP) => {
                let wire = self.hop.call(proxy.uri().clone()).await?;
                (Box::new(TokioIo::new(wire)), true)
            }
            Some(proxy) => (self.through(&proxy, uri).await?, false),
        };
        Ok(TokioIo::new(RecordingConnection {
            wire,
            record: AnswerRecord::default(),
            is_proxied,
        }))
    }

    async fn through(self, proxy: &Intercept, uri: Uri) -> Result<Box<dyn ByteStream>, BoxError> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())?;
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.hop);
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let through = TokioIo::new(tunnel.call(uri).await?);
        let tls = TlsConnector::from(self.tls).connect(name, through).await?;
        Ok(Box::new(tls))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<RecordingConnection>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (this, time) = (self.clone(), self.time);
        Box::pin(async move {
            timeout(time, this.open(uri)).await.unwrap_or_else(|_| {
                let reason = format!("no connection within {} s", time.as_secs_f64());
                Err(io::Error::new(io::ErrorKind::TimedOut, reason).into())
            })
        })
    }
}
