//! What verifies DKIM signatures at receivers: OpenDKIM, Perl's Mail::DKIM (SpamAssassin, amavis), rspamd; dkimpy is with
//! [`Theirs`](super::sys4::Sys4), mail-auth in [`library`](super::library).
//!
//! They are Debian packages; a test is skipped by name where one is missing.

mod mail_dkim;
mod opendkim;
mod rspamd;

use std::path::PathBuf;

pub use mail_dkim::MailDkim;
pub use opendkim::OpenDkim;
pub use rspamd::Rspamd;

/// What a verifier says of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The signature's selector.
    pub selector: String,
    /// `pass`, or why not, in the verifier's words.
    pub said: String,
}

impl Verdict {
    fn new(selector: &str, said: &str) -> Verdict {
        Verdict {
            selector: selector.to_owned(),
            said: said.trim().to_owned(),
        }
    }
}

/// The selectors whose signatures pass.
pub fn passed(verdicts: &[Verdict]) -> Vec<&str> {
    verdicts
        .iter()
        .filter(|verdict| verdict.said == "pass")
        .map(|verdict| verdict.selector.as_str())
        .collect()
}

/// A program in `PATH` or among the system's.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(system);
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}
