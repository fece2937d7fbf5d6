//! Writes a report's mail as the daemon does, for whoever wants to see it. Nothing is sent.

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::{PrepareError, dkim::Signers, message, sender::Sender};
use crate::model::{RequestId, StoredReport};

/// What mails are written with.
#[derive(Debug)]
pub struct MailWriter {
    sender: Sender,
    signers: Option<Signers>,
    compression_level: i32,
}

/// Whether mails carry the signatures that they are sent with.
#[derive(Debug)]
pub enum Signing {
    /// They do, or there are no keys in the settings.
    AsSent,
    /// The keys cannot be used by whoever asks; why.
    Unsigned(PrepareError),
}

/// Why a mail cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailFault {
    /// The report cannot be sent.
    Report(String),
    /// The signature.
    Dkim(String),
}

impl MailWriter {
    /// From the settings. Without keys that can be read, mails are written unsigned.
    ///
    /// # Errors
    /// When the sender's address is none.
    pub fn prepare(settings: &Reportd) -> Result<(MailWriter, Signing), PrepareError> {
        let sender = super::sender(settings)?;
        let (signers, signing) = match super::signers(settings) {
            Ok(signers) => (Some(signers), Signing::AsSent),
            Err(problem) => (None, Signing::Unsigned(problem)),
        };
        let writer = MailWriter {
            sender,
            signers,
            compression_level: settings.compression_level,
        };
        Ok((writer, signing))
    }

    /// The mail of a report to an address, with that Date.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub fn write(
        &self,
        report: &StoredReport,
        to: &Mailbox,
        date: Timestamp,
    ) -> Result<Vec<u8>, String> {
        let signers = self.signers.as_ref();
        mail(
            report,
            to,
            date,
            None,
            &self.sender,
            signers,
            self.compression_level,
        )
        .map_err(|fault| match fault {
            MailFault::Report(reason) | MailFault::Dkim(reason) => reason,
        })
    }
}

/// A mail, signed with these keys.
pub(super) fn mail(
    report: &StoredReport,
    to: &Mailbox,
    date: Timestamp,
    request: Option<RequestId>,
    sender: &Sender,
    signers: Option<&Signers>,
    compression_level: i32,
) -> Result<Vec<u8>, MailFault> {
    let message = message::compose(report, to, sender, date, request, compression_level)
        .map_err(MailFault::Report)?;
    let signatures = match signers {
        Some(signers) => signers
            .sign(&message, date)
            .map_err(|error| MailFault::Dkim(format!("DKIM: {error}")))?,
        None => Vec::new(),
    };
    Ok(message.bytes(&signatures))
}
