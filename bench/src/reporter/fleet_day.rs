//! A closed day of several collectors through a fleet: shipped by each, closed, composed and delivered by two members.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tlsrptd_cluster::Cluster;
use tlsrptd_proto::day::Day;

use super::ReporterBench;
use super::day::{self, Rua, Shape};
use super::receive;
use super::rows::ours;
use super::stages::{LATER, POST_HOSTS};
use super::taken::Taken;
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::fleet::SETTINGS;
use crate::process;
use crate::table::Row;

const COLLECTORS: u64 = 8;
const MEMBERS: usize = 2;
/// Nothing takes so long, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);
const LOOK: Duration = Duration::from_millis(100);

/// The fleet's database, and questions to it beside the programs.
struct Database<'a> {
    cluster: &'a Cluster,
    address: String,
}

/// Programs that work on the fleet's database; ended when dropped.
struct FleetPrograms {
    children: Vec<Child>,
    begun: Instant,
}

/// What a stage has cost, of all its programs together.
#[derive(Clone, Copy)]
struct StageCost {
    seconds: f64,
    cpu: f64,
    /// MiB of the largest of them.
    memory: f64,
}

/// What a day has cost.
struct DayCost {
    shipped: StageCost,
    composed: StageCost,
    delivered: StageCost,
    /// That were shipped.
    counts: f64,
    /// Octets of the database, with all stored and none sent.
    stored: f64,
}

impl ReporterBench<'_> {
    /// Rows of a day of that size.
    pub(super) fn fleet_day(&self, domains: u64) -> Result<Vec<Row>, BenchError> {
        let Some(cluster) = Cluster::start(&SETTINGS) else {
            eprintln!("SKIPPED the fleet's day: there is no PostgreSQL");
            return Ok(Vec::new());
        };
        let database = Database::new(&cluster);
        let taken = Taken::each_of(domains);
        let rua = Rua::Mixed {
            port: receive::https(taken.clone())?,
            hosts: POST_HOSTS,
        };
        let (smtp, dns) = (receive::smtp(taken.clone())?, receive::dns(rua)?);
        let folder = TempDir::with_prefix_in("tlsrptd-bench-", &self.plan.folder)
            .map_err(BenchError::io("cannot make a folder in", &self.plan.folder))?;
        let shape = Shape {
            domains,
            collectors: COLLECTORS,
            rua,
        };
        let options = self.options(smtp, Some(dns), 1);

        let (shipped, composed) = self.composed(folder.path(), &database, shape, &options)?;
        let counts = database.number("SELECT sum(rows) FROM shipment");
        let stored = database.number("SELECT pg_database_size(current_database())");
        database.ask("UPDATE delivery SET due = '2000-01-01' WHERE status IS NULL");
        let mut members = self.members(folder.path(), &database.address, &options)?;
        let mut delivering = FleetPrograms::start(&mut members)?;
        let delivered = delivering.until(folder.path(), || taken.number() >= domains)?;
        delivering.stop();
        if self.plan.keep {
            eprintln!("kept: {}", folder.keep().display());
        }

        let day = DayCost {
            shipped,
            composed,
            delivered,
            counts,
            stored,
        };
        let mut rows = day.rows(domains);
        let not_once = "  reports that did not come once";
        rows.push(ours(not_once, Unit::Number, taken.not_once() as f64).asked(Goal::AtMost(0.0)));
        Ok(rows)
    }

    /// Ships the day, and composes it; the deliveries wait.
    fn composed(
        &self,
        folder: &Path,
        database: &Database<'_>,
        shape: Shape,
        options: &str,
    ) -> Result<(StageCost, StageCost), BenchError> {
        let mut members = self.members(folder, &database.address, &format!("{options}{LATER}"))?;
        let mut shippers = self.shippers(folder, &database.address, shape)?;
        let mut composing = FleetPrograms::start(&mut members)?;
        let mut shipping = FleetPrograms::start(&mut shippers)?;
        let done = format!("SELECT count(*) = {COLLECTORS} FROM shipment WHERE done");
        let shipped = shipping.until(folder, || database.says(&done))?;
        shipping.stop();
        let is_composed = "SELECT count(*) > 0 FROM composing WHERE composed";
        let composed = composing.until(folder, || database.says(is_composed))?;
        composing.stop();
        let composed = StageCost {
            seconds: composed.seconds - shipped.seconds,
            ..composed
        };
        Ok((shipped, composed))
    }

    /// A closed day and a shipper's configuration of each collector.
    fn shippers(
        &self,
        folder: &Path,
        database: &str,
        shape: Shape,
    ) -> Result<Vec<Command>, BenchError> {
        let day = Day::of(jiff::Timestamp::now()).previous();
        let configurations = (0..shape.collectors).map(|collector| {
            let own = folder.join(format!("host{collector}"));
            fs::create_dir(&own).map_err(BenchError::io("cannot make", &own))?;
            let store = own.join("collectd.sqlite");
            day::write(&store, day, shape, collector)?;
            // It has shipped since then: a new one begins with today.
            let known = own.join("shipper");
            fs::create_dir(&known).map_err(BenchError::io("cannot make", &known))?;
            let known = known.join("collectd.sqlite.incarnation");
            let incarnation = format!("{:032x} {day}\n", collector + 1);
            fs::write(&known, incarnation).map_err(BenchError::io("cannot write", &known))?;
            let text = format!(
                "[tlsrptd_shipper]\nship_to = {}\nship_as = host{collector}\nstorage = sqlite://{}\n\
                 observation_socket = {}\nfetcher = {}\n",
                in_a_file(database),
                store.display(),
                own.join("collectd.observe").display(),
                self.ours.join("tlsrpt-fetcher").display(),
            );
            self.command("tlsrpt-shipper", own.join("shipper.cfg"), &text)
        });
        configurations.collect()
    }

    fn members(
        &self,
        folder: &Path,
        database: &str,
        options: &str,
    ) -> Result<Vec<Command>, BenchError> {
        let text = format!(
            "[tlsrpt_reportd]\ndbname = {}\nfetchers =\norganization_name = Sender Example\n\
             contact_info = tlsrpt@sender.example\nsender_address = noreply@sender.example\nkeep_days = 1\n\
             log_level = info\n{options}log_sent_interval = 300\n",
            in_a_file(database)
        );
        let members = (0..MEMBERS).map(|member| {
            self.command(
                "tlsrpt-reportd",
                folder.join(format!("member{member}.cfg")),
                &text,
            )
        });
        members.collect()
    }

    /// One of our programs, with its log beside its configuration.
    fn command(&self, program: &str, config: PathBuf, text: &str) -> Result<Command, BenchError> {
        fs::write(&config, text).map_err(BenchError::io("cannot write", &config))?;
        let log = config.with_extension("log");
        let stderr = File::create(&log).map_err(BenchError::io("cannot create", &log))?;
        let mut command = Command::new(self.ours.join(program));
        command
            .arg("--config_file")
            .arg(config)
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        Ok(command)
    }
}

