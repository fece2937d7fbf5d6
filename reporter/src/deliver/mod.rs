//! Carries one report to one destination, and says how the attempt ended.
//!
//! What is sent follows from the report and the destination alone: a retry sends the same bytes. The outcome is decided
//! where the answer is read: `mail` decides by exit status or by reply code and stage, `https` by HTTP status or exit
//! status.

mod bounce_sender;
mod digest;
mod directory;
mod dkim;
mod error;
mod fingerprint;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fixtures_tls;
mod https;
mod local_shortage;
mod mail;
mod mail_writer;
mod message;
mod outcome;
mod payload;
mod prepared_mail;
mod program;
mod progress;
mod rehearsal;
mod sender;
mod tls;
mod unanswered;

use std::path::{Path, PathBuf};

use tlsrptd_config::{ctl::KeyType, reportd::Reportd};
use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::tlsrpt_record::{Mailbox, MailboxError};
use url::Url;

use crate::model::{BounceKey, Delivery, Destination, DestinationKind, ReportKind, StoredReport};
use bounce_sender::BounceSender;
use dkim::Signers;
use https::{HttpScript, Https};
use mail::{Envelope, Mailer};
use prepared_mail::Writers;
use sender::Sender;
use unanswered::UnansweredReports;

pub use dkim::KeyError;
pub(crate) use dkim::{KeyOwner, NewKeyError};
pub use error::PrepareError;
pub use mail_writer::{MailWriter, Signing};
pub use outcome::Outcome;
pub use prepared_mail::PreparedMail;
pub use progress::{Progress, Waiting};
pub(crate) use rehearsal::{RelayAnswer, RelayTrouble, TroubleKind, rehearse};

/// Carries reports to addresses. Made once at start.
#[derive(Debug)]
pub struct Deliverer {
    sender: Sender,
    copy_to: Option<Mailbox>,
    /// With `bounce_address`.
    bounces: Option<BounceSender>,
    /// `digest_address`.
    digest_to: Option<Mailbox>,
    signers: Signers,
    mailer: Mailer,
    https: HttpsTransport,
    /// Posts whose answer has not come.
    posts: UnansweredReports,
    compression_level: i32,
    writers: Writers,
    /// `debug_send_http_dest`: the one place where plain HTTP is allowed.
    debug_http: Option<(String, Url)>,
    /// `debug_send_file_dest`.
    debug_folder: Option<PathBuf>,
}

/// Who posts.
#[derive(Debug)]
enum HttpsTransport {
    Client(Box<Https>),
    Script(HttpScript),
}

