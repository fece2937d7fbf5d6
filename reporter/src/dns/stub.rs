//! Asks name servers as the C library does (resolv.conf(5)): in the order listed, one at a time. The first that answers
//! decides; after a timeout or an error the next one is asked.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use hickory_proto::rr::{Name, RecordType};

use super::{
    message::{DnsAnswer, Question},
    name_server::{NameServer, QueryError, QueryOptions},
    resolv_conf::{ResolvConf, reachable},
    system::SystemServers,
};

/// Names the system's servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Which servers are asked.
#[derive(Debug)]
pub(crate) enum StubResolver {
    /// Those of `dns_servers`.
    Configured(Arc<NameServers>),
    /// Those of the system.
    SystemServers(SystemServers),
}

/// Some name servers, and how to ask them.
#[derive(Debug)]
pub(crate) struct NameServers {
    servers: Vec<NameServer>,
    conf: ResolvConf,
    /// With `rotate`: the server that the next question starts with.
    next: AtomicUsize,
}

/// No server answered; what each one did.
#[derive(Debug)]
pub(crate) struct NoAnswer(Vec<(SocketAddr, QueryError)>);

impl StubResolver {
    /// Asks these servers, or the system's if the list is empty. `timeout` overrides the one of `resolv.conf`.
    pub(crate) fn new(servers: &[SocketAddr], timeout: Option<Duration>) -> StubResolver {
        if servers.is_empty() {
            return StubResolver::SystemServers(SystemServers::new(
                PathBuf::from(RESOLV_CONF),
                timeout,
            ));
        }
        let conf = ResolvConf {
            servers: servers.to_vec(),
            attempts: 3,
            ..ResolvConf::default()
        };
        StubResolver::Configured(Arc::new(NameServers::new(conf, timeout)))
    }

    /// The servers to ask now.
    pub(crate) fn current(&self) -> Arc<NameServers> {
        match self {
            StubResolver::Configured(servers) => Arc::clone(servers),
            StubResolver::SystemServers(system) => system.current(),
        }
    }
}

impl NameServers {
    pub(super) fn new(mut conf: ResolvConf, timeout: Option<Duration>) -> NameServers {
        conf.timeout = timeout.unwrap_or(conf.timeout);
        let server = |address: &SocketAddr| NameServer::new(reachable(*address));
        NameServers {
            servers: conf.servers.iter().map(server).collect(),
            conf,
            next: AtomicUsize::new(0),
        }
    }

    /// How often all of them are asked while none answers.
    pub(crate) fn attempts(&self) -> u32 {
        self.conf.attempts
    }

    /// Asks each of them once, until one answers. Something between us and a server may drop queries with EDNS, so only
    /// the first `attempt` has it. `max_wait` bounds the wait for each.
    pub(crate) async fn query_once(
        &self,
        question: &Question,
        attempt: u32,
        max_wait: Duration,
    ) -> Result<DnsAnswer, NoAnswer> {
        let options = QueryOptions {
            timeout: self.conf.timeout.min(max_wait),
            use_tcp: self.conf.use_vc,
            // A single attempt is made as by libc.
            no_edns: attempt > 0 || self.conf.attempts == 1,
        };
        let first = match self.conf.rotate {
            true => self.next.fetch_add(1, Relaxed) % self.servers.len(),
            false => 0,
        };
        let (before, from_first) = self.servers.split_at(first);
        let mut failures = Vec::new();
        for server in from_first.iter().chain(before) {
            match server.ask(question, options).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failures.push((server.address(), error)),
            }
        }
        Err(NoAnswer(failures))
    }

    /// Each of them alone, asked by UDP as usual, and by TCP from the start. None is waited for longer than `max_wait`.
    pub(crate) fn apart(&self, max_wait: Duration) -> Vec<(SocketAddr, [NameServers; 2])> {
        let alone = |address: &SocketAddr, use_vc| {
            let conf = ResolvConf {
                servers: vec![*address],
                timeout: self.conf.timeout.min(max_wait),
                attempts: 2,
                use_vc,
                ..ResolvConf::default()
            };
            NameServers::new(conf, None)
        };
        let servers = self.servers.iter().map(NameServer::address);
        let both = |address| [self.conf.use_vc, true].map(|use_vc| alone(&address, use_vc));
        servers.map(|address| (address, both(address))).collect()
    }

    /// Asks all of them, up to `attempts` times.
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<DnsAnswer, NoAnswer> {
        let question = Question {
            name: name.clone(),
            kind,
        };
        let mut attempt = 0;
        loop {
            match self.query_once(&question, attempt, Duration::MAX).await {
                Err(_) if attempt + 1 < self.conf.attempts => attempt += 1,
                answer => return answer,
            }
        }
    }

    /// Whether a server answers at all: it is asked for the root zone, which nobody can withhold. A refusal is an answer.
    pub(crate) async fn answer_for_root(&self) -> bool {
        let question = Question {
            name: Name::root(),
            kind: RecordType::NS,
        };
        match self.query_once(&question, 0, Duration::MAX).await {
            Ok(_) => true,
            Err(no_answer) => no_answer.is_refusal(),
        }
    }

    #[cfg(test)]
    pub(super) fn conf(&self) -> &ResolvConf {
        &self.conf
    }
}

impl NoAnswer {
    /// Whether any of the servers replied.
    pub(crate) fn is_reply(&self) -> bool {
        self.0.iter().any(|(_, error)| error.is_reply())
    }

    fn is_refusal(&self) -> bool {
        use hickory_proto::op::ResponseCode::Refused;
        let is_refused = |error: &QueryError| matches!(error, QueryError::Rcode(Refused));
        self.0.iter().any(|(_, error)| is_refused(error))
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (address, error)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{address} {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NoAnswer {}

#[cfg(test)]
mod tests;
