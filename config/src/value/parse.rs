//! From text to type. What is allowed stands in the option's [`Kind`]; here only what is wrong.

mod list;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    DigestFrequency, Listen, MailTransport, ReportDays,
    database::{holds_password, is_address},
};
use crate::{log_level::LogLevel, option::Kind};

/// A type that settings have.
pub(crate) trait Setting: Sized {
    /// The value, or what is wrong with the text.
    fn parse(text: &str, kind: Kind) -> Result<Self, String>;

    /// The value of an option that is not set, where the type has one.
    fn unset() -> Option<Self> {
        None
    }
}

impl<T: Setting> Setting for Option<T> {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        T::parse(text, kind).map(Some)
    }

    fn unset() -> Option<Self> {
        Some(None)
    }
}

/// A hundred years: sums of such times stay inside the calendar.
const LONGEST: u64 = 3_153_600_000;

impl Setting for Duration {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        let least = if let Kind::Seconds(least) = kind {
            least
        } else {
            0
        };
        let seconds = number(text)?;
        match u64::try_from(seconds) {
            Ok(seconds) if (least..=LONGEST).contains(&seconds) => Ok(Duration::from_secs(seconds)),
            Ok(seconds) if seconds > LONGEST => {
                Err(format!("{seconds} is more than a hundred years"))
            }
            _ => Err(format!("{seconds} is too small")),
        }
    }
}

fn number(text: &str) -> Result<i64, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a whole number"))
}

fn count<T: TryFrom<i64>>(text: &str, kind: Kind) -> Result<T, String> {
    let number = number(text)?;
    let (least, most) = if let Kind::Count(least, most) = kind {
        (least, most)
    } else {
        (0, i64::MAX)
    };
    match T::try_from(number) {
        _ if number < least => Err(format!("{number} is too small")),
        Ok(value) if number <= most => Ok(value),
        _ => Err(format!("{number} is too big")),
    }
}

macro_rules! counts {
    ($($number:ty)*) => { $(
        impl Setting for $number {
            fn parse(text: &str, kind: Kind) -> Result<Self, String> {
                count(text, kind)
            }
        }
    )* };
}
counts!(i32 u64 usize);

impl Setting for u32 {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        if kind == Kind::Mode {
            mode(text)
        } else {
            count(text, kind)
        }
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0o").unwrap_or(digits);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(format!("`{text}` is not an octal mode")),
    }
}

impl Setting for ReportDays {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "all" => Ok(ReportDays::All),
            "failures" => Ok(ReportDays::Failures),
            _ => Err(format!("`{text}` is neither")),
        }
    }
}

impl Setting for DigestFrequency {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "never" => Ok(DigestFrequency::Never),
            "failures" => Ok(DigestFrequency::Failures),
            "daily" => Ok(DigestFrequency::Daily),
            "weekly" => Ok(DigestFrequency::Weekly),
            _ => Err(format!("`{text}` is none of these")),
        }
    }
}

impl Setting for bool {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        match text.trim().to_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(true),
            "no" | "false" | "off" => Ok(false),
            // debug_db is a number in sys4.
            other => match other.parse::<i64>() {
                Ok(number) => Ok(number != 0),
                Err(_) => Err(format!("`{text}` is neither yes nor no")),
            },
        }
    }
}

impl Setting for char {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        let mut characters = text.trim().chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) if "+-=_.#".contains(one) => Ok(one),
            _ => Err(format!("`{text}` is none of these")),
        }
    }
}

impl Setting for LogLevel {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        match text.trim().to_lowercase().as_str() {
            "debug" => Ok(LogLevel::Debug),
            "info" => Ok(LogLevel::Info),
            "warn" | "warning" => Ok(LogLevel::Warn),
            "error" | "critical" | "fatal" => Ok(LogLevel::Error),
            other => match other.parse::<u8>() {
                Ok(0..=10) => Ok(LogLevel::Debug),
                Ok(11..=20) => Ok(LogLevel::Info),
                Ok(21..=30) => Ok(LogLevel::Warn),
                Ok(31..=50) => Ok(LogLevel::Error),
                _ => Err(format!("`{text}` is not a log level")),
            },
        }
    }
}