impl<'a> Database<'a> {
    fn new(cluster: &'a Cluster) -> Database<'a> {
        Database {
            address: cluster.database(),
            cluster,
        }
    }

    fn ask(&self, sql: &str) -> String {
        let name = self.address.rsplit('/').next().unwrap_or_default();
        let sql = format!("SET search_path = tlsrpt; {sql}");
        self.cluster.query(name, &sql).unwrap_or_default()
    }

    fn says(&self, sql: &str) -> bool {
        self.ask(sql) == "t"
    }

    fn number(&self, sql: &str) -> f64 {
        self.ask(sql).parse().unwrap_or(f64::NAN)
    }
}

impl DayCost {
    fn rows(&self, domains: u64) -> Vec<Row> {
        let title = Unit::Number.text(domains as f64);
        let stages = [
            ("shipped", self.shipped),
            ("closed and composed", self.composed),
            ("mailed and posted", self.delivered),
        ];
        let seconds = stages.iter().map(|(_, cost)| cost.seconds).sum();
        let mut rows = vec![
            ours(
                &format!(
                    "{title} domains of {COLLECTORS} collectors through a fleet of {MEMBERS} members: seconds"
                ),
                Unit::Seconds,
                seconds,
            ),
            ours(
                "  shipped: counts a second",
                Unit::Number,
                self.counts / self.shipped.seconds,
            ),
        ];
        let each = stages
            .iter()
            .flat_map(|(name, cost)| cost.rows(name, domains));
        rows.extend(each);
        rows.push(ours(
            "  octets a domain in the database, all stored and none sent",
            Unit::Number,
            self.stored / domains as f64,
        ));
        rows
    }
}

impl StageCost {
    fn rows(&self, stage: &str, domains: u64) -> [Row; 3] {
        let domains = domains as f64;
        [
            ours(
                &format!("  {stage}: domains a second"),
                Unit::Number,
                domains / self.seconds,
            ),
            ours(
                "    CPU a domain of our programs",
                Unit::Milliseconds,
                self.cpu / domains * 1000.0,
            ),
            ours(
                "    memory of the largest of them",
                Unit::Memory,
                self.memory,
            ),
        ]
    }
}

impl FleetPrograms {
    fn start(commands: &mut [Command]) -> Result<FleetPrograms, BenchError> {
        let begun = Instant::now();
        let spawn = |command: &mut Command| {
            let program = PathBuf::from(command.get_program());
            command
                .spawn()
                .map_err(BenchError::io("cannot start", &program))
        };
        let children = commands.iter_mut().map(spawn).collect::<Result<_, _>>()?;
        Ok(FleetPrograms { children, begun })
    }

    /// Until it is so.
    fn until(&mut self, folder: &Path, is_so: impl Fn() -> bool) -> Result<StageCost, BenchError> {
        while !is_so() {
            let has_ended = self
                .children
                .iter_mut()
                .any(|child| !matches!(child.try_wait(), Ok(None)));
            if has_ended || self.begun.elapsed() > PATIENCE {
                return Err(BenchError::Stuck {
                    what: "the fleet's day",
                    log: last_lines(folder),
                });
            }
            thread::sleep(LOOK);
        }
        let ids = || self.children.iter().map(Child::id);
        Ok(StageCost {
            seconds: self.begun.elapsed().as_secs_f64(),
            cpu: ids().map(process::cpu).sum(),
            memory: ids().map(process::memory).fold(0.0, f64::max),
        })
    }

    /// Stops them in order.
    fn stop(mut self) {
        for child in &mut self.children {
            let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

impl Drop for FleetPrograms {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A percent sign of a configuration file's value is doubled.
fn in_a_file(value: &str) -> String {
    value.replace('%', "%%")
}

/// Of each log in the folder.
fn last_lines(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let logs = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|name| name == "log"));
    let tail = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    };
    logs.map(tail).collect::<Vec<_>>().join("\n")
}
