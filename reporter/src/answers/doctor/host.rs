//! Programs of this host that are asked, in bounded time.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tlsrptd_config::visible;
use tlsrptd_service::program::{self, Running};
use tokio::{io::AsyncReadExt as _, runtime::Runtime, time::timeout};

/// No program is waited for any longer.
const WAIT: Duration = Duration::from_secs(10);
/// More than postconf says of all its parameters.
const MAX_OUTPUT: u64 = 1 << 20;
/// Where root's programs are, whatever PATH says.
const USUAL_PLACES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin"];

/// Programs of this host.
pub trait HostPrograms {
    /// What a program says on its standard output.
    ///
    /// # Errors
    /// When there is no such program, or it says nothing in time, or it fails.
    fn ask(&self, program: &str, arguments: &[&str]) -> Result<String, NotSaid>;
}

/// Why a program said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSaid {
    /// There is none of that name.
    Missing,
    /// It did not end in time.
    TooSlow,
    /// It failed; how.
    Failed(String),
}

impl fmt::Display for NotSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotSaid::Missing => f.write_str("there is no such program"),
            NotSaid::TooSlow => write!(f, "it did not end within {} s", WAIT.as_secs()),
            NotSaid::Failed(why) => f.write_str(why),
        }
    }
}

/// The programs that are installed here.
#[derive(Debug)]
pub struct InstalledPrograms<'a> {
    runtime: &'a Runtime,
    wait: Duration,
}

impl<'a> InstalledPrograms<'a> {
    /// Asked on this runtime.
    pub fn new(runtime: &'a Runtime) -> InstalledPrograms<'a> {
        InstalledPrograms {
            runtime,
            wait: WAIT,
        }
    }
}

impl HostPrograms for InstalledPrograms<'_> {
    fn ask(&self, program: &str, arguments: &[&str]) -> Result<String, NotSaid> {
        let path = find(program).ok_or(NotSaid::Missing)?;
        let asked = async {
            match timeout(self.wait, said(&path, arguments)).await {
                Ok(said) => said,
                // What is dropped here is killed, with all that it has started.
                Err(_) => Err(NotSaid::TooSlow),
            }
        };
        self.runtime.block_on(asked)
    }
}

async fn said(path: &Path, arguments: &[&str]) -> Result<String, NotSaid> {
    let failed = |error: std::io::Error| NotSaid::Failed(error.to_string());
    let mut command = program::command(path);
    command.args(arguments).env("LC_ALL", "C");
    let mut running = Running::start(command, Stdio::null(), Stdio::piped()).map_err(failed)?;
    let mut output = Vec::new();
    if let Some(stdout) = running.stdout() {
        let read = stdout.take(MAX_OUTPUT).read_to_end(&mut output).await;
        read.map_err(failed)?;
    }
    let status = running.wait().await.map_err(failed)?;
    if !status.success() {
        let words = running.last_words().await;
        let words = visible::one_line(words.trim());
        return Err(NotSaid::Failed(format!("it ended with {status}: {words}")));
    }
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn find(program: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&search)
        .chain(USUAL_PLACES.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_asked_in_bounded_time() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let host = InstalledPrograms {
            runtime: &runtime,
            wait: Duration::from_millis(300),
        };
        let said = |script: &str| host.ask("sh", &["-c", script]);
        assert_eq!(said("echo a; echo b >&2"), Ok("a\n".to_owned()));
        assert_eq!(said("sleep 60 & sleep 60"), Err(NotSaid::TooSlow));
        let failed = said("echo why >&2; exit 3").unwrap_err().to_string();
        assert!(failed.contains("exit status: 3: why"), "{failed}");
        assert_eq!(host.ask("no-such-program-", &[]), Err(NotSaid::Missing));
        assert_eq!(said("printf '\\377'"), Ok("\u{fffd}".to_owned()));
    }
}
