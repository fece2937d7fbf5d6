//! What the questions of an operator cost with the reporter stopped: seconds, and the peak of memory, of each command.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::day::{self, Rua};
use super::receive::{self, Taken};
use super::reportd::Scene;
use super::stages::{LATER, store};
use super::{MILLION, ReporterBench};
use crate::daemon::Kind;
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::process;
use crate::table::Row;

/// Days that are stored, the day that was composed among them.
const DAYS: u32 = 3;
/// Runs of each command. The first reads the disk.
const RUNS: u32 = 3;
/// How often a command's memory is looked at.
const LOOK: Duration = Duration::from_millis(2);

impl ReporterBench<'_> {
    /// Rows of the commands at this size.
    pub(super) fn answers(&self, domains: u64) -> Result<Vec<Row>, BenchError> {
        let smtp = receive::smtp(Taken::default())?;
        let scene = self.scene(domains, Rua::Mail, self.options(smtp, None, false) + LATER)?;
        store(&scene)?;
        scene.repeat(DAYS - 1)?;
        let domain = day::domain(domains / 2);
        let questions: &[&[&str]] = &[
            &["status"],
            &["status", "--check"],
            &["history"],
            &["failures"],
            &["failures", "--days", "3", "--new", "--explain"],
            &["failures", "--domain", &domain],
            &["deliveries"],
            &["deliveries", "--status", "waiting"],
            &["deliveries", "--status", "refused"],
            &["deliveries", "--domain", &domain],
            &["show", &domain],
            &["why", &domain],
            &["why", "nobody.example"],
            &["suppress", "list"],
        ];
        let size = Unit::Number.text(domains as f64);
        let mut title = Row::new(
            &format!("answers at {size} domains, {DAYS} days stored: database"),
            Unit::Memory,
        );
        title.push(Kind::Ours, scene.size());
        let mut rows = vec![title];
        for question in questions {
            rows.extend(ask(&scene, question, domains)?);
        }
        self.leave(scene);
        Ok(rows)
    }
}

/// How long a command takes, and its memory.
fn ask(scene: &Scene, question: &[&str], domains: u64) -> Result<[Row; 2], BenchError> {
    let name = question.join(" ");
    let mut seconds = Row::new(&format!("  {name}"), Unit::Seconds);
    let mut memory = Row::new("    memory", Unit::Memory);
    if domains == MILLION {
        seconds = seconds.asked(Goal::AtMost(1.0));
        memory = memory.asked(Goal::AtMost(64.0));
    }
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut child = Command::new(scene.program("tlsrptctl"))
            .arg("--config_file")
            .arg(scene.config())
            .args(question)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(BenchError::other("starting tlsrptctl"))?;
        let mut peak: f64 = 0.0;
        loop {
            peak = peak.max(process::memory(child.id()));
            let ended = child
                .try_wait()
                .map_err(BenchError::other("waiting for tlsrptctl"))?;
            if ended.is_some() {
                break;
            }
            thread::sleep(LOOK);
        }
        seconds.push(Kind::Ours, begun.elapsed().as_secs_f64());
        memory.push(Kind::Ours, peak);
    }
    Ok([seconds, memory])
}
