//! One text for all spellings of one place, to compare destinations of records, maps and the suppression list. Reports are
//! sent to the destination as it was written.

use tlsrptd_proto::tlsrpt_record::{HttpsUrl, Mailbox};
use url::Url;

/// The form of an address.
pub(super) fn mailto(mailbox: &Mailbox) -> String {
    format!("mailto:{}", mailbox.canonical())
}

/// The form of a URL. What an operator writes may have more than a record's: a user, braces.
pub(super) fn https(uri: &str) -> Option<String> {
    if let Ok(url) = HttpsUrl::parse(uri) {
        return Some(url.canonical());
    }
    let mut url = Url::parse(uri).ok()?;
    url.host_str()?;
    url.set_fragment(None);
    if url.query() == Some("") {
        url.set_query(None);
    }
    Some(url.into())
}
