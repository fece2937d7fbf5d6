//! A real program: its configuration file, its environment, its life.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clock::FakeClock;
use super::places;
pub use super::running::{Ended, Running};

/// What comes as standard input becomes descriptor 3.
const AS_SYSTEMD: &str =
    "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=any exec \"$@\"";

/// Ours that run until a signal says to stop.
const DAEMONS: [&str; 4] = [
    "tlsrpt-collectd",
    "tlsrpt-reportd",
    "tlsrpt-shipper",
    "tlsrpt-statusd",
];

/// A program that is about to be started. Each method returns it, so that calls chain.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    folder: PathBuf,
    section: String,
    is_ours: bool,
    settings: Vec<(String, String)>,
    config: Config,
    args: Vec<String>,
    env: Vec<(String, String)>,
    passed: Option<Arc<OwnedFd>>,
    under: Vec<String>,
}

#[derive(Debug, Clone)]
enum Config {
    /// Written from the settings.
    Made,
    /// Written as the test says, to test how it is read.
    Text(String),
    /// No `--config_file` at all.
    None,
}

impl Program {
    /// One of ours, by name; its files go into `folder`.
    pub fn ours(name: &str, folder: &Path) -> Program {
        let mut program = Program::at(places::program(name), folder);
        program.is_ours = true;
        program
    }

    /// Any program that reads a configuration file as ours do: sys4's.
    pub fn at(path: PathBuf, folder: &Path) -> Program {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let section = match &*name {
            "tlsrptctl" => "tlsrpt_reportd".to_owned(),
            "tlsrpt-shipper" => "tlsrptd_shipper".to_owned(),
            "tlsrpt-statusd" => "tlsrptd_statusd".to_owned(),
            name => name.replace('-', "_"),
        };
        Program {
            section,
            is_ours: false,
            path,
            folder: folder.to_owned(),
            settings: Vec::new(),
            config: Config::Made,
            args: Vec::new(),
            env: Vec::new(),
            passed: None,
            under: Vec::new(),
        }
    }

    /// Sets an option in the configuration file, in place of an earlier value.
    pub fn set(mut self, option: &str, value: impl ToString) -> Program {
        self = self.unset(option);
        self.settings.push((option.to_owned(), value.to_string()));
        self
    }

    /// Takes an option out of the configuration file.
    pub fn unset(mut self, option: &str) -> Program {
        self.settings.retain(|(name, _)| name != option);
        self
    }

    /// The whole text of the configuration file, in place of the options set.
    pub fn config_text(mut self, text: &str) -> Program {
        self.config = Config::Text(text.to_owned());
        self
    }

    /// Starts it without a configuration file: arguments and environment only.
    pub fn no_config(mut self) -> Program {
        self.config = Config::None;
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl ToString) -> Program {
        self.args.push(arg.to_string());
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: impl ToString) -> Program {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// Lets it, and what it starts, see this clock.
    pub fn clock(self, clock: &FakeClock) -> Program {
        let mut program = self.believing();
        program.env.extend(
            clock
                .environment()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        program
    }

    /// A daemon of ours believes a clock that the test sets at once, unless the test says otherwise.
    pub(super) fn believing(self) -> Program {
        let is_daemon = matches!(&*self.section, "tlsrpt_collectd" | "tlsrpt_reportd")
            && self.name() != "tlsrptctl";
        match self.is_ours && is_daemon && self.setting("clock_confirmation").is_none() {
            true => self.set("clock_confirmation", 0),
            false => self,
        }
    }

    /// Passes it an open socket as systemd does: descriptor 3, LISTEN_FDS and LISTEN_PID.
    pub fn passing(mut self, socket: impl Into<OwnedFd>) -> Program {
        self.passed = Some(Arc::new(socket.into()));
        self
    }

    /// Starts it by way of another command, which becomes it: these words, then its own.
    pub fn under(mut self, words: &[&str]) -> Program {
        self.under = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The same program in another place.
    pub fn moved(mut self, place: impl FnOnce(&Path) -> PathBuf) -> Program {
        self.path = place(&self.path);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When the system cannot start it.
    pub fn start(&self) -> Running {
        static STARTS: AtomicUsize = AtomicUsize::new(0);
        let start = STARTS.fetch_add(1, Ordering::Relaxed);
        let name = self.name();
        let stdout = self.folder.join(format!("{name}.{start}.stdout"));
        let stderr = self.folder.join(format!("{name}.{start}.stderr"));
        let child = self
            .command()
            .stdin(self.stdin())
            .stdout(File::create(&stdout).expect("the test's folder can be written"))
            .stderr(File::create(&stderr).expect("the test's folder can be written"))
            .spawn()
            .unwrap_or_else(|error| panic!("{} did not start: {error}", self.path.display()));
        let is_daemon = self.is_ours && DAEMONS.contains(&&*name);
        Running {
            name,
            is_daemon,
            child,
            stdout,
            stderr,
            status: None,
        }
    }

    /// Starts it and waits until it ends by itself.
    pub fn run(&self) -> Ended {
        self.start().wait()
    }

    /// The command line, with its configuration file written: what stands in another program's configuration,
    /// e.g. as `fetchers`. The environment of [`Program::env`] is not part of it.
    pub fn command_line(&self) -> String {
        let mut words = vec![self.path.display().to_string()];
        words.extend(self.config_args());
        words.extend(self.args.iter().cloned());
        words.join(" ")
    }

    /// The value of an option set so far.
    pub fn setting(&self, option: &str) -> Option<&str> {
        let set = self.settings.iter().find(|(name, _)| name == option);
        set.map(|(_, value)| value.as_str())
    }

    /// Where its configuration file is, once it has been started.
    pub fn config_path(&self) -> PathBuf {
        // Two programs of one name may have two configurations.
        let mut hasher = DefaultHasher::new();
        self.config_text_now().hash(&mut hasher);
        self.folder
            .join(format!("{}-{:016x}.cfg", self.name(), hasher.finish()))
    }

    fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    fn command(&self) -> Command {
        let mut words: Vec<&OsStr> = Vec::new();
        if self.passed.is_some() {
            // The shell becomes the program: it keeps its number, which it knows.
            words.extend(["/bin/sh", "-c", AS_SYSTEMD, "sh"].map(OsStr::new));
        }
        words.extend(self.under.iter().map(OsStr::new));
        words.push(self.path.as_os_str());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        // The developer's own TLSRPT_ variables, proxies and journal are none of the test's.
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TZ", "UTC").envs(self.env.iter().cloned());
        command
            .args(self.config_args())
            .args(&self.args)
            .current_dir(&self.folder);
        command
    }

    fn stdin(&self) -> Stdio {
        match &self.passed {
            None => Stdio::null(),
            Some(socket) => socket
                .try_clone()
                .expect("a descriptor more can be had")
                .into(),
        }
    }

    fn config_args(&self) -> Vec<String> {
        let Some(text) = self.config_text_now() else {
            return Vec::new();
        };
        let path = self.config_path();
        fs::write(&path, text).expect("the test's folder can be written");
        vec!["--config_file".into(), path.display().to_string()]
    }

    fn config_text_now(&self) -> Option<String> {
        match &self.config {
            Config::None => None,
            Config::Text(text) => Some(text.clone()),
            Config::Made => Some(self.made_config()),
        }
    }

    fn made_config(&self) -> String {
        let mut text = format!("[{}]\n", self.section);
        for (option, value) in &self.settings {
            // In this dialect of INI a lone % begins an interpolation.
            text.push_str(&format!("{option} = {}\n", value.replace('%', "%%")));
        }
        text
    }
}
