//! SMTP to a relay. Connections are kept for the next mail.
//!
//! The client is written here, because a library's strictness would be ours to answer for. [`reply`] reads answers
//! tolerantly, and a short table in [`fault`] says whether an answer speaks of the address or of us.
//!
//! Delivery does not fail because of TLS (RFC 8460 section 3): STARTTLS is used when offered, with any certificate, and when
//! it fails the mail is sent in plain text on another connection. A password is different: it is sent only to a loopback
//! address, or over TLS with a certificate that verifies.

mod command_stream;
mod connection;
mod dsn;
mod fault;
mod helo_name;
mod idle;
mod reply;
mod tls;
mod transaction;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::tlsrpt_record::Mailbox;
use tlsrptd_service::log::LogThrottle;
use tokio::sync::Semaphore;

use super::Envelope;
use super::mail_answer::MailAnswer;
use crate::deliver::rehearsal::RelayAnswer;
use crate::deliver::unanswered::UnansweredReports;
use crate::{deliver::PrepareError, secret};
use command_stream::ReplyTimeouts;
use connection::{Connection, Login};
use fault::{SmtpFault, Stage};
use helo_name::HeloName;
use idle::IdleConnections;
use tls::Tls;

/// The SMTP client of one relay.
pub(in crate::deliver) struct Smtp {
    host: String,
    port: u16,
    /// TLS from the first octet (`smtps://`).
    implicit_tls: bool,
    tls: Tls,
    login: Option<Login>,
    waits: ReplyTimeouts,
    hello: HeloName,
    /// BDAT was offered and not known: what stands before the relay, for one, may pass on its offer alone.
    no_bdat: AtomicBool,
    kept: IdleConnections,
    slots: Semaphore,
    /// A relay that refuses `bcc_address` does so for each mail.
    copies: LogThrottle,
}

/// Postfix closes an idle connection after five minutes; others sooner.
const KEPT_IDLE: Duration = Duration::from_secs(20);
/// Connections to the relay, as many as Postfix opens to one destination by default.
const MAX_CONNECTIONS: usize = 20;

impl Smtp {
    pub(super) fn prepare(
        host: &str,
        port: u16,
        implicit_tls: bool,
        settings: &Reportd,
    ) -> Result<Smtp, PrepareError> {
        let login = login(settings)?;
        let verify = login.is_some() && !is_loopback(host);
        let hello = match &settings.helo_name {
            Some(name) => {
                HeloName::set(name).ok_or_else(|| PrepareError::HeloName(name.clone()))?
            }
            None => HeloName::of_host(),
        };
        Ok(Smtp {
            host: host.to_owned(),
            port,
            implicit_tls,
            tls: Tls::new(host, verify),
            login,
            waits: ReplyTimeouts::new(settings.sendmail_timeout),
            hello,
            no_bdat: AtomicBool::new(false),
            kept: IdleConnections::new(KEPT_IDLE),
            slots: Semaphore::new(MAX_CONNECTIONS),
            copies: LogThrottle::default(),
        })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope<'_>,
        mail: &[u8],
        unanswered: &UnansweredReports,
    ) -> MailAnswer {
        match self.try_send(envelope, mail, unanswered).await {
            Ok(detail) => MailAnswer::Taken { detail },
            Err(fault) => fault.mail_answer(),
        }
    }

    async fn try_send(
        &self,
        envelope: &Envelope<'_>,
        mail: &[u8],
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let kept = self.kept.take();
        let is_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let send = async |connection: &mut Connection| {
            connection
                .send(envelope, mail, &self.copies, unanswered)
                .await
        };
        let mut result = send(&mut connection).await;
        if let Err(fault) = &result
            && (is_kept && fault.stage == Stage::Mail || self.avoids_bdat(&connection, fault))
        {
            // The relay had closed it, or takes no more mail on it, or no BDAT: nothing was sent.
            connection.quit().await;
            connection = self.connect().await?;
            result = send(&mut connection).await;
        }
        self.finish(connection, result).await
    }

    /// Whether the relay offered BDAT and does not know it. It is not asked for it again.
    fn avoids_bdat(&self, connection: &Connection, fault: &SmtpFault) -> bool {
        let avoids = connection.offers.chunking && fault.is_unknown_command();
        if avoids && !self.no_bdat.swap(true, Ordering::Relaxed) {
            tracing::debug!(relay = %self.host, reason = %fault, "BDAT is offered and not known: DATA is used");
        }
        avoids
    }

    /// Does what a mail would do up to its recipient, and takes it back.
    pub(super) async fn rehearse(
        &self,
        from: &Mailbox,
        to: &Mailbox,
    ) -> Result<RelayAnswer, MailAnswer> {
        let rehearsed = async {
            let mut connection = self.connect().await?;
            let (encrypted, offers_dsn) = (connection.is_encrypted(), connection.offers.dsn);
            let envelope = connection.envelope(from, to).await;
            if envelope.is_ok() {
                connection.reset().await;
            }
            connection.quit().await;
            envelope.map(|()| RelayAnswer {
                encrypted,
                logged_in: self.login.is_some(),
                offers_dsn,
            })
        };
        rehearsed.await.map_err(SmtpFault::mail_answer)
    }

    /// Keeps the connection if it can carry another mail; the relay may limit the number of mails on one connection.
    async fn finish(
        &self,
        mut connection: Connection,
        result: Result<String, SmtpFault>,
    ) -> Result<String, SmtpFault> {
        let usable = match &result {
            Ok(_) => !connection.is_over(),
            Err(fault) => fault.leaves_connection() && connection.reset().await,
        };
        match usable {
            true => self.kept.put(connection),
            false => connection.quit().await,
        }
        result
    }

    async fn connect(&self) -> Result<Connection, SmtpFault> {
        let tls = self.implicit_tls.then_some(&self.tls);
        let mut connection = self.open(tls).await?;
        let mut tls_fault = None;
        if connection.offers_starttls() {
            connection = match connection.starttls(&self.tls, &self.hello).await {
                Ok(connection) => connection,
                Err(fault) => {
                    tracing::debug!(relay = %self.host, reason = %fault, "STARTTLS failed: continuing without TLS");
                    tls_fault = Some(fault);
                    self.open(None).await?
                }
            };
        }
        if let Some(login) = &self.login {
            if !connection.is_encrypted() && !is_loopback(&self.host) {
                let why =
                    tls_fault.map_or("it offers no TLS".to_owned(), |fault| fault.to_string());
                let reason = format!("the password is not sent to the relay in plain: {why}");
                return Err(SmtpFault::ours(Stage::Auth, reason));
            }
            connection.auth(login).await?;
        }
        connection.offers.chunking &= !self.no_bdat.load(Ordering::Relaxed);
        Ok(connection)
    }

    async fn open(&self, tls: Option<&Tls>) -> Result<Connection, SmtpFault> {
        Connection::open(&self.host, self.port, tls, &self.hello, self.waits).await
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

fn login(settings: &Reportd) -> Result<Option<Login>, PrepareError> {
    let (user, path) = match (&settings.mail_user, &settings.mail_password_file) {
        (Some(user), Some(path)) => (user, path),
        (None, None) => return Ok(None),
        _ => return Err(PrepareError::HalfCredentials),
    };
    let unreadable = |source| PrepareError::PasswordFile {
        path: path.clone(),
        source,
    };
    let password = secret::password(path, "the password for SMTP AUTH").map_err(unreadable)?;
    let user = user.clone();
    Ok(Some(Login { user, password }))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
