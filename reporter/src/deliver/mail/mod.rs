//! Sends a mail: by the sendmail program, by the operator's script, or by SMTP.

mod mail_answer;
mod sendmail;
mod smtp;
mod standing;

use std::time::Duration;

use tlsrptd_config::MailTransport;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::tlsrpt_record::Mailbox;
use tlsrptd_service::program::shell;

use super::rehearsal::{RelayAnswer, RelayTrouble, TroubleKind};
use super::{Outcome, PrepareError, program, unanswered::UnansweredReports};
use mail_answer::{MailAnswer, Permanence};
use sendmail::Sendmail;
use smtp::Smtp;
use standing::RelayStanding;

/// The variable in which `sendmail_script` finds the envelope sender, with `bounce_address`.
const ENVELOPE_SENDER: &str = "TLSRPT_ENVELOPE_SENDER";

/// The SMTP envelope.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a Mailbox,
    /// `bcc_address`.
    pub(super) copy_to: Option<&'a Mailbox>,
    /// With `bounce_address`: names the mail where it may come back.
    pub(super) envelope_id: Option<&'a str>,
}

/// The transport chosen at start, and how the relay has answered.
#[derive(Debug)]
pub(super) struct Mailer {
    transport: Transport,
    standing: RelayStanding,
    unanswered: UnansweredReports,
}

#[derive(Debug)]
enum Transport {
    /// `sendmail_script`: a shell command with the mail on its standard input. It takes the recipients from the headers.
    Script {
        script: String,
        time: Duration,
    },
    Sendmail(Sendmail),
    Smtp(Box<Smtp>),
}

impl Mailer {
    pub(super) fn prepare(settings: &Reportd) -> Result<Mailer, PrepareError> {
        Ok(Mailer {
            transport: Transport::prepare(settings)?,
            standing: RelayStanding::default(),
            unanswered: UnansweredReports::default(),
        })
    }

    pub(super) async fn send(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Outcome {
        let answer = self.transport.send(envelope, mail, &self.unanswered).await;
        self.standing.record_and_classify(answer)
    }

    /// Sends a mail that is no report, or a test. What the relay says of it is not held against the relay, and for nobody's report:
    /// one that takes mail to the operator may deny all that goes out.
    pub(super) async fn send_apart(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Outcome {
        let answer = self.transport.send(envelope, mail, &self.unanswered).await;
        standing::outcome_apart(answer)
    }

    /// Mails that were sent completely and have no answer yet.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.count()
    }
}

/// Asks a relay (host, port, TLS from the first octet) whether it takes a mail, and takes it back.
///
/// # Errors
/// When the settings are wrong.
pub(super) async fn rehearse(
    (host, port, implicit_tls): (&str, u16, bool),
    settings: &Reportd,
    from: &Mailbox,
    to: &Mailbox,
) -> Result<Result<RelayAnswer, RelayTrouble>, PrepareError> {
    let smtp = Smtp::prepare(host, port, implicit_tls, settings)?;
    let asked = smtp.rehearse(from, to).await;
    Ok(asked.map_err(trouble))
}

fn trouble(answer: MailAnswer) -> RelayTrouble {
    let (kind, reason, remedy) = match answer {
        MailAnswer::Denied(denial) => {
            let kind = match denial.permanence {
                Permanence::Permanent => TroubleKind::Denied,
                Permanence::Transient => TroubleKind::Later,
            };
            (kind, denial.reason, denial.remedy)
        }
        MailAnswer::NoSuchAddress { reason } => (TroubleKind::Recipient, reason, ""),
        MailAnswer::Nobody { reason } => (TroubleKind::Unreachable, reason, ""),
        MailAnswer::AddressBusy { reason }
        | MailAnswer::Unknown { reason }
        | MailAnswer::Taken { detail: reason } => (TroubleKind::Later, reason, ""),
    };
    RelayTrouble {
        kind,
        reason,
        remedy,
    }
}

impl Transport {
    fn prepare(settings: &Reportd) -> Result<Transport, PrepareError> {
        let time = settings.sendmail_timeout;
        if let Some(script) = &settings.sendmail_script {
            return Ok(Transport::Script {
                script: script.clone(),
                time,
            });
        }
        Ok(match &settings.mail_transport {
            MailTransport::Sendmail => Transport::Sendmail(Sendmail::find(time)),
            MailTransport::Smtp { host, port } => Transport::smtp(host, *port, false, settings)?,
            MailTransport::Smtps { host, port } => Transport::smtp(host, *port, true, settings)?,
        })
    }

    fn smtp(
        host: &str,
        port: u16,
        implicit_tls: bool,
        settings: &Reportd,
    ) -> Result<Transport, PrepareError> {
        let smtp = Smtp::prepare(host, port, implicit_tls, settings)?;
        Ok(Transport::Smtp(Box::new(smtp)))
    }

    async fn send(
        &self,
        envelope: &Envelope<'_>,
        mail: &[u8],
        unanswered: &UnansweredReports,
    ) -> MailAnswer {
        match self {
            Transport::Script { script, time } => {
                let _unanswered = unanswered.one();
                let mail = sendmail::local_line_ends(mail);
                let mut command = shell(script);
                if envelope.envelope_id.is_some() {
                    command.env(ENVELOPE_SENDER, envelope.from.as_str());
                }
                sendmail::mail_answer_of(program::run(command, &mail, *time).await)
            }
            Transport::Sendmail(sendmail) => {
                let _unanswered = unanswered.one();
                sendmail.send(envelope, mail).await
            }
            Transport::Smtp(smtp) => smtp.send(envelope, mail, unanswered).await,
        }
    }
}
