//! Asks name servers as the C library does (resolv.conf(5)): in the order listed, one at a time. The first that answers
//! decides; silence and error codes are no answer, and the next one is asked.

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
    exchange::{Manner, Server, ServerError},
    message::{Answer, Question},
    resolv_conf::{ResolvConf, reachable},
    system::System,
};

/// Where the system's name servers stand.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Whom to ask.
#[derive(Debug)]
pub(crate) enum Stub {
    /// The operator's.
    Named(Arc<Servers>),
    /// Those of the system.
    System(System),
}

/// Some name servers, and how to ask them.
#[derive(Debug)]
pub(crate) struct Servers {
    servers: Vec<Server>,
    conf: ResolvConf,
    /// Where the next question begins.
    turn: AtomicUsize,
}

/// Nobody answered; what each one did.
#[derive(Debug)]
pub(crate) struct NoAnswer(Vec<(SocketAddr, ServerError)>);

impl Stub {
    /// Asks these servers, or the system's when there are none. `timeout` is the operator's word against the file's.
    pub(crate) fn new(servers: &[SocketAddr], timeout: Option<Duration>) -> Stub {
        if servers.is_empty() {
            return Stub::System(System::new(PathBuf::from(RESOLV_CONF), timeout));
        }
        let conf = ResolvConf {
            servers: servers.to_vec(),
            attempts: 3,
            ..ResolvConf::default()
        };
        Stub::Named(Arc::new(Servers::new(conf, timeout)))
    }

    /// Whom to ask now.
    pub(crate) fn current(&self) -> Arc<Servers> {
        match self {
            Stub::Named(servers) => Arc::clone(servers),
            Stub::System(system) => system.current(),
        }
    }
}

impl Servers {
    pub(super) fn new(mut conf: ResolvConf, timeout: Option<Duration>) -> Servers {
        conf.timeout = timeout.unwrap_or(conf.timeout);
        let server = |address: &SocketAddr| Server::new(reachable(*address));
        Servers {
            servers: conf.servers.iter().map(server).collect(),
            conf,
            turn: AtomicUsize::new(0),
        }
    }

    /// How often all of them are asked, while none answers.
    pub(crate) fn attempts(&self) -> u32 {
        self.conf.attempts
    }

    /// Asks each of them once, until one answers. Something between us and a server may drop what bears EDNS, so that
    /// only the first `attempt` does. `patience` bounds the wait for each.
    pub(crate) async fn ask_once(
        &self,
        question: &Question,
        attempt: u32,
        patience: Duration,
    ) -> Result<Answer, NoAnswer> {
        let manner = Manner {
            timeout: self.conf.timeout.min(patience),
            use_vc: self.conf.use_vc,
            // Where there is one attempt alone, it is made as by libc.
            plain: attempt > 0 || self.conf.attempts == 1,
        };
        let first = match self.conf.rotate {
            true => self.turn.fetch_add(1, Relaxed) % self.servers.len(),
            false => 0,
        };
        let (before, from_first) = self.servers.split_at(first);
        let mut failures = Vec::new();
        for server in from_first.iter().chain(before) {
            match server.ask(question, manner).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failures.push((server.address(), error)),
            }
        }
        Err(NoAnswer(failures))
    }

    /// The same, as often as it takes.
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, NoAnswer> {
        let question = Question {
            name: name.clone(),
            kind,
        };
        let mut attempt = 0;
        loop {
            match self.ask_once(&question, attempt, Duration::MAX).await {
                Err(_) if attempt + 1 < self.conf.attempts => attempt += 1,
                answer => return answer,
            }
        }
    }

    /// Whether anybody is there: the root of all names is nobody's to withhold. Who refuses to speak of it is there.
    pub(crate) async fn know_the_root(&self) -> bool {
        let question = Question {
            name: Name::root(),
            kind: RecordType::NS,
        };
        match self.ask_once(&question, 0, Duration::MAX).await {
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
    /// Whether any of the servers said something.
    pub(crate) fn is_reply(&self) -> bool {
        self.0.iter().any(|(_, error)| error.is_reply())
    }

    fn is_refusal(&self) -> bool {
        use hickory_proto::op::ResponseCode::Refused;
        let is_refused = |error: &ServerError| matches!(error, ServerError::Code(Refused));
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
