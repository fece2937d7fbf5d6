//! The comparison of reporters: from a closed day to every report in the hands of its receiver.
//!
//! Ours is measured in [`stages`], each by itself, over the same day. sys4 cannot be stopped between two of them: it
//! is measured as a whole, and so is ours beside it.

mod answers;
mod beside;
mod day;
mod fleet_day;
mod floor;
mod mixed;
mod receive;
mod reportd;
mod resolver;
mod rows;
mod stages;
mod taken;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::BenchError;
use crate::machine::Machine;
use crate::readme;
use crate::table::Table;
use day::{Rua, Shape};
use rcgen::KeyPair;
use reportd::{Scene, Setting};
use stages::Stages;

pub(crate) use receive::hand_over;

/// What to compare.
#[derive(Debug)]
pub(crate) struct ReporterPlan {
    pub(crate) quick: bool,
    pub(crate) runs: Option<usize>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) million: bool,
    pub(crate) mixed: bool,
    pub(crate) fleet: bool,
    pub(crate) stored: bool,
    pub(crate) answers: bool,
    pub(crate) keep: bool,
    pub(crate) sizes: Option<Vec<u64>>,
    pub(crate) ours: Option<PathBuf>,
    pub(crate) venv: PathBuf,
    pub(crate) folder: PathBuf,
}

/// What costs at larger sizes are held against.
const BASE: u64 = 10_000;
const MILLION: u64 = 1_000_000;
/// Runs of each figure,
const RUNS: usize = 5;
/// and where sys4's takes half a minute.
const FEWER_RUNS: usize = 3;

/// Runs it, and prints the table.
pub(crate) fn run(plan: &ReporterPlan) -> Result<(), BenchError> {
    let machine = Machine::look(&plan.folder);
    let bench = ReporterBench::new(plan)?;
    if plan.answers {
        let mut rows = Vec::new();
        for domains in plan.sizes() {
            rows.extend(bench.answers(domains)?);
        }
        let table = Table(rows);
        print!(
            "{}{ANSWERS}\n{table}{}",
            machine.describe(),
            table.summary()
        );
        return Ok(());
    }
    if plan.fleet {
        let mut rows = Vec::new();
        for domains in plan.fleet_sizes() {
            rows.extend(bench.fleet_day(domains)?);
        }
        let table = Table(rows);
        print!("{}{FLEET}\n{table}{}", machine.describe(), table.summary());
        return Ok(());
    }
    if plan.mixed {
        let table = Table(bench.mixed(&plan.mixed_sizes())?);
        print!("{}{MIXED}\n{table}{}", machine.describe(), table.summary());
        return Ok(());
    }
    let mut table = Table::default();
    let mut theirs = Vec::new();
    if !plan.stored {
        theirs = bench.beside(&mut table)?;
        bench.worst(&mut table)?;
        bench.slow_relay(&mut table)?;
    }
    let mut base = None;
    for domains in plan.sizes() {
        let (rows, stages) = bench.size(domains, &theirs, base.as_ref())?;
        table.0.extend(rows.0);
        base.get_or_insert(stages);
    }
    if plan.million && !plan.stored {
        table.0.extend(bench.mixed(&plan.mixed_sizes())?);
        table.0.extend(bench.answers(MILLION)?);
    }
    table.0.extend(rows::openssl(floor::openssl()));
    let machine = machine.describe();
    let rest = if plan.million { MIXED } else { NOT_HERE };
    print!("{machine}{NOTES}\n{table}{}{rest}", table.summary());
    match &plan.readme {
        Some(path) => readme::write(path, "reporter", &machine, &table),
        None => Ok(()),
    }
}

const NOTES: &str = "\
a closed day of two collectors, the second of which knows every second domain; two policies a domain, one domain in
eight with a failure; a report a domain, to its own address or, as a post, to one of 16 hosts; all receivers on
loopback, on the same cores; floor: RSA-2048 signatures on one core by the library that signs our mails
medians of as many runs as the row says, in turn with floor and theirs, with the least and the greatest below
theirs: tlsrpt_reporter 0.6.0 with its fetcher, unsigned mails, curl for posts, no DNS, and fewer runs of fewer domains, as
it takes a tenth of a second a report; ours beside it: all in one go, signed mails, the record of each domain looked up in DNS
stages, domains a second: gathered; composed without DNS; composed with each record looked up; mailed unsigned; signed
and mailed; posted. CPU is that of reportd alone: of one lookup and of one signature it is the difference to the same
stage without
a database is as large as its file; what is sent leaves room in it that the next day fills: in use is the rest, but for
kept reports and the history of totals and failures
";

const MIXED: &str = "\
mails and posts: a closed day of four collectors, the first of which knows all domains, the others every second one; of
three domains one posts, to one of 16 hosts, the others mail, signed; the record of each is looked up by unbound, which
asks a name server of the bench; all receivers on loopback, on the same cores. Gathered and composed by one program,
delivered by another; CPU is that of reportd alone; at 10,000 it is the mean of several days
";

