//! The commands of `tlsrptctl`: one row drives `--help`, the manual and the completions.

use crate::option::Program;

/// One command.
#[derive(Debug)]
pub struct Command {
    /// Its word or words.
    pub name: &'static str,
    /// Its operands.
    pub operands: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// All commands, in the order of the manual.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        operands: "",
        meaning: "Print the counts of fetch jobs, report data and deliveries, by day and status.",
    },
    Command {
        name: "maptest",
        operands: "DOMAIN RECORD",
        meaning: "Print the destinations of a record before and after the maps.",
    },
    Command {
        name: "dkim-record",
        operands: "",
        meaning: "Print the TXT records that belong to dkim_keys, as a zone file has them: that of the second selector with s=tlsrpt, the others without s=. Whoever asks has to be able to read the keys.",
    },
    Command {
        name: "suppress add",
        operands: "TARGET [--until DATE] [--reason TEXT]",
        meaning: "Send no more reports to TARGET: an address, an https: URL, or a name, which stands for all addresses of that mail domain and all URLs of that host; .NAME stands for its subdomains. DATE, as YYYY-MM-DD, is the last such day (UTC); without it there is none.",
    },
    Command {
        name: "suppress remove",
        operands: "TARGET [--domain DOMAIN]",
        meaning: "Send reports to TARGET again: all of them, or with --domain those on DOMAIN, when it was put on the list for having refused them.",
    },
    Command {
        name: "suppress list",
        operands: "",
        meaning: "Print what is suppressed, until when, since when, by whom, how often and why.",
    },
];

/// What `status` looks at.
pub(crate) const STATUS: &[&str] = &["dbname", "log_level"];
/// What `suppress` looks at.
pub(crate) const SUPPRESS: &[&str] = STATUS;
/// What `maptest` looks at.
pub(crate) const MAPTEST: &[&str] = &[
    "tlsrpt_record_map",
    "mail_destination_map",
    "http_upload_map",
    "debug_send_mail_dest",
    "debug_send_http_dest",
    "debug_send_file_dest",
    "max_destinations",
    "log_level",
];

/// What `dkim-record` looks at.
pub(crate) const DKIM_RECORD: &[&str] = &["contact_info", "dkim_domain", "dkim_keys", "log_level"];

/// Whether any command looks at this option.
pub(crate) fn needs(name: &str) -> bool {
    [STATUS, MAPTEST, SUPPRESS, DKIM_RECORD]
        .iter()
        .any(|needed| needed.contains(&name))
}

/// An option of a command, on the command line only.
#[derive(Debug)]
pub struct CommandOption {
    /// As in `--name`.
    pub name: &'static str,
    /// Its operands.
    pub metavar: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

const OPTIONS: &[CommandOption] = &[
    CommandOption {
        name: "until",
        metavar: "DATE",
        meaning: "Of suppress add: the last day, YYYY-MM-DD",
    },
    CommandOption {
        name: "reason",
        metavar: "TEXT",
        meaning: "Of suppress add: why, for whoever reads the list",
    },
    CommandOption {
        name: "domain",
        metavar: "DOMAIN",
        meaning: "Of suppress remove: only for reports on this domain",
    },
];

/// The options of a program's commands.
pub fn options(program: Program) -> &'static [CommandOption] {
    match program {
        Program::Ctl => OPTIONS,
        Program::Collectd | Program::Fetcher | Program::Reportd => &[],
    }
}

/// Whether that is an option of a command.
pub(crate) fn option(program: Program, name: &str) -> Option<&'static str> {
    let mut all = options(program).iter().map(|option| option.name);
    all.find(|option| *option == name)
}
