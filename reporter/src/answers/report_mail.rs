//! The mails that a report went in, or would go in, written by the daemon's code.

use std::{cell::OnceCell, sync::OnceLock};

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;

use super::show::{Contents, Shown, ShownReport};
use crate::{
    deliver::{MailWriter, Signing},
    error::Error,
    model::{DeliveryStatus, Payload, ReportKind, StoredReport},
};

/// A mail.
#[derive(Debug)]
pub(crate) struct ReportMail {
    /// The destination.
    pub(crate) to: String,
    /// What became of it, or will.
    pub(crate) status: String,
    /// Its Date.
    pub(crate) date: Timestamp,
    /// As it goes over the wire.
    pub(crate) bytes: Vec<u8>,
}

/// All mails of a day's reports on a domain.
#[derive(Debug)]
pub(crate) struct ReportMails {
    /// In the order of the reports and their destinations.
    pub(crate) mails: Vec<ReportMail>,
    /// Why they carry no signature although they are sent with one.
    pub(crate) unsigned: Option<String>,
    /// Destinations to which no mail goes.
    pub(crate) others: Vec<String>,
    /// Mails that cannot be written, each with the reason.
    pub(crate) faults: Vec<String>,
}

impl ReportMails {
    /// Writes them.
    ///
    /// # Errors
    /// When the sender's address is none.
    pub(crate) fn write(settings: &Reportd, shown: &Shown) -> Result<ReportMails, Error> {
        let (writer, signing) = MailWriter::prepare(settings)?;
        let mut all = ReportMails {
            mails: Vec::new(),
            unsigned: match signing {
                Signing::AsSent => None,
                Signing::Unsigned(problem) => Some(problem.to_string()),
            },
            others: Vec::new(),
            faults: Vec::new(),
        };
        for (report, contents) in shown.with_contents() {
            let stored = OnceCell::new();
            for delivery in &report.deliveries {
                let uri = delivery.destination.uri();
                let Some(to) = delivery.destination.mailbox() else {
                    all.others.push(uri.to_owned());
                    continue;
                };
                if delivery.status == DeliveryStatus::Suppressed.as_str() {
                    all.others.push(format!("{uri} (suppressed)"));
                    continue;
                }
                let stored = stored.get_or_init(|| stored_report(shown, report, contents));
                match writer.write(stored, to, delivery.date) {
                    Ok(bytes) => all.mails.push(ReportMail {
                        to: uri.to_owned(),
                        status: delivery.status.clone(),
                        date: delivery.date,
                        bytes,
                    }),
                    Err(reason) => all.faults.push(format!("{uri}: {reason}")),
                }
            }
        }
        Ok(all)
    }
}

fn stored_report(shown: &Shown, report: &ShownReport, contents: &Contents) -> StoredReport {
    let gzip = OnceLock::new();
    if let Some(kept) = &contents.gzip {
        // It is empty.
        let _ = gzip.set(Ok(kept.clone().into()));
    }
    StoredReport {
        day: shown.day,
        domain: shown.domain.clone(),
        uniqid: report.uniqid,
        json: contents.json.clone(),
        created: report.made,
        installation: shown.installation.clone(),
        kind: ReportKind::Sessions,
        payload: Payload {
            gzip,
            ..Payload::default()
        },
    }
}
