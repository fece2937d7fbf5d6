//! The collector's part: its socket, its reader, its writer, its day file, in one thread.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tlsrptd_collectd::daemon::{Collector, InTurn};
use tlsrptd_config::Start;
use tlsrptd_service::clock::ClockReading;

use crate::error::CheckError;
use crate::input;

/// Different ones that are known.
const KNOWN: u64 = 64;
/// Datagrams that are sent before the reader has its turn: no kernel's queue is shorter.
const A_READ: u64 = 8;
/// Datagrams that are read before the writer has its turn: what comes in a tenth of a second where mail is busy.
const A_WRITE: u64 = 1_000;

/// Counts known ones.
pub(crate) fn known(rounds: u64) -> Result<(), CheckError> {
    let mut scene = Scene::new()?;
    scene.send((0..KNOWN).map(input::datagram))?;
    let known: Vec<String> = (0..KNOWN).map(input::datagram).collect();
    let places = (0..rounds).map(|round| (round % KNOWN) as usize);
    scene.send(places.map(|place| known[place].as_str()))?;
    scene.finish(KNOWN + rounds)
}

/// Counts new ones.
pub(crate) fn new(rounds: u64) -> Result<(), CheckError> {
    let mut scene = Scene::new()?;
    scene.send((0..rounds).map(input::datagram))?;
    scene.finish(rounds)
}

/// A collector, and who sends to it.
struct Scene {
    collector: InTurn,
    sender: UnixDatagram,
    _folder: TempDir,
}

impl Scene {
    fn new() -> Result<Scene, CheckError> {
        let folder = input::folder()?;
        let here = Path::new(input::HERE);
        let socket = here.join("socket");
        let collector = collector(here, &socket)?;
        let sender = UnixDatagram::unbound()
            .and_then(|sender| {
                sender.connect(&socket)?;
                // A queue that is full is a fault, and not to be waited for.
                sender.set_nonblocking(true)?;
                Ok(sender)
            })
            .map_err(CheckError::io("cannot connect to", &socket))?;
        Ok(Scene {
            collector: collector.in_turn([7; 16]),
            sender,
            _folder: folder,
        })
    }

    fn send<T: AsRef<str>>(
        &mut self,
        datagrams: impl Iterator<Item = T>,
    ) -> Result<(), CheckError> {
        for (number, datagram) in (1..).zip(datagrams) {
            self.sender
                .send(datagram.as_ref().as_bytes())
                .map_err(CheckError::workload("sending a datagram"))?;
            if number % A_READ == 0 {
                self.collector.read();
            }
            if number % A_WRITE == 0 {
                self.collector.write();
            }
        }
        self.collector.read();
        self.collector.write();
        Ok(())
    }

    /// What was not done was not counted.
    fn finish(self, sent: u64) -> Result<(), CheckError> {
        match self.collector.committed() {
            committed if committed == sent => Ok(()),
            committed => Err(CheckError::Workload(format!(
                "of {sent} datagrams, {committed} are in the day file"
            ))),
        }
    }
}

fn collector(folder: &Path, socket: &Path) -> Result<Collector, CheckError> {
    let options = [
        format!("--storage=sqlite://{}", folder.join("day.sqlite").display()),
        format!("--socketname={}", socket.display()),
        // Commits are the writer's turns, and nothing is synced: that would depend on the time.
        "--sockettimeout=86400".to_owned(),
        "--log_level=error".to_owned(),
    ];
    let settings = match tlsrptd_config::collectd::load(options.map(Into::into), []) {
        Start::Run(settings) => settings.values,
        Start::Done { stderr, .. } => return Err(CheckError::Workload(stderr)),
    };
    let noon = "2026-11-20T12:00:00Z"
        .parse()
        .map_err(CheckError::workload("reading a time"))?;
    let reading = ClockReading {
        wall: noon,
        boot: Duration::from_secs(3600),
    };
    Collector::prepare(settings, Arc::new(move || reading))
        .map_err(CheckError::workload("starting the collector"))
}
