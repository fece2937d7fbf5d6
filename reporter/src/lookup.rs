//! Where a domain wants its reports: the TXT record at `_smtp._tls` (RFC 8460 section 3).

mod outage;
mod system;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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
use tokio::time::Instant;

use crate::brake::Brake;
use outage::{Change, End, Outage};
use system::System;

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

/// Asks DNS, as long as it answers.
pub struct Resolver {
    servers: Servers,
    outage: Mutex<Outage>,
    /// DNS may fail for each of a million domains.
    failures: Brake,
}

enum Servers {
    /// The operator's.
    Named(TokioResolver),
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
        Ok(Resolver {
            servers: Servers::new(servers, timeout)?,
            outage: Mutex::default(),
            failures: Brake::new(),
        })
    }

    /// Looks the record up by its absolute name: a search list must not answer for another domain.
    pub async fn record(&self, domain: &Domain) -> Looked {
        let Ok(name) = Name::from_ascii(format!("_smtp._tls.{domain}.")) else {
            return Looked::OptedOut("the record's name would be too long for DNS".to_owned());
        };
        if !self.outage().may_ask(Instant::now()) {
            return Looked::Unknown("it is out".to_owned());
        }
        let looked = self.ask(name).await;
        let end = match &looked {
            Ok(_) => End::Answer,
            Err(NetError::Dns(_)) => End::BadResponse,
            Err(_) => End::Silence,
        };
        let change = self.outage().ended(end, Instant::now());
        self.tell(change);
        looked.unwrap_or_else(|error| {
            let reason = error.to_string();
            if !self.outage().is_out()
                && let Some(others) = self.failures.pass()
            {
                tracing::warn!(%domain, reason, others, "DNS failed: the record that the MTA saw is used");
            }
            Looked::Unknown(reason)
        })
    }

    fn tell(&self, change: Option<Change>) {
        match change {
            Some(Change::Out) => tracing::warn!(
                "DNS is out: until it answers again, the records that the MTA saw are used"
            ),
            Some(Change::Back { after, passed_over }) => {
                let seconds = after.as_secs();
                tracing::warn!(seconds, passed_over, "DNS is back");
            }
            None => {}
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        // Nobody leaves it half changed.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until there is an answer; `Err` when there is none.
    async fn ask(&self, name: Name) -> Result<Looked, NetError> {
        let resolver = self.servers.current();
        let mut tries = 0;
        loop {
            match resolver.txt_lookup(name.clone()).await {
                Ok(answer) => {
                    let texts: Vec<String> = answer
                        .answers()
                        .iter()
                        .filter_map(|record| joined(&record.data))
                        .collect();
                    return Ok(judge(&texts));
                }
                Err(error) => match absence(&error) {
                    Some(reason) => return Ok(Looked::OptedOut(reason.to_owned())),
                    None if tries == RETRIES || self.outage().is_out() => return Err(error),
                    None => tries += 1,
                },
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}

impl Servers {
    fn new(servers: &[SocketAddr], timeout: Duration) -> Result<Servers, ResolverError> {
        if servers.is_empty() {
            let system = System::new(PathBuf::from(RESOLV_CONF), timeout)?;
            return Ok(Servers::System(system));
        }
        let servers = servers
            .iter()
            .map(|address| name_server(*address))
            .collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        build(config, ResolverOpts::default(), timeout).map(Servers::Named)
    }

    fn current(&self) -> TokioResolver {
        match self {
            Servers::Named(resolver) => resolver.clone(),
            Servers::System(system) => system.current(),
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

/// The one record that the MTA saw, or what is wrong with it.
pub fn seen(text: &str) -> Result<TxtRecord, String> {
    match select(&[text.to_owned()]) {
        Selection::One(record, _) => Ok(record),
        Selection::Invalid(error) => Err(invalid(&error)),
        Selection::None | Selection::Several(_) => Err("it is no TLSRPT record".to_owned()),
    }
}

fn invalid(error: &TxtError) -> String {
    format!("no valid TLSRPT record: {error}")
}

/// The strings of one record are joined without spaces (RFC 8460 section 3). Bytes that are no UTF-8 are replaced, not
/// refused: in a record of another kind they are no concern of ours, in a URI they spoil that URI alone. In an extension
/// they make the record invalid, as the grammar has it (`%x21-3A / %x3C / %x3E-7E`): [`judge`] says so.
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
            (
                vec!["v=TLSRPTv1; rua=mailto:a@b.example; x=\u{fffd}"],
                false,
                "an extension that is not ASCII",
            ),
            (
                vec!["v=TLSRPTv1; rua=mailto:a@b.example,mailto:\u{fffd}@b.example"],
                true,
                "a URI that is not spoils no other",
            ),
            (
                vec!["\u{fffd}\u{fffd}", good],
                true,
                "bytes of another kind",
            ),
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
    fn what_the_mta_saw_is_not_said_to_stand_in_dns() {
        assert!(seen("v=TLSRPTv1; rua=mailto:a@b.example").is_ok());
        for text in ["", "v=spf1 -all", "v=TLSRPTv1; ???"] {
            let reason = seen(text).unwrap_err();
            assert!(!reason.contains("DNS"), "{text}: {reason}");
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
