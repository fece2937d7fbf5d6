//! The types of settings.

mod block_list;
mod database;
mod parse;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

pub use block_list::BlockList;
pub(crate) use database::is_address;
pub(crate) use parse::Setting;

/// Where a collector keeps its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// An SQLite file: the path of today's.
    Sqlite {
        /// The absolute path.
        path: PathBuf,
        /// The URL as the operator wrote it; the rollover script is given it.
        url: String,
    },
    /// Keeps nothing.
    Dummy {
        /// Say in the log what is dropped.
        log: bool,
        /// The URL as the operator wrote it.
        url: String,
    },
}

impl Storage {
    /// The URL as the operator wrote it.
    pub fn url(&self) -> &str {
        match self {
            Storage::Sqlite { url, .. } | Storage::Dummy { url, .. } => url,
        }
    }
}

/// Which days of a domain are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportDays {
    /// Every day with sessions.
    #[default]
    All,
    /// Only days with a failure.
    Failures,
}

/// How often the operator gets a digest by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestFrequency {
    /// None.
    #[default]
    Never,
    /// After a day on which sessions failed, or something is to be done.
    Failures,
    /// After each day.
    Daily,
    /// On Monday, of the seven days before.
    Weekly,
}

/// A command that answers for a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetcherCommand {
    /// As the operator wrote it, with the white space around it: the reporter's database names it so, and so does the
    /// sys4's.
    pub text: String,
    /// Program and arguments; never empty.
    pub words: Vec<String>,
}

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MailTransport {
    /// By the sendmail program.
    #[default]
    Sendmail,
    /// By SMTP, with STARTTLS when offered.
    Smtp {
        /// Name or address; an IPv6 address stands without brackets.
        host: String,
        /// 25 unless named.
        port: u16,
    },
    /// By SMTP inside TLS.
    Smtps {
        /// Name or address; an IPv6 address stands without brackets.
        host: String,
        /// 465 unless named.
        port: u16,
    },
}

/// A key that signs report mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimKey {
    /// `s=` of the signature.
    pub selector: String,
    /// The PEM file.
    pub path: PathBuf,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// By TCP.
    Tcp(SocketAddr),
    /// On a Unix socket with this absolute path.
    Unix(PathBuf),
}

/// Where a server listens that nobody has told where.
impl Default for Listen {
    fn default() -> Listen {
        Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9976)))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Whether other hosts reach it.
    pub fn is_remote(&self) -> bool {
        match self {
            Listen::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Listen::Unix(_) => false,
        }
    }
}
