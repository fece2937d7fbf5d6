//! The command line.

use std::path::PathBuf;

use clap::builder::EnumValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::collector::{CollectorPlan, Part};
use crate::daemon::Observers;
use crate::fleet::FleetPlan;
use crate::load::Load;
use crate::mix::DatagramKind;
use crate::reporter;

/// What to do.
pub(crate) enum Work {
    /// Send.
    Load(Load),
    /// Read and throw away.
    Floor(PathBuf),
    /// Ask a collector for everything.
    Observe(PathBuf),
    /// Ask a page a thousand times a second, and tell it in that file.
    Crowd(u16, PathBuf),
    /// Compare collectors.
    Collector(CollectorPlan),
    /// Compare reporters.
    Reporter(reporter::ReporterPlan),
    /// Compare a fleet with one host.
    Fleet(FleetPlan),
    /// Hand a mail to the receiver at this port.
    HandOver(u16),
}

/// Reads the command line; ends the program where it is wrong.
pub(crate) fn parse() -> Work {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("load", matches)) => Work::Load(load(matches)),
        Some(("floor", matches)) => Work::Floor(one(matches, "socket")),
        Some(("observe", matches)) => Work::Observe(one(matches, "socket")),
        Some(("crowd", matches)) => Work::Crowd(one(matches, "port"), one(matches, "told")),
        Some(("reporter", matches)) => Work::Reporter(reporter_plan(matches)),
        Some(("fleet", matches)) => Work::Fleet(fleet_plan(matches)),
        Some(("hand-over", matches)) => Work::HandOver(one(matches, "port")),
        Some((_, matches)) => Work::Collector(plan(matches)),
        None => unreachable!("clap requires a subcommand"),
    }
}

const VENV: &str = "TLSRPTD_VENV";
const VENV_HELP: &str = "the Python environment of sys4; TLSRPTD_VENV or target/venv without";

fn command() -> Command {
    let socket = || path("socket", "PATH", "the collector's socket").required(true);
    let load = Command::new("load")
        .about("send datagrams as Postfix does; print what send() accepted")
        .arg(socket())
        .arg(number("count", "100000", "datagrams, of all senders"))
        .arg(number(
            "rate",
            "0",
            "datagrams a second, of all senders; 0: no limit",
        ))
        .arg(number("senders", "1", "sending processes"))
        .arg(flag(
            "wait",
            "wait while the queue is full (libtlsrpt never does)",
        ))
        .arg(flag("new-socket", "a new socket a datagram, as libtlsrpt"))
        .arg(
            Arg::new("mix")
                .long("mix")
                .default_value("mixed")
                .value_parser(EnumValueParser::<DatagramKind>::new())
                .help("what they tell"),
        )
        .arg(number(
            "domains",
            "1000",
            "different domains; 0: one a datagram",
        ))
        .arg(number("first", "0", "the number of the first datagram"));
    let floor = Command::new("floor")
        .about("read a socket and throw the datagrams away, until SIGTERM")
        .arg(socket());
    let observe = Command::new("observe")
        .about("ask a collector's observation socket for everything, all the time, and read slowly")
        .arg(path("socket", "PATH", "its observation socket").required(true));
    let collector = Command::new("collector")
        .about("floor, theirs and ours side by side")
        .arg(flag("quick", "fewer datagrams and runs"))
        .arg(number(
            "runs",
            "0",
            "runs a figure; 0: five, and three of what nothing is asked of",
        ))
        .arg(readme())
        .arg(flag(
            "observed",
            "ours under observers that ask for everything all the time and read slowly",
        ))
        .arg(flag(
            "page",
            "ours beside tlsrpt-statusd that is asked 1,000 times a second, and by 200 slow readers",
        ))
        .arg(
            Arg::new("only")
                .long("only")
                .value_delimiter(',')
                .value_parser(EnumValueParser::<Part>::new())
                .help("these figures only"),
        )
        .arg(path(
            "ours",
            "PATH",
            "our collector; beside this program without",
        ))
        .arg(path("venv", "DIR", VENV_HELP))
        .arg(path(
            "folder",
            "DIR",
            "where sockets and files are made; the system's without",
        ));
    let reporter = Command::new("reporter")
        .about("from a closed day to all reports handed over, theirs and ours")
        .arg(flag("quick", "one run of each figure"))
        .arg(number(
            "runs",
            "0",
            "runs a figure; 0: five, and fewer of sys4's",
        ))
        .arg(readme())
        .arg(flag(
            "million",
            "a day of 1,000,000 domains too, mails and posts, each record looked up by unbound: some 25 minutes, and 8 GB for files",
        ))
        .arg(flag(
            "mixed",
            "that day alone; with --domains of these sizes",
        ))
        .arg(flag(
            "fleet",
            "a day of 1,000,000 domains through a fleet instead; or of --domains",
        ))
        .arg(flag(
            "stored",
            "no further than to the stored reports, and ours alone",
        ))
        .arg(flag(
            "answers",
            "what the commands of tlsrptctl take instead, at each size",
        ))
        .arg(
            Arg::new("domains")
                .long("domains")
                .value_delimiter(',')
                .value_parser(value_parser!(u64))
                .help("these sizes only"),
        )
        .arg(flag("keep", "keep databases and logs, and say where"))
        .arg(path(
            "ours",
            "DIR",
            "our programs; beside this program without",
        ))
        .arg(path("venv", "DIR", VENV_HELP))
        .arg(path(
            "folder",
            "DIR",
            "where files are made; the system's without",
        ));
    let fleet = Command::new("fleet")
        .about("a fleet on PostgreSQL beside one host on SQLite")
        .arg(flag("quick", "one run of each figure, a tenth as large"))
        .arg(number("runs", "0", "runs a figure; 0: five"))
        .arg(path(
            "folder",
            "DIR",
            "where files are made; the system's without",
        ));
    let hand_over = Command::new("hand-over")
        .about("hand the mail on standard input to a receiver on loopback")
        .arg(
            Arg::new("port")
                .required(true)
                .value_parser(value_parser!(u16)),
        );
    let crowd = Command::new("crowd")
        .about("ask tlsrpt-statusd 1,000 times a second, and by 200 slow readers, until SIGTERM")
        .arg(
            Arg::new("port")
                .required(true)
                .value_parser(value_parser!(u16)),
        )
        .arg(
            Arg::new("told")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("a file for what came of it"),
        );
    Command::new("tlsrptd-bench")
        .about("The benchmarks of tlsrptd")
        .subcommand_required(true)
        .subcommands([
            load, floor, observe, crowd, collector, reporter, fleet, hand_over,
        ])
}

