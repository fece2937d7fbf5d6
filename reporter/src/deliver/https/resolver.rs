//! The resolver of the HTTPS client: by the servers of `dns_servers`, or by libc. For hosts that a record names, addresses
//! that are not global are left out.

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hickory_proto::rr::{Name as DnsName, RData, RecordType};
use hyper_util::client::legacy::connect::dns::Name;
use tokio::{
    sync::{OnceCell, Semaphore},
    task::spawn_blocking,
};
use tower_service::Service;

use super::address::is_global;
use crate::dns::{DnsAnswer, NoAnswer, StubResolver};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// No address of a host may be connected to.
#[derive(Debug, thiserror::Error)]
#[error(
    "{host} leads to {address}, which is not a global address (allow_private_destinations is off)"
)]
pub(super) struct NotGlobal {
    pub(super) host: String,
    pub(super) address: IpAddr,
}

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("{host}: no address in DNS")]
struct NoAddress {
    host: String,
}

/// How names are looked up.
#[derive(Clone, Debug)]
pub(super) enum HostLookup {
    /// By libc, with `/etc/hosts` and `nsswitch.conf`.
    System(Arc<Semaphore>),
    Servers(Arc<CachingServers>),
}

/// The servers of `dns_servers`, with their recent answers: several connections to one host are opened together.
#[derive(Debug)]
pub(super) struct CachingServers {
    stub: StubResolver,
    known: Mutex<HashMap<String, (Instant, SharedAnswer)>>,
}

type SharedAnswer = Arc<OnceCell<Vec<IpAddr>>>;

/// Threads that may wait for libc, out of tokio's 512: names that never answer leave the others to the relay's name and to the
/// disk.
const SYSTEM_LOOKUPS: usize = 384;
/// Lifetime of an answer.
const MOMENT: Duration = Duration::from_secs(5);
/// Hosts whose answers are kept.
const MAX_KNOWN: usize = 4096;

impl HostLookup {
    /// Without servers, libc looks names up.
    pub(super) fn new(servers: &[SocketAddr], time: Option<Duration>) -> HostLookup {
        match servers {
            [] => HostLookup::System(Arc::new(Semaphore::new(SYSTEM_LOOKUPS))),
            _ => HostLookup::Servers(Arc::new(CachingServers {
                stub: StubResolver::new(servers, time),
                known: Mutex::default(),
            })),
        }
    }

    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, BoxError> {
        Ok(match self {
            HostLookup::System(threads) => {
                // Never closed. It is held by the thread, which goes on when nobody waits for it any more.
                let thread = Arc::clone(threads).acquire_owned().await?;
                let host = host.to_owned();
                let found = spawn_blocking(move || {
                    let found = (host.as_str(), 0).to_socket_addrs();
                    drop(thread);
                    found
                });
                found.await??.map(|address| address.ip()).collect()
            }
            HostLookup::Servers(asked) => {
                let answer = asked.answer(host);
                let ask = || from_servers(&asked.stub, host);
                answer.get_or_try_init(ask).await?.clone()
            }
        })
    }
}

impl CachingServers {
    /// The cached answer, or an empty cell: look-ups that come meanwhile wait for the same answer.
    fn answer(&self, host: &str) -> SharedAnswer {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        let (since, answer) = known
            .entry(host.to_owned())
            .or_insert_with(|| (Instant::now(), SharedAnswer::default()));
        if since.elapsed() >= MOMENT {
            (*since, *answer) = (Instant::now(), SharedAnswer::default());
        }
        Arc::clone(answer)
    }
}

/// IPv4 before IPv6. One of the two queries may fail if the other has an answer.
async fn from_servers(stub: &StubResolver, host: &str) -> Result<Vec<IpAddr>, BoxError> {
    let mut name = DnsName::from_ascii(host)?;
    name.set_fqdn(true);
    let servers = stub.current();
    let (v4, v6) = tokio::join!(
        servers.ask(&name, RecordType::A),
        servers.ask(&name, RecordType::AAAA)
    );
    let found: Vec<IpAddr> = [&v4, &v6].into_iter().flat_map(addresses).collect();
    match (found.is_empty(), v4, v6) {
        (true, Err(error), _) | (true, _, Err(error)) => Err(error.into()),
        (true, ..) => Err(NoAddress {
            host: host.to_owned(),
        }
        .into()),
        (false, ..) => Ok(found),
    }
}

fn addresses(answer: &Result<DnsAnswer, NoAnswer>) -> Vec<IpAddr> {
    let Ok(DnsAnswer::Records(records)) = answer else {
        return Vec::new();
    };
    let address = |data: &RData| match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    };
    records.iter().filter_map(address).collect()
}

/// The resolver of one client.
#[derive(Clone)]
pub(super) struct FilteringResolver {
    pub(super) names: HostLookup,
    /// If set, only global addresses are allowed, except for these hosts: the proxies.
    pub(super) filter: Option<Arc<[String]>>,
}

impl Service<Name> for FilteringResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { Ok(to_connect(&resolver.addresses(name.as_str()).await?)) })
    }
}

impl FilteringResolver {
    /// The addresses that may be connected to.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, BoxError> {
        let found = self.names.addresses(host).await?;
        Ok(match &self.filter {
            Some(exempt) if !exempt.iter().any(|proxy| proxy.eq_ignore_ascii_case(host)) => {
                only_global(host, found)?
            }
            _ => found,
        })
    }
}

/// Addresses that have been looked up, as a resolver for the connector.
#[derive(Clone)]
pub(super) struct Resolved(pub(super) Vec<IpAddr>);

impl Service<Name> for Resolved {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(to_connect(&self.0)))
    }
}

/// Port 0: the URL's.
fn to_connect(addresses: &[IpAddr]) -> std::vec::IntoIter<SocketAddr> {
    let addresses = addresses.iter().map(|ip| SocketAddr::new(*ip, 0));
    addresses.collect::<Vec<_>>().into_iter()
}

/// The global addresses of a host.
///
/// # Errors
/// If there are only others.
pub(super) fn only_global(host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, NotGlobal> {
    let (global, others): (Vec<IpAddr>, Vec<IpAddr>) =
        found.into_iter().partition(|address| is_global(*address));
    match others.first() {
        Some(address) if global.is_empty() => Err(NotGlobal {
            host: host.to_owned(),
            address: *address,
        }),
        _ => Ok(global),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_addresses_are_left() {
        let parse =
            |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|t| t.parse().unwrap()).collect() };
        let left = only_global("h", parse(&["10.0.0.1", "8.8.8.8", "::1"])).unwrap();
        assert_eq!(left, parse(&["8.8.8.8"]));
        let error = only_global("h.example", parse(&["10.0.0.1", "::1"])).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("h.example leads to 10.0.0.1, ")
        );
        assert!(only_global("h", Vec::new()).unwrap().is_empty());
    }

    #[tokio::test]
    async fn names_that_never_answer_leave_threads_to_others() {
        let lookup = HostLookup::new(&[], None);
        let HostLookup::System(threads) = &lookup else {
            panic!("no servers are given");
        };
        let all = threads.acquire_many(SYSTEM_LOOKUPS as u32).await.unwrap();
        let soon = Duration::from_millis(50);
        let waits = tokio::time::timeout(soon, lookup.addresses("localhost")).await;
        assert!(waits.is_err(), "all threads are taken");
        drop(all);
        assert!(!lookup.addresses("localhost").await.unwrap().is_empty());
        assert_eq!(threads.available_permits(), SYSTEM_LOOKUPS);
    }
}
