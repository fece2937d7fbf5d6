//! What the questions of an operator cost with the reporter stopped: seconds, and the peak of memory, of each command.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::day::{self, Rua};
use super::receive;
use super::reportd::Scene;
use super::stages::{LATER, store};
use super::taken::Taken;
use super::{MILLION, ReporterBench};
use crate::daemon::Kind;
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::page::PageServer;
use crate::process;
use crate::table::Row;

/// Days that are stored, the day that was composed among them.
const DAYS: u32 = 3;
/// Days of which totals and failures are remembered.
const HISTORY_DAYS: u32 = 90;
/// Longer than an answer of tlsrpt-statusd is kept.
const KEPT: Duration = Duration::from_millis(5_100);
/// Runs of each command. The first reads the disk.
const RUNS: u32 = 3;
/// How often a command's memory is looked at.
const LOOK: Duration = Duration::from_millis(2);

impl ReporterBench<'_> {
    /// Rows of the commands at this size.
    pub(super) fn answers(&self, domains: u64) -> Result<Vec<Row>, BenchError> {
        let smtp = receive::smtp(Taken::default())?;
        let scene = self.scene(domains, Rua::Mail, self.options(smtp, None, 0) + LATER)?;
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
        scene.remember(DAYS, HISTORY_DAYS - 1)?;
        rows.extend(show(&scene, &domain, domains)?);
        self.leave(scene);
        Ok(rows)
    }
}

/// What the page takes, by way of tlsrpt-statusd: seconds of an answer for which the store is asked, and kilobytes.
fn show(scene: &Scene, domain: &str, domains: u64) -> Result<Vec<Row>, BenchError> {
    let nobody = scene.folder().join("nobody.observe");
    let program = scene.program("tlsrpt-statusd");
    let page = PageServer::start(&program, &scene.config(), &nobody, scene.folder())?;
    let title = format!("  by tlsrpt-statusd, {HISTORY_DAYS} days of history; memory");
    let mut rows = Vec::new();
    let targets = [
        "/".to_owned(),
        "/?days=90".to_owned(),
        "/?days=400".to_owned(),
        format!("/domain/{domain}"),
        "/metrics".to_owned(),
        "/api/v1/status".to_owned(),
        "/api/v1/history?days=90".to_owned(),
    ];
    for target in targets {
        let mut seconds = Row::new(&format!("  {target}, asked anew"), Unit::Seconds);
        let mut kept = Row::new("    the same again", Unit::Seconds);
        let mut size = Row::new("    size, kB", Unit::Number);
        if domains == MILLION {
            seconds = seconds.asked(Goal::AtMost(0.1));
            size = size.asked(Goal::AtMost(200.0));
        }
        for _ in 0..RUNS {
            thread::sleep(KEPT);
            let (anew, bytes) = page.answer(&target)?;
            seconds.push(Kind::Ours, anew);
            kept.push(Kind::Ours, page.answer(&target)?.0);
            size.push(Kind::Ours, bytes as f64 / 1000.0);
        }
        rows.extend([seconds, kept, size]);
    }
    let mut memory = Row::new(&title, Unit::Memory).asked(Goal::AtMost(64.0));
    memory.push(Kind::Ours, page.costs().1);
    rows.insert(0, memory);
    Ok(rows)
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
