//! Runs this program under callgrind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::error::CheckError;
use crate::workload::Workload;

/// What a library takes a processor to be: without AVX, AVX2, BMI, ADX and SHA instructions, of which some processors, and some
/// versions of valgrind, have more than others.
const PROCESSOR: (&str, &str) = ("OPENSSL_ia32cap", "~0x1000000000000000:~0xffffffffffffffff");

/// Where callgrind is, and what it runs.
#[derive(Debug)]
pub(crate) struct Counter {
    valgrind: PathBuf,
    this: PathBuf,
}

impl Counter {
    /// Finds valgrind.
    pub(crate) fn new() -> Result<Counter, CheckError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|folder| folder.join("valgrind"));
        Ok(Counter {
            valgrind: found
                .find(|program| program.is_file())
                .ok_or(CheckError::NoValgrind)?,
            this: std::env::current_exe()
                .map_err(CheckError::io("cannot find", Path::new("this program")))?,
        })
    }

    /// Instructions of a round of each workload, in that order; as many at a time as there are cores.
    pub(crate) fn rounds(&self, workloads: &[Workload]) -> Result<Vec<f64>, CheckError> {
        let runs: Vec<(Workload, u64)> = workloads
            .iter()
            .flat_map(|workload| [1, 2].map(|times| (*workload, times * workload.rounds())))
            .collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut counts = Vec::new();
        for some in runs.chunks(cores) {
            let counted: Vec<_> = thread::scope(|scope| {
                let count = |(workload, rounds): &(Workload, u64)| {
                    let (workload, rounds) = (*workload, *rounds);
                    scope.spawn(move || self.count(workload, rounds))
                };
                let threads: Vec<_> = some.iter().map(count).collect();
                let stopped = || CheckError::Workload("a thread of the check stopped".to_owned());
                let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                    thread.join().unwrap_or_else(|_| Err(stopped()))
                };
                threads.into_iter().map(join).collect()
            });
            counts.extend(counted.into_iter().collect::<Result<Vec<u64>, _>>()?);
        }
        let each = |(workload, counts): (&Workload, &[u64])| {
            let more = counts[1].saturating_sub(counts[0]);
            more as f64 / workload.rounds() as f64
        };
        Ok(workloads
            .iter()
            .zip(counts.chunks_exact(2))
            .map(each)
            .collect())
    }

    /// Instructions of a whole run of that many rounds.
    fn count(&self, workload: Workload, rounds: u64) -> Result<u64, CheckError> {
        let folder = tempfile::tempdir().map_err(CheckError::io(
            "cannot make a folder in",
            &std::env::temp_dir(),
        ))?;
        let output = Command::new(&self.valgrind)
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&self.this)
            .args([workload.name(), &rounds.to_string()])
            // Neither the length of the environment nor its contents are what is counted.
            .env_clear()
            .env(PROCESSOR.0, PROCESSOR.1)
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .map_err(CheckError::io("cannot start", &self.valgrind))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let counted = collected(&said).filter(|_| output.status.success());
        counted.ok_or_else(|| CheckError::NotCounted {
            workload: workload.name().to_owned(),
            said: said.into_owned(),
        })
    }

    /// What the figures depend on beside our code.
    pub(crate) fn tools(&self) -> Result<String, CheckError> {
        let rustc = std::env::var_os("RUSTC").map_or("rustc".into(), PathBuf::from);
        let version = |program: &Path| {
            let output = Command::new(program).arg("--version").output();
            let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            let words: Vec<String> = text
                .unwrap_or_default()
                .split_whitespace()
                .take(2)
                .map(str::to_owned)
                .collect();
            words.join(" ")
        };
        Ok(format!("{}, {}", version(&rustc), version(&self.valgrind)))
    }
}

/// `==PID== Collected : NUMBER`
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| {
        let (_, number) = line.split_once(" Collected : ")?;
        number.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrinds_number_is_found() {
        let said = "==7== Events    : Ir\n==7== Collected : 2716\n==7== \n";
        assert_eq!(collected(said), Some(2716));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
