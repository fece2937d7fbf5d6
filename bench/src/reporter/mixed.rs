//! A day as large sites have it: several collectors, mails and posts, each record looked up in a real resolver.

use super::day::{Rua, Shape};
use super::receive;
use super::reportd::{Cost, Scene, Setting};
use super::resolver::Resolver;
use super::rows::{kept, ours};
use super::stages::{LATER, POST_HOSTS, deliver, store};
use super::taken::Taken;
use super::{BASE, ReporterBench};
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::table::Row;

/// The first knows all domains, each other one every second domain.
const COLLECTORS: u64 = 4;
/// Runs at the size that others are held against: its CPU is told in hundredths of a second.
const BASE_RUNS: usize = 5;
/// What is sent is summed up in the log.
const LOG: &str = "log_sent_interval = 300\n";

/// What such a day has cost. Costs are of each stage alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct MixedDay {
    domains: u64,
    stages: [Stage; 3],
    /// MiB, of the program that gathered and composed, and of the one that delivered.
    memory: f64,
    resolver_cpu: f64,
    /// MiB.
    stored: f64,
    /// Octets in use when all is sent.
    kept: f64,
    /// MiB.
    log: f64,
    not_once: u64,
}

#[derive(Debug, Clone, Copy)]
struct Stage {
    name: &'static str,
    seconds: f64,
    cpu: f64,
}

impl ReporterBench<'_> {
    /// Rows of days of these sizes, and of the one that they are held against.
    pub(super) fn mixed(&self, sizes: &[u64]) -> Result<Vec<Row>, BenchError> {
        if !Resolver::is_installed() {
            eprintln!("SKIPPED the mixed day: there is no unbound");
            return Ok(Vec::new());
        }
        let runs = (0..self.plan.runs(BASE_RUNS)).map(|_| self.mixed_day(BASE));
        let base = mean(&runs.collect::<Result<Vec<_>, _>>()?);
        let mut rows = base.rows(None);
        for domains in sizes.iter().filter(|domains| **domains != BASE) {
            rows.extend(self.mixed_day(*domains)?.rows(Some(&base)));
        }
        Ok(rows)
    }

    fn mixed_day(&self, domains: u64) -> Result<MixedDay, BenchError> {
        let taken = Taken::each_of(domains);
        let rua = Rua::Mixed {
            port: receive::https(taken.clone())?,
            hosts: POST_HOSTS,
        };
        let smtp = receive::smtp(taken.clone())?;
        let name_server = receive::dns(rua)?;
        let scene = Scene::new(&Setting {
            programs: &self.ours,
            folder: &self.plan.folder,
            shape: Shape {
                domains,
                collectors: COLLECTORS,
                rua,
            },
            options: String::new(),
        })?;
        let resolver = Resolver::start(scene.folder(), name_server)?;
        scene.again(&(self.options(smtp, Some(resolver.port), 1) + LATER + LOG))?;
        let [gathered, composed] = store(&scene)?;
        let (resolver_cpu, stored) = (resolver.cpu(), scene.size());
        let delivered = deliver(&scene, &taken)?;
        let day = MixedDay {
            domains,
            stages: stages(gathered, composed, delivered),
            memory: composed.memory.max(delivered.memory),
            resolver_cpu,
            stored,
            kept: scene.in_use()?,
            log: scene.log_size(),
            not_once: taken.not_once(),
        };
        drop(resolver);
        self.leave(scene);
        Ok(day)
    }
}

/// What is delivered is delivered by a program of its own.
fn stages(gathered: Cost, composed: Cost, delivered: Cost) -> [Stage; 3] {
    let stage = |name, seconds, cpu| Stage { name, seconds, cpu };
    [
        stage("gathered", gathered.seconds, gathered.cpu),
        stage(
            "composed, each record looked up",
            composed.seconds - gathered.seconds,
            composed.cpu - gathered.cpu,
        ),
        stage("mailed and posted", delivered.seconds, delivered.cpu),
    ]
}

/// The costs of one of these days, on average.
fn mean(days: &[MixedDay]) -> MixedDay {
    let mut mean = days[0];
    let of =
        |value: &dyn Fn(&MixedDay) -> f64| days.iter().map(value).sum::<f64>() / days.len() as f64;
    for place in 0..mean.stages.len() {
        mean.stages[place].seconds = of(&|day| day.stages[place].seconds);
        mean.stages[place].cpu = of(&|day| day.stages[place].cpu);
    }
    mean.resolver_cpu = of(&|day| day.resolver_cpu);
    mean.not_once = days.iter().map(|day| day.not_once).sum();
    mean
}

impl MixedDay {
    fn rows(&self, base: Option<&MixedDay>) -> Vec<Row> {
        let domains = self.domains as f64;
        let title = Unit::Number.text(domains);
        let seconds: f64 = self.stages.iter().map(|stage| stage.seconds).sum();
        let mut rows = vec![ours(
            &format!(
                "{title} domains of {COLLECTORS} collectors, mails and posts, unbound: seconds"
            ),
            Unit::Seconds,
            seconds,
        )];
        for (place, stage) in self.stages.iter().enumerate() {
            let name = format!("  {}: domains a second", stage.name);
            rows.push(ours(&name, Unit::Number, domains / stage.seconds));
            let cpu = stage.cpu / domains;
            rows.push(ours("    CPU a domain", Unit::Milliseconds, cpu * 1000.0));
            if let Some(base) = base {
                let of_base = base.stages[place].cpu / base.domains as f64;
                let name = format!(
                    "    times that at {}",
                    Unit::Number.text(base.domains as f64)
                );
                rows.push(ours(&name, Unit::Ratio, cpu / of_base).asked(Goal::AtMost(1.1)));
            }
        }
        let resolver = self.resolver_cpu / domains * 1000.0;
        rows.push(ours(
            "  CPU a domain of unbound",
            Unit::Milliseconds,
            resolver,
        ));
        let memory = ours("  memory", Unit::Memory, self.memory).asked(Goal::AtMost(64.0));
        rows.push(memory.in_readme(&format!(
            "memory of reportd, {title} domains, mails and posts"
        )));
        let stored = "  database, all stored and none sent";
        rows.push(ours(stored, Unit::Memory, self.stored));
        rows.push(kept(self.kept, domains));
        let log = format!("  log at info, {}", LOG.trim());
        rows.push(ours(&log, Unit::Memory, self.log));
        let not_once = "  reports that did not come once";
        rows.push(ours(not_once, Unit::Number, self.not_once as f64).asked(Goal::AtMost(0.0)));
        rows
    }
}
