//! The comparison of reporters: from a closed day to every report in the hands of its receiver.
//!
//! Ours is measured twice over the same day: first everything up to the stored report, with deliveries planned for
//! later; then the deliveries alone. The peer cannot be stopped between the two.

mod day;
mod floor;
mod receive;
mod reportd;

use std::fs;
use std::path::{Path, PathBuf};

use day::{Rua, Shape};
use receive::Taken;
use reportd::{Cost, Scene, Setting};

use crate::daemon::Kind;
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::machine;
use crate::table::{Row, Table};

pub(crate) use receive::hand_over;

/// What to compare.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
    pub(crate) million: bool,
    pub(crate) keep: bool,
    pub(crate) sizes: Option<Vec<u64>>,
    pub(crate) ours: Option<PathBuf>,
    pub(crate) venv: PathBuf,
    pub(crate) folder: PathBuf,
}

/// The peer takes a tenth of a second a domain.
const PEER_DOMAINS: u64 = 300;
/// What costs at a million domains are held against.
const BASE: u64 = 10_000;
const MILLION: u64 = 1_000_000;
const POST_HOSTS: u64 = 16;

/// Runs it, and prints the table.
pub(crate) fn run(plan: &Plan) -> Result<(), BenchError> {
    let machine = machine::describe(&plan.folder);
    let bench = Bench::new(plan)?;
    let mut rows = vec![bench.signatures()];
    let (peer, ours) = (bench.peer()?, bench.at_once(PEER_DOMAINS)?);
    let mut row = rate(&format!("reports a second, {PEER_DOMAINS} domains"));
    row.push(Kind::Peer, peer);
    row.push(Kind::Ours, ours);
    rows.push(row);
    let sizes = match (&plan.sizes, plan.quick) {
        (Some(sizes), _) => sizes.clone(),
        (None, true) => vec![BASE],
        (None, false) => vec![BASE, 100_000],
    };
    for domains in sizes {
        rows.extend(bench.mails(domains, peer)?);
    }
    rows.push(bench.posts(BASE)?);
    if plan.million {
        rows.extend(bench.million()?);
    }
    print!("{machine}{NOTES}\n{}", Table(rows));
    Ok(())
}

const NOTES: &str = "\
a closed day of two collectors, the second of which knows every second domain; two policies a domain, one domain in
eight with a failure; a report a domain, to its own address or, as a post, to one of 16 hosts; all receivers on
loopback; floor: RSA-2048 signatures by the same library on one core; peer: tlsrpt_reporter 0.6.0 with 300 domains,
unsigned mails, its fetcher, no DNS; ours: signed mails, the record of each domain looked up in DNS
CPU is that of reportd alone, without fetchers and receivers, which run on the same cores
";

fn rate(figure: &str) -> Row {
    Row::new(figure, Unit::Number)
}

struct Bench<'a> {
    plan: &'a Plan,
    ours: PathBuf,
    key: PathBuf,
    /// CPU seconds.
    signature: f64,
    // The key's.
    _folder: tempfile::TempDir,
}

