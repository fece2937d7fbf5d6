//! A collector under test: started with fresh files, stopped in order, its costs read.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::UsageWho;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::error::BenchError;
use crate::page::{self, PageServer};
use crate::process;

/// Python needs half a second, more where others use the machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who reads the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A loop that throws the datagrams away.
    Floor,
    /// sys4.
    Theirs,
    /// Our collector.
    Ours,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Floor, Kind::Theirs, Kind::Ours];
}

/// Who asks ours while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observers {
    None,
    AskAllTheTime,
    /// `tlsrpt-statusd`, for a crowd.
    Page,
}

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) floor: PathBuf,
    pub(crate) theirs: PathBuf,
    pub(crate) ours: PathBuf,
    pub(crate) observers: Observers,
    /// Where each run makes its folder.
    pub(crate) folder: PathBuf,
}

/// A collector that takes datagrams.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// Whoever asks it, and what they ask through; the last that was started comes first.
    observers: Vec<Child>,
    page: Option<PageServer>,
    /// Beside the floor, a collector without work that is asked in its place: what those who ask take of the machine is not
    /// the collector's.
    beside: Option<Box<Daemon>>,
    folder: TempDir,
    cpu_at_start: f64,
}

/// A collector that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// CPU seconds since it was ready, its orderly stop included.
    pub(crate) cpu: f64,
    /// The most memory it ever had, in MiB.
    pub(crate) memory: f64,
    /// Where its files are.
    pub(crate) folder: TempDir,
}

impl Daemon {
    /// Starts one, and waits until its socket is there.
    pub(crate) fn start(kind: Kind, programs: &Programs) -> Result<Daemon, BenchError> {
        let folder = TempDir::with_prefix_in("tlsrptd-bench-", &programs.folder)
            .map_err(BenchError::io("cannot make a folder in", &programs.folder))?;
        let (program, mut command) = command(kind, programs, folder.path())?;
        let log = folder.path().join("log");
        let stderr = File::create(&log).map_err(BenchError::io("cannot create", &log))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(BenchError::io("cannot start", &program))?;
        let mut daemon = Daemon {
            child,
            observers: Vec::new(),
            page: None,
            beside: None,
            folder,
            cpu_at_start: 0.0,
        };
        if !daemon.is_ready() {
            let log = fs::read_to_string(&log).unwrap_or_default();
            return Err(BenchError::NotStarted { program, log });
        }
        match (programs.observers, kind) {
            (Observers::None, _) | (_, Kind::Theirs) => {}
            (Observers::AskAllTheTime, Kind::Ours) => {
                daemon.observers = vec![observer(programs, daemon.folder.path())?];
            }
            (Observers::Page, Kind::Ours) => daemon.show(programs)?,
            (_, Kind::Floor) => {
                daemon.beside = Some(Box::new(Daemon::start(Kind::Ours, programs)?));
            }
        }
        daemon.cpu_at_start = process::cpu(daemon.child.id());
        Ok(daemon)
    }

    /// A page that shows it, and a crowd that asks for that.
    fn show(&mut self, programs: &Programs) -> Result<(), BenchError> {
        let folder = self.folder.path();
        let program = |name| programs.ours.with_file_name(name);
        let (reporter, config) = page::idle_reporter(&program("tlsrpt-reportd"), folder)?;
        self.observers.push(reporter);
        let socket = observation_socket(folder);
        let page = PageServer::start(&program("tlsrpt-statusd"), &config, &socket, folder)?;
        let crowd = page::spawn_crowd(page.port, &crowd_file(folder))?;
        self.observers.insert(0, crowd);
        self.page = Some(page);
        // It has come together.
        thread::sleep(Duration::from_secs(3));
        Ok(())
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Stops it in order, and reads what it has cost.
    pub(crate) fn stop(mut self) -> Result<Ended, BenchError> {
        let memory = process::memory(self.child.id());
        if let Some(page) = &self.page {
            let (cpu, memory) = page.costs();
            let told = fs::read_to_string(crowd_file(self.folder.path())).unwrap_or_default();
            eprintln!("page: {told}; {cpu:.2} CPU s, {memory:.1} MiB");
        }
        for mut observer in self.observers.drain(..) {
            let _ = observer.kill();
            let _ = observer.wait();
        }
        self.page = None;
        if let Some(beside) = self.beside.take() {
            beside.stop()?;
        }
        let before = process::used(UsageWho::RUSAGE_CHILDREN);
        let program = PathBuf::from(format!("process {}", self.child.id()));
        // It may have died under the load; then the counts tell.
        let _ = kill(self.pid(), Signal::SIGTERM);
        self.child
            .wait()
            .map_err(BenchError::io("cannot wait for", &program))?;
        Ok(Ended {
            cpu: process::used(UsageWho::RUSAGE_CHILDREN) - before - self.cpu_at_start,
            memory,
            folder: self.folder,
        })
    }

    fn is_ready(&mut self) -> bool {
        let socket = self.socket();
        let begin = Instant::now();
        let connects = || UnixDatagram::unbound().and_then(|probe| probe.connect(&socket));
        while connects().is_err() {
            let has_ended = !matches!(self.child.try_wait(), Ok(None));
            if has_ended || begin.elapsed() > PATIENCE {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// Where ours writes its own figures; sys4 passes over the section that names it.
pub(crate) fn stats_file(folder: &Path) -> PathBuf {
    folder.join("stats")
}

fn observation_socket(folder: &Path) -> PathBuf {
    folder.join("observe")
}

fn crowd_file(folder: &Path) -> PathBuf {
    folder.join("crowd")
}

fn observer(programs: &Programs, folder: &Path) -> Result<Child, BenchError> {
    let mut command = Command::new(&programs.floor);
    command.arg("observe").arg("--socket");
    let spawned = command.arg(observation_socket(folder)).spawn();
    spawned.map_err(BenchError::io("cannot start", &programs.floor))
}

/// The day file of a run; older days stand beside it.
pub(crate) fn day_file(folder: &Path) -> PathBuf {
    folder.join("collectd.sqlite")
}

fn command(
    kind: Kind,
    programs: &Programs,
    folder: &Path,
) -> Result<(PathBuf, Command), BenchError> {
    let socket = socket(folder);
    let program = match kind {
        Kind::Floor => &programs.floor,
        Kind::Theirs => &programs.theirs,
        Kind::Ours => &programs.ours,
    };
    let mut command = Command::new(program);
    command.env_clear();
    if kind == Kind::Floor {
        command.arg("floor").arg("--socket").arg(socket);
    } else {
        // One file for both, and the defaults for all else. A file that is named keeps out the machine's own.
        let file = folder.join("collectd.cfg");
        let text = format!(
            "[tlsrpt_collectd]\nstorage = sqlite://{}\nsocketname = {}\n\
             [tlsrptd_collectd]\nstats_file = {}\nobservation_socket = {}\n",
            day_file(folder).display(),
            socket.display(),
            stats_file(folder).display(),
            observation_socket(folder).display()
        );
        fs::write(&file, text).map_err(BenchError::io("cannot write", &file))?;
        command.arg("--config_file").arg(file);
    }
    Ok((program.clone(), command))
}
