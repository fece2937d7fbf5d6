//! Which reporter made a report.

use std::{fmt, sync::Arc};

/// The longest one.
const MAX: usize = 32;

/// The mark of one installation of a reporter: 1 to 32 lower-case letters and digits, random, kept for as long as its
/// database is.
///
/// Two hosts of one organisation, each with a reporter of its own, report on the same domains and days, often with equal
/// counts. Receivers tell reports apart by report-id, file name (RFC 8460 section 5.1) and Message-ID, and drop what they
/// take for a duplicate: so all of these have it in them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstallationId(Arc<str>);

impl InstallationId {
    /// Reads one as it is kept; `None` for anything else.
    pub fn parse(text: &str) -> Option<InstallationId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_one = (1..=MAX).contains(&text.len()) && text.bytes().all(allowed);
        is_one.then(|| InstallationId(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_in_all_the_names_that_are_made_of_it() {
        for (text, is_one, why) in [
            ("0123456789abcdef", true, "as they are made"),
            ("", false, "nothing"),
            ("ABC", false, "file names without case"),
            (
                "a-b",
                false,
                "letters and digits alone (RFC 8460 section 5.1)",
            ),
            ("a!b", false, "it would end a part of a file name"),
            (&"a".repeat(33), false, "too long"),
        ] {
            assert_eq!(InstallationId::parse(text).is_some(), is_one, "{why}");
        }
    }
}
