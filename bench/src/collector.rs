//! The comparison: floor, theirs and ours side by side, in turn, each figure several times.
//!
//! sys4 gets fewer datagrams where its figure is a rate or a cost: it is an order of magnitude slower, and its cost a
//! datagram does not fall with their number. Only of a million domains it gets each: the more rows are in a file, the more
//! another one costs.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::daemon::{Kind, Observers, Programs};
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::load::Load;
use crate::machine::Machine;
use crate::mix;
use crate::readme;
use crate::run::Run;
use crate::table::{Row, Table};

/// What to compare.
#[derive(Debug)]
pub(crate) struct CollectorPlan {
    pub(crate) quick: bool,
    pub(crate) runs: Option<usize>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) parts: Vec<Part>,
    pub(crate) ours: Option<PathBuf>,
    pub(crate) observers: Observers,
    pub(crate) venv: PathBuf,
    pub(crate) folder: PathBuf,
}

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Datagrams a second, and memory with 1,000 domains.
    Speed,
    /// The share accepted from a sender that never waits.
    Flood,
    /// Loss at fixed rates.
    Loss,
    /// CPU and memory by the number of domains.
    Cost,
}

impl Part {
    pub(crate) const ALL: [Part; 4] = [Part::Speed, Part::Flood, Part::Loss, Part::Cost];
}

impl ValueEnum for Part {
    fn value_variants<'a>() -> &'a [Part] {
        &Part::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let word = match self {
            Part::Speed => "speed",
            Part::Flood => "flood",
            Part::Loss => "loss",
            Part::Cost => "cost",
        };
        Some(PossibleValue::new(word))
    }
}

/// Runs it, and prints the table.
pub(crate) fn run(plan: &CollectorPlan) -> Result<(), BenchError> {
    let bench = CollectorBench {
        programs: plan.programs()?,
        quick: plan.quick,
        runs: plan.runs,
    };
    let machine = Machine::look(&plan.folder);
    let mut table = Table::default();
    for part in &plan.parts {
        table.0.extend(match part {
            Part::Speed => bench.speed()?,
            Part::Flood => bench.flood()?,
            Part::Loss => bench.loss()?,
            Part::Cost => bench.cost()?,
        });
    }
    let observed = match plan.observers {
        Observers::None => "",
        Observers::AskAllTheTime => OBSERVED,
        Observers::Page => SHOWN,
    };
    let machine = machine.describe();
    print!("{machine}{NOTES}{observed}\n{table}{}", table.summary());
    match &plan.readme {
        Some(path) => readme::write(path, "collector", &machine, &table),
        None => Ok(()),
    }
}

/// Runs of each figure of which something is asked, and of the others.
const RUNS: usize = 5;
const FEWER_RUNS: usize = 3;

const NOTES: &str = "\
floor: a loop that reads the socket and throws the datagrams away; theirs: tlsrpt_reporter 0.6.0; both and ours in turn
senders open a new socket a datagram, as libtlsrpt does; one in eight is a failure; 1,000 domains where nothing is said
sys4 gets fewer datagrams where its figure is a rate or a cost, but for the million domains; its memory is then what so few have needed
medians of as many runs as the row says, in turn, with the least and the greatest below; memory is the peak of the resident set
in every run of ours, what send() accepted is in its files or told as dropped in its stats_file, to the last (checked)
";

const OBSERVED: &str = "\
ours under observers: eight ask for today and status, without a pause, and take what they get slowly; the floor beside a
collector of ours without work, which the same eight ask: what they take of the machine themselves is in both
";

const SHOWN: &str = "\
ours beside tlsrpt-statusd, which is asked 1,000 times a second, by turns for page, metrics, status and health, and by 200
readers who take a byte a second; both nice, as the unit has it; the floor beside the same page of a collector without work
";

impl CollectorPlan {
    fn programs(&self) -> Result<Programs, BenchError> {
        let floor = std::env::current_exe().map_err(BenchError::io(
            "cannot find",
            &PathBuf::from("this program"),
        ))?;
        let ours = self.ours.clone();
        let ours = ours.unwrap_or_else(|| floor.with_file_name("tlsrpt-collectd"));
        let theirs = self.venv.join("bin/tlsrpt-collectd");
        for program in [&ours, &theirs] {
            program
                .metadata()
                .map_err(BenchError::io("cannot find", program))?;
        }
        Ok(Programs {
            floor,
            theirs,
            ours,
            observers: self.observers,
            folder: self.folder.clone(),
        })
    }
}

struct CollectorBench {
    programs: Programs,
    quick: bool,
    runs: Option<usize>,
}

/// A mixed load as fast as one sender can.
fn mixed() -> Load {
    Load {
        socket: PathBuf::new(),
        count: 0,
        rate: None,
        senders: 1,
        waits: true,
        fresh: true,
        mix: mix::DatagramKind::Mixed,
        domains: 1_000,
        first: 0,
    }
}

/// Where each datagram is a new one.
const MANY: &str = "1,000,000 domains";

