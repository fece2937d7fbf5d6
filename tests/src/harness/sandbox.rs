//! The sandbox that NixOS puts its units into, without a service manager: a small helper in C, compiled by the test, gives
//! everything up and becomes the program.
//!
//! As there: `@system-service` less `@privileged` and `@resources`, no capabilities, no memory that is writable and
//! executable, few address families, no network for the collector; and whoever runs the tests as root is not root in it.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use nix::unistd::Uid;

use super::places;
use super::program::Program;
use super::skip::or_skip;

/// Who root becomes; the helper's C source names it too.
const NOBODY: u32 = 65534;

/// What a unit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `tlsrpt-collectd.service`: only AF_UNIX, a network of its own.
    Collectd,
    /// `tlsrpt-reportd.service`: AF_INET, AF_INET6 and AF_NETLINK.
    Reportd,
}

impl Unit {
    fn restrictions(self) -> &'static [&'static str] {
        match self {
            Unit::Collectd => &["--families", "unix", "--no-network", "--umask", "0157"],
            Unit::Reportd => &["--families", "inet,inet6,netlink", "--umask", "0077"],
        }
    }
}

/// How an attempt at something forbidden ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Nothing stopped it.
    Could,
    /// An error.
    Refused,
    /// The process was killed for it.
    Killed,
}

/// The sandbox, for programs whose files are in one folder.
#[derive(Debug)]
pub struct Sandbox {
    folder: PathBuf,
    helper: PathBuf,
}

impl Sandbox {
    /// Compiles it. `None` (and the test skipped by name) where there is no C compiler, or the kernel or a container
    /// around us does not let a process restrict itself.
    pub fn or_skip(folder: &Path) -> Option<Sandbox> {
        let helper = folder.join("sandbox");
        let calls = folder.join("system-calls.h");
        fs::write(&calls, header()).expect("the test's folder can be written");
        let compiled = Command::new("cc")
            .args(["-O1", "-Wall", "-Werror", "-o"])
            .arg(&helper)
            .arg(format!("-DSYSTEM_CALLS=\"{}\"", calls.display()))
            .arg(places::of_tests("sandbox").join("sandbox.c"))
            .status();
        let compiled = compiled.is_ok_and(|status| status.success()).then_some(());
        or_skip(compiled, "there is no C compiler (apt-get install gcc)")?;
        let sandbox = Sandbox {
            folder: folder.to_owned(),
            helper,
        };
        sandbox.give_away();
        let works = [Unit::Collectd, Unit::Reportd]
            .iter()
            .all(|unit| sandbox.run(unit.restrictions(), "nothing").success());
        or_skip(works.then_some(()), "a process cannot restrict itself here")?;
        Some(sandbox)
    }

    /// The program as a unit of its own. Everything in the folder is its user's from now on.
    pub fn under(&self, program: Program, unit: Unit) -> Program {
        let helper = self.helper.display().to_string();
        let mut words = vec![helper.as_str()];
        words.extend(unit.restrictions());
        let program = self.within_reach(program).under(&words);
        self.give_away();
        program
    }

    /// The program at a place that a unit can reach: one that it starts.
    pub fn within_reach(&self, program: Program) -> Program {
        program.moved(|path| {
            let link = self
                .folder
                .join("bin")
                .join(path.file_name().unwrap_or_default());
            if !link.exists() {
                fs::create_dir_all(self.folder.join("bin"))
                    .expect("the test's folder can be written");
                fs::hard_link(path, &link)
                    .or_else(|_| fs::copy(path, &link).map(drop))
                    .expect("the test's folder can be written");
            }
            link
        })
    }

    /// Tries something as a unit, or `None` as we are: `chown`, `connect:PORT` and so on, see the helper.
    pub fn tries(&self, unit: Option<Unit>, what: &str) -> Tried {
        let status = self.run(unit.map_or(&[], Unit::restrictions), what);
        match (status.code(), status.signal()) {
            (Some(0), _) => Tried::Could,
            (_, Some(signal)) => {
                assert_eq!(signal, nix::libc::SIGSYS, "{what}: {status}");
                Tried::Killed
            }
            _ => Tried::Refused,
        }
    }

    fn run(&self, restrictions: &[&str], what: &str) -> ExitStatus {
        let mut command = Command::new(&self.helper);
        if !restrictions.is_empty() {
            command.args(restrictions).arg(&self.helper);
        }
        command
            .args(["--try", what])
            .status()
            .expect("the helper was just compiled")
    }

    /// Tests that run as root make files that are root's.
    fn give_away(&self) {
        if Uid::effective().is_root() {
            give(&self.folder);
        }
    }
}

fn give(path: &Path) {
    // A socket or a temporary file may be gone again.
    let _ = chown(path, Some(NOBODY), Some(NOBODY));
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            // The programs stay their owner's: they may be links to the real ones.
            if entry.file_name() != "bin" {
                give(&entry.path());
            }
        }
    }
}

/// The recorded list as C: calls that the kernel's headers do not know are left out.
fn header() -> String {
    let list = places::of_tests("sandbox").join("system-calls.txt");
    let list = fs::read_to_string(list).expect("the list is part of the repository");
    let mut text = String::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (verdict, name) = line.split_once(' ').expect("a verdict and a name a line");
        let verdict = verdict.to_uppercase();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "#ifdef __NR_{name}\n{verdict}({name});\n#endif");
    }
    text
}
