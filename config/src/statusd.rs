//! The settings of `tlsrpt-statusd`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Listen, Start,
    args::Words,
    command::STATUSD,
    load::{self, Beside},
    log_level::LogLevel,
    option::Program,
    reader::Reader,
    reportd::Reportd,
};

/// The settings of `tlsrpt-statusd`; each field but the last is the option of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Statusd {
    /// Not set: the reporter's default file.
    pub reportd_config: Option<PathBuf>,
    /// Not set: [`Statusd::USUAL_COLLECTOR_SOCKET`], if it is there or a fetcher asks this host. Set to nothing: none.
    pub collector_sockets: Option<Vec<PathBuf>>,
    pub listen: Listen,
    pub allow_remote: bool,
    /// In lower case.
    pub host_names: Option<Vec<String>>,
    pub max_connections: usize,
    /// Zero: never.
    pub exit_when_idle: Duration,
    pub refresh_interval: Duration,
    pub logfilename: Option<PathBuf>,
    pub log_level: LogLevel,
    /// The reporter's settings: those that its file says and that matter here; the others at their defaults, or empty.
    pub reportd: Reportd,
}

/// systemd takes five starts within ten seconds, and closes the socket at the sixth.
const SHORTEST_IDLE: Duration = Duration::from_secs(10);

impl Statusd {
    /// The packages' path of the collector's observation socket.
    pub const USUAL_COLLECTOR_SOCKET: &str = "/run/tlsrpt/collectd.observe";
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Statusd> {
    load::load(args, env)
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name; it is told which file
/// they are from.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Statusd, Option<&Path>) -> Vec<String>,
) -> Start<Statusd> {
    load::load_with(args, env, look)
}

impl load::Load for Statusd {
    const PROGRAM: Program = Program::Statusd;

    fn read(reader: &mut Reader<'_>, words: &Words, _: bool) -> Self {
        load::no_operands(reader, words);
        let settings = Statusd {
            reportd_config: reader.take("reportd_config"),
            collector_sockets: match reader.is_emptied("collector_sockets") {
                true => {
                    let _: Option<Vec<PathBuf>> = reader.take("collector_sockets");
                    Some(Vec::new())
                }
                false => reader.take("collector_sockets"),
            },
            listen: reader.take("listen"),
            allow_remote: reader.take("allow_remote"),
            host_names: reader.take("host_names"),
            max_connections: reader.take("max_connections"),
            exit_when_idle: reader.take("exit_when_idle"),
            refresh_interval: reader.take("refresh_interval"),
            logfilename: reader.take("logfilename"),
            log_level: reader.take("log_level"),
            reportd: Reportd::default(),
        };
        if settings.listen.is_remote() && !settings.allow_remote {
            let what = format!(
                "{} is reached from other hosts, and nobody is asked for a password there",
                settings.listen
            );
            let allowed = "an address of this host alone as 127.0.0.1:9976, unix:/PATH, or allow_remote = yes";
            reader.problem("listen", what, allowed);
        }
        let idle = settings.exit_when_idle;
        if !idle.is_zero() && idle < SHORTEST_IDLE {
            let what = format!(
                "{} s: what is started anew so often, the service manager gives up",
                idle.as_secs()
            );
            let allowed = format!("0, or at least {}", SHORTEST_IDLE.as_secs());
            reader.problem("exit_when_idle", what, allowed);
        }
        settings
    }

    fn beside(&self) -> Option<Beside> {
        let file = self.reportd_config.as_deref();
        Some(Beside {
            program: Program::Reportd,
            file: file.map(|file| file.to_string_lossy().into_owned()),
            needs: STATUSD,
        })
    }

    fn read_beside(&mut self, reader: &mut Reader<'_>) {
        self.reportd = Reportd::read(reader);
    }
}