fn load(matches: &ArgMatches) -> Load {
    let number = |name| one::<u64>(matches, name);
    let small = |name| u32::try_from(number(name)).unwrap_or(u32::MAX);
    Load {
        socket: one(matches, "socket"),
        count: number("count"),
        rate: (number("rate") > 0).then(|| small("rate")),
        senders: small("senders").max(1),
        waits: matches.get_flag("wait"),
        fresh: matches.get_flag("new-socket"),
        mix: one(matches, "mix"),
        domains: number("domains"),
        first: number("first"),
    }
}

fn plan(matches: &ArgMatches) -> CollectorPlan {
    let runs = one::<u64>(matches, "runs") as usize;
    let parts = matches.get_many::<Part>("only");
    CollectorPlan {
        quick: matches.get_flag("quick"),
        runs: (runs > 0).then_some(runs),
        parts: parts.map_or(Part::ALL.into(), |parts| parts.copied().collect()),
        readme: matches.get_one("readme").cloned(),
        ours: matches.get_one("ours").cloned(),
        observers: match (matches.get_flag("observed"), matches.get_flag("page")) {
            (_, true) => Observers::Page,
            (true, false) => Observers::AskAllTheTime,
            (false, false) => Observers::None,
        },
        venv: venv(matches),
        folder: matches
            .get_one("folder")
            .cloned()
            .unwrap_or_else(std::env::temp_dir),
    }
}

fn reporter_plan(matches: &ArgMatches) -> reporter::ReporterPlan {
    let sizes = matches.get_many::<u64>("domains");
    let runs = one::<u64>(matches, "runs") as usize;
    reporter::ReporterPlan {
        quick: matches.get_flag("quick"),
        runs: (runs > 0).then_some(runs),
        readme: matches.get_one("readme").cloned(),
        million: matches.get_flag("million"),
        mixed: matches.get_flag("mixed"),
        fleet: matches.get_flag("fleet"),
        stored: matches.get_flag("stored"),
        answers: matches.get_flag("answers"),
        keep: matches.get_flag("keep"),
        sizes: sizes.map(|sizes| sizes.copied().collect()),
        ours: matches.get_one("ours").cloned(),
        venv: venv(matches),
        folder: matches
            .get_one("folder")
            .cloned()
            .unwrap_or_else(std::env::temp_dir),
    }
}

fn fleet_plan(matches: &ArgMatches) -> FleetPlan {
    let runs = one::<u64>(matches, "runs") as usize;
    FleetPlan {
        quick: matches.get_flag("quick"),
        runs: (runs > 0).then_some(runs),
        folder: matches
            .get_one("folder")
            .cloned()
            .unwrap_or_else(std::env::temp_dir),
    }
}

fn venv(matches: &ArgMatches) -> PathBuf {
    let named = matches.get_one::<PathBuf>("venv").cloned();
    let named = named.or_else(|| std::env::var_os(VENV).map(PathBuf::from));
    named.unwrap_or_else(|| PathBuf::from("target/venv"))
}

fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .default_value(default)
        .value_parser(value_parser!(u64))
        .help(help)
}

fn readme() -> Arg {
    path("readme", "FILE", "write README's table there too")
}

fn path(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .value_parser(value_parser!(PathBuf))
        .help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

/// The value of an argument that is required or has a default.
fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> T {
    match matches.get_one::<T>(name) {
        Some(value) => value.clone(),
        None => unreachable!("clap has a value of {name}"),
    }
}
