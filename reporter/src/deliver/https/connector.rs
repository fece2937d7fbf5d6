//! Connections to receivers: TCP to addresses that the resolver allows, through a proxy if there is one, and TLS.

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

use super::answer_record::{AnswerRecord, ByteStream, RecordingConnection};
use super::owner_slots::{OwnerSlot, OwnerSlots};
use super::resolver::{BoxError, FilteringResolver, Resolved};

/// TCP keep-alive: the idle time before a probe, and the time between probes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// Unanswered keep-alive probes until the connection counts as broken.
const SIGNS: u32 = 3;
/// Time limit for the acknowledgement of sent data.
const ACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    resolver: FilteringResolver,
    /// Where records name hosts.
    slots: Option<OwnerSlots>,
    hop: Hop,
    tls: Arc<ClientConfig>,
    proxies: Arc<Matcher>,
    /// Time limit to connect.
    time: Duration,
}

impl Connector {
    pub(super) fn new(
        resolver: FilteringResolver,
        slots: Option<OwnerSlots>,
        tls: ClientConfig,
        proxies: Arc<Matcher>,
        time: Duration,
    ) -> Connector {
        let hop = Hop {
            connector: HttpsConnector::from((tcp(resolver.clone(), time), tls.clone())),
            time: part(time),
        };
        let mut tls = tls;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Connector {
            resolver,
            slots,
            hop,
            tls: Arc::new(tls),
            proxies,
            time,
        }
    }

    async fn open(mut self, uri: Uri) -> Result<TokioIo<RecordingConnection>, BoxError> {
        let (wire, slot, is_proxied): (Box<dyn ByteStream>, _, bool) =
            match self.proxies.intercept(&uri) {
                None => {
                    let (wire, slot) = self.direct(uri).await?;
                    (wire, slot, false)
                }
                Some(proxy) if uri.scheme() == Some(&Scheme::HTTP) => {
                    let wire = self.hop.call(proxy.uri().clone()).await?;
                    (Box::new(TokioIo::new(wire)), None, true)
                }
                Some(proxy) => (self.through(&proxy, uri).await?, None, false),
            };
        Ok(TokioIo::new(RecordingConnection {
            wire,
            record: AnswerRecord::at(slot),
            is_proxied,
        }))
    }

    async fn direct(&self, uri: Uri) -> Result<(Box<dyn ByteStream>, Option<OwnerSlot>), BoxError> {
        let host = bare_host(&uri);
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.addresses(host).await?,
        };
        let slot = match &self.slots {
            Some(slots) => slots.take(host, &addresses).await?,
            None => None,
        };
        let tcp = tcp(Resolved(addresses), self.time);
        let mut direct = HttpsConnector::from((tcp, Arc::clone(&self.tls)));
        Ok((Box::new(TokioIo::new(direct.call(uri).await?)), slot))
    }

    async fn through(self, proxy: &Intercept, uri: Uri) -> Result<Box<dyn ByteStream>, BoxError> {
        let name = ServerName::try_from(bare_host(&uri).to_owned())?;
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

/// Without the brackets of an IPv6 address.
fn bare_host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The part of the time limit that TCP may use; the rest is for TLS.
fn part(time: Duration) -> Duration {
    time * 3 / 4
}

fn tcp<R>(resolver: R, time: Duration) -> HttpConnector<R> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Divided among the host's addresses, so that one that never answers leaves time for the next.
    tcp.set_connect_timeout(Some(part(time)));
    tcp.set_keepalive(Some(SIGN_OF_LIFE));
    tcp.set_keepalive_interval(Some(SIGN_OF_LIFE));
    tcp.set_keepalive_retries(Some(SIGNS));
    tcp.set_tcp_user_timeout(Some(ACKNOWLEDGED));
    tcp
}

/// Connects to a proxy, without ALPN.
#[derive(Clone)]
struct Hop {
    connector: HttpsConnector<HttpConnector<FilteringResolver>>,
    time: Duration,
}

/// The proxy failed, which says nothing about receivers.
#[derive(Debug, thiserror::Error)]
#[error("the proxy cannot be reached")]
pub(super) struct ProxyUnreachable(#[source] BoxError);

impl Service<Uri> for Hop {
    type Response = <HttpsConnector<HttpConnector<FilteringResolver>> as Service<Uri>>::Response;
    type Error = ProxyUnreachable;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ProxyUnreachable>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ProxyUnreachable>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let connected = timeout(self.time, self.connector.call(proxy));
        Box::pin(async move {
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            connected
                .await
                .unwrap_or_else(late)
                .map_err(ProxyUnreachable)
        })
    }
}
