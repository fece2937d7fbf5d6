//! The benchmarks of tlsrptd. Never a timed test: it prints figures, and what they were measured on.
//!
//! - [`load`]: processes that send what libtlsrpt sends, with waiting and without, of a [`mix`], paced or as fast as they can.
//! - [`floor`]: a loop that only reads a socket; no collector can be faster.
//! - [`observer`]: clients that ask a collector for everything, all the time, and read slowly.
//! - [`page`]: `tlsrpt-statusd` beside a collector, asked a thousand times a second, and by slow readers.
//! - [`collector`]: floor, theirs and ours side by side. Each [`run`] is a fresh [`daemon`] under one load; its [`figure`]s
//!   become a [`table`] with a verdict a row, under a description of the [`machine`]; [`readme`] shows some of them.
//! - [`reporter`]: the reporters in the same way, from a closed day to its last report in the hands of a receiver.
//! - [`fleet`]: the engine of a fleet beside the one of a single host.

mod args;
mod collector;
mod daemon;
mod error;
mod figure;
mod fleet;
mod floor;
mod law;
mod load;
mod machine;
mod mix;
mod observer;
mod page;
mod process;
mod readme;
mod reporter;
mod run;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match args::parse() {
        args::Work::Load(load) => load.run().map(|sent| println!("{sent}")),
        args::Work::Floor(socket) => floor::run(&socket),
        args::Work::Observe(socket) => observer::run(&socket),
        args::Work::Crowd(port, told) => page::crowd(port, &told),
        args::Work::Collector(plan) => collector::run(&plan),
        args::Work::Reporter(plan) => reporter::run(&plan),
        args::Work::Fleet(plan) => fleet::run(&plan),
        args::Work::HandOver(port) => reporter::hand_over(port),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tlsrptd-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
