//! `--help`, out of the table; and what the other texts for users share with it.

use std::fmt::Write;

use crate::{
    command::{self, COMMANDS},
    option::{Program, Row, rows},
};

const WIDTH: usize = 79;
const INDENT: &str = "        ";

/// What `--help` prints.
pub(crate) fn text(program: Program) -> String {
    let mut out = format!("{}\n\n{}\n", usage(program), purpose(program));
    out += "\nOptions (- and _ are alike, as are --NAME VALUE and --NAME=VALUE):\n";
    for general in general(program) {
        let head = format!("--{} {}", general.name, general.metavar);
        entry(&mut out, head.trim_end(), &general.meaning);
    }
    for row in listed(program) {
        entry(
            &mut out,
            &format!("--{} {}", row.name, row.kind.metavar()),
            &format!("{} {}", row.meaning, row.remarks()),
        );
    }
    let sections = match (program.section(), program.own_section()) {
        (only, own) if only == own => format!("[{only}]"),
        (section, own) => format!("[{section}] or [{own}]"),
    };
    let ways = format!(
        "Each of them is also a key of the file's section {sections}, and an environment variable: \
         {}NAME in capitals. The command line beats the environment, the environment beats the file.",
        program.env_prefix()
    );
    let _ = writeln!(out, "\n{}", wrap(&ways, WIDTH).join("\n"));
    out
}

/// An option that stands on the command line only, whatever is asked.
#[derive(Debug)]
pub struct General {
    /// As in `--name`.
    pub name: &'static str,
    /// What stands behind it; empty: nothing.
    pub metavar: &'static str,
    /// What it does.
    pub meaning: String,
}

/// Those options.
pub fn general(program: Program) -> Vec<General> {
    let option = |name, metavar, meaning: &str| General {
        name,
        metavar,
        meaning: meaning.to_owned(),
    };
    let file = format!(
        "The configuration file. Default: {}, when it is there.",
        program.default_file()
    );
    let mut all = vec![
        option("config_file", "FILE", &file),
        option(
            "check_config",
            "",
            "Check the configuration, print it with the origin of each setting, and exit.",
        ),
        option("help", "", "Print this text and exit."),
        option("version", "", "Print the version and exit."),
    ];
    if program == Program::Ctl {
        let meaning = "Print the answer as JSON, in one line, whatever the command.";
        all.insert(1, option("json", "", meaning));
    }
    all
}

/// The rows that a program looks at.
pub fn listed(program: Program) -> impl Iterator<Item = &'static Row> {
    rows(program)
        .iter()
        .filter(move |row| program != Program::Ctl || command::needs(row.name))
}

fn usage(program: Program) -> String {
    let name = program.name();
    match program {
        Program::Collectd | Program::Reportd | Program::Statusd | Program::Shipper => {
            format!("Usage: {name} [OPTIONS]")
        }
        Program::Fetcher => format!(
            "Usage: {name} [OPTIONS] DAY [DOMAIN]\n       {name} [OPTIONS] today [DOMAIN]\n       {name} [OPTIONS] status"
        ),
        Program::Ctl => {
            let mut text = format!("Usage: {name} COMMAND [OPTIONS]\n\nCommands:\n");
            for command in COMMANDS {
                let head = format!("{} {}", command.name, command.operands);
                entry(&mut text, head.trim_end(), command.meaning);
            }
            text.trim_end().to_owned()
        }
    }
}

fn purpose(program: Program) -> &'static str {
    match program {
        Program::Collectd => {
            "Counts the outcomes of the TLS sessions of an MTA, day by day (RFC 8460)."
        }
        Program::Fetcher => {
            "Prints the domains of a closed day of the collector (DAY as YYYY-MM-DD); with\n\
             DOMAIN, its counters; with . as DOMAIN, the counters of all domains. today asks\n\
             the collector itself what it has counted so far, status what it does, by its\n\
             observation_socket."
        }
        Program::Reportd => "Makes the reports of each day (RFC 8460) and delivers them.",
        Program::Statusd => {
            "Serves a page and metrics that show how collectors and reporter are and what\n\
             fails, by HTTP on this host alone unless told otherwise. It writes nothing."
        }
        Program::Shipper => {
            "Tells the PostgreSQL database of a fleet what the collector of this host has\n\
             counted. It writes nothing here, and the collector waits for nothing."
        }
        Program::Ctl => {
            "Looks into the reporter, and edits the list of those who get no reports, by as\n\
             much of its configuration as the command needs."
        }
    }
}

fn entry(out: &mut String, head: &str, body: &str) {
    let _ = writeln!(out, "  {head}");
    for line in wrap(body, WIDTH - INDENT.len()) {
        let _ = writeln!(out, "{INDENT}{line}");
    }
}

/// Lines of at most `width` characters, where the words allow.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
