//! A mail on its way out: by the sendmail program, a script of the operator's, or SMTP.

mod sendmail;
mod smtp;

use tlsrptd_config::MailTransport;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::txt::Mailbox;

use super::{Outcome, PrepareError, program};
use sendmail::Sendmail;
use smtp::Smtp;

/// Who gets it, apart from what the headers say.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a Mailbox,
    /// `bcc_address`: a copy that the mail itself does not tell of.
    pub(super) copy_to: Option<&'a Mailbox>,
}

/// The way out, chosen once.
#[derive(Debug)]
pub(super) enum Carrier {
    /// `sendmail_script`: a shell command with the mail on its standard input. Who the mail
    /// goes to, it reads in the headers.
    Script {
        script: String,
        time: std::time::Duration,
    },
    Sendmail(Sendmail),
    Smtp(Box<Smtp>),
}

impl Carrier {
    pub(super) fn prepare(settings: &Reportd) -> Result<Carrier, PrepareError> {
        let time = settings.sendmail_timeout;
        if let Some(script) = &settings.sendmail_script {
            return Ok(Carrier::Script {
                script: script.clone(),
                time,
            });
        }
        Ok(match &settings.mail_transport {
            MailTransport::Sendmail => Carrier::Sendmail(Sendmail::find(time)),
            MailTransport::Smtp { host, port } => Carrier::smtp(host, *port, false, settings)?,
            MailTransport::Smtps { host, port } => Carrier::smtp(host, *port, true, settings)?,
        })
    }

    fn smtp(
        host: &str,
        port: u16,
        implicit_tls: bool,
        settings: &Reportd,
    ) -> Result<Carrier, PrepareError> {
        let smtp = Smtp::prepare(host, port, implicit_tls, settings)?;
        Ok(Carrier::Smtp(Box::new(smtp)))
    }

    pub(super) async fn send(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Outcome {
        match self {
            Carrier::Script { script, time } => {
                let mail = sendmail::local_line_ends(mail);
                sendmail::outcome(program::run(program::shell(script), &mail, *time).await)
            }
            Carrier::Sendmail(sendmail) => sendmail.send(envelope, mail).await,
            Carrier::Smtp(smtp) => smtp.send(envelope, mail).await,
        }
    }
}
