//! SMTP to a relay, with connections kept for the next mail.
//!
//! What a code means depends on the command that it answers. A 5xx to RCPT is about the address: it
//! is refused. A 5xx to the mail itself is final too, but the relay's word on what we write. A 5xx to the greeting, EHLO, AUTH or MAIL is
//! between us and the relay, which the operator can mend: the report waits. So it is when RCPT or
//! DATA is denied by policy (5.7.x). A 4xx, a closed connection and a time-out are temporary at
//! every stage. Before MAIL whatever goes wrong says nothing of the report: the relay is unreachable.
//!
//! Delivery does not fail because of TLS (RFC 8460 section 3): STARTTLS is used when offered
//! without asking whose certificate it is, and when it fails the mail goes in plain. Only a
//! password changes that: it is sent to a loopback address or over TLS with a certificate
//! that verifies, never otherwise.

mod connection;
mod kept;

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;
use tlsrptd_config::reportd::Reportd;
use tokio::sync::Semaphore;

use super::Envelope;
use crate::{
    brake::Brake,
    deliver::{Outcome, PrepareError, warn_if_open},
};
use connection::{Connection, Fault, Stage, Waits};
use kept::Kept;

/// A relay.
pub(in crate::deliver) struct Smtp {
    host: String,
    port: u16,
    /// TLS from the first octet (`smtps://`).
    implicit_tls: bool,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    waits: Waits,
    hello: ClientId,
    kept: Kept,
    places: Semaphore,
    /// Whoever refuses copies refuses that of each mail.
    copies: Brake,
}

/// Postfix closes an idle connection after five minutes; others sooner.
const KEPT_IDLE: Duration = Duration::from_secs(20);
/// At once to the relay, as many as Postfix itself opens to a destination.
const MAX_CONNECTIONS: usize = 20;

impl Smtp {
    pub(super) fn prepare(
        host: &str,
        port: u16,
        implicit_tls: bool,
        settings: &Reportd,
    ) -> Result<Smtp, PrepareError> {
        let credentials = credentials(settings)?;
        let verify = credentials.is_some() && !is_loopback(host);
        let tls = TlsParametersBuilder::new(host.to_owned())
            .dangerous_accept_invalid_certs(!verify)
            .dangerous_accept_invalid_hostnames(!verify)
            .build_rustls()
            .map_err(PrepareError::SmtpTls)?;
        Ok(Smtp {
            host: host.to_owned(),
            port,
            implicit_tls,
            tls,
            credentials,
            waits: Waits::new(settings.sendmail_timeout),
            hello: ClientId::default(),
            kept: Kept::new(KEPT_IDLE),
            places: Semaphore::new(MAX_CONNECTIONS),
            copies: Brake::new(),
        })
    }

    pub(super) async fn send(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Outcome {
        match self.try_send(envelope, mail).await {
            Ok(detail) => Outcome::Sent { detail },
            Err(fault) => fault.outcome(),
        }
    }

    async fn try_send(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Result<String, Fault> {
        // Never closed, so that this only waits.
        let _place = self.places.acquire().await;
        if let Some(mut connection) = self.kept.take() {
            match connection.send(envelope, mail, &self.copies).await {
                // The relay had closed it, or wants no more on it: nothing was sent.
                Err(fault) if fault.stage == Stage::Mail && fault.connection_lost() => {}
                result => return self.finish(connection, result).await,
            }
        }
        let mut connection = self.connect().await?;
        let result = connection.send(envelope, mail, &self.copies).await;
        self.finish(connection, result).await
    }

    /// Keeps a connection that can carry another mail.
    async fn finish(
        &self,
        mut connection: Connection,
        result: Result<String, Fault>,
    ) -> Result<String, Fault> {
        let usable = match &result {
            Ok(_) => true,
            Err(fault) => !fault.connection_lost() && connection.reset().await,
        };
        if usable {
            self.kept.put(connection);
        }
        result
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let tls = self.implicit_tls.then(|| self.tls.clone());
        let mut connection = self.open(tls).await?;
        let mut tls_fault = None;
        if connection.offers_starttls()
            && let Err(fault) = connection.starttls(self.tls.clone(), &self.hello).await
        {
            tracing::debug!(relay = %self.host, reason = %fault, "on without TLS");
            tls_fault = Some(fault);
            connection = self.open(None).await?;
        }
        if let Some(credentials) = &self.credentials {
            if !connection.is_encrypted() && !is_loopback(&self.host) {
                let why =
                    tls_fault.map_or("it offers no TLS".to_owned(), |fault| fault.to_string());
                let reason = format!("the password is not sent to the relay in plain: {why}");
                return Err(Fault::new(Stage::Auth, reason));
            }
            connection.auth(credentials).await?;
        }
        Ok(connection)
    }

    async fn open(&self, tls: Option<TlsParameters>) -> Result<Connection, Fault> {
        Connection::open(&self.host, self.port, tls, &self.hello, self.waits).await
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

fn credentials(settings: &Reportd) -> Result<Option<Credentials>, PrepareError> {
    let (user, path) = match (&settings.mail_user, &settings.mail_password_file) {
        (Some(user), Some(path)) => (user, path),
        (None, None) => return Ok(None),
        _ => return Err(PrepareError::HalfCredentials),
    };
    let unreadable = |source| PrepareError::PasswordFile {
        path: path.clone(),
        source,
    };
    let password = std::fs::read_to_string(path).map_err(unreadable)?;
    warn_if_open(path, "the password for SMTP AUTH").map_err(unreadable)?;
    // The line end that editors add is no part of it.
    let password = password.lines().next().unwrap_or_default().to_owned();
    Ok(Some(Credentials::new(user.clone(), password)))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