impl Bench<'_> {
    fn new(plan: &Plan) -> Result<Bench<'_>, BenchError> {
        let this = std::env::current_exe().map_err(BenchError::other("finding this program"))?;
        let ours = plan.ours.clone();
        let ours = ours.unwrap_or_else(|| this.parent().map(Path::to_owned).unwrap_or_default());
        let folder = tempfile::tempdir_in(&plan.folder)
            .map_err(BenchError::io("cannot make a folder in", &plan.folder))?;
        let (pem, signature) = floor::signature()?;
        let key = folder.path().join("key.pem");
        fs::write(&key, pem).map_err(BenchError::io("cannot write", &key))?;
        Ok(Bench {
            plan,
            ours,
            key,
            signature,
            _folder: folder,
        })
    }

    fn signatures(&self) -> Row {
        let mut row = rate("RSA-2048 signatures a second and core");
        row.push(Kind::Floor, 1.0 / self.signature);
        row
    }

    /// Reports a second, from the start of the program to the last mail.
    fn peer(&self) -> Result<f64, BenchError> {
        let taken = Taken::default();
        let port = receive::smtp(taken.clone())?;
        let this = std::env::current_exe().map_err(BenchError::other("finding this program"))?;
        let programs = self.plan.venv.join("bin");
        let scene = Scene::new(&Setting {
            programs: &programs,
            folder: &self.plan.folder,
            shape: shape(PEER_DOMAINS, Rua::Mail),
            options: format!(
                "spread_out_delivery = 1\ninterval_main_loop = 1\nsendmail_script = {} hand-over {port}\n",
                this.display()
            ),
        })?;
        let mut reportd = scene.start()?;
        let cost = reportd.delivered(&taken, PEER_DOMAINS)?;
        reportd.stop()?;
        Ok(PEER_DOMAINS as f64 / cost.seconds)
    }

    /// The same of ours, in one go.
    fn at_once(&self, domains: u64) -> Result<f64, BenchError> {
        let taken = Taken::default();
        let scene = self.scene(
            domains,
            Rua::Mail,
            receive::smtp(taken.clone())?,
            "spread_out_delivery = 1\n",
        )?;
        let mut reportd = scene.start()?;
        let cost = reportd.delivered(&taken, domains)?;
        reportd.stop()?;
        Ok(domains as f64 / cost.seconds)
    }

    /// Every stage, measured by itself.
    fn mails(&self, domains: u64, peer: f64) -> Result<Vec<Row>, BenchError> {
        let taken = Taken::default();
        let scene = self.scene(domains, Rua::Mail, receive::smtp(taken.clone())?, LATER)?;
        let stored = store(&scene)?;
        let size = scene.size();
        let delivered = deliver(&scene, &taken, domains)?;
        let [gathered, composed] = stored;
        let (number, named) = (domains as f64, |what: &str| format!("  {what}"));
        let mut rows = vec![
            rate(&format!(
                "reports a second, {domains} domains, gathered to delivered"
            ))
            .asked(Goal::OfPeer(200.0)),
            rate(&named("gathered")),
            rate(&named("composed, record looked up")),
            rate(&named("signed and mailed")),
            Row::new(
                &named("CPU a report, gathered to mailed"),
                Unit::Milliseconds,
            )
            .asked(Goal::AtMostOfFloor(2.0)),
            Row::new(&named("  of it: gathered and composed"), Unit::Milliseconds),
            Row::new(&named("memory"), Unit::Memory),
            Row::new(&named("database, all stored and none sent"), Unit::Memory),
        ];
        let cpu = |cost: Cost| cost.cpu / number * 1000.0;
        let ours = [
            number / (composed.seconds + delivered.seconds),
            number / gathered.seconds,
            number / (composed.seconds - gathered.seconds),
            number / delivered.seconds,
            cpu(composed) + cpu(delivered),
            cpu(composed),
            composed.memory.max(delivered.memory),
            size,
        ];
        for (row, value) in rows.iter_mut().zip(ours) {
            row.push(Kind::Ours, value);
        }
        rows[0].push(Kind::Peer, peer);
        rows[4].push(Kind::Floor, self.signature * 1000.0);
        self.leave(scene);
        Ok(rows)
    }

    fn posts(&self, domains: u64) -> Result<Row, BenchError> {
        let taken = Taken::default();
        let rua = Rua::Post {
            port: receive::https(taken.clone())?,
            hosts: POST_HOSTS,
        };
        let scene = self.scene(domains, rua, receive::smtp(Taken::default())?, LATER)?;
        store(&scene)?;
        let cost = deliver(&scene, &taken, domains)?;
        let mut row = rate(&format!("posts a second, {domains} reports"));
        row.push(Kind::Ours, domains as f64 / cost.seconds);
        self.leave(scene);
        Ok(row)
    }

    /// A day of a million domains up to the stored reports, beside one of 10,000; without DNS in both.
    fn million(&self) -> Result<Vec<Row>, BenchError> {
        let mut costs = Vec::new();
        for domains in [BASE, MILLION] {
            let options = format!("{LATER}resolve_records = no\n");
            let scene = self.scene(
                domains,
                Rua::Mail,
                receive::smtp(Taken::default())?,
                &options,
            )?;
            let [gathered, composed] = store(&scene)?;
            costs.push((domains as f64, gathered, composed, scene.size()));
            self.leave(scene);
        }
        let [base, (number, gathered, composed, size)] = costs[..] else {
            return Ok(Vec::new());
        };
        let (base_number, base_gathered, base_composed, _) = base;
        let times = |all: f64, base: f64| (all / number) / (base / base_number);
        let mut rows = Vec::new();
        let mut add = |figure: &str, unit, goal: Option<Goal>, value| {
            let mut row = Row::new(figure, unit);
            row.goal = goal;
            row.push(Kind::Ours, value);
            rows.push(row);
        };
        let most = |value| Some(Goal::AtMost(value));
        add(
            "a day of 1,000,000 domains, gathered and composed",
            Unit::Seconds,
            most(600.0),
            composed.seconds,
        );
        add("  gathered", Unit::Seconds, None, gathered.seconds);
        add("  memory", Unit::Memory, most(200.0), composed.memory);
        add("  database", Unit::Memory, None, size);
        add(
            "  CPU a domain, times that at 10,000",
            Unit::Ratio,
            most(1.2),
            times(composed.cpu, base_composed.cpu),
        );
        add(
            "  time a domain, times that at 10,000",
            Unit::Ratio,
            most(1.2),
            times(composed.seconds, base_composed.seconds),
        );
        add(
            "    of it: gathered",
            Unit::Ratio,
            None,
            times(gathered.seconds, base_gathered.seconds),
        );
        Ok(rows)
    }

    /// Ours, delivering to these receivers.
    fn scene(&self, domains: u64, rua: Rua, smtp: u16, options: &str) -> Result<Scene, BenchError> {
        let dns = receive::dns(rua)?;
        Scene::new(&Setting {
            programs: &self.ours,
            folder: &self.plan.folder,
            shape: shape(domains, rua),
            options: format!(
                "[tlsrptd_reportd]\nmail_transport = smtp://127.0.0.1:{smtp}\ndkim_keys = bench:{}\n\
                 dns_servers = 127.0.0.1:{dns}\nhttps_verify = no\nallow_private_destinations = yes\n\
                 max_rate_per_host = 0\n{options}",
                self.key.display()
            ),
        })
    }

    fn leave(&self, scene: Scene) {
        if self.plan.keep {
            eprintln!("kept: {}", scene.keep().display());
        }
    }
}

/// Nothing is sent in the first part.
const LATER: &str = "spread_out_delivery = 86400\n";

fn shape(domains: u64, rua: Rua) -> Shape {
    Shape {
        domains,
        collectors: 2,
        rua,
    }
}

/// Gathers and composes.
fn store(scene: &Scene) -> Result<[Cost; 2], BenchError> {
    let mut reportd = scene.start()?;
    let costs = [reportd.gathered()?, reportd.composed()?];
    reportd.stop()?;
    Ok(costs)
}

fn deliver(scene: &Scene, taken: &Taken, number: u64) -> Result<Cost, BenchError> {
    scene.bring_forward()?;
    let mut reportd = scene.start()?;
    let cost = reportd.delivered(taken, number)?;
    reportd.stop()?;
    Ok(cost)
}
