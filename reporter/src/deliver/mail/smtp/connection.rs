//! One connection to the relay: each answer waited for, no longer than allowed.

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use crate::brake::Brake;
use crate::deliver::mail::Envelope;
use crate::deliver::{Outcome, one_line};

/// How far a mail came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connect,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Content,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Connect => "connecting to the relay",
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL FROM",
            Stage::Rcpt => "RCPT TO",
            Stage::Data => "DATA",
            Stage::Content => "end of mail",
        })
    }
}

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// To connect, and for the answer to most commands: `sendmail_timeout`.
    pub(super) usual: Duration,
    /// For the answer to DATA.
    pub(super) data: Duration,
    /// For the answer to the end of the mail.
    pub(super) end: Duration,
}

impl Waits {
    /// At least what RFC 5321 section 4.5.3.2 asks for once there is a mail: a relay may look long
    /// at one before it takes it, and whoever hangs up meanwhile sends it twice.
    pub(super) fn new(usual: Duration) -> Waits {
        Waits {
            usual,
            data: usual.max(Duration::from_secs(120)),
            end: usual.max(Duration::from_secs(600)),
        }
    }

    fn at(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Data => self.data,
            Stage::Content => self.end,
            _ => self.usual,
        }
    }
}

/// Why a mail did not go out.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) stage: Stage,
    /// The answer's code, if there was an answer.
    code: Option<u16>,
    /// Whether the answer is about who we are, not about the report.
    denies_us: bool,
    text: String,
}

impl Fault {
    pub(super) fn new(stage: Stage, text: impl Into<String>) -> Fault {
        Fault {
            stage,
            code: None,
            denies_us: false,
            text: text.into(),
        }
    }

    fn of(stage: Stage, error: &Error) -> Fault {
        let code = error.status().map(u16::from);
        let said = std::error::Error::source(error).map(ToString::to_string);
        Fault {
            stage,
            code,
            denies_us: denies_us(stage, code, &said.unwrap_or_default()),
            text: one_line(&error.to_string()),
        }
    }

    /// Whether the connection can carry no other command. 421 says that the relay closes it.
    pub(super) fn connection_lost(&self) -> bool {
        matches!(self.code, None | Some(421))
    }

    pub(super) fn outcome(self) -> Outcome {
        let reason = self.to_string();
        match (self.stage, self.code) {
            (_, Some(500..=599)) if self.denies_us => Outcome::retry(reason),
            (Stage::Rcpt, Some(500..=599)) => Outcome::Refused { reason },
            // The relay has taken the address: it is the mail that it does not like.
            (Stage::Data | Stage::Content, Some(500..=599)) => Outcome::Unsendable { reason },
            // There was no session in which a mail could have been offered: it would end so for each.
            (Stage::Connect | Stage::Auth, _) => Outcome::unreachable(reason),
            _ => Outcome::retry(reason),
        }
    }
}

/// "Authentication required" (RFC 4954 section 6), or the policy class of RFC 3463 section 3.8 before there is a mail:
/// "Relay access denied" is the relay's rule on us, mostly a mistake of the first day.
fn denies_us(stage: Stage, code: Option<u16>, said: &str) -> bool {
    let by_policy = said.trim_start().starts_with("5.7.");
    matches!(stage, Stage::Rcpt | Stage::Data) && (by_policy || matches!(code, Some(530 | 535)))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.text)
    }
}

/// A connection that was greeted.
pub(super) struct Connection {
    inner: AsyncSmtpConnection,
    waits: Waits,
}

impl Connection {
    pub(super) async fn open(
        host: &str,
        port: u16,
        tls: Option<TlsParameters>,
        hello: &ClientId,
        waits: Waits,
    ) -> Result<Connection, Fault> {
        let time = waits.at(Stage::Connect);
        let open = AsyncSmtpConnection::connect_tokio1((host, port), Some(time), hello, tls, None);
        let inner = within(time, Stage::Connect, open).await?;
        Ok(Connection { inner, waits })
    }

    pub(super) fn offers_starttls(&self) -> bool {
        self.inner.can_starttls()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.inner.is_encrypted()
    }

    pub(super) async fn starttls(
        &mut self,
        tls: TlsParameters,
        hello: &ClientId,
    ) -> Result<(), Fault> {
        let time = self.waits.at(Stage::StartTls);
        within(time, Stage::StartTls, self.inner.starttls(tls, hello)).await
    }

    pub(super) async fn auth(&mut self, credentials: &Credentials) -> Result<(), Fault> {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        within(
            self.waits.at(Stage::Auth),
            Stage::Auth,
            self.inner.auth(&mechanisms, credentials),
        )
        .await
        .map(drop)
    }

    /// One mail; what the relay said to it.
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope<'_>,
        mail: &[u8],
        copies: &Brake,
    ) -> Result<String, Fault> {
        self.command(Stage::Mail, &format!("MAIL FROM:<{}>\r\n", envelope.from))
            .await?;
        self.command(Stage::Rcpt, &format!("RCPT TO:<{}>\r\n", envelope.to))
            .await?;
        if let Some(copy) = envelope.copy_to {
            // The copy is the operator's convenience: its failure is not the report's.
            match self
                .command(Stage::Rcpt, &format!("RCPT TO:<{copy}>\r\n"))
                .await
            {
                Err(fault) if fault.connection_lost() => return Err(fault),
                Err(fault) => {
                    if let Some(others) = copies.pass() {
                        tracing::warn!(reason = %fault, others, "the relay refuses bcc_address");
                    }
                }
                Ok(_) => {}
            }
        }
        self.command(Stage::Data, "DATA\r\n").await?;
        let answer = self.command(Stage::Content, &with_end(mail)).await?;
        let text = answer.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {}", answer.code(), one_line(&text)))
    }

    pub(super) async fn quit(mut self) {
        // A relay that says no goodbye is gone all the same.
        let time = self.waits.at(Stage::Connect);
        let _ = within(time, Stage::Connect, self.inner.quit()).await;
    }

    /// Whether the connection is ready for another mail after one that was refused.
    pub(super) async fn reset(&mut self) -> bool {
        self.command(Stage::Mail, "RSET\r\n").await.is_ok()
    }

    async fn command(&mut self, stage: Stage, command: &str) -> Result<Response, Fault> {
        let time = self.waits.at(stage);
        within(time, stage, self.inner.command(command)).await
    }
}

/// The mail and the dot that ends it (RFC 5321 section 4.5.2), to be written in one piece:
/// two small writes would wait for each other (Nagle), at 40 ms a mail.
fn with_end(mail: &[u8]) -> String {
    format!(
        "{}.\r\n",
        String::from_utf8_lossy(mail).replace("\r\n.", "\r\n..")
    )
}

async fn within<T>(
    time: Duration,
    stage: Stage,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    match timeout(time, step).await {
        Ok(result) => result.map_err(|error| Fault::of(stage, &error)),
        Err(_) => Err(Fault::new(
            stage,
            format!("no answer within {} s", time.as_secs_f64()),
        )),
    }
}
