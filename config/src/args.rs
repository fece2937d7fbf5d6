//! The command line.
//!
//! Read by hand rather than by clap: clap stops at the first mistake and knows one spelling of a name, while here all
//! mistakes are told at once, `-` and `_` are alike, and an unknown option gets a suggestion from the table that the
//! file and the environment use too.

use std::{collections::VecDeque, ffi::OsString};

use crate::{
    command::{self, CommandOption},
    option::{Program, Row, nearest, row},
    problem::{Place, Problem},
};

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Options, in order.
    pub(crate) given: Vec<(&'static Row, String)>,
    pub(crate) config_file: Option<String>,
    pub(crate) wish: Wish,
    pub(crate) words: Words,
    pub(crate) problems: Vec<Problem>,
}

/// What the program itself takes.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Arguments that are not options.
    pub(crate) operands: Vec<String>,
    /// Options of a command of `tlsrptctl`, which no file has, with their values; of one that takes none, empty.
    pub(crate) options: Vec<(&'static CommandOption, String)>,
    /// Whether the answer is to be JSON.
    pub(crate) json: bool,
}

/// What is to be done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    #[default]
    Run,
    Check,
    Version,
    Help,
}

impl Arguments {
    /// Reads the arguments behind the program's name.
    pub(crate) fn parse(program: Program, args: impl IntoIterator<Item = OsString>) -> Arguments {
        let mut found = Arguments::default();
        let mut rest: VecDeque<String> =
            args.into_iter().filter_map(|arg| found.text(arg)).collect();
        let command = command::named(program, rest.iter());
        while let Some(arg) = rest.pop_front() {
            if arg == "--" {
                found.words.operands.extend(rest.drain(..));
            } else if arg == "-h" {
                found.wish = found.wish.max(Wish::Help);
            } else if let Some(option) = arg.strip_prefix("--") {
                found.option(program, command, option, &mut rest);
            } else if arg.len() > 1 && arg.starts_with('-') {
                let place = Place::Argument(arg);
                found.problems.push(Problem::new(
                    place,
                    "unknown option; --help lists the options",
                ));
            } else {
                found.words.operands.push(arg);
            }
        }
        found
    }

    fn text(&mut self, arg: OsString) -> Option<String> {
        let note = |arg: OsString| Place::Argument(arg.to_string_lossy().into_owned());
        arg.into_string()
            .map_err(|arg| {
                self.problems
                    .push(Problem::new(note(arg), "not UTF-8").allowing("UTF-8"))
            })
            .ok()
    }

    fn option(
        &mut self,
        program: Program,
        command: &str,
        option: &str,
        rest: &mut VecDeque<String>,
    ) {
        let (name, attached) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let wish = match name.replace('-', "_").as_str() {
            "help" => Wish::Help,
            "version" => Wish::Version,
            "check_config" => Wish::Check,
            "config_file" => {
                let value = self.value("config_file", attached, rest);
                self.config_file = value.or(self.config_file.take());
                return;
            }
            "json" if program == Program::Ctl => {
                self.words.json = true;
                Wish::Run
            }
            _ => match command::option(program, command, name) {
                Some(option) if option.metavar.is_empty() => {
                    self.words.options.push((option, String::new()));
                    Wish::Run
                }
                Some(option) => {
                    let value = self.value(option.name, attached, rest);
                    self.words
                        .options
                        .extend(value.map(|value| (option, value)));
                    return;
                }
                None => return self.table_option(program, name, attached, rest),
            },
        };
        if attached.is_some() {
            let place = Place::Argument(format!("--{name}"));
            self.problems.push(Problem::new(place, "takes no value"));
        }
        self.wish = self.wish.max(wish);
    }

    fn table_option(
        &mut self,
        program: Program,
        name: &str,
        attached: Option<String>,
        rest: &mut VecDeque<String>,
    ) {
        match row(program, name) {
            Some(row) => {
                if let Some(value) = self.value(row.name, attached, rest) {
                    self.given.push((row, value));
                }
            }
            None => {
                let place = Place::Argument(format!("--{name}"));
                let nearest = nearest(program, name).map(|name| format!("--{name}"));
                self.problems
                    .push(Problem::unknown(place, "option", nearest.as_deref()));
                // Its value is no operand.
                if attached.is_none() && rest.front().is_some_and(|next| !next.starts_with("--")) {
                    rest.pop_front();
                }
            }
        }
    }

    /// `--name=VALUE`, or the next argument, which may begin with `-` (as in -1) but is not another option.
    fn value(
        &mut self,
        name: &str,
        attached: Option<String>,
        rest: &mut VecDeque<String>,
    ) -> Option<String> {
        if attached.is_some() {
            return attached;
        }
        if rest.front().is_some_and(|next| !next.starts_with("--")) {
            return rest.pop_front();
        }
        self.problems.push(Problem::new(
            Place::Argument(format!("--{name}")),
            "needs a value",
        ));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Arguments {
        Arguments::parse(
            Program::Collectd,
            args.split_whitespace().map(OsString::from),
        )
    }

    #[test]
    fn all_spellings() {
        for (args, want, why) in [
            ("--log_level info", "log_level=info", "as sys4"),
            ("--log-level info", "log_level=info", "as sys4's manual"),
            ("--log-level=info", "log_level=info", "with ="),
            (
                "--keep_days -1",
                "keep_days=-1",
                "a negative number is a value",
            ),
            ("--storage=a=b", "storage=a=b", "only the first = separates"),
        ] {
            let got = parse(args);
            let given: Vec<_> = got
                .given
                .iter()
                .map(|(row, value)| format!("{}={value}", row.name))
                .collect();
            assert_eq!(
                (given.join(" ").as_str(), got.problems.len()),
                (want, 0),
                "{why}"
            );
        }
    }

    #[test]
    fn wishes_and_operands() {
        for (args, wish, operands, why) in [
            ("", Wish::Run, vec![], "nothing said"),
            ("-h", Wish::Help, vec![], "short"),
            ("--version --help", Wish::Help, vec![], "help wins"),
            ("--check-config", Wish::Check, vec![], "with -"),
            ("--check_config", Wish::Check, vec![], "with _"),
            (
                "2026-01-01 .",
                Wish::Run,
                vec!["2026-01-01", "."],
                "operands",
            ),
            (
                "a -- --help",
                Wish::Run,
                vec!["a", "--help"],
                "behind -- all is operand",
            ),
        ] {
            let got = parse(args);
            assert_eq!(
                (got.wish, got.words.operands),
                (wish, operands.into_iter().map(str::to_owned).collect()),
                "{why}"
            );
        }
        assert_eq!(
            parse("--config-file x --config_file y")
                .config_file
                .as_deref(),
            Some("y"),
            "the later one"
        );
    }

    #[test]
    fn mistakes_all_at_once() {
        for (args, want, why) in [
            (
                "--storge x --keep_days",
                vec![
                    "--storge: unknown option; did you mean --storage?",
                    "--keep_days: needs a value",
                ],
                "two",
            ),
            (
                "--storage --log_level info",
                vec!["--storage: needs a value"],
                "the next option is no value",
            ),
            (
                "-x",
                vec!["-x: unknown option; --help lists the options"],
                "no short ones",
            ),
            (
                "--help=yes",
                vec!["--help: takes no value"],
                "not a switch with a value",
            ),
        ] {
            let got: Vec<_> = parse(args)
                .problems
                .iter()
                .map(Problem::to_string)
                .collect();
            assert_eq!(got, want, "{why}");
        }
    }
}
