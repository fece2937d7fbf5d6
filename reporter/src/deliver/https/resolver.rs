//! Names to addresses, for the HTTPS client: by the servers of `dns_servers` or by the
//! system, and without addresses that are not global where a stranger named the host.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_global;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Nothing that a name leads to may be connected to.
#[derive(Debug, thiserror::Error)]
#[error(
    "{host} leads to {address}, which is not a global address (allow_private_destinations is off)"
)]
pub(super) struct NotGlobal {
    pub(super) host: String,
    pub(super) address: IpAddr,
}

/// Looks names up.
#[derive(Clone)]
pub(super) enum Names {
    System,
    Servers(Arc<TokioResolver>),
}

impl Names {
    /// No servers: the system's way.
    pub(super) fn new(servers: &[SocketAddr], time: Duration) -> Result<Names, BoxError> {
        if servers.is_empty() {
            return Ok(Names::System);
        }
        let server = |address: &SocketAddr| {
            let at_port = |mut connection: ConnectionConfig| {
                connection.port = address.port();
                connection
            };
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port);
            NameServerConfig::new(address.ip(), true, connections.into())
        };
        let servers = servers.iter().map(server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        builder.options_mut().timeout = time;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        Ok(Names::Servers(Arc::new(builder.build()?)))
    }

    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, BoxError> {
        Ok(match self {
            Names::System => tokio::net::lookup_host((host, 0))
                .await?
                .map(|address| address.ip())
                .collect(),
            Names::Servers(resolver) => resolver.lookup_ip(host).await?.iter().collect(),
        })
    }
}

/// The resolver of one client.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) names: Names,
    /// Only global addresses, but for these hosts: proxies, which the operator named.
    pub(super) filter: Option<Arc<[String]>>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = resolver.names.addresses(host).await?;
            let checked = match &resolver.filter {
                Some(exempt) if !exempt.iter().any(|proxy| proxy.eq_ignore_ascii_case(host)) => {
                    only_global(host, found)?
                }
                _ => found,
            };
            let addresses: Addrs = Box::new(checked.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

/// The global ones of a host's addresses; none of several is an error that names one.
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
}
