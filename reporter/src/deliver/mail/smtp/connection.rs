//! The dialogue with the relay (RFC 5321): greeting, EHLO, STARTTLS, AUTH, then mail by mail.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::command_stream::{CommandStream, ExpectedReply, ReplyTimeouts, dial};
use super::fault::{SmtpFault, Stage};
use super::helo_name::HeloName;
use super::tls::Tls;
use crate::deliver::mail::Envelope;
use crate::deliver::unanswered::UnansweredReports;
use tlsrptd_service::log::LogThrottle;

/// User and password.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// The extensions that the answer to EHLO lists.
#[derive(Debug, Default)]
struct EhloExtensions {
    starttls: bool,
    plain: bool,
    login: bool,
}

/// A connection after EHLO.
pub(super) struct Connection {
    wire: CommandStream,
    /// Our address.
    from: IpAddr,
    offers: EhloExtensions,
    encrypted: bool,
}

impl Connection {
    /// Connects, reads the greeting and sends EHLO.
    pub(super) async fn open(
        host: &str,
        port: u16,
        tls: Option<&Tls>,
        hello: &HeloName,
        waits: ReplyTimeouts,
    ) -> Result<Connection, SmtpFault> {
        let broken = |why: String| SmtpFault::broken(Stage::Connect, why);
        let stream = dial(host, port, waits.usual).await.map_err(broken)?;
        let from = stream
            .local_addr()
            .map_err(|error| broken(error.to_string()))?;
        let mut wire = CommandStream::new(stream, waits);
        if let Some(tls) = tls {
            wire = wire.secured(tls).await.map_err(broken)?;
        }
        let mut connection = Connection {
            wire,
            from: from.ip(),
            offers: EhloExtensions::default(),
            encrypted: tls.is_some(),
        };
        let greeting = connection.wire.ask(Stage::Connect, b"").await?;
        connection
            .wire
            .check(Stage::Connect, greeting, ExpectedReply::Done)?;
        connection.hello(hello).await?;
        Ok(connection)
    }

    pub(super) fn offers_starttls(&self) -> bool {
        self.offers.starttls && !self.encrypted
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub(super) fn is_over(&self) -> bool {
        self.wire.over
    }

    /// EHLO, or HELO if that is refused (section 3.2); relays and filters before them refuse it with any permanent code.
    async fn hello(&mut self, hello: &HeloName) -> Result<(), SmtpFault> {
        let name = hello.said(self.from);
        let reply = self
            .wire
            .ask(Stage::Ehlo, format!("EHLO {name}\r\n").as_bytes())
            .await?;
        self.offers = EhloExtensions::default();
        if reply.is_bad() && reply.is_final() && !self.wire.over {
            return self
                .wire
                .done(Stage::Ehlo, &format!("HELO {name}\r\n"))
                .await;
        }
        let reply = self.wire.check(Stage::Ehlo, reply, ExpectedReply::Done)?;
        // The first line is the greeting, the others are extensions.
        for line in reply.lines.iter().skip(1) {
            self.offers.add(line);
        }
        Ok(())
    }

    /// Upgrades the connection to TLS (RFC 3207).
    pub(super) async fn starttls(
        mut self,
        tls: &Tls,
        hello: &HeloName,
    ) -> Result<Connection, SmtpFault> {
        self.wire.done(Stage::StartTls, "STARTTLS\r\n").await?;
        let broken = |why: String| SmtpFault::broken(Stage::StartTls, why);
        let mut connection = Connection {
            wire: self.wire.secured(tls).await.map_err(broken)?,
            encrypted: true,
            ..self
        };
        connection.hello(hello).await?;
        Ok(connection)
    }

    /// AUTH (RFC 4954) by PLAIN, or else by LOGIN.
    pub(super) async fn auth(&mut self, login: &Login) -> Result<(), SmtpFault> {
        let Login { user, password } = login;
        let (command, answers) = if self.offers.plain {
            let both = STANDARD.encode(format!("\0{user}\0{password}"));
            // Some servers ask for it in a line of its own.
            (format!("AUTH PLAIN {both}\r\n"), vec![both])
        } else if self.offers.login {
            let answers = vec![STANDARD.encode(user), STANDARD.encode(password)];
            ("AUTH LOGIN\r\n".to_owned(), answers)
        } else {
            let why = "the relay offers neither PLAIN nor LOGIN";
            return Err(SmtpFault::ours(Stage::Auth, why));
        };
        let mut reply = self.wire.ask(Stage::Auth, command.as_bytes()).await?;
        for answer in answers {
            reply = self
                .wire
                .check(Stage::Auth, reply, ExpectedReply::DoneOrMore)?;
            if reply.is_good() {
                return Ok(());
            }
            reply = self
                .wire
                .ask(Stage::Auth, format!("{answer}\r\n").as_bytes())
                .await?;
        }
        self.wire
            .check(Stage::Auth, reply, ExpectedReply::Done)
            .map(drop)
    }

    /// Sends one mail. Gives the answer of the relay.
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope<'_>,
        mail: &[u8],
        copies: &LogThrottle,
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        let Envelope { from, to, copy_to } = envelope;
        self.wire
            .done(Stage::Mail, &format!("MAIL FROM:<{from}>\r\n"))
            .await?;
        self.wire
            .done(Stage::Rcpt, &format!("RCPT TO:<{to}>\r\n"))
            .await?;
        let has_copy = match copy_to {
            Some(copy) => self.copy(&format!("RCPT TO:<{copy}>\r\n"), copies).await?,
            None => false,
        };
        let content = self.content(mail, unanswered).await;
        content.map_err(|fault| fault.with_copy(has_copy))
    }

