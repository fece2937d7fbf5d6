//! The commands of `tlsrptctl`: one row drives `--help`, the manual and the completions.

mod options;

use crate::option::Program;

pub use options::{CommandOption, options};
pub(crate) use options::{KEY_TYPES, OPTIONS, STATUSES, option};

/// One command.
#[derive(Debug)]
pub struct CommandRow {
    /// Its word or words.
    pub name: &'static str,
    /// Its operands and options.
    pub operands: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// All commands, in the order of the manual.
pub const COMMANDS: &[CommandRow] = &[
    CommandRow {
        name: "status",
        operands: "[--check]",
        meaning: "Print in one screen how collectors and reporter are, how the last closed day went, what waits and why, and what is throttled. With --check: one line and the exit status of a monitoring plug-in.",
    },
    CommandRow {
        name: "metrics",
        operands: "[--output FILE]",
        meaning: "Print all figures for a monitoring system, in Prometheus' text format, with names, units and help. With --output: write them to FILE, for everybody to read and never half written, as node_exporter's textfile collector wants them.",
    },
    CommandRow {
        name: "history",
        operands: "[--days N]",
        meaning: "Print a line a day, 30 unless --days says otherwise: domains, sessions, how many of them were secured, by policy, and what became of the reports.",
    },
    CommandRow {
        name: "failures",
        operands: "[--days N] [--domain DOMAIN] [--new] [--explain] [--limit N]",
        meaning: "Print what failed when we sent, on the last closed day or the last N: sessions, policy, result, domain, MX and reason. With --new: only what did not fail in the week before. With --explain: what each result means, whose fault it usually is, and what to do.",
    },
    CommandRow {
        name: "deliveries",
        operands: "[DAY] [--domain DOMAIN] [--status STATUS] [--limit N]",
        meaning: "Print the reports of a day, by default the last closed one: when, on which domain, to whom, the answer or the reason, and the next try. DAY today: what has been counted so far, and would be reported.",
    },
    CommandRow {
        name: "show",
        operands: "DOMAIN [DAY] [--mail]",
        meaning: "Print the report on a domain as people read it, with --json as it was sent, with --mail the whole mail. DAY today, or a day not yet reported: what would be sent.",
    },
    CommandRow {
        name: "why",
        operands: "DOMAIN [DAY]",
        meaning: "Say in one sentence what became of a domain's report, from the datagram to the last answer; or why there is none.",
    },
    CommandRow {
        name: "resend",
        operands: "DOMAIN DAY [--to URI] [--wait SECONDS | --no_wait]",
        meaning: "Ask the running reporter to send a report again, the same with the same report-id: to its destinations, or with --to to that one. Prints what each answers; what fails is tried again as any delivery is. A destination that is suppressed, or still waits for its report, is left out; one that is suppressed is sent to when --to names it. --no_wait leaves the request to the reporter, even if that is not running.",
    },
    CommandRow {
        name: "send-test",
        operands: "URI [--wait SECONDS | --no_wait]",
        meaning: "Ask the running reporter to send a test report, marked as such, to mailto:ADDRESS or https://URL the way reports go, maps aside: one attempt, at once. Prints what was answered, and the time that it took.",
    },
    CommandRow {
        name: "requests list",
        operands: "",
        meaning: "Print the resends and tests that were asked for and have not ended: number, since when, what, to whom, by whom, why each waits, and the next try.",
    },
    CommandRow {
        name: "requests withdraw",
        operands: "NUMBER...",
        meaning: "Take back requests that wait, by their numbers in the list. An attempt that is under way cannot be taken back.",
    },
    CommandRow {
        name: "bounce",
        operands: "[--recipient ADDRESS]",
        meaning: "Take a mail that came to bounce_address, on standard input, as Postfix's pipe(8) or an alias runs it. A bounce that bears a tag of ours is left to the reporter: a report that counted as sent counts as refused, and its destination is suspended when that goes on. The tag is looked for in ADDRESS, in the variables ORIGINAL_RECIPIENT, RECIPIENT and EXTENSION, then in the mail. Exit status, for the MTA: 0 done, 67 refused (see unclaimed_bounces), 75 try again later: also when configuration or database cannot be used, so that no mail is lost.",
    },
    CommandRow {
        name: "dkim-record",
        operands: "[--new SELECTOR] [--type TYPE] [--out FILE]",
        meaning: "Print the TXT records that belong to dkim_keys, as a zone file has them: that of the second selector with s=tlsrpt, the others without s=. Whoever asks has to be able to read the keys. With --new: make a key for SELECTOR, RSA of 2048 bits or --type ed25519, which the service may read, and say what to add to the configuration and to DNS. The file is SELECTOR.pem beside the configuration, or FILE; one that is there stays as it is.",
    },
    CommandRow {
        name: "doctor",
        operands: "[--user NAME] [--collectd_config FILE]",
        meaning: "Look at the whole set-up: configuration, socket, Postfix, database, fetchers, name servers, DKIM keys, DMARC and SPF, contact address, relay, certificates, clock, disk. Prints a line each: ok, warn, FAIL, or unknown for what cannot be found out; the area; what was found; and behind => what mends it. Root looks with the eyes of the service's user and of Postfix's, so run it as root. Nothing is changed, and no mail is sent: the relay is asked up to RCPT. Exit status: 0 ok, 1 a warning, 2 a failure, 3 when nothing could be found out.",
    },
    CommandRow {
        name: "fleet",
        operands: "",
        meaning: "Print how a fleet is, whose database dbname has on PostgreSQL: its members with their leases and shards, its collectors with the day that they have shipped and since when they are silent, and its days: which collectors are done, who is missing, what came late. See docs/fleet.md.",
    },
    CommandRow {
        name: "fleet retire",
        operands: "NAME",
        meaning: "Take a collector or a member out of the fleet, by its name in the list, a member also by its number. A collector is waited for no longer; what it has shipped stays, and is reported. A member's shards are given to the others at once, without waiting for the end of its lease; if it still runs, it joins anew.",
    },
    CommandRow {
        name: "fleet unretire",
        operands: "NAME",
        meaning: "Take fleet retire of a collector back: it is waited for again, on each day that is still open. A day that was closed without it stays closed. Of several retired ones of that name, the last one that came. A member needs no such word: it joins anew when it starts.",
    },
    CommandRow {
        name: "fleet import",
        operands: "FILE",
        meaning: "Bring everything from FILE, the SQLite database of a reporter that is stopped, into the fleet: reports with their deliveries, suppressions, requests, history, and the days that are done. Nothing is sent twice, and nothing is lost. Refused while a reporter is at work on FILE, and while one of its days is undecided. Done again, it changes nothing.",
    },
    CommandRow {
        name: "fleet export",
        operands: "FILE",
        meaning: "Bring everything from the fleet into FILE, a new SQLite database, for one reporter to go on with. Refused while members are at work, and while a day is undecided. Cut short, it is run again: the same command makes it anew, or brings it to its end.",
    },
    CommandRow {
        name: "maptest",
        operands: "DOMAIN [RECORD]",
        meaning: "Print the destinations of a record before and after the maps; without RECORD, of the one that DNS has.",
    },
    CommandRow {
        name: "suppress add",
        operands: "TARGET [--until DATE] [--reason TEXT]",
        meaning: "Send no more reports to TARGET: an address, an https: URL, or a name, which stands for all addresses of that mail domain and all URLs of that host; .NAME stands for its subdomains. DATE, as YYYY-MM-DD, is the last such day (UTC); without it there is none.",
    },
    CommandRow {
        name: "suppress remove",
        operands: "TARGET [--domain DOMAIN]",
        meaning: "Send reports to TARGET again: all of them, or with --domain those on DOMAIN, when it was put on the list for having refused them.",
    },
    CommandRow {
        name: "suppress list",
        operands: "",
        meaning: "Print what is suppressed, until when, since when, by whom, how often and why.",
    },
];

/// What a command looks at of the reporter's configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Needs {
    /// These have to be set, those may be; the others count as not set, whatever stands there.
    Some {
        required: &'static [&'static str],
        used: &'static [&'static str],
    },
    /// All of it, as the daemon.
    All,
}