impl Deliverer {
    /// Reads keys and certificates, and looks for the programs that are needed.
    ///
    /// # Errors
    /// With every setting that is wrong.
    pub fn prepare(settings: &Reportd) -> Result<Deliverer, Vec<PrepareError>> {
        let mut problems = Vec::new();
        let sender = collect_problem(&mut problems, sender(settings));
        let copy_to = settings.bcc_address.as_deref().map(Mailbox::parse);
        let copy_to = copy_to.transpose().map_err(address("bcc_address"));
        let copy_to = collect_problem(&mut problems, copy_to);
        let bounces = collect_problem(&mut problems, BounceSender::prepare(settings));
        let digest_to = settings.digest_address.as_deref().map(Mailbox::parse);
        let digest_to = digest_to.transpose().map_err(address("digest_address"));
        let digest_to = collect_problem(&mut problems, digest_to);
        let signers = collect_problem(&mut problems, signers(settings));
        let mailer = collect_problem(&mut problems, Mailer::prepare(settings));
        let https = collect_problem(&mut problems, HttpsTransport::prepare(settings));
        problems.extend(debug_destinations(settings));
        let (
            Some(sender),
            Some(copy_to),
            Some(bounces),
            Some(digest_to),
            Some(signers),
            Some(mailer),
            Some(https),
        ) = (sender, copy_to, bounces, digest_to, signers, mailer, https)
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
            bounces,
            digest_to,
            signers,
            mailer,
            https,
            posts: UnansweredReports::default(),
            compression_level: settings.compression_level,
            writers: Writers::new(),
            debug_http: debug_http(settings),
            debug_folder: settings.debug_send_file_dest.clone(),
        })
    }

    /// With the key that the tags of mails are made with, if there is a `bounce_address`.
    #[must_use]
    pub fn with_bounce_key(mut self, key: &BounceKey) -> Deliverer {
        if let Some(bounces) = &mut self.bounces {
            bounces.key = Some(key.clone());
        }
        self
    }

    /// Makes one attempt, in bounded time. `progress` says when everything is sent.
    pub async fn attempt(
        &self,
        delivery: &Delivery,
        mail: &PreparedMail,
        progress: &Progress,
    ) -> Outcome {
        local_shortage::unless_exhausted(self.carry(delivery, mail, progress).await)
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

    /// Reports that were sent completely and have no answer yet: to cancel these would send them twice. A post counts for
    /// one minute, or for `http_timeout` if that is longer.
    pub fn unanswered(&self) -> usize {
        self.mailer.unanswered() + self.posts.count()
    }

    async fn mail(&self, delivery: &Delivery, to: &Mailbox, mail: &PreparedMail) -> Outcome {
        let bytes = match self.written(delivery, to, mail).await {
            Ok(bytes) => bytes,
            Err(outcome) => return outcome.clone(),
        };
        self.save_copy(&delivery.report, &delivery.destination, Some(bytes))
            .await;
        let bounces = self.bounces.as_ref();
        let tagged = bounces.and_then(|bounces| bounces.of(delivery));
        let tagged = tagged.as_ref();
        let envelope = Envelope {
            from: tagged.map_or(&self.sender.address, |tagged| &tagged.address),
            to,
            copy_to: self.copy_to.as_ref(),
            envelope_id: tagged.map(|tagged| tagged.envelope_id.as_str()),
        };
        match delivery.report.kind {
            ReportKind::Sessions => self.mailer.send(&envelope, bytes).await,
            ReportKind::Test => self.mailer.send_apart(&envelope, bytes).await,
        }
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
        match &self.https {
            HttpsTransport::Client(client) => {
                let _unanswered = self.posts.watch(progress);
                client.send(url, destination.named_by, gzip, progress).await
            }
            // A script does not say when everything is sent.
            HttpsTransport::Script(script) => {
                let _unanswered = self.posts.one();
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

impl HttpsTransport {
    fn prepare(settings: &Reportd) -> Result<HttpsTransport, PrepareError> {
        Ok(match &settings.http_script {
            Some(script) => HttpsTransport::Script(HttpScript::new(
                script,
                settings.http_timeout,
                settings.allow_private_destinations,
            )),
            None => HttpsTransport::Client(Box::new(Https::prepare(settings)?)),
        })
    }
}

/// Collects the problem and goes on, so that all problems are reported at once.
fn collect_problem<T>(
    problems: &mut Vec<PrepareError>,
    result: Result<T, PrepareError>,
) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn address(option: &'static str) -> impl Fn(MailboxError) -> PrepareError {
    move |source| PrepareError::Address { option, source }
}

/// `contact_info` is the default of `sender_address`, so it is checked first.
fn sender(settings: &Reportd) -> Result<Sender, PrepareError> {
    let contact = Mailbox::parse(&settings.contact_info).map_err(address("contact_info"))?;
    Sender::parse(&settings.sender_address, contact.domain().clone())
        .map_err(address("sender_address"))
}

/// Only the operator sets these, so a wrong one is an error at start and not at each delivery.
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

/// The domain of the signatures.
///
/// # Errors
/// For one that is no domain name.
pub(crate) fn dkim_domain(settings: &Reportd) -> Result<Domain, PrepareError> {
    Domain::parse(&settings.dkim_domain).map_err(PrepareError::DkimDomain)
}

/// The name and the text of the TXT record of a key that stands so far behind the first.
///
/// # Errors
/// For a `d=` that is no domain name, and a key that cannot be used.
pub(crate) fn dkim_record(
    settings: &Reportd,
    key: &tlsrptd_config::DkimKey,
    number: usize,
) -> Result<(String, String), PrepareError> {
    let record = dkim::record(&dkim_domain(settings)?, key, number);
    record.map_err(|problem| PrepareError::DkimKeys(vec![problem]))
}

/// Makes a key file that signs, for root and this group.
///
/// # Errors
/// When something is there already, or the file cannot be made.
pub(crate) fn make_dkim_key(
    path: &Path,
    key_type: KeyType,
    group: &str,
) -> Result<KeyOwner, NewKeyError> {
    dkim::make(path, key_type, group)
}

/// The kind and the public half of each key, in the order of `dkim_keys`, as `k=` and `p=` have them; or why there is none.
pub(crate) fn dkim_public_keys(
    settings: &Reportd,
) -> Vec<Result<(&'static str, String), KeyError>> {
    dkim::public_keys(&settings.dkim_keys)
}

/// Why HTTPS cannot be set up with these settings, if it cannot.
pub(crate) fn https_fault(settings: &Reportd) -> Option<PrepareError> {
    match HttpsTransport::prepare(settings) {
        Ok(HttpsTransport::Client(client)) => client.fault(),
        Ok(HttpsTransport::Script(_)) => None,
        Err(error) => Some(error),
    }
}

/// The address that reports are from, with the domain of `contact_info` beside it.
///
/// # Errors
/// For an address that is none.
pub(crate) fn sender_address(settings: &Reportd) -> Result<Mailbox, PrepareError> {
    sender(settings).map(|sender| sender.address)
}

/// The address that mails come back to, without a tag; `None` without `bounce_address`.
///
/// # Errors
/// For one that takes no tag.
pub(crate) fn bounce_address(settings: &Reportd) -> Result<Option<Mailbox>, PrepareError> {
    let bounces = BounceSender::prepare(settings)?;
    Ok(bounces.map(|bounces| bounces.address().clone()))
}

fn signers(settings: &Reportd) -> Result<Signers, PrepareError> {
    let domain = Domain::parse(&settings.dkim_domain).map_err(PrepareError::DkimDomain)?;
    Signers::read(domain, &settings.dkim_keys).map_err(PrepareError::DkimKeys)
}

#[cfg(test)]
mod tests;
