//! Where a domain wants its reports: the TXT record at `_smtp._tls` (RFC 8460 section 3).

mod system;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData},
    },
};
use tlsrptd_proto::{
    domain::Domain,
    txt::{Selection, TxtError, TxtRecord, select},
};

pub use system::System;

/// Where the system's name servers stand.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Questions at once, over all domains.
pub const LOOKUPS_AT_ONCE: usize = 256;
/// After a temporary failure the same question is asked so many times more,
const RETRIES: u32 = 2;
/// each after this wait.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// What DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// One valid record.
    Record(TxtRecord),
    /// The domain does not take part (any more), and why we think so.
    OptedOut(String),
    /// DNS did not answer; why.
    Unknown(String),
}

/// Asks DNS.
pub enum Resolver {
    /// The operator's servers.
    Servers(TokioResolver),
    /// Those of the system.
    System(System),
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// `/etc/resolv.conf`.
    #[error(
        "cannot read the system's name servers: {0} (allowed: a valid resolv.conf, or dns_servers)"
    )]
    System(NetError),
    /// The library.
    #[error("cannot set up the resolver: {0}")]
    Build(NetError),
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// With these servers, or the system's when there are none.
    pub fn new(servers: &[SocketAddr], timeout: Duration) -> Result<Resolver, ResolverError> {
        if servers.is_empty() {
            let system = System::new(PathBuf::from(RESOLV_CONF), timeout)?;
            return Ok(Resolver::System(system));
        }
        let servers = servers
            .iter()
            .map(|address| name_server(*address))
            .collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        build(config, ResolverOpts::default(), timeout).map(Resolver::Servers)
    }

    fn current(&self) -> TokioResolver {
        match self {
            Resolver::Servers(resolver) => resolver.clone(),
            Resolver::System(system) => system.current(),
        }
    }

    /// Looks the record up by its absolute name: a search list must not answer for another domain.
    pub async fn record(&self, domain: &Domain) -> Looked {
        let Ok(name) = Name::from_ascii(format!("_smtp._tls.{domain}.")) else {
            return Looked::OptedOut("the record's name would be too long for DNS".to_owned());
        };
        let resolver = self.current();
        let mut tries = 0;
        loop {
            match resolver.txt_lookup(name.clone()).await {
                Ok(answer) => {
                    let texts: Vec<String> = answer
                        .answers()
                        .iter()
                        .filter_map(|record| joined(&record.data))
                        .collect();
                    return judge(&texts);
                }
                Err(error) => match absence(&error) {
                    Some(reason) => return Looked::OptedOut(reason.to_owned()),
                    None if tries == RETRIES => return Looked::Unknown(error.to_string()),
                    None => tries += 1,
                },
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}

fn build(
    config: ResolverConfig,
    mut options: ResolverOpts,
    timeout: Duration,
) -> Result<TokioResolver, ResolverError> {
    options.timeout = timeout;
    options.attempts = 1;
    options.max_active_requests = LOOKUPS_AT_ONCE * 2;
    // The record in DNS when the report is made: nothing is worth keeping.
    options.cache_size = 0;
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(ResolverError::Build)
}

/// What the texts of a name's TXT records amount to.
pub fn judge(texts: &[String]) -> Looked {
    match select(texts) {
        Selection::One(record, _) => Looked::Record(record),
        Selection::None => Looked::OptedOut("no TLSRPT record in DNS".to_owned()),
        Selection::Several(number) => Looked::OptedOut(format!("{number} TLSRPT records in DNS")),
        Selection::Invalid(error) => Looked::OptedOut(invalid(&error)),
    }
}

fn invalid(error: &TxtError) -> String {
    format!("no valid TLSRPT record: {error}")
}

/// The strings of one record are joined without spaces (RFC 8460 section 3). Bytes that are no UTF-8 are replaced: an
/// extension may hold them, and the addresses may be good all the same.
fn joined(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        // A CNAME on the way.
        _ => None,
    }
}

/// Why there is certainly no record, or `None` when DNS only failed.
fn absence(error: &NetError) -> Option<&'static str> {
    let NetError::Dns(DnsError::NoRecordsFound(none)) = error else {
        return None;
    };
    match none.response_code {
        ResponseCode::NXDomain => Some("no such name in DNS"),
        ResponseCode::NoError => Some("no TXT record in DNS"),
        _ => None,
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_texts_amount_to() {
        let good = "v=TLSRPTv1; rua=mailto:a@b.example";
        for (texts, takes_part, why) in [
            (vec![good], true, "one record"),
            (vec!["v=spf1 -all", good], true, "others do not count"),
            (
                vec![good, good],
                false,
                "two records are none (RFC 8460 section 3)",
            ),
            (vec![], false, "none"),
            (vec!["v=TLSRPTv1; ???"], false, "breaks the grammar"),
        ] {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            assert_eq!(
                matches!(judge(&texts), Looked::Record(_)),
                takes_part,
                "{why}"
            );
        }
    }

    #[test]
    fn strings_are_joined_and_bytes_replaced() {
        use hickory_resolver::proto::rr::rdata::TXT;
        let txt = TXT::from_bytes(vec![b"v=TLSRPTv1; rua=mai", b"lto:a@b.example; x=\xff"]);
        assert_eq!(
            joined(&RData::TXT(txt)).unwrap(),
            "v=TLSRPTv1; rua=mailto:a@b.example; x=\u{fffd}"
        );
    }
}