/// The database alone.
pub(crate) const DATABASE: Needs = Needs::Some {
    required: &["dbname"],
    used: &["dbname_password_file", "log_level"],
};
/// What `status` looks at.
pub(crate) const STATUS: Needs = Needs::Some {
    required: &["dbname"],
    used: &[
        "dbname_password_file",
        "fetchers",
        "fetch_deadline",
        "observation_socket",
        "log_level",
    ],
};
/// What `fleet` looks at.
pub(crate) const FLEET: Needs = Needs::Some {
    required: &["dbname"],
    used: &["dbname_password_file", "fetch_deadline", "log_level"],
};
/// What commands look at that ask the daemon to do something.
pub(crate) const REQUESTS: Needs = Needs::Some {
    required: &["dbname"],
    used: &["dbname_password_file", "observation_socket", "log_level"],
};
/// What `maptest` looks at.
pub(crate) const MAPTEST: Needs = Needs::Some {
    required: &[],
    used: &[
        "tlsrpt_record_map",
        "mail_destination_map",
        "http_upload_map",
        "debug_send_mail_dest",
        "debug_send_http_dest",
        "debug_send_file_dest",
        "dns_servers",
        "dns_timeout",
        "max_destinations",
        "log_level",
    ],
};
/// What `tlsrpt-statusd` looks at, always.
pub(crate) const STATUSD: Needs = Needs::Some {
    required: &["dbname"],
    used: &[
        "dbname_password_file",
        "fetchers",
        "fetch_deadline",
        "observation_socket",
        "organization_name",
    ],
};
/// What `bounce` looks at.
pub(crate) const BOUNCE: Needs = Needs::Some {
    required: &["dbname"],
    used: &[
        "dbname_password_file",
        "bcc_address",
        "unclaimed_bounces",
        "log_level",
    ],
};
/// What `dkim-record` looks at.
pub(crate) const DKIM_RECORD: Needs = Needs::Some {
    required: &["contact_info"],
    used: &["dkim_domain", "dkim_keys", "log_level"],
};