    /// If `bcc_address` is refused, the report is sent all the same.
    async fn copy(&mut self, command: &str, copies: &LogThrottle) -> Result<bool, SmtpFault> {
        match self.wire.done(Stage::Rcpt, command).await {
            Err(fault) if fault.ends_connection() || self.wire.over => Err(fault),
            Err(fault) => {
                if let Some(others) = copies.pass_now() {
                    tracing::warn!(reason = %fault, others, "the relay refuses bcc_address");
                }
                Ok(false)
            }
            Ok(()) => Ok(true),
        }
    }

    async fn content(
        &mut self,
        mail: &[u8],
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        let reply = self.wire.ask(Stage::Data, b"DATA\r\n").await?;
        self.wire.check(Stage::Data, reply, ExpectedReply::Mail)?;
        let _unanswered = unanswered.one();
        let reply = self.wire.ask(Stage::Content, &with_end(mail)).await?;
        let reply = self
            .wire
            .check(Stage::Content, reply, ExpectedReply::Done)?;
        Ok(reply.to_string())
    }

    pub(super) async fn quit(mut self) {
        if self.is_over() {
            return;
        }
        // The answer does not matter.
        self.wire.waits.usual = self.wire.waits.usual.min(GOODBYE);
        let _ = self.wire.done(Stage::Connect, "QUIT\r\n").await;
    }

    /// Whether the connection is ready for another mail after one that was refused.
    pub(super) async fn reset(&mut self) -> bool {
        if self.wire.over {
            return false;
        }
        self.wire.done(Stage::Mail, "RSET\r\n").await.is_ok() && !self.wire.over
    }
}

/// Time limit for the answer to QUIT.
const GOODBYE: Duration = Duration::from_secs(5);

impl EhloExtensions {
    fn add(&mut self, line: &str) {
        let line = line.to_ascii_uppercase();
        // `AUTH=` is the form from before RFC 2554.
        let mut words = line.split([' ', '=']);
        match words.next() {
            Some("STARTTLS") => self.starttls = true,
            Some("AUTH") => {
                for word in words {
                    self.plain |= word == "PLAIN";
                    self.login |= word == "LOGIN";
                }
            }
            _ => {}
        }
    }
}

/// The mail with dots stuffed, and the final dot (RFC 5321 section 4.5.2), to be written at once.
fn with_end(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots() {
        for (mail, expected) in [
            ("a\r\n", "a\r\n.\r\n"),
            (".a\r\n", "..a\r\n.\r\n"),
            ("a\r\n.\r\n.b\r\n", "a\r\n..\r\n..b\r\n.\r\n"),
            ("a.\r\nb", "a.\r\nb\r\n.\r\n"),
            ("a\n.\n", "a\n..\n\r\n.\r\n"),
        ] {
            assert_eq!(with_end(mail.as_bytes()), expected.as_bytes(), "{mail:?}");
        }
    }

    #[test]
    fn what_is_offered() {
        for (line, expected) in [
            ("STARTTLS", (true, false, false)),
            ("starttls", (true, false, false)),
            ("AUTH PLAIN LOGIN CRAM-MD5", (false, true, true)),
            ("AUTH=LOGIN", (false, false, true)),
            ("auth xoauth2", (false, false, false)),
            ("X-STARTTLS", (false, false, false)),
            ("", (false, false, false)),
        ] {
            let mut offers = EhloExtensions::default();
            offers.add(line);
            assert_eq!(
                (offers.starttls, offers.plain, offers.login),
                expected,
                "{line}"
            );
        }
    }
}
