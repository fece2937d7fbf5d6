//! One report to one address, and how that ended.
//!
//! Whatever carries it, what is sent follows from the report and the destination alone: a
//! retry is the same bytes. How an attempt ends is decided once, where the answer is read:
//! `mail` goes by exit status or by reply code and stage, `https` by HTTP status or exit status.

mod awaited;
mod directory;
mod dkim;
mod error;
mod fingerprint;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fixtures_tls;
mod https;
mod lack;
mod mail;
mod message;
mod payload;
mod prepared_mail;
mod program;
mod progress;
mod sender;
mod tls;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::tlsrpt_record::{Mailbox, MailboxError};
use url::Url;

use crate::model::{Delivery, Destination, DestinationKind, StoredReport};
use awaited::Awaited;
use dkim::Signers;
use https::{HttpScript, Https};
use mail::{Carrier, Envelope};
use prepared_mail::Writers;
use sender::Sender;

pub use dkim::KeyError;
pub use error::PrepareError;
pub use prepared_mail::PreparedMail;
pub use progress::{Progress, Waiting};

/// Carries reports to addresses. Made once at start.
#[derive(Debug)]
pub struct Deliverer {
    sender: Sender,
    copy_to: Option<Mailbox>,
    signers: Signers,
    carrier: Carrier,
    web: Web,
    /// Posts under way.
    posts: Awaited,
    compression_level: i32,
    writers: Writers,
    /// `debug_send_http_dest`: the one place where plain HTTP is allowed.
    debug_http: Option<(String, Url)>,
    /// `debug_send_file_dest`.
    debug_folder: Option<PathBuf>,
}

/// Who posts.
#[derive(Debug)]
enum Web {
    Ours(Box<Https>),
    Script(HttpScript),
}