/// Whether the manual of `tlsrptctl` tells this option: a command looks at it that does not look at all of them.
pub(crate) fn needs(name: &str) -> bool {
    let lists = [
        DATABASE,
        STATUS,
        FLEET,
        REQUESTS,
        MAPTEST,
        BOUNCE,
        DKIM_RECORD,
    ];
    lists.iter().any(|needs| needs.looks_at(name))
}

impl Needs {
    /// Whether the command looks at this option.
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        match self {
            Needs::All => true,
            Needs::Some { required, used } => required.contains(&name) || used.contains(&name),
        }
    }

    /// Whether this option has to be set.
    pub(crate) fn requires(&self, name: &str) -> bool {
        match self {
            Needs::All => true,
            Needs::Some { required, .. } => required.contains(&name),
        }
    }
}

/// Which command the arguments name: the first of them that is one. What stands before may be an option's value.
pub(crate) fn named(program: Program, args: impl Iterator<Item = impl AsRef<str>>) -> &'static str {
    let firsts = COMMANDS.iter().map(|command| first(command.name));
    let firsts: Vec<&'static str> = match program {
        Program::Ctl => firsts.collect(),
        Program::Collectd
        | Program::Fetcher
        | Program::Reportd
        | Program::Statusd
        | Program::Shipper => Vec::new(),
    };
    let mut known = args.filter_map(|arg| firsts.iter().find(|word| **word == arg.as_ref()));
    known.next().copied().unwrap_or_default()
}

fn first(name: &'static str) -> &'static str {
    name.split(' ').next().unwrap_or(name)
}

/// The row of a command.
pub(crate) fn row(name: &str) -> Option<&'static CommandRow> {
    COMMANDS.iter().find(|command| command.name == name)
}
