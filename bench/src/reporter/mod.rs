//! The comparison of reporters: from a closed day to every report in the hands of its receiver.
//!
//! Ours is measured in [`stages`], each by itself, over the same day. sys4 cannot be stopped between two of them: it
//! is measured as a whole, and so is ours beside it.

mod answers;
mod beside;
mod day;
mod floor;
mod receive;
mod reportd;
mod rows;
mod stages;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::BenchError;
use crate::machine;
use crate::table::Table;
use day::{Rua, Shape};
use reportd::{Scene, Setting};

pub(crate) use receive::hand_over;

/// What to compare.
#[derive(Debug)]
pub(crate) struct ReporterPlan {
    pub(crate) quick: bool,
    pub(crate) million: bool,
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

/// Runs it, and prints the table.
pub(crate) fn run(plan: &ReporterPlan) -> Result<(), BenchError> {
    let machine = machine::describe(&plan.folder);
    let bench = ReporterBench::new(plan)?;
    if plan.answers {
        let mut rows = Vec::new();
        for domains in plan.sizes() {
            rows.extend(bench.answers(domains)?);
        }
        print!("{machine}{ANSWERS}\n{}", Table(rows));
        return Ok(());
    }
    let mut rows = rows::signatures(bench.signature, floor::openssl());
    let mut theirs = None;
    if !plan.stored {
        let beside = bench.beside()?;
        theirs = Some(beside.their_mails());
        rows.extend(beside.rows());
        rows.push(bench.worst()?);
    }
    let mut base = None;
    for domains in plan.sizes() {
        let stages = bench.stages(domains)?;
        rows.extend(stages.rows(bench.signature, theirs, base.as_ref()));
        base.get_or_insert(stages);
    }
    print!("{machine}{NOTES}\n{}", Table(rows));
    Ok(())
}

const NOTES: &str = "\
a closed day of two collectors, the second of which knows every second domain; two policies a domain, one domain in
eight with a failure; a report a domain, to its own address or, as a post, to one of 16 hosts; all receivers on
loopback, on the same cores; floor: RSA-2048 signatures on one core by the library that signs our mails
theirs: tlsrpt_reporter 0.6.0 with its fetcher, unsigned mails, curl for posts, no DNS; ours beside it: all in one go,
signed mails, the record of each domain looked up in DNS
stages, domains a second: gathered; composed without DNS; composed with each record looked up; mailed unsigned; signed
and mailed; posted. CPU is that of reportd alone: of one lookup and of one signature it is the difference to the same
stage without; at 10,000 what is gathered and composed is the median of three
a database is as large as its file; what is sent leaves room in it that the next day fills: in use is the rest
";

const ANSWERS: &str = "\
each command of tlsrptctl on the database of a reporter that does not run, three times: none of the reports is sent, one
domain in eight had a failure, and the day stands in it several times under other dates
";

impl ReporterPlan {
    fn sizes(&self) -> Vec<u64> {
        let mut sizes = match (&self.sizes, self.quick) {
            (Some(sizes), _) => sizes.clone(),
            (None, true) => vec![BASE],
            (None, false) => vec![BASE, 100_000],
        };
        sizes.extend(self.million.then_some(MILLION));
        sizes
    }
}

/// What all parts need.
struct ReporterBench<'a> {
    plan: &'a ReporterPlan,
    ours: PathBuf,
    key: PathBuf,
    /// CPU seconds.
    signature: f64,
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
        let (pem, signature) = floor::signature()?;
        let key = folder.path().join("key.pem");
        fs::write(&key, pem).map_err(BenchError::io("cannot write", &key))?;
        Ok(ReporterBench {
            plan,
            ours,
            key,
            signature,
            _folder: folder,
        })
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
    fn options(&self, smtp: u16, dns: Option<u16>, is_signed: bool) -> String {
        let dns = match dns {
            Some(port) => format!("dns_servers = 127.0.0.1:{port}\n"),
            None => "resolve_records = no\n".to_owned(),
        };
        let keys = match is_signed {
            true => format!("dkim_keys = bench:{}\n", self.key.display()),
            false => String::new(),
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
