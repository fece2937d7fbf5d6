//! `tlsrpt-statusd` under those who ask it: a crowd that asks a thousand times a second, and two hundred who hardly read.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::process;

/// What is asked, by turns.
const TARGETS: [&str; 4] = ["/", "/metrics", "/api/v1/status", "/health"];
const ASKERS: u32 = 20;
const A_SECOND: u32 = 1_000;
const SLOW_READERS: usize = 200;
/// Of a slow reader: so many requests at once, and a byte each second.
const PIPELINED: usize = 50;
const PATIENCE: Duration = Duration::from_secs(20);
/// As its unit has it, and whoever asks is on another host mostly.
const NICE: [&str; 3] = ["nice", "-n", "10"];
const SERVES: &str = "tlsrpt-statusd serves address=127.0.0.1:";

/// A page at work; ended when dropped.
#[derive(Debug)]
pub(crate) struct PageServer {
    child: Child,
    pub(crate) port: u16,
}

impl PageServer {
    /// Starts it beside `program`, for the reporter of this configuration; its own files go into `folder`.
    pub(crate) fn start(
        program: &Path,
        reportd_config: &Path,
        collector_socket: &Path,
        folder: &Path,
    ) -> Result<PageServer, BenchError> {
        let config = folder.join("statusd.cfg");
        let text = format!(
            "[tlsrptd_statusd]\nlisten = 127.0.0.1:0\nlog_level = info\nreportd_config = {}\ncollector_sockets = {}\n",
            reportd_config.display(),
            collector_socket.display()
        );
        fs::write(&config, text).map_err(BenchError::io("cannot write", &config))?;
        let log = folder.join("statusd.log");
        let stderr = fs::File::create(&log).map_err(BenchError::io("cannot create", &log))?;
        let child = nice(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .arg("--config_file")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(BenchError::io("cannot start", program))?;
        let mut server = PageServer { child, port: 0 };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let port = said.split_once(SERVES).map(|(_, port)| port);
            let port = port.and_then(|port| port.lines().next()?.trim().parse().ok());
            if let Some(port) = port {
                server.port = port;
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(BenchError::NotStarted {
            program: program.to_owned(),
            log: fs::read_to_string(&log).unwrap_or_default(),
        })
    }

    /// CPU seconds so far, and the peak of its memory in MiB.
    pub(crate) fn costs(&self) -> (f64, f64) {
        (
            process::cpu(self.child.id()),
            process::memory(self.child.id()),
        )
    }

    /// One answer: seconds, and its bytes.
    pub(crate) fn answer(&self, target: &str) -> Result<(f64, usize), BenchError> {
        let begun = Instant::now();
        let asked = || {
            let mut asker = Asker::connect(self.port)?;
            asker.ask(target)
        };
        let bytes = asked().map_err(BenchError::other("asking tlsrpt-statusd"))?;
        Ok((begun.elapsed().as_secs_f64(), bytes))
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Those who ask, in a process of their own.
pub(crate) fn spawn_crowd(port: u16, told: &Path) -> Result<Child, BenchError> {
    let this = std::env::current_exe().map_err(BenchError::other("finding this program"))?;
    let mut command = nice(&this);
    let crowd = command.arg("crowd").arg(port.to_string()).arg(told);
    crowd.spawn().map_err(BenchError::io("cannot start", &this))
}

/// Asks until it is killed; each second the number of its answers, and of all questions without one, goes into the file.
pub(crate) fn crowd(port: u16, told: &Path) -> Result<(), BenchError> {
    let (answered, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..SLOW_READERS {
            scope.spawn(move || {
                loop {
                    let _ = read_slowly(port);
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
        for number in 0..ASKERS {
            let (answered, failed) = (&answered, &failed);
            scope.spawn(move || {
                loop {
                    let _ = ask_on(port, number, answered);
                    failed.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(10));
                }
            });
        }
        let (mut begun, mut before) = (Instant::now(), 0);
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = answered.load(Ordering::Relaxed);
            let text = format!(
                "{:.0} answers a second, {} questions without one",
                (now - before) as f64 / begun.elapsed().as_secs_f64(),
                failed.load(Ordering::Relaxed)
            );
            (begun, before) = (Instant::now(), now);
            let _ = fs::write(told, text);
        }
    })
}

/// At its share of the rate, by one connection.
fn ask_on(port: u16, number: u32, answered: &AtomicU64) -> std::io::Result<()> {
    let mut asker = Asker::connect(port)?;
    let interval = Duration::from_secs(1) * ASKERS / A_SECOND;
    let begun = Instant::now();
    for turn in 0u32.. {
        let due = interval * turn;
        thread::sleep(due.saturating_sub(begun.elapsed()));
        asker.ask(TARGETS[(number + turn) as usize % TARGETS.len()])?;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn read_slowly(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(request("/").repeat(PIPELINED).as_bytes())?;
    let mut byte = [0];
    while stream.read(&mut byte)? > 0 {
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn request(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A connection that is kept.
struct Asker(BufReader<TcpStream>);

impl Asker {
    fn connect(port: u16) -> std::io::Result<Asker> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Asker(BufReader::new(stream)))
    }

    /// The bytes of the answer's body.
    fn ask(&mut self, target: &str) -> std::io::Result<usize> {
        self.0.get_mut().write_all(request(target).as_bytes())?;
        let (mut length, mut is_first) = (0, true);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if std::mem::take(&mut is_first) && !line.starts_with("HTTP/1.1 200 ") {
                return Err(std::io::Error::other(format!("{target}: {line}")));
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(length)
    }
}

fn nice(program: &Path) -> Command {
    let mut command = Command::new(NICE[0]);
    command.args(&NICE[1..]).arg(program);
    command
}

/// A reporter that has nothing to report, for a page that shows a collector: its database is made when it starts.
pub(crate) fn idle_reporter(program: &Path, folder: &Path) -> Result<(Child, PathBuf), BenchError> {
    let config = folder.join("reportd.cfg");
    let text = format!(
        "[tlsrpt_reportd]\ndbname = {0}/reportd.sqlite\nfetchers = false\norganization_name = Bench\n\
         contact_info = bench@example.com\n[tlsrptd_reportd]\nobservation_socket = {0}/reportd.observe\n",
        folder.display()
    );
    fs::write(&config, text).map_err(BenchError::io("cannot write", &config))?;
    let mut command = Command::new(program);
    let spawned = command
        .env_clear()
        .arg("--config_file")
        .arg(&config)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = spawned.map_err(BenchError::io("cannot start", program))?;
    Ok((child, config))
}
