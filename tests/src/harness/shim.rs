//! A disk that fails as the test says, and remembers what a power cut would leave; a clock for programs under load, and
//! receivers that stand still:
//! a small library in C between a program and the system's, compiled by the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;

use super::places;
use super::program::Program;
use super::skip::or_skip;

/// How the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It takes what it is given.
    None,
    /// There is no space left.
    Full,
    /// It can only be read.
    ReadOnly,
}

/// The disk of the databases (`*.sqlite*`) of programs that were started with [`Shim::under`].
#[derive(Debug)]
pub struct Shim {
    preload: PathBuf,
    fault: PathBuf,
    clock: PathBuf,
    synced: PathBuf,
    frozen: PathBuf,
    stop: PathBuf,
}

impl Shim {
    /// Compiles it. `None` (and the test skipped by name) where there is no C compiler.
    pub fn or_skip(folder: &Path) -> Option<Shim> {
        let library = folder.join("shim.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(places::of_tests("shim").join("shim.c"))
            .status();
        let compiled = compiled.is_ok_and(|status| status.success()).then_some(());
        or_skip(compiled, "there is no C compiler (apt-get install gcc)")?;
        let shim = Shim {
            preload: library,
            fault: folder.join("fault"),
            clock: folder.join("shim-clock"),
            synced: folder.join("synced"),
            frozen: folder.join("frozen"),
            stop: folder.join("stop"),
        };
        fs::create_dir(&shim.synced).expect("the test's folder can be written");
        shim.set(Fault::None);
        Some(shim)
    }

    /// The program, with this disk.
    pub fn under(&self, program: Program) -> Program {
        program
            .believing()
            .env("LD_PRELOAD", self.preload.display())
            .env("SHIM_FAULT", self.fault.display())
            .env("SHIM_CLOCK", self.clock.display())
            .env("SHIM_SYNCED", self.synced.display())
            .env("SHIM_FROZEN", self.frozen.display())
            .env("SHIM_STOP", self.stop.display())
    }

    /// The program, on this disk, whose file system has no shared memory mappings (as 9p has none).
    pub fn under_without_mappings(&self, program: Program) -> Program {
        self.under(program).env("SHIM_UNMAPPED", "1")
    }

    /// How the disk fails from now on.
    pub fn set(&self, fault: Fault) {
        // An error number, which the C side takes as it is.
        let number = match fault {
            Fault::None => 0,
            Fault::Full => nix::libc::ENOSPC,
            Fault::ReadOnly => nix::libc::EROFS,
        };
        write(&self.fault, i64::from(number));
    }

    /// The program stops itself when a database has been synced or renamed so many times from now on; 0 for never.
    pub fn stop_after(&self, number: usize) {
        write(&self.stop, number as i64);
    }

    /// Whether whoever asks for datagrams waits for as long as this is so.
    pub fn freeze_receivers(&self, are_frozen: bool) {
        write(&self.frozen, i64::from(are_frozen));
    }

    /// Sets the wall clock of all programs on this disk, e.g. `2026-11-21T00:00:01Z`; it runs on by itself.
    pub fn jump(&self, instant: &str) {
        let instant: Timestamp = instant.parse().expect("an instant as 2026-11-21T00:00:01Z");
        write(
            &self.clock,
            instant.as_second() - Timestamp::now().as_second(),
        );
    }

    /// What is surely on the disk of a file: its content when it was last synced.
    pub fn synced(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.synced.join(name)).ok()
    }
}

/// Whole or not at all: programs read it at any time.
fn write(file: &Path, number: i64) {
    let new = file.with_extension("new");
    fs::write(&new, number.to_string()).expect("the test's folder can be written");
    fs::rename(&new, file).expect("the test's folder can be written");
}