const FLEET: &str = "\
a closed day of eight collectors, the first of which knows all domains, the others every second one, each with its shipper;
of three domains one posts, to one of 16 hosts, the others mail, signed; the record of each is looked up; two members gather
and compose, and two deliver when all is stored; PostgreSQL, all receivers and a name server on loopback, on the same cores;
CPU is that of our programs alone
";

const NOT_HERE: &str =
    "not in this run: a day of 1,000,000 domains, and the page and the metrics of it (--million)\n";

const ANSWERS: &str = "\
each command of tlsrptctl on the database of a reporter that does not run, three times: none of the reports is sent, one
domain in eight had a failure, and the day stands in it several times under other dates
";

impl ReporterPlan {
    fn sizes(&self) -> Vec<u64> {
        let mut sizes = self.sizes.clone().unwrap_or_else(|| vec![BASE]);
        sizes.extend((self.million && self.stored).then_some(MILLION));
        sizes
    }

    /// Those of the mixed day: smaller ones for a try.
    fn mixed_sizes(&self) -> Vec<u64> {
        let of_the_try = self.sizes.clone().filter(|_| self.mixed);
        of_the_try.unwrap_or_else(|| vec![MILLION])
    }

    /// Those of the day of a fleet.
    fn fleet_sizes(&self) -> Vec<u64> {
        self.sizes.clone().unwrap_or_else(|| vec![MILLION])
    }

    /// The number of runs, of which so many are usual.
    fn runs(&self, usual: usize) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { usual })
    }
}

/// What all parts need.
struct ReporterBench<'a> {
    plan: &'a ReporterPlan,
    ours: PathBuf,
    signing_key: KeyPair,
    key: PathBuf,
    // The key's.
    _folder: tempfile::TempDir,
}

impl ReporterBench<'_> {
    fn new(plan: &ReporterPlan) -> Result<ReporterBench<'_>, BenchError> {
        let this = std::env::current_exe().map_err(BenchError::other("finding this program"))?;
        let ours = plan.ours.clone();
        let ours = ours.unwrap_or_else(|| this.parent().map(Path::to_owned).unwrap_or_default());
        let folder = tempfile::tempdir_in(&plan.folder)
            .map_err(BenchError::io("cannot make a folder in", &plan.folder))?;
        let signing_key = floor::key()?;
        let key = folder.path().join("key.pem");
        fs::write(&key, signing_key.serialize_pem())
            .map_err(BenchError::io("cannot write", &key))?;
        Ok(ReporterBench {
            plan,
            ours,
            signing_key,
            key,
            _folder: folder,
        })
    }

    /// A day of one size, several times, each with the floor in its turn: all figures, and the run in the middle. What takes
    /// minutes is run once.
    fn size(
        &self,
        domains: u64,
        theirs: &[f64],
        base: Option<&Stages>,
    ) -> Result<(Table, Stages), BenchError> {
        let usual = if domains > BASE { 1 } else { RUNS };
        let (mut table, mut all) = (Table::default(), Vec::new());
        for run in 0..self.plan.runs(usual) {
            let signature = floor::signature(&self.signing_key)?;
            let stages = self.stages(domains)?;
            let theirs = if run == 0 { theirs } else { &[] };
            table.add_run(stages.rows(signature, theirs, base));
            all.push(stages);
        }
        all.sort_by(|a, b| a.composed.cpu.total_cmp(&b.composed.cpu));
        let middle = all.len() / 2;
        Ok((table, all.swap_remove(middle)))
    }

    /// A closed day and ours, with these options.
    fn scene(&self, domains: u64, rua: Rua, options: String) -> Result<Scene, BenchError> {
        Scene::new(&Setting {
            programs: &self.ours,
            folder: &self.plan.folder,
            shape: shape(domains, rua),
            options,
        })
    }

    /// Options of ours, with these receivers.
    fn options(&self, smtp: u16, dns: Option<u16>, signatures: usize) -> String {
        let dns = match dns {
            Some(port) => format!("dns_servers = 127.0.0.1:{port}\n"),
            None => "resolve_records = no\n".to_owned(),
        };
        let keys = (0..signatures).map(|number| format!("bench{number}:{}", self.key.display()));
        let keys = match signatures {
            0 => String::new(),
            _ => format!("dkim_keys = {}\n", keys.collect::<Vec<_>>().join(", ")),
        };
        format!(
            "[tlsrptd_reportd]\nmail_transport = smtp://127.0.0.1:{smtp}\nhttps_verify = no\n\
             allow_private_destinations = yes\nmax_rate_per_host = 0\n{dns}{keys}"
        )
    }

    fn leave(&self, scene: Scene) {
        if self.plan.keep {
            eprintln!("kept: {}", scene.keep().display());
        }
    }
}

fn shape(domains: u64, rua: Rua) -> Shape {
    Shape {
        domains,
        collectors: 2,
        rua,
    }
}
