//! The command and settings of `tlsrptctl`.

mod parse;
mod question;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

pub use question::{
    AskedFleet, AskedRequests, Command, Deliveries, DkimRecord, Doctor, Failures, FailuresScope,
    KeyType, Meanings, Resend, SendTest, Show, ShowForm, StatusForm, Suppress, Wait,
};

use crate::{
    Start,
    args::{Arguments, Wish, Words},
    command::{self, BOUNCE, DATABASE, DKIM_RECORD, FLEET, MAPTEST, Needs, REQUESTS, STATUS},
    exit, help, load,
    option::Program,
    problem::{Place, Problem},
    reader::Reader,
    reportd::Reportd,
};

/// What `tlsrptctl` is asked to do.
#[derive(Debug, Clone)]
pub struct Ctl {
    /// The command.
    pub command: Command,
    /// How the answer is wanted.
    pub form: AnswerForm,
    /// The reporter's settings: those that the command needs, as given; the others at their defaults, or empty.
    pub reportd: Reportd,
    /// The file that they are from.
    pub config_file: Option<PathBuf>,
    /// What is wrong with the configuration, for [`Command::Doctor`]: the settings that they name hold nothing then.
    /// Another command never gets here with one of them.
    pub flaws: Vec<Flaw>,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AnswerForm {
    /// For people.
    #[default]
    Text,
    /// For programs: JSON in one line.
    Json,
}

/// One thing that is wrong, or strange, with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Whether the daemon starts with it.
    pub severity: Severity,
    /// The option, where it is about one.
    pub option: Option<String>,
    /// Where, what, and what would be right: one line.
    pub text: String,
}

/// How bad that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The daemon warns of it, and starts.
    Warning,
    /// The daemon does not start.
    Problem,
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Ctl> {
    load_with(args, env, |_, _| Vec::new())
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Ctl, Option<&Path>) -> Vec<String>,
) -> Start<Ctl> {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.is_empty() {
        return Start::Done {
            code: exit::OK,
            stdout: help::text(Program::Ctl),
            stderr: String::new(),
        };
    }
    let words = args.iter().filter_map(|arg| arg.to_str());
    let is_mta = command::named(Program::Ctl, words) == "bounce";
    match load::load_with(args, env, look) {
        // Whoever runs it holds a mail, which must not be lost for a mistake in the configuration.
        Start::Done {
            code: exit::CONFIG,
            stdout,
            stderr,
        } if is_mta => Start::Done {
            code: exit::TRY_AGAIN,
            stdout,
            stderr,
        },
        start => start,
    }
}

impl load::Load for Ctl {
    const PROGRAM: Program = Program::Ctl;

    fn read(reader: &mut Reader<'_>, words: &Words, check: bool) -> Self {
        let command = match words.operands.as_slice() {
            // Without a command there is the whole configuration to check.
            [] if check => None,
            _ => parse::command(words, AnswerBounds::WIDEST)
                .map_err(|problem| reader.problems.push(problem))
                .ok(),
        };
        match &command {
            Some(command) => reader.need(needs(command)),
            None if check => {}
            // Which settings an unknown command needs is not known.
            None => reader.need(Needs::Some {
                required: &[],
                used: &[],
            }),
        }
        Ctl {
            command: command.unwrap_or(Command::Status(StatusForm::Screen)),
            form: match words.json {
                true => AnswerForm::Json,
                false => AnswerForm::Text,
            },
            reportd: Reportd::read(reader),
            config_file: None,
            flaws: Vec::new(),
        }
    }

    fn read_from(&mut self, file: &Path) {
        self.config_file = Some(file.to_owned());
    }

    fn is_diagnosis(words: &Words) -> bool {
        matches!(
            parse::command(words, AnswerBounds::WIDEST),
            Ok(Command::Doctor(_))
        )
    }

    fn diagnose(&mut self, problems: Vec<Problem>, warnings: &[String]) {
        let problems = problems.into_iter().map(|problem| Flaw {
            severity: Severity::Problem,
            option: option_of(&problem.place),
            text: problem.to_string(),
        });
        let warnings = warnings.iter().map(|text| Flaw {
            severity: Severity::Warning,
            option: None,
            text: text.clone(),
        });
        self.flaws = problems.chain(warnings).collect();
    }
}

/// How much of an answer may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct AnswerBounds {
    /// Days.
    pub days: u32,
    /// Lines.
    pub lines: u32,
}

impl AnswerBounds {
    /// As many days as are kept at most, and what fits into memory whatever stands in it.
    const WIDEST: AnswerBounds = AnswerBounds {
        days: 36_500,
        lines: 1_000_000,
    };
}

/// The question that words of a command line ask: a command with its operands and options, and nothing beside.
///
/// # Errors
///
/// What is wrong with them, a line each.
pub fn question(
    words: impl IntoIterator<Item = String>,
    bounds: AnswerBounds,
) -> Result<Command, Vec<String>> {
    let found = Arguments::parse(Program::Ctl, words.into_iter().map(OsString::from));
    let mut problems = found.problems;
    // Options of the program are for whoever runs it.
    problems.extend(found.given.iter().map(|(row, _)| {
        let place = Place::Argument(format!("--{}", row.name));
        Problem::unknown(place, "option", None)
    }));
    let beside = [
        found.config_file.is_some().then_some("--config_file"),
        match found.wish {
            Wish::Run => None,
            Wish::Check => Some("--check_config"),
            Wish::Version => Some("--version"),
            Wish::Help => Some("--help"),
        },
        found.words.json.then_some("--json"),
    ];
    for option in beside.into_iter().flatten() {
        let place = Place::Argument(option.to_owned());
        problems.push(Problem::new(place, "belongs to no question"));
    }
    match parse::command(&found.words, bounds) {
        Ok(command) if problems.is_empty() => Ok(command),
        asked => {
            problems.extend(asked.err());
            Err(problems.iter().map(ToString::to_string).collect())
        }
    }
}

fn option_of(place: &Place) -> Option<String> {
    match place {
        Place::Option(name) | Place::Line(_, _, Some(name)) => Some(name.clone()),
        Place::Variable(name) => name
            .strip_prefix(Program::Ctl.env_prefix())
            .map(str::to_lowercase),
        Place::Line(_, _, None) | Place::File(_) | Place::Argument(_) => None,
    }
}

fn needs(command: &Command) -> Needs {
    match command {
        Command::Status(_) | Command::Metrics { .. } => STATUS,
        Command::History { .. }
        | Command::Failures(_)
        | Command::Deliveries(_)
        | Command::Requests(_)
        | Command::Suppress(_) => DATABASE,
        Command::Resend(_) | Command::SendTest(_) => REQUESTS,
        Command::Fleet(_) => FLEET,
        Command::Bounce { .. } => BOUNCE,
        Command::DkimRecord(_) => DKIM_RECORD,
        Command::Maptest { .. } => MAPTEST,
        // A preview is made by the code of the daemon, and a diagnosis is about all of it.
        Command::DeliveriesToday(_)
        | Command::Show(_)
        | Command::Why { .. }
        | Command::Doctor(_) => Needs::All,
    }
}
