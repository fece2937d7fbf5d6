//! The kinds of values, and what is allowed of each.

/// What the values of an option are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path.
    Path,
    /// A path, or the address of a database server.
    Database,
    /// A command for the shell.
    Shell,
    /// A command, split at white space.
    Words,
    /// Whole seconds, at least so many.
    Seconds(u64),
    /// A whole number from, to.
    Count(i64, i64),
    /// Yes or no.
    Switch,
    /// Which days are reported.
    Days,
    /// How often there is a digest.
    Frequency,
    /// A log level.
    Level,
    /// Octal permissions.
    Mode,
    /// Storage URLs.
    Storages,
    /// Paths of Unix sockets.
    Sockets,
    /// Fetcher commands.
    Fetchers,
    /// A mail address without a display name.
    Address,
    /// A mail address, maybe with a display name.
    Mailbox,
    /// A domain name.
    Domain,
    /// How mail leaves.
    Transport,
    /// Signing keys.
    DkimKeys,
    /// Name servers.
    DnsServers,
    /// The URL of a proxy.
    Proxy,
    /// Where a server listens.
    Listen,
    /// Names of hosts.
    Hosts,
    /// DNS block lists.
    BlockLists,
    /// What separates an address from its tag.
    Delimiter,
}

impl Kind {
    /// One word for `--help`.
    pub fn metavar(self) -> &'static str {
        match self {
            Kind::Text => "TEXT",
            Kind::Path => "PATH",
            Kind::Database => "PATH|URL",
            Kind::Shell | Kind::Words => "COMMAND",
            Kind::Seconds(_) => "SECONDS",
            Kind::Count(..) => "NUMBER",
            Kind::Switch => "YES|NO",
            Kind::Days => "ALL|FAILURES",
            Kind::Frequency => "NEVER|FAILURES|DAILY|WEEKLY",
            Kind::Level => "LEVEL",
            Kind::Mode => "MODE",
            Kind::Storages => "URL,...",
            Kind::Sockets => "PATH,...",
            Kind::Fetchers => "COMMAND,...",
            Kind::Address => "ADDRESS",
            Kind::Mailbox => "MAILBOX",
            Kind::Domain => "DOMAIN",
            Kind::Transport => "TRANSPORT",
            Kind::DkimKeys => "SELECTOR:PATH,...",
            Kind::DnsServers => "ADDRESS,...",
            Kind::Proxy => "URL",
            Kind::Listen => "ADDRESS:PORT|unix:PATH",
            Kind::Hosts => "NAME,...",
            Kind::BlockLists => "ZONE[=CODE],...",
            Kind::Delimiter => "CHARACTER",
        }
    }

    /// What is allowed, for error messages and the manual.
    pub fn allowed(self) -> String {
        let fixed = match self {
            Kind::Seconds(least) => return format!("whole seconds, {least} or more"),
            Kind::Count(least, i64::MAX) => return format!("a whole number, {least} or more"),
            Kind::Count(least, most) => return format!("a whole number from {least} to {most}"),
            Kind::Text => "a text",
            Kind::Path => "a path",
            Kind::Database => "a path, or postgresql://USER@HOST[:PORT]/DATABASE[?OPTION=VALUE]",
            Kind::Shell => "a shell command",
            Kind::Words => "a command, its words split at white space, without quotes",
            Kind::Switch => "yes, no",
            Kind::Days => "all, failures",
            Kind::Frequency => "never, failures, daily, weekly",
            Kind::Level => {
                "debug, info, warn, warning, error, critical, or Python's number from 0 to 50"
            }
            Kind::Mode => "octal permissions from 0 to 0777, such as 0220",
            Kind::Storages => {
                "sqlite:///ABSOLUTE/PATH, dummy:, dummy:?log; several separated by commas"
            }
            Kind::Sockets => "paths of at most 107 bytes, several separated by commas",
            Kind::Fetchers => "commands, several separated by commas, none empty and none twice",
            Kind::Address => "LOCAL@DOMAIN alone, without a display name and without mailto:",
            Kind::Mailbox => "LOCAL@DOMAIN, or NAME <LOCAL@DOMAIN>",
            Kind::Domain => "a domain name in letters, digits, - and .",
            Kind::Transport => "sendmail, smtp://HOST[:PORT], smtps://HOST[:PORT]",
            Kind::DkimKeys => "SELECTOR:PATH, several separated by commas",
            Kind::DnsServers => {
                "IP addresses, each with :PORT if it is not 53, separated by commas"
            }
            Kind::Proxy => "http://[USER:PASSWORD@]HOST[:PORT] or https://...",
            Kind::Listen => "IP-ADDRESS:PORT, [IPV6-ADDRESS]:PORT, unix:/ABSOLUTE/PATH",
            Kind::Hosts => "domain names without a port, several separated by commas",
            Kind::BlockLists => {
                "ZONE, or ZONE=CODE with CODE as 127.0.0.2 or 127.0.[0;1].[2..11], several separated by commas"
            }
            Kind::Delimiter => "one of + - = _ . #",
        };
        fixed.to_owned()
    }
}