impl Deliverer {
    /// Reads keys and certificates, and looks for the programs that are needed. All that is wrong is told.
    pub fn prepare(settings: &Reportd) -> Result<Deliverer, Vec<PrepareError>> {
        let mut problems = Vec::new();
        let sender = note(&mut problems, sender(settings));
        let copy_to = settings.bcc_address.as_deref().map(Mailbox::parse);
        let copy_to = copy_to.transpose().map_err(address("bcc_address"));
        let copy_to = note(&mut problems, copy_to);
        let signers = note(&mut problems, signers(settings));
        let carrier = note(&mut problems, Carrier::prepare(settings));
        let web = note(&mut problems, Web::prepare(settings));
        problems.extend(debug_destinations(settings));
        let (Some(sender), Some(copy_to), Some(signers), Some(carrier), Some(web)) =
            (sender, copy_to, signers, carrier, web)
        else {
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        signers.warn_of_another(sender.address.domain());
        Ok(Deliverer {
            sender,
            copy_to,
            signers,
            carrier,
            web,
            posts: Awaited::default(),
            compression_level: settings.compression_level,
            writers: Writers::new(),
            debug_http: debug_http(settings),
            debug_folder: settings.debug_send_file_dest.clone(),
        })
    }

    /// One attempt, in bounded time, which tells how far it is.
    pub async fn attempt(
        &self,
        delivery: &Delivery,
        mail: &PreparedMail,
        progress: &Progress,
    ) -> Outcome {
        lack::unless_exhausted(self.carry(delivery, mail, progress).await)
    }

    async fn carry(
        &self,
        delivery: &Delivery,
        mail: &PreparedMail,
        progress: &Progress,
    ) -> Outcome {
        let Delivery {
            report,
            destination,
            ..
        } = delivery;
        let bad = |error: &dyn std::error::Error| Outcome::Unsendable {
            reason: error.to_string(),
        };
        match destination.kind() {
            DestinationKind::Mailto(Ok(to)) => self.mail(delivery, to, mail).await,
            DestinationKind::Mailto(Err(error)) => bad(error),
            DestinationKind::Https(Ok(url)) => self.post(report, destination, url, progress).await,
            DestinationKind::Https(Err(error)) => bad(error),
            DestinationKind::Directory(folder) => {
                self.save_copy(report, destination, None).await;
                directory::deliver(report, destination, folder).await
            }
            DestinationKind::Other => match &self.debug_http {
                Some((uri, url)) if uri == destination.uri() => {
                    self.post(report, destination, url, progress).await
                }
                _ => Outcome::UnknownScheme,
            },
        }
    }

    /// How many reports the other side has, and has not answered: to break these off would send them twice. One of
    /// posts counts for a minute, or `http_timeout` if that is longer.
    pub fn awaited(&self) -> usize {
        self.carrier.awaited() + self.posts.count()
    }

    async fn mail(&self, delivery: &Delivery, to: &Mailbox, mail: &PreparedMail) -> Outcome {
        let bytes = match self.written(delivery, to, mail).await {
            Ok(bytes) => bytes,
            Err(outcome) => return outcome.clone(),
        };
        self.save_copy(&delivery.report, &delivery.destination, Some(bytes))
            .await;
        let from = &self.sender.address;
        let envelope = Envelope {
            from,
            to,
            copy_to: self.copy_to.as_ref(),
        };
        self.carrier.send(&envelope, bytes).await
    }

    async fn post(
        &self,
        report: &StoredReport,
        destination: &Destination,
        url: &Url,
        progress: &Progress,
    ) -> Outcome {
        let gzip = match payload::gzip(report, self.compression_level) {
            Ok(gzip) => gzip,
            Err(reason) => return Outcome::Unsendable { reason },
        };
        self.save_copy(report, destination, None).await;
        match &self.web {
            Web::Ours(https) => {
                let _awaited = self.posts.watch(progress);
                https.send(url, destination.named_by, gzip, progress).await
            }
            // How far it is, it does not tell.
            Web::Script(script) => {
                let _awaited = self.posts.one();
                script.send(destination, url, gzip).await
            }
        }
    }

    async fn save_copy(
        &self,
        report: &StoredReport,
        destination: &Destination,
        mail: Option<&[u8]>,
    ) {
        if let Some(folder) = &self.debug_folder {
            directory::save_copy(folder, report, destination, mail).await;
        }
    }
}

impl Web {
    fn prepare(settings: &Reportd) -> Result<Web, PrepareError> {
        Ok(match &settings.http_script {
            Some(script) => Web::Script(HttpScript::new(
                script,
                settings.http_timeout,
                settings.allow_private_destinations,
            )),
            None => Web::Ours(Box::new(Https::prepare(settings)?)),
        })
    }
}

/// Notes what is wrong, and goes on to the next thing.
fn note<T>(problems: &mut Vec<PrepareError>, result: Result<T, PrepareError>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn address(option: &'static str) -> impl Fn(MailboxError) -> PrepareError {
    move |source| PrepareError::Address { option, source }
}

/// `contact_info` stands in for a missing `sender_address`, so that it is looked at first.
fn sender(settings: &Reportd) -> Result<Sender, PrepareError> {
    let contact = Mailbox::parse(&settings.contact_info).map_err(address("contact_info"))?;
    Sender::parse(&settings.sender_address, contact.domain().clone())
        .map_err(address("sender_address"))
}

/// Nobody but the operator names these, so that a wrong one is no matter of each delivery.
fn debug_destinations(settings: &Reportd) -> Vec<PrepareError> {
    let mail = settings.debug_send_mail_dest.as_deref().and_then(|text| {
        let address_alone = text.strip_prefix("mailto:").unwrap_or(text);
        let parsed = Mailbox::parse(address_alone).map_err(address("debug_send_mail_dest"));
        parsed.err()
    });
    let web = settings.debug_send_http_dest.as_deref().and_then(|text| {
        let reason = match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => return None,
            Ok(url) => format!("{} is not HTTP", url.scheme()),
            Err(error) => error.to_string(),
        };
        Some(PrepareError::DebugUrl(reason))
    });
    mail.into_iter().chain(web).collect()
}

/// `debug_send_http_dest` as it was set; [`debug_destinations`] tells what is wrong with it.
fn debug_http(settings: &Reportd) -> Option<(String, Url)> {
    let uri = settings.debug_send_http_dest.clone()?;
    let url = Url::parse(&uri).ok()?;
    Some((uri, url))
}

/// The name and the text of the TXT record of each key, in the order of `dkim_keys`.
///
/// # Errors
/// For a `d=` that is no domain name, and with all keys that cannot be used.
pub(crate) fn dkim_records(settings: &Reportd) -> Result<Vec<(String, String)>, PrepareError> {
    let domain = Domain::parse(&settings.dkim_domain).map_err(PrepareError::DkimDomain)?;
    dkim::records(&domain, &settings.dkim_keys).map_err(PrepareError::DkimKeys)
}

fn signers(settings: &Reportd) -> Result<Signers, PrepareError> {
    let domain = Domain::parse(&settings.dkim_domain).map_err(PrepareError::DkimDomain)?;
    Signers::read(domain, &settings.dkim_keys).map_err(PrepareError::DkimKeys)
}

/// Says that a secret's file is open to users whom it does not concern.
fn warn_if_open(path: &Path, what: &str) -> std::io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o007 != 0 {
        tracing::warn!(
            path = %path.display(), mode = format!("{:03o}", mode & 0o777),
            "{what} is open to every user: 0640 or less keeps it secret"
        );
    }
    Ok(())
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took it.
    Sent {
        /// What it answered, for the log.
        detail: String,
    },
    /// Try again later.
    Retry {
        /// What went wrong.
        reason: String,
        /// The other side's wish (`Retry-After`).
        after: Option<Duration>,
    },
    /// Try again later, as above: there was no other side to answer. Nothing says that this one report is at fault, so
    /// whatever else goes the same way need not be tried now either.
    Unreachable {
        /// What went wrong.
        reason: String,
    },
    /// Try again later, as above: our own relay, or a program in its place, takes no mail, and what it says is about us,
    /// about itself or about nothing in particular. Nothing of it is held against the report or its address.
    Denied {
        /// What it said.
        reason: String,
    },
    /// The other side will never take it: it said so.
    Refused {
        /// What it answered.
        reason: String,
    },
    /// It will never arrive there either, but not by the receiver's word: the report, its address or our own rules are in
    /// the way, or the relay wants no such mail. Nothing is to be held against the receiver.
    Unsendable {
        /// What is in the way.
        reason: String,
    },
    /// A map produced a scheme that nobody can deliver to.
    UnknownScheme,
    /// We ran out of something that this host lends us (descriptors, ports, memory for sockets): nothing was tried, and
    /// it counts against nobody.
    Exhausted {
        /// What is missing.
        reason: String,
    },
    /// What posts need is missing or broken here (the proxy, certificates, `http_script`), and the operator's to mend. It
    /// counts against nobody.
    NotReady {
        /// What it is.
        reason: String,
    },
    /// Nothing was tried: others of the same owner's are under way there. It counts against nobody.
    Crowded {
        /// Which.
        reason: String,
    },
}

impl Outcome {
    /// Again, at the time that the schedule has for it.
    fn retry(reason: impl Into<String>) -> Outcome {
        Outcome::Retry {
            reason: reason.into(),
            after: None,
        }
    }

    fn unreachable(reason: impl Into<String>) -> Outcome {
        Outcome::Unreachable {
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests;
