//! Loads any of the programs, and shows what came of it.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test file uses a part
#![allow(clippy::unwrap_used)]

use std::{ffi::OsString, fmt::Debug, path::Path};

use tlsrptd_config::{Start, collectd, ctl, fetcher, option::Program, reportd, shipper, statusd};

pub const DAEMONS: [Program; 5] = [
    Program::Collectd,
    Program::Fetcher,
    Program::Reportd,
    Program::Statusd,
    Program::Shipper,
];

/// What a start came to.
#[derive(Debug)]
pub struct Shown {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
    /// The settings in Debug's form, where the program would run.
    pub values: String,
    pub summary: String,
    pub lines: Vec<String>,
    pub warnings: Vec<String>,
}

pub fn load(program: Program, args: &[&str], env: &[(&str, &str)]) -> Shown {
    let args = args.iter().map(OsString::from);
    // The page shows a reporter, whose database it has to know.
    let reporters = [("TLSRPT_REPORTD_DBNAME", "/d")];
    let reporters = reporters.iter().filter(|_| program == Program::Statusd);
    let env = env.iter().chain(reporters);
    let env = env.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    match program {
        Program::Collectd => show(collectd::load(args, env)),
        Program::Fetcher => show(fetcher::load(args, env)),
        Program::Reportd => show(reportd::load(args, env)),
        Program::Ctl => show(ctl::load(args, env)),
        Program::Statusd => show(statusd::load(args, env)),
        Program::Shipper => show(shipper::load(args, env)),
    }
}

fn show<T: Debug>(start: Start<T>) -> Shown {
    match start {
        Start::Done {
            code,
            stdout,
            stderr,
        } => Shown {
            code,
            stdout,
            stderr,
            values: String::new(),
            summary: String::new(),
            lines: Vec::new(),
            warnings: Vec::new(),
        },
        Start::Run(settings) => Shown {
            code: 0,
            stdout: String::new(),
            stderr: String::new(),
            values: format!("{:#?}", settings.values),
            summary: settings.summary,
            lines: settings.lines,
            warnings: settings.warnings,
        },
    }
}

/// Writes a file and gives its path.
pub fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("x.cfg");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A file with what is required, and nothing else.
pub fn least(program: Program) -> String {
    let rest = match program {
        Program::Collectd => "storage = dummy:\nsocketname = /s\n",
        Program::Fetcher => "storage = sqlite:///s\n",
        Program::Statusd => "",
        Program::Shipper => {
            "ship_to = postgresql://u@h/d\nstorage = sqlite:///s\nobservation_socket = /o\n"
        }
        Program::Reportd | Program::Ctl => {
            "dbname = /d\nfetchers = f\norganization_name = O\ncontact_info = c@example.com\n"
        }
    };
    format!("[{}]\n{rest}", program.section())
}

/// Loads `program` with a file of its least settings and these lines behind (line 6 on, for the reporter).
pub fn with(program: Program, lines: &str, args: &[&str], env: &[(&str, &str)]) -> Shown {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &format!("{}{lines}", least(program)));
    let mut shown = load(
        program,
        &[&["--config_file", path.as_str()], args].concat(),
        env,
    );
    shown.stderr = shown.stderr.replace(&path, "F");
    shown
        .warnings
        .iter_mut()
        .for_each(|warning| *warning = warning.replace(&path, "F"));
    shown
}

/// Whether a program is not installed; the test that needs it ends then. On CI (`CI=true`) it has to be there.
pub fn lacks(program: &str, test: &str) -> bool {
    let lacks = std::process::Command::new(program)
        .arg("--version")
        .output()
        .is_err();
    if lacks {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{test}: no {program} here"
        );
        eprintln!("skipped: {test} (no {program} here)");
    }
    lacks
}