impl Setting for String {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        match kind {
            // A shell command may span lines.
            Kind::Shell => {}
            _ if text.contains(char::is_control) => {
                return Err("holds a line end or another control character".into());
            }
            Kind::Address => address(text)?,
            Kind::Mailbox => mailbox(text)?,
            Kind::Domain => domain(text)?,
            Kind::Proxy => proxy(text)?,
            _ => {}
        }
        Ok(text.to_owned())
    }
}

/// Only what an operator gets wrong; the grammar of RFC 5322 is not this crate's.
fn address(text: &str) -> Result<(), String> {
    let problem = match text.split_once('@') {
        _ if text.to_lowercase().starts_with("mailto:") => "begins with mailto:",
        _ if text.contains(['<', '>']) || text.contains(char::is_whitespace) => {
            "holds white space or a display name"
        }
        _ if text.contains([',', ';']) => "is more than one address",
        None => "has no @",
        Some((local, domain)) if local.is_empty() || domain.is_empty() => {
            "has nothing on one side of the @"
        }
        Some((_, domain)) if domain.contains('@') => "has more than one @",
        Some(_) => return Ok(()),
    };
    Err(format!("`{text}` {problem}"))
}

fn mailbox(text: &str) -> Result<(), String> {
    match text
        .trim_end()
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((_, inner)) => address(inner),
        None => address(text),
    }
}

fn domain(text: &str) -> Result<(), String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if text.len() <= 253 && text.split('.').all(label) {
        return Ok(());
    }
    Err(format!("`{text}` is not a domain name"))
}

fn proxy(text: &str) -> Result<(), String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let host =
        |rest: &str| !rest.trim_end_matches('/').is_empty() && !rest.contains(char::is_whitespace);
    // The URL may hold a password, so it is not repeated here.
    if rest.is_some_and(host) {
        Ok(())
    } else {
        Err("not the URL of a proxy".to_owned())
    }
}

impl Setting for PathBuf {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        match kind {
            // It is not repeated here.
            Kind::Database if is_address(Path::new(text)) && holds_password(text) => {
                Err("a password stands in it: dbname_password_file names a file for it".to_owned())
            }
            _ => path(text),
        }
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("the path is empty".to_owned()),
        _ if text.contains('\0') => Err("the path holds a NUL".to_owned()),
        _ => Ok(PathBuf::from(text)),
    }
}

impl Setting for MailTransport {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a mail transport");
        match text.trim().split_once("://") {
            None if text.trim() == "sendmail" => Ok(MailTransport::Sendmail),
            Some(("smtp", rest)) => {
                let (host, port) = host_port(rest, 25).ok_or_else(wrong)?;
                Ok(MailTransport::Smtp { host, port })
            }
            Some(("smtps", rest)) => {
                let (host, port) = host_port(rest, 465).ok_or_else(wrong)?;
                Ok(MailTransport::Smtps { host, port })
            }
            _ => Err(wrong()),
        }
    }
}

impl Setting for Listen {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        let text = text.trim();
        let Some(named) = text.strip_prefix("unix:") else {
            let address = text.parse().map(Listen::Tcp);
            return address.map_err(|_| format!("`{text}` is not an address with a port"));
        };
        match path(named)? {
            // sun_path has 108 bytes, the last of them a NUL (unix(7)).
            path if path.as_os_str().len() > 107 => Err(format!(
                "`{named}` is longer than a Unix socket's name can be"
            )),
            path if !path.is_absolute() => Err(format!("`{named}` is not an absolute path")),
            path => Ok(Listen::Unix(path)),
        }
    }
}

fn host_port(text: &str, default: u16) -> Option<(String, u16)> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, rest)) => {
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                if rest.is_empty() {
                    None
                } else {
                    Some(rest.strip_prefix(':')?)
                },
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Some(default), |port| {
        port.parse().ok().filter(|port| *port > 0)
    })?;
    let bare = domain(host).is_ok() || host.parse::<IpAddr>().is_ok();
    bare.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests;
