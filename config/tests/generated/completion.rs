//! Completions for shells, out of the table.
//!
//! Names are offered as they stand in the files; values where the table knows them. Those for zsh and fish are made by
//! clap_complete; bash's is ours, because clap_complete's does not take `-` and `_` for one.

mod bash;

use clap::{Arg, ArgAction, Command, ValueHint, builder::PossibleValuesParser};
use clap_complete::{Generator, shells};

use tlsrptd_config::{
    command::{self, COMMANDS, CommandOption},
    help::{General, general, listed},
    option::{Kind, Program, Row},
};

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// bash 4 and newer.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// The name under which it looks for the completion of a program.
    pub fn file(self, program: Program) -> String {
        let name = program.name();
        match self {
            Shell::Bash => format!("bash/{name}"),
            Shell::Zsh => format!("zsh/_{name}"),
            Shell::Fish => format!("fish/{name}.fish"),
        }
    }
}

/// The completion of a program.
pub fn text(shell: Shell, program: Program) -> String {
    match shell {
        Shell::Bash => bash::text(program),
        Shell::Zsh => made(shells::Zsh, program),
        Shell::Fish => made(shells::Fish, program),
    }
}

/// By clap_complete.
fn made(shell: impl Generator, program: Program) -> String {
    let mut command = Command::new(program.name())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(
            offers(program)
                .iter()
                .map(|offer| argument(offer).global(true)),
        );
    if program == Program::Ctl {
        command = command.subcommands(commands());
    }
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut command, program.name(), &mut out);
    String::from_utf8(out).unwrap()
}

fn argument(offer: &Offer) -> Arg {
    let argument = Arg::new(offer.name)
        .long(offer.name)
        .help(offer.meaning.clone());
    match (offer.metavar, offer.values) {
        ("", _) => argument.action(ArgAction::SetTrue),
        (metavar, Values::Free) => argument.value_name(metavar).value_hint(ValueHint::Other),
        (metavar, Values::Files) => argument.value_name(metavar).value_hint(ValueHint::AnyPath),
        (metavar, Values::Words(words)) => argument
            .value_name(metavar)
            .value_parser(PossibleValuesParser::new(words)),
    }
}

/// Some have two words: the second is a command of the first.
fn commands() -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for row in COMMANDS {
        let (first, second) = row.name.split_once(' ').unwrap_or((row.name, ""));
        let options = command::options(Program::Ctl).iter().map(of_command);
        let options = options.filter(|offer| offer.commands.contains(&row.name));
        let options: Vec<Arg> = options.map(|offer| argument(&offer)).collect();
        let own = |name| {
            Command::new(name)
                .about(short(row.meaning))
                .args(options.clone())
        };
        if second.is_empty() {
            commands.push(own(first));
            continue;
        }
        let at = commands.iter().position(|known| known.get_name() == first);
        let known = at.map(|at| commands.remove(at));
        let known = known.unwrap_or_else(|| Command::new(first).disable_help_subcommand(true));
        commands.push(known.subcommand(own(second)));
    }
    commands
}

/// An option as a shell sees it.
struct Offer {
    name: &'static str,
    /// Empty: it takes no value.
    metavar: &'static str,
    /// Short and without a full stop.
    meaning: String,
    values: Values,
    /// Empty: whatever is asked.
    commands: &'static [&'static str],
}

/// What may stand behind an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Nothing that could be offered.
    Free,
    Files,
    Words(&'static [&'static str]),
}

/// What stands in the table, and what every program has; not the options of commands.
fn offers(program: Program) -> Vec<Offer> {
    let own = |option: General| Offer {
        name: option.name,
        metavar: option.metavar,
        meaning: short(&option.meaning),
        values: match option.metavar {
            "FILE" => Values::Files,
            _ => Values::Free,
        },
        commands: &[],
    };
    let row = |row: &'static Row| Offer {
        name: row.name,
        metavar: row.kind.metavar(),
        meaning: short(row.meaning),
        values: values(row.kind),
        commands: &[],
    };
    general(program)
        .into_iter()
        .map(own)
        .chain(listed(program).map(row))
        .collect()
}

fn of_command(option: &CommandOption) -> Offer {
    Offer {
        name: option.name,
        metavar: option.metavar,
        meaning: option.meaning.to_owned(),
        values: match option.words {
            [] => Values::Free,
            words => Values::Words(words),
        },
        commands: option.commands,
    }
}

fn values(kind: Kind) -> Values {
    match kind {
        Kind::Path | Kind::Database | Kind::Sockets => Values::Files,
        Kind::Switch => Values::Words(&["yes", "no"]),
        Kind::Days => Values::Words(&["all", "failures"]),
        Kind::Frequency => Values::Words(&["never", "failures", "daily", "weekly"]),
        Kind::Level => Values::Words(&["debug", "info", "warn", "error"]),
        Kind::Transport => Values::Words(&["sendmail", "smtp://", "smtps://"]),
        Kind::Storages => Values::Words(&["sqlite:///", "dummy:"]),
        _ => Values::Free,
    }
}

/// The first sentence.
fn short(meaning: &str) -> String {
    let first = meaning.split(". ").next().unwrap_or_default();
    first.trim_end_matches('.').to_owned()
}

/// The name of a shell function.
fn function(program: Program) -> String {
    format!("_{}", program.name().replace('-', "_"))
}

/// Who made the file, for whoever is about to change it.
fn remark(shell: &str, program: Program) -> String {
    format!(
        "# {shell} completion of {}, made from the table of its options.\n",
        program.name()
    )
}
