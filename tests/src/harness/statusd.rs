//! `tlsrpt-statusd` at work, and a client that says to it what a test wants said.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::lab::Lab;
use super::program::{Program, Running};
use super::wait::until;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What it says of where it listens.
const SERVES: &str = "tlsrpt-statusd serves address=";

/// A page that is served.
#[derive(Debug)]
pub struct Statusd {
    /// The program.
    pub running: Running,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Lab {
    /// `tlsrpt-statusd` that shows that reporter, on a port that the kernel chooses; of a collector, whose observation socket
    /// is `collectd.observe`. It answers anew for each question that comes a second later.
    pub fn statusd(&self, reportd: &Program) -> Program {
        // The file is written with it.
        let _ = reportd.command_line();
        Program::ours("tlsrpt-statusd", self.folder())
            .set("listen", "127.0.0.1:0")
            .set("reportd_config", reportd.config_path().display())
            .set("collector_sockets", self.file("collectd.observe").display())
            .set("refresh_interval", 1)
            .set("log_level", "info")
    }
}

impl Statusd {
    /// Starts it, and waits until it listens by TCP.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(program: &Program) -> Statusd {
        let mut running = program.start();
        let address = until("tlsrpt-statusd", || {
            let address = Statusd::serves(&running);
            assert!(
                address.is_some() || running.is_running(),
                "it ended: {}",
                running.log()
            );
            address
        });
        Statusd { running, address }
    }

    fn serves(running: &Running) -> Option<SocketAddr> {
        let log = running.log();
        let (_, behind) = log.split_once(SERVES)?;
        behind.lines().next()?.trim().parse().ok()
    }

    /// A connection.
    ///
    /// # Panics
    /// When there is none.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        let limited = stream.set_read_timeout(Some(PATIENCE));
        limited
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .expect("a socket has time limits");
        stream
    }

    /// Asks for a path, as a browser on this host.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn get(&self, target: &str) -> HttpAnswer {
        self.ask(&format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
    }

    /// Says this, and reads until the connection ends.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ask(&self, request: &str) -> HttpAnswer {
        let mut stream = self.connect();
        // It may have said no before it has read all.
        let _ = stream.write_all(request.as_bytes());
        HttpAnswer::read(&mut stream)
            .unwrap_or_else(|| panic!("no answer to {request:?}: {}", self.running.log()))
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Three digits.
    pub status: u16,
    /// By their names in lower case.
    pub fields: BTreeMap<String, String>,
    /// What follows.
    pub body: String,
}

impl HttpAnswer {
    /// One answer, to the end of the connection. `None`: there was none.
    pub fn read(stream: &mut impl Read) -> Option<HttpAnswer> {
        let mut bytes = Vec::new();
        // A reset behind the answer is the end, too.
        let _: io::Result<usize> = stream.read_to_end(&mut bytes);
        HttpAnswer::parse(&bytes)
    }

    /// One answer with all that stands behind it.
    pub fn parse(bytes: &[u8]) -> Option<HttpAnswer> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Some(HttpAnswer {
            status,
            fields: fields.collect(),
            body: body.to_owned(),
        })
    }

    /// A field; empty: there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}
