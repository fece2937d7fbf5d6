//! Where a report goes.

use std::{fmt, path::PathBuf};

use tlsrptd_proto::tlsrpt_record::{Mailbox, MailboxError, Rua};
use url::Url;

use super::{QueueKey, SuppressionTarget, canonical};

/// Where a report goes, and who said so. The text is parsed once, where it comes in: from a record, a map or a row of the
/// database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// As it was written: the row of a delivery is found by it, and it is shown in logs.
    uri: String,
    kind: DestinationKind,
    /// Who named it: the filter for non-global addresses applies to records only.
    pub named_by: NamedBy,
}

/// What a destination's text says. A map may write anything: what cannot be used is kept with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationKind {
    /// `mailto:` and one address, decoded.
    Mailto(Result<Mailbox, MailboxError>),
    /// An `https:` URL. What an operator writes may have more than a record's: a user, braces.
    Https(Result<Url, url::ParseError>),
    /// `directory:` and a path.
    Directory(PathBuf),
    /// Another scheme, or none.
    Other,
}

/// Who named a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The domain's own TLSRPT record.
    Record,
    /// The operator, in a map or a debug option.
    Operator,
}

impl Destination {
    /// Parses any text.
    pub fn new(uri: impl Into<String>, named_by: NamedBy) -> Destination {
        let uri = uri.into();
        let kind = DestinationKind::of(&uri);
        Destination {
            uri,
            kind,
            named_by,
        }
    }

    /// The text as it was written.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What the text says.
    pub fn kind(&self) -> &DestinationKind {
        &self.kind
    }

    /// The address of a mail.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.kind {
            DestinationKind::Mailto(mailbox) => mailbox.as_ref().ok(),
            _ => None,
        }
    }

    /// The URL of a post.
    pub fn https_url(&self) -> Option<&Url> {
        match &self.kind {
            DestinationKind::Https(url) => url.as_ref().ok(),
            _ => None,
        }
    }

    /// Whose connections it uses.
    pub fn queue(&self) -> QueueKey {
        match &self.kind {
            DestinationKind::Mailto(_) => QueueKey::Relay,
            DestinationKind::Directory(_) => QueueKey::Disk,
            DestinationKind::Https(url) => url
                .as_ref()
                .ok()
                .and_then(QueueKey::of_url)
                .unwrap_or_else(|| QueueKey::of_scheme("https")),
            DestinationKind::Other => {
                QueueKey::of_scheme(self.uri.split_once(':').map_or("", |(scheme, _)| scheme))
            }
        }
    }

    /// One text for all spellings of one place, to compare by; the report is sent to the place as it was written. `None`
    /// for what cannot be used, and for what only an operator names.
    pub fn canonical(&self) -> Option<String> {
        match &self.kind {
            DestinationKind::Mailto(mailbox) => mailbox.as_ref().ok().map(canonical::mailto),
            DestinationKind::Https(_) => canonical::https(&self.uri),
            DestinationKind::Directory(_) | DestinationKind::Other => None,
        }
    }

    /// Entries of the suppression list that cover it, the narrowest first.
    pub fn suppression_targets(&self) -> impl Iterator<Item = SuppressionTarget> + use<> {
        SuppressionTarget::covering(self)
    }
}

impl From<&Rua> for Destination {
    fn from(rua: &Rua) -> Destination {
        let uri = rua.uri();
        let kind = match rua {
            Rua::Mailto(mailbox) => DestinationKind::Mailto(Ok(mailbox.clone())),
            Rua::Https(_) => DestinationKind::Https(Url::parse(&uri)),
        };
        let named_by = NamedBy::Record;
        Destination {
            uri,
            kind,
            named_by,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl DestinationKind {
    /// Schemes are compared without case (RFC 3986 section 3.1).
    fn of(uri: &str) -> DestinationKind {
        let (scheme, rest) = uri.split_once(':').unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "mailto" => DestinationKind::Mailto(Mailbox::parse(rest)),
            "https" => DestinationKind::Https(Url::parse(uri)),
            "directory" => DestinationKind::Directory(rest.into()),
            _ => DestinationKind::Other,
        }
    }
}

impl NamedBy {
    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            NamedBy::Record => "record",
            NamedBy::Operator => "operator",
        }
    }

    /// Reads a word of the database. sys4 writes none; a record's destination is the one to be careful with.
    pub fn from_word(word: Option<&str>) -> NamedBy {
        match word {
            Some("operator") => NamedBy::Operator,
            _ => NamedBy::Record,
        }
    }
}
