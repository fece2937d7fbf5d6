//! `make bench-check`: the instructions of what is done a million times a day, counted by callgrind, which counts the same on
//! a busy machine as on a quiet one.
//!
//! - [`workload`]: fixed input, and what is done with it so many times: by a [`collector`] and by the [`reporter`], as their
//!   programs do it; and a [`mod@reference`], which none of our code is part of.
//! - [`count`]: this program under callgrind, once with so many rounds and once with twice as many. The difference is what
//!   the rounds take, and nothing of the start.
//! - [`figures`]: all as parts of the reference, held against those that are committed.

mod collector;
mod count;
mod error;
mod figures;
mod input;
mod reference;
mod reporter;
mod workload;

use std::path::Path;
use std::process::ExitCode;

use count::Counter;
use error::CheckError;
use figures::Figures;

/// Writes the committed figures anew.
const UPDATE: &str = "UPDATE_BENCH_CHECK";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match &arguments[..] {
        [figures] => check(Path::new(figures)),
        [workload, rounds] => workload::run(workload, rounds),
        _ => Err(CheckError::Usage),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-check: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Holds what is counted to the committed figures of this architecture, in that folder.
fn check(folder: &Path) -> Result<(), CheckError> {
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let path = folder.join(std::env::consts::ARCH);
    let counter = match Counter::new() {
        Err(CheckError::NoValgrind) if !is_set("CI", "true") => {
            println!("SKIPPED bench-check: there is no valgrind");
            return Ok(());
        }
        counter => counter?,
    };
    if is_set(UPDATE, "1") {
        let now = Figures::count(&counter)?;
        now.write(&path, &counter.tools()?)?;
        print!("{now}");
        println!("written: {}", path.display());
        return Ok(());
    }
    if !path.exists() {
        let none = CheckError::NoFigures(std::env::consts::ARCH);
        if is_set("CI", "true") {
            return Err(none);
        }
        println!("SKIPPED bench-check: {none}");
        return Ok(());
    }
    let committed = Figures::read(&path)?;
    let compared = Figures::count(&counter)?.compare(&committed);
    print!("{compared}");
    match compared.faults().is_empty() {
        true => Ok(()),
        false => Err(CheckError::Changed {
            faults: compared.faults(),
            counted_with: figures::tools_of(&path)?,
            tools: counter.tools()?,
        }),
    }
}
