//! The real name servers, collectors and relay, asked in bounded time.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hickory_proto::rr::{Name, RecordType};
use tlsrptd_config::reportd::Reportd;
use tokio::{runtime::Runtime, time::timeout};

use super::{
    WAIT,
    looking::{DoctorEnvironment, Names, ServerState},
};
use crate::{
    deliver::{self, RelayAnswer, RelayTrouble, TroubleKind},
    dns::{DnsAnswer, StubResolver},
    gather,
};

/// One question to one server.
const ONE_SERVER: Duration = Duration::from_secs(3);
/// All questions together: with dead servers each takes its time.
const ALL_QUESTIONS: Duration = Duration::from_secs(40);

/// The name servers of `dns_servers`, or the system's.
pub(super) struct SystemNames<'a> {
    stub: StubResolver,
    runtime: &'a Runtime,
    until: Instant,
    /// None of the servers answered when they were asked one by one.
    is_dead: Cell<bool>,
}

impl<'a> SystemNames<'a> {
    pub(super) fn new(settings: &Reportd, runtime: &'a Runtime) -> SystemNames<'a> {
        SystemNames {
            stub: StubResolver::new(&settings.dns_servers, settings.dns_timeout),
            runtime,
            until: Instant::now() + ALL_QUESTIONS,
            is_dead: Cell::new(false),
        }
    }
}

impl Names for SystemNames<'_> {
    fn ask(&self, name: &str, kind: RecordType) -> Result<DnsAnswer, String> {
        if self.is_dead.get() {
            return Err("no name server answers".to_owned());
        }
        let name = Name::from_ascii(name).map_err(|error| error.to_string())?;
        let left = self.until.saturating_duration_since(Instant::now());
        let servers = self.stub.current();
        let asked = async { timeout(left.min(WAIT), servers.ask(&name, kind)).await };
        match self.runtime.block_on(asked) {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    fn servers(&self) -> Vec<ServerState> {
        // Nobody can have registered it (RFC 6761 section 6.4), and no cache knows it.
        let name = format!("tlsrpt-doctor-{:08x}.invalid.", rand::random::<u32>());
        let Ok(name) = Name::from_ascii(name) else {
            return Vec::new();
        };
        let servers = self.stub.current().apart(ONE_SERVER);
        let asked = servers.iter().map(|(address, [usual, tcp])| async {
            let told = |error: crate::dns::NoAnswer| error.to_string();
            let udp = usual.ask(&name, RecordType::TXT).await.map_err(told);
            let tcp = match &udp {
                Ok(_) => Some(tcp.ask(&name, RecordType::TXT).await.map_err(told)),
                Err(_) => None,
            };
            ServerState {
                address: address.to_string(),
                udp,
                tcp,
            }
        });
        let states = self.runtime.block_on(async { join_all(asked).await });
        self.is_dead
            .set(states.iter().all(|state| state.udp.is_err()));
        states
    }
}

/// The real fetchers and relay.
pub(super) struct SystemDoctorEnvironment<'a> {
    pub(super) runtime: &'a Runtime,
}

impl DoctorEnvironment for SystemDoctorEnvironment<'_> {
    fn probe(&self, commands: &[&str]) -> Vec<Result<(), String>> {
        let asked = commands.iter().map(|command| async {
            match timeout(WAIT, gather::probe(command)).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                // What is dropped here is killed.
                Err(_) => Err(format!("no answer within {} s", WAIT.as_secs())),
            }
        });
        self.runtime.block_on(async { join_all(asked).await })
    }

    fn rehearse(&self, settings: &Reportd) -> Option<Result<RelayAnswer, RelayTrouble>> {
        let asked = async { timeout(WAIT, deliver::rehearse(settings)).await };
        self.runtime.block_on(asked).unwrap_or_else(|_| {
            Some(Err(RelayTrouble {
                kind: TroubleKind::Unreachable,
                reason: format!("it does not answer within {} s", WAIT.as_secs()),
                remedy: "",
            }))
        })
    }
}
