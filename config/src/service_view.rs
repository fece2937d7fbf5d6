//! What the service will be allowed to do with a file: what root can read, the service's user may not.
//!
//! `--check_config` is mostly run by root. Then the account is that of the unit, or the owner of the database's folder where
//! there is no unit; and what the unit's sandbox does not let it write is no place to write to. Anybody else looks with
//! their own service.

mod account;
mod boot;
mod denied;
mod unit;

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, Uid, eaccess};

use crate::{option::Program, paths};
use account::Account;
use unit::Unit;

pub use denied::{denied, explained, explained_writing};

/// The `PATH` of a service that sets none (systemd.exec(5)).
const SERVICE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A service: its user and its unit.
#[derive(Debug)]
pub struct ServiceView {
    /// `None`: we ourselves.
    account: Option<Account>,
    unit: Option<Unit>,
}

/// What is to be done with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Read,
    Write,
    /// Of a program: start it; of a directory: go through it.
    Pass,
}

impl ServiceView {
    /// The service that runs `program`; `owned` is what belongs to it, where no unit names its user.
    pub fn of(program: Program, owned: Option<&Path>) -> ServiceView {
        if !Uid::effective().is_root() {
            return ServiceView {
                account: None,
                unit: None,
            };
        }
        let unit = Unit::find(program.name());
        let account = unit.as_ref().and_then(Unit::account);
        let account = account.or_else(|| owned.and_then(Account::owner));
        ServiceView {
            account: account.filter(|account| !account.is_root()),
            unit,
        }
    }

    /// Whose rights count, where they are not ours.
    pub fn user(&self) -> Option<&str> {
        self.account.as_ref().map(Account::name)
    }

    /// What is wrong with a file that is to be read; a file that nobody can read is reported elsewhere.
    pub fn read(&self, option: &str, path: &Path) -> Option<String> {
        if let Some((unit, shown)) = self
            .unit
            .as_ref()
            .and_then(|unit| Some((unit, unit.hides(path)?)))
        {
            return Some(format!(
                "{option}: {}: hidden from {unit} (allowed: another place, or {shown} in a drop-in)",
                path.display()
            ));
        }
        self.account.as_ref()?;
        let problem = self.refused(path, Want::Read)?;
        Some(format!("{option}: {problem}"))
    }

    /// What is wrong with a file that is to be written, or made.
    pub fn write(&self, option: &str, path: &Path) -> Option<String> {
        if paths::is_special(path) {
            return None;
        }
        if path.is_dir() {
            return Some(is_directory(option, path));
        }
        let problem = match path.exists() {
            true => self.refused(path, Want::Write),
            false => return self.write_into(option, path),
        };
        problem
            .map(|problem| format!("{option}: {problem}"))
            .or_else(|| self.outside(option, path))
    }

    /// What is wrong with the directory of a file that is made there, with others beside it perhaps.
    pub fn write_into(&self, option: &str, path: &Path) -> Option<String> {
        if path.is_dir() {
            return Some(is_directory(option, path));
        }
        let folder = paths::directory(path);
        if !folder.is_dir() {
            // A unit makes its StateDirectory and the like when it starts.
            let is_units = self.unit.as_ref().is_some_and(|unit| unit.makes(folder));
            if is_units || boot::makes(folder) {
                return None;
            }
            return Some(format!(
                "{option}: the directory {} does not exist (allowed: an existing directory that is writable)",
                folder.display()
            ));
        }
        let refused = |want| self.refused(folder, want);
        refused(Want::Write)
            .or_else(|| refused(Want::Pass))
            .map(|problem| format!("{option}: {problem}"))
            .or_else(|| self.outside(option, path))
    }

    /// What is wrong with the directory of files that are read there when they exist.
    pub fn read_from(&self, option: &str, path: &Path) -> Option<String> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            return Some(format!(
                "{option}: the directory {} does not exist (allowed: that of the collector's storage)",
                folder.display()
            ));
        }
        let refused = self.refused(folder, Want::Pass);
        refused.map(|problem| format!("{option}: {problem}"))
    }

    /// Whether the service manager makes this socket.
    pub fn is_given(&self, socket: &Path) -> bool {
        self.unit.as_ref().is_some_and(|unit| unit.is_given(socket))
    }

    /// What is wrong with a command whose words are not for the shell.
    pub fn run(&self, option: &str, words: &[String]) -> Option<String> {
        let program = words.first()?;
        if program.contains('/') {
            let path = Path::new(program);
            if !path.exists() {
                return Some(format!("{option}: there is no program {program}"));
            }
            if path.is_dir() {
                return Some(format!(
                    "{option}: {program} is a directory (allowed: a program)"
                ));
            }
            let refused = self.refused(path, Want::Pass);
            return refused.map(|problem| format!("{option}: {problem}"));
        }
        let found = self.paths().into_iter().any(|folder| {
            let path = folder.join(program);
            path.is_file() && self.refused(&path, Want::Pass).is_none()
        });
        (!found).then(|| {
            format!("{option}: there is no program {program} in PATH (allowed: its whole path)")
        })
    }

    fn paths(&self) -> Vec<PathBuf> {
        let own = env::var("PATH").unwrap_or_default();
        let path = match &self.unit {
            Some(_) => SERVICE_PATH,
            None if own.is_empty() => SERVICE_PATH,
            None => &own,
        };
        env::split_paths(path).collect()
    }

    fn outside(&self, option: &str, path: &Path) -> Option<String> {
        let unit = self.unit.as_ref().filter(|unit| !unit.may_write(path))?;
        let folder = path.parent().unwrap_or(path).display();
        Some(format!(
            "{option}: {}: outside of what {unit} may write (allowed: {}, or ReadWritePaths={folder} in a drop-in)",
            path.display(),
            unit.places()
        ))
    }

    /// Why this is not permitted.
    fn refused(&self, path: &Path, want: Want) -> Option<Refusal> {
        match &self.account {
            Some(account) => account.refused(path, want),
            None => {
                let flags = match want {
                    Want::Read => AccessFlags::R_OK,
                    Want::Write => AccessFlags::W_OK,
                    Want::Pass => AccessFlags::X_OK,
                };
                let error = eaccess(path, flags).err()?;
                Some(Refusal {
                    path: path.to_owned(),
                    want,
                    why: io::Error::from(error).to_string(),
                })
            }
        }
    }
}

/// A path that cannot be used.
#[derive(Debug)]
struct Refusal {
    path: PathBuf,
    want: Want,
    why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.want {
            Want::Read => "cannot be read",
            Want::Write => "cannot be written",
            Want::Pass if self.path.is_dir() => "cannot be passed",
            Want::Pass => "cannot be run",
        };
        write!(f, "{} {what}: {}", self.path.display(), self.why)
    }
}

fn is_directory(option: &str, path: &Path) -> String {
    format!(
        "{option}: {} is a directory (allowed: a file in it)",
        path.display()
    )
}

#[cfg(test)]
mod tests;
