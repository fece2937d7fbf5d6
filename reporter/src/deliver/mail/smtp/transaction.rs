//! One mail on a connection (RFC 5321 section 3.3): its envelope, then its content.
//!
//! Where the relay offers PIPELINING (RFC 2920), all commands of the envelope are written at once; where it offers
//! CHUNKING (RFC 3030), the content follows by BDAT, else by DATA. The content is never written before the relay has
//! taken the recipient: a connection that breaks before that has certainly carried no mail.

use super::command_stream::ExpectedReply;
use super::connection::Connection;
use super::dsn::DsnParameters;
use super::fault::{SmtpFault, Stage};
use crate::deliver::mail::Envelope;
use crate::deliver::unanswered::UnansweredReports;
use tlsrptd_service::log::LogThrottle;

/// A command of the envelope.
struct EnvelopeCommand {
    kind: EnvelopeCommandKind,
    command: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EnvelopeCommandKind {
    Mail,
    Rcpt,
    /// RCPT for `bcc_address`.
    Copy,
    Data,
}

impl EnvelopeCommandKind {
    fn stage(self) -> Stage {
        match self {
            EnvelopeCommandKind::Mail => Stage::Mail,
            EnvelopeCommandKind::Rcpt | EnvelopeCommandKind::Copy => Stage::Rcpt,
            EnvelopeCommandKind::Data => Stage::Data,
        }
    }

    fn expected(self) -> ExpectedReply {
        match self {
            EnvelopeCommandKind::Data => ExpectedReply::Mail,
            _ => ExpectedReply::Done,
        }
    }
}

/// What the relay has taken of the envelope.
#[derive(Default)]
struct Taken {
    copy: bool,
    /// DATA has been answered: the content may come.
    data: bool,
}

impl Connection {
    /// Sends one mail. Gives the answer of the relay.
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope<'_>,
        mail: &[u8],
        copies: &LogThrottle,
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        let steps = self.steps(envelope);
        let taken = match self.offers.pipelining {
            true => self.pipeline(&steps, copies).await?,
            false => self.ask_each(&steps, copies).await?,
        };
        let content = match self.offers.chunking {
            true => self.chunk(mail, unanswered).await,
            false => self.data(mail, &taken, unanswered).await,
        };
        content.map_err(|fault| fault.with_copy(taken.copy))
    }

    fn steps(&self, envelope: &Envelope<'_>) -> Vec<EnvelopeCommand> {
        let Envelope {
            from, to, copy_to, ..
        } = envelope;
        let DsnParameters {
            mail,
            rcpt,
            copy: of_copy,
        } = DsnParameters::of(envelope, &self.offers);
        let step = |kind, command| EnvelopeCommand { kind, command };
        let mut steps = vec![
            step(
                EnvelopeCommandKind::Mail,
                format!("MAIL FROM:<{from}>{mail}\r\n"),
            ),
            step(
                EnvelopeCommandKind::Rcpt,
                format!("RCPT TO:<{to}>{rcpt}\r\n"),
            ),
        ];
        match copy_to {
            // DATA waits for what becomes of the recipient: a report is not sent to `bcc_address` alone.
            Some(copy) => steps.push(step(
                EnvelopeCommandKind::Copy,
                format!("RCPT TO:<{copy}>{of_copy}\r\n"),
            )),
            None if self.offers.pipelining && !self.offers.chunking => {
                steps.push(step(EnvelopeCommandKind::Data, "DATA\r\n".to_owned()));
            }
            None => {}
        }
        steps
    }

    /// One command after the other.
    async fn ask_each(
        &mut self,
        steps: &[EnvelopeCommand],
        copies: &LogThrottle,
    ) -> Result<Taken, SmtpFault> {
        let mut taken = Taken::default();
        for step in steps {
            let answer = self.answer(step, step.command.as_bytes()).await;
            self.take(step, answer, &mut taken, copies)?;
        }
        Ok(taken)
    }

    /// All commands at once, then their replies. They are all read, whatever the first says: what follows is answered next.
    async fn pipeline(
        &mut self,
        steps: &[EnvelopeCommand],
        copies: &LogThrottle,
    ) -> Result<Taken, SmtpFault> {
        let group: String = steps.iter().map(|step| step.command.as_str()).collect();
        let (mut taken, mut said) = (Taken::default(), group.as_bytes());
        let mut first_fault = None;
        for step in steps {
            let answer = self.answer(step, said).await;
            said = b"";
            match first_fault {
                None => first_fault = self.take(step, answer, &mut taken, copies).err(),
                // It waits for a mail without a recipient (RFC 2920 section 3.1): it gets none.
                Some(_) if step.kind == EnvelopeCommandKind::Data && answer.is_ok() => {
                    self.wire.over = true
                }
                Some(_) => {}
            }
            if self.wire.over {
                break;
            }
        }
        first_fault.map_or(Ok(taken), Err)
    }

    async fn answer(&mut self, step: &EnvelopeCommand, said: &[u8]) -> Result<(), SmtpFault> {
        let stage = step.kind.stage();
        let reply = self.wire.ask(stage, said).await?;
        self.wire
            .check(stage, reply, step.kind.expected())
            .map(drop)
    }

    /// If `bcc_address` is refused, the report is sent all the same.
    fn take(
        &self,
        step: &EnvelopeCommand,
        answer: Result<(), SmtpFault>,
        taken: &mut Taken,
        copies: &LogThrottle,
    ) -> Result<(), SmtpFault> {
        match (step.kind, answer) {
            (EnvelopeCommandKind::Copy, Err(fault))
                if !fault.ends_connection() && !self.wire.over =>
            {
                if let Some(others) = copies.pass_now() {
                    tracing::warn!(reason = %fault, others, "the relay refuses bcc_address");
                }
            }
            (EnvelopeCommandKind::Copy, Ok(())) => taken.copy = true,
            (EnvelopeCommandKind::Data, Ok(())) => taken.data = true,
            (_, answer) => answer?,
        }
        Ok(())
    }

    async fn data(
        &mut self,
        mail: &[u8],
        taken: &Taken,
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        if !taken.data {
            let reply = self.wire.ask(Stage::Data, b"DATA\r\n").await?;
            self.wire.check(Stage::Data, reply, ExpectedReply::Mail)?;
        }
        self.content(&with_end(mail), unanswered).await
    }

    /// The whole mail in one chunk.
    async fn chunk(
        &mut self,
        mail: &[u8],
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        let mut chunk = format!("BDAT {} LAST\r\n", mail.len()).into_bytes();
        chunk.extend_from_slice(mail);
        self.content(&chunk, unanswered).await
    }

    async fn content(
        &mut self,
        content: &[u8],
        unanswered: &UnansweredReports,
    ) -> Result<String, SmtpFault> {
        let _unanswered = unanswered.one();
        let reply = self.wire.ask(Stage::Content, content).await?;
        let reply = self
            .wire
            .check(Stage::Content, reply, ExpectedReply::Done)?;
        Ok(reply.to_string())
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
}
