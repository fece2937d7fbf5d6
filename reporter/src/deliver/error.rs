//! Settings with which no delivery can be made.

use std::io;
use std::path::PathBuf;

use tlsrptd_config::{service_view, visible};
use tlsrptd_proto::domain::DomainError;
use tlsrptd_proto::tlsrpt_record::MailboxError;

use super::dkim::KeyError;

/// Why deliveries cannot be made with these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// An option that holds an address.
    #[error("{option}: {}", visible::with_allowed(source, "one mail address"))]
    Address {
        /// Its name.
        option: &'static str,
        /// What is wrong with it.
        source: MailboxError,
    },
    /// `bounce_address`, which is an address.
    #[error(
        "bounce_address: {0} (allowed: an address with at most 25 characters before the @, without quotes)"
    )]
    BounceAddress(String),
    /// `debug_send_http_dest`.
    #[error("debug_send_http_dest: {0} (allowed: a URL with https: or http:)")]
    DebugUrl(String),
    /// `dkim_domain`.
    #[error("dkim_domain: {0}")]
    DkimDomain(DomainError),
    /// `dkim_keys`, all problems of all keys.
    #[error("{}", lines(.0))]
    DkimKeys(Vec<KeyError>),
    /// `mail_user` without `mail_password_file`, or the reverse.
    #[error("mail_user and mail_password_file are set both or not at all")]
    HalfCredentials,
    /// `mail_password_file`.
    #[error("mail_password_file {}: cannot be read: {}", path.display(), service_view::explained(path, source))]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `helo_name`.
    #[error(
        "helo_name: {0} (allowed: a host name as mail.example.com, or an address as [192.0.2.1] or [IPv6:2001:db8::1])"
    )]
    HeloName(String),
    /// `https_ca_file`.
    #[error("https_ca_file {}: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// `https_proxy`.
    #[error("https_proxy: {0} (allowed: http://HOST:PORT or https://HOST:PORT)")]
    HttpsProxy(String),
    /// The HTTPS client.
    #[error("HTTPS cannot be set up: {}", with_causes(.0))]
    HttpsClient(rustls::Error),
}

impl PrepareError {
    /// Whether an option, or a file that an option names, is wrong; otherwise the system is.
    pub fn is_configuration(&self) -> bool {
        !matches!(self, PrepareError::HttpsClient(_))
    }
}

/// An error with its sources. A missing certificate store is reported with its remedy.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    if text.contains("No CA certificates") {
        text = "the system has no CA certificates (mend: install ca-certificates, or set https_ca_file)".to_owned();
    }
    text
}

fn lines(problems: &[KeyError]) -> String {
    problems
        .iter()
        .map(KeyError::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
