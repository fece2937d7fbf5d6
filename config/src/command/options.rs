//! The options of the commands, on the command line only.

use crate::option::Program;

/// An option of commands.
#[derive(Debug)]
pub struct CommandOption {
    /// As in `--name`.
    pub name: &'static str,
    /// Its value; empty: it takes none.
    pub metavar: &'static str,
    /// The commands that take it.
    pub commands: &'static [&'static str],
    /// What may be given, where that is a list of words.
    pub words: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

impl CommandOption {
    const fn new(
        name: &'static str,
        metavar: &'static str,
        commands: &'static [&'static str],
        meaning: &'static str,
    ) -> CommandOption {
        CommandOption {
            name,
            metavar,
            commands,
            words: &[],
            meaning,
        }
    }

    const fn of(self, words: &'static [&'static str]) -> CommandOption {
        CommandOption { words, ..self }
    }
}

/// The words of `--status`.
pub(crate) const STATUSES: &[&str] = &[
    "waiting",
    "sent",
    "refused",
    "timedout",
    "expired",
    "suppressed",
    "unknownrua",
    "none",
];
/// The words of `--type`.
pub(crate) const KEY_TYPES: &[&str] = &["rsa", "ed25519"];

/// All of them. A name may stand twice, for different commands.
#[rustfmt::skip]
pub(crate) const OPTIONS: &[CommandOption] = &[
    CommandOption::new("check", "", &["status"], "One line and exit status for the monitoring"),
    CommandOption::new("output", "FILE", &["metrics"], "Write them to this file"),
    CommandOption::new("days", "N", &["history", "failures"], "So many days, the last closed one included"),
    CommandOption::new("domain", "DOMAIN", &["failures", "deliveries", "suppress remove"], "Only for this domain"),
    CommandOption::new("new", "", &["failures"], "Only what did not fail in the week before"),
    CommandOption::new("explain", "", &["failures"], "With what each result means and what to do"),
    CommandOption::new("status", "STATUS", &["deliveries"], "Only those; none: domains without a report").of(STATUSES),
    CommandOption::new("limit", "N", &["failures", "deliveries"], "At most so many lines"),
    CommandOption::new("mail", "", &["show"], "The whole mail"),
    CommandOption::new("to", "URI", &["resend"], "To this destination instead of those of the report"),
    CommandOption::new("wait", "SECONDS", &["resend", "send-test"], "Wait so long for the answer; 60 by default"),
    CommandOption::new("no_wait", "", &["resend", "send-test"], "Do not wait for the answer"),
    CommandOption::new("recipient", "ADDRESS", &["bounce"], "The address that the mail came to"),
    CommandOption::new("new", "SELECTOR", &["dkim-record"], "Make a key for this selector"),
    CommandOption::new("type", "TYPE", &["dkim-record"], "Which key to make").of(KEY_TYPES),
    CommandOption::new("out", "FILE", &["dkim-record"], "Where to put the new key"),
    CommandOption::new("user", "NAME", &["doctor"], "The service's user, whose eyes to look with"),
    CommandOption::new("collectd_config", "FILE", &["doctor"], "The collector's configuration"),
    CommandOption::new("until", "DATE", &["suppress add"], "The last day, YYYY-MM-DD"),
    CommandOption::new("reason", "TEXT", &["suppress add"], "Why, for whoever reads the list"),
];

/// The options of a program's commands.
pub fn options(program: Program) -> &'static [CommandOption] {
    match program {
        Program::Ctl => OPTIONS,
        Program::Collectd
        | Program::Fetcher
        | Program::Reportd
        | Program::Statusd
        | Program::Shipper => &[],
    }
}

/// The option of that name, of the command that begins with this word, or else of another; `-` and `_` are alike.
pub(crate) fn option(
    program: Program,
    command: &str,
    name: &str,
) -> Option<&'static CommandOption> {
    let name = name.replace('-', "_");
    let named = || options(program).iter().filter(|option| option.name == name);
    let is_of = |option: &&CommandOption| {
        let mut commands = option.commands.iter();
        commands.any(|of| of.split(' ').next() == Some(command))
    };
    named().find(is_of).or_else(|| named().next())
}