/// A name, so many runs, so many datagrams of that load.
fn cost_loads() -> [(&'static str, usize, u64, Load); 4] {
    let fast = |domains| Load { domains, ..mixed() };
    let paced = |mix, domains| Load {
        rate: Some(15_000),
        mix,
        domains,
        ..mixed()
    };
    let million = paced(mix::DatagramKind::Mixed, 1_000_000);
    let hostile = paced(mix::DatagramKind::Hostile, 0);
    [
        ("100 domains", FEWER_RUNS, 500_000, fast(100)),
        ("10,000 domains", FEWER_RUNS, 500_000, fast(10_000)),
        (MANY, FEWER_RUNS, 1_000_000, million),
        ("no two alike", FEWER_RUNS, 150_000, hostile),
    ]
}

impl CollectorBench {
    fn speed(&self) -> Result<Vec<Row>, BenchError> {
        let rate = |figure| Row::new(figure, Unit::Number).asked(Goal::OfFloor(0.95));
        let mut fresh = rate("datagrams a second, one blocking sender");
        // The sender does less, so the collector weighs more; nobody sends so in life.
        let mut kept = Row::new("  and with one socket for all", Unit::Number);
        let mut memory =
            Row::new("memory with 1,000 domains", Unit::Memory).asked(Goal::AtMost(16.0));
        for (row, is_fresh) in [(&mut fresh, true), (&mut kept, false)] {
            let load = |kind| Load {
                count: self.scaled(kind, 400_000, 30_000),
                fresh: is_fresh,
                ..mixed()
            };
            let runs = if is_fresh { RUNS } else { FEWER_RUNS };
            self.each(runs, load, |kind, run| {
                row.push(kind, run.sent.rate());
                memory.push(kind, run.memory);
            })?;
        }
        Ok(vec![fresh, kept, memory])
    }

    fn flood(&self) -> Result<Vec<Row>, BenchError> {
        let share = "accepted of 400,000 from one sender that never waits";
        let mut share = Row::new(share, Unit::Percent).asked(Goal::OfFloor(0.95));
        let lost = "of those accepted, in no file";
        let mut lost = Row::new(lost, Unit::Percent).asked(Goal::AtMost(0.0));
        let load = |_| Load {
            count: 400_000,
            waits: false,
            ..mixed()
        };
        self.each(RUNS, load, |kind, run| {
            share.push(kind, 1.0 - run.sent.loss());
            if run.counted.is_some() {
                lost.push(
                    kind,
                    run.uncounted() as f64 / run.sent.accepted.max(1) as f64,
                );
            }
        })?;
        Ok(vec![share, lost])
    }

    fn loss(&self) -> Result<Vec<Row>, BenchError> {
        let mut rows = Vec::new();
        for (rate, name) in [
            (1_000, "1,000"),
            (5_000, "5,000"),
            (10_000, "10,000"),
            (20_000, "20,000"),
        ] {
            let figure = format!("lost at {name} a second from two that never wait");
            let mut row = Row::new(&figure, Unit::Percent);
            let mut runs = FEWER_RUNS;
            // The one that is asked; the others show where it ends.
            if rate == 10_000 {
                row = row.asked(Goal::AtMost(0.001));
                runs = RUNS;
            }
            let seconds = if self.quick { 1 } else { 2 };
            let load = |_| Load {
                count: u64::from(rate) * seconds,
                rate: Some(rate),
                senders: 2,
                waits: false,
                ..mixed()
            };
            self.each(runs, load, |kind, run| row.push(kind, run.sent.loss()))?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// The rows of the many domains are paced: there every datagram is a new row on the disk, and what is dropped for
    /// want of room would cost less than what is counted.
    fn cost(&self) -> Result<Vec<Row>, BenchError> {
        let mut rows = Vec::new();
        for (name, runs, count, load) in cost_loads() {
            let figure = format!("CPU a million datagrams, {name}");
            let mut cpu = Row::new(&figure, Unit::Seconds).in_readme(&figure);
            if name == MANY {
                cpu = cpu.asked(Goal::AtMostOfTheirs(0.25));
            }
            let mut memory = Row::new("  memory", Unit::Memory);
            let mut lost = Row::new("  of those accepted, in no file", Unit::Percent);
            let load = |kind| Load {
                count: match kind {
                    // It knows nothing of contents, and is paced as the others are.
                    Kind::Floor => self.scaled(kind, count.min(100_000), 0),
                    // As many rows in both files.
                    _ if name == MANY => self.scaled(kind, count, count),
                    _ => self.scaled(kind, count, 40_000),
                },
                ..load.clone()
            };
            self.each(runs, load, |kind, run| {
                cpu.push(kind, run.cpu_per_million());
                memory.push(kind, run.memory);
                if run.counted.is_some() {
                    lost.push(kind, run.uncounted_share());
                }
            })?;
            rows.extend([cpu, memory, lost]);
        }
        Ok(rows)
    }

    /// Runs all three so many times, in turn, so that what disturbs the machine disturbs all.
    fn each(
        &self,
        runs: usize,
        load: impl Fn(Kind) -> Load,
        mut take: impl FnMut(Kind, &Run),
    ) -> Result<(), BenchError> {
        let runs = self.runs.unwrap_or(if self.quick { 1 } else { runs });
        for number in 0..runs {
            let mut kinds = Kind::ALL;
            kinds.rotate_left(number % Kind::ALL.len());
            for kind in kinds {
                let load = load(kind);
                let run = Run::new(kind, &self.programs, &load)?;
                eprintln!("{kind:?}: {load}: {run}");
                take(kind, &run);
            }
        }
        Ok(())
    }

    fn scaled(&self, kind: Kind, all: u64, theirs: u64) -> u64 {
        let count = match kind {
            Kind::Theirs => theirs,
            Kind::Floor | Kind::Ours => all,
        };
        if self.quick { count / 4 } else { count }
    }
}
