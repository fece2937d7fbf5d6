//! The configuration of the four programs, as an operator meets it: mistakes, origins, what is printed on demand.

mod checked;
mod examples;
mod mistakes;
mod on_demand;
mod origins;
mod places;

use std::path::Path;

use tlsrptd_tests::harness::program::Program;

/// The four programs and their sections.
const PROGRAMS: [(&str, &str); 4] = [
    ("tlsrpt-collectd", "tlsrpt_collectd"),
    ("tlsrpt-fetcher", "tlsrpt_fetcher"),
    ("tlsrpt-reportd", "tlsrpt_reportd"),
    ("tlsrptctl", "tlsrpt_reportd"),
];

/// The least that each program needs, without its section line: nothing of it is opened before the configuration is
/// found right.
fn least(name: &str) -> &'static str {
    match name {
        "tlsrpt-collectd" => "storage = sqlite:///nowhere/c.sqlite\nsocketname = /nowhere/c.sock\n",
        "tlsrpt-fetcher" => "storage = sqlite:///nowhere/c.sqlite\n",
        _ => {
            "dbname = /nowhere/r.sqlite\nfetchers = ssh mx1 tlsrpt-fetcher\norganization_name = Example\ncontact_info = a@b.test\n"
        }
    }
}

/// The arguments without which a program would complain about its arguments.
fn with_operands(name: &str, folder: &Path) -> Program {
    let program = Program::ours(name, folder);
    match name {
        "tlsrpt-fetcher" => program.arg("2026-11-20"),
        "tlsrptctl" => program.arg("status"),
        _ => program,
    }
}
