//! Where the database is, as the operator writes it: `postgresql://USER@HOST[:PORT][,HOST...]/DATABASE[?OPTION=VALUE&...]`.
//!
//! TLS is used and the server's certificate verified, with its name, unless the address says otherwise (`sslmode=disable`) or
//! is that of a Unix socket. libpq's words in between, which verify nothing, are refused.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use url::Url;

/// An attempt to connect ends after this time, to each address of each host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that confirms nothing of what was sent is gone after this time; so is one that is silent for as long and does not
/// answer three probes.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// Where the database is.
#[derive(Clone)]
pub struct Address {
    /// Without the password.
    shown: String,
    pub(crate) config: Config,
    pub(crate) tls: Option<Tls>,
}

/// How the server proves who it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// Beside the system's authorities.
    pub(crate) authorities: Option<PathBuf>,
}

/// An address cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct AddressError(String);

impl Address {
    /// Whether a text is meant to be one: `dbname` may be a path too.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("postgresql://") || text.starts_with("postgres://")
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is no address, or asks for what is not safe: a password in it can be read by everybody who sees the settings.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let (plain, mode, authorities) = split_tls(text)?;
        let config = Config::from_str(&plain).map_err(|error| refused(&error))?;
        if config.get_password().is_some() {
            return Err(AddressError(
                "a password stands in it (allowed: a file, by the option beside it)".to_owned(),
            ));
        }
        if config.get_hosts().is_empty() {
            return Err(AddressError(
                "it names no host (allowed: postgresql://USER@HOST/DATABASE)".to_owned(),
            ));
        }
        if config.get_user().is_none() || config.get_dbname().is_none() {
            return Err(AddressError(
                "it names no user or no database (allowed: postgresql://USER@HOST/DATABASE)"
                    .to_owned(),
            ));
        }
        let is_local = config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)));
        let tls = (mode == Mode::VerifyFull && !is_local).then_some(Tls { authorities });
        let mut address = Address {
            shown: shown(text),
            config,
            tls,
        };
        address.harden();
        Ok(address)
    }

    /// The file with the site's own authority, if it names one.
    pub fn authority(&self) -> Option<&Path> {
        self.tls.as_ref()?.authorities.as_deref()
    }

    /// With that password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Address {
        self.config.password(password);
        self
    }

    /// As the server's administrator shall see the connections, in `pg_stat_activity`.
    #[must_use]
    pub fn with_program(mut self, program: &str) -> Address {
        self.config.application_name(program);
        self
    }

    /// What no operator should have to say.
    fn harden(&mut self) {
        let config = &mut self.config;
        config.ssl_mode(match self.tls {
            Some(_) => SslMode::Require,
            None => SslMode::Disable,
        });
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(DEAD_AFTER);
        }
        config.keepalives_idle(DEAD_AFTER);
        config.keepalives_interval(DEAD_AFTER / 3);
        config.keepalives_retries(3);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    VerifyFull,
    Disable,
}

/// Takes the options of TLS out, which are ours to follow: libpq's names, of which the library knows only some.
fn split_tls(text: &str) -> Result<(String, Mode, Option<PathBuf>), AddressError> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut mode, mut authorities, mut rest) = (Mode::VerifyFull, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", "verify-full")) => mode = Mode::VerifyFull,
            Some(("sslmode", "disable")) => mode = Mode::Disable,
            Some(("sslmode", other)) => {
                return Err(AddressError(format!(
                    "sslmode={other} (allowed: verify-full, the default; disable)"
                )));
            }
            Some(("sslrootcert", path)) => {
                let path = percent_decoded(path);
                authorities = Some(PathBuf::from(path));
            }
            _ => rest.push(pair),
        }
    }
    let plain = match rest.is_empty() {
        true => base.to_owned(),
        false => format!("{base}?{}", rest.join("&")),
    };
    Ok((plain, mode, authorities))
}

fn percent_decoded(text: &str) -> String {
    // A query of one value, decoded as all of them are.
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs
        .map(|(key, _)| key.into_owned())
        .next()
        .unwrap_or_default()
}

fn refused(error: &tokio_postgres::Error) -> AddressError {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    AddressError(format!(
        "{} (allowed: postgresql://USER@HOST[:PORT]/DATABASE[?OPTION=VALUE])",
        cause.unwrap_or_else(|| error.to_string())
    ))
}

/// Without the password, if somebody wrote one.
fn shown(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(None);
            url.to_string()
        }
        _ => text.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, want, why) in [
            (
                "postgresql://tlsrpt@db.example/tlsrpt",
                Ok(true),
                "TLS, verified",
            ),
            (
                "postgres://tlsrpt@db.example/tlsrpt",
                Ok(true),
                "the other scheme",
            ),
            (
                "postgresql://tlsrpt@a.example,b.example:5433/tlsrpt?sslmode=verify-full",
                Ok(true),
                "two hosts",
            ),
            (
                "postgresql://tlsrpt@db.example/tlsrpt?sslrootcert=/etc/ssl/db%20ca.pem",
                Ok(true),
                "the site's own authority",
            ),
            (
                "postgresql://tlsrpt@127.0.0.1/tlsrpt?sslmode=disable",
                Ok(false),
                "as the operator says",
            ),
            (
                "postgresql://tlsrpt@%2Fvar%2Frun%2Fpostgresql/tlsrpt",
                Ok(false),
                "a Unix socket",
            ),
            (
                "postgresql://tlsrpt@/tlsrpt?host=/var/run/postgresql",
                Ok(false),
                "the same, in libpq's other form",
            ),
            (
                "postgresql://tlsrpt@db.example/tlsrpt?sslmode=require",
                Err("allowed: verify-full"),
                "it verifies nothing",
            ),
            (
                "postgresql://tlsrpt:secret@db.example/tlsrpt",
                Err("a password"),
                "everybody can read it",
            ),
            (
                "postgresql://tlsrpt@db.example/tlsrpt?password=secret",
                Err("a password"),
                "here too",
            ),
            (
                "postgresql://db.example/tlsrpt",
                Err("no user"),
                "nobody is meant",
            ),
            (
                "postgresql://tlsrpt@db.example",
                Err("no database"),
                "nor which",
            ),
            (
                "postgresql:///tlsrpt?user=tlsrpt",
                Err("no host"),
                "nowhere",
            ),
            (
                "postgresql://tlsrpt@db.example/tlsrpt?colour=red",
                Err("colour"),
                "no option",
            ),
        ] {
            match (Address::parse(text), want) {
                (Ok(address), Ok(tls)) => assert_eq!(address.tls.is_some(), tls, "{text}: {why}"),
                (Err(error), Err(part)) => {
                    let error = error.to_string();
                    assert!(error.contains(part), "{text}: {error}: {why}");
                    assert!(!error.contains("secret"), "{text}: {error}");
                }
                (got, _) => panic!("{text}: {got:?}: {why}"),
            }
        }
    }
}
