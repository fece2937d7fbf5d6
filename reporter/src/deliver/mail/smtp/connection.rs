//! A connection to the relay (RFC 5321): greeting, EHLO, STARTTLS, AUTH; RSET and QUIT.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::command_stream::{CommandStream, ExpectedReply, ReplyTimeouts, dial};
use super::fault::{SmtpFault, Stage};
use super::helo_name::HeloName;
use super::tls::Tls;
use tlsrptd_proto::tlsrpt_record::Mailbox;

/// User and password.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// The extensions that the answer to EHLO lists.
#[derive(Debug, Default)]
pub(super) struct EhloExtensions {
    starttls: bool,
    pub(super) pipelining: bool,
    pub(super) chunking: bool,
    pub(super) dsn: bool,
    plain: bool,
    login: bool,
}

/// A connection after EHLO.
pub(super) struct Connection {
    pub(super) wire: CommandStream,
    /// Our address.
    from: IpAddr,
    pub(super) offers: EhloExtensions,
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

    /// Names sender and recipient of a mail, one after the other.
    pub(super) async fn envelope(&mut self, from: &Mailbox, to: &Mailbox) -> Result<(), SmtpFault> {
        self.wire
            .done(Stage::Mail, &format!("MAIL FROM:<{from}>\r\n"))
            .await?;
        self.wire
            .done(Stage::Rcpt, &format!("RCPT TO:<{to}>\r\n"))
            .await
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
            Some("PIPELINING") => self.pipelining = true,
            Some("CHUNKING") => self.chunking = true,
            Some("DSN") => self.dsn = true,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered() {
        #[rustfmt::skip]
        let rows = [
            ("STARTTLS", "starttls"),
            ("starttls", "starttls"),
            ("AUTH PLAIN LOGIN CRAM-MD5", "plain login"),
            ("AUTH=LOGIN", "login"),
            ("auth xoauth2", ""),
            ("PIPELINING", "pipelining"),
            ("chunking", "chunking"),
            ("DSN", "dsn"),
            ("X-STARTTLS", ""),
            ("", ""),
        ];
        for (line, expected) in rows {
            let mut offers = EhloExtensions::default();
            offers.add(line);
            let all = [
                (offers.starttls, "starttls"),
                (offers.plain, "plain"),
                (offers.login, "login"),
                (offers.pipelining, "pipelining"),
                (offers.chunking, "chunking"),
                (offers.dsn, "dsn"),
            ];
            let offered = all.into_iter().filter_map(|(is, name)| is.then_some(name));
            assert_eq!(offered.collect::<Vec<_>>().join(" "), expected, "{line}");
        }
    }
}
