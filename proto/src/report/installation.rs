//! Which reporter made a report.

use std::{fmt, sync::Arc};

use crate::{day::Day, domain::Domain};

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

    /// The `report-id` of a report of ours: `DAY_idxN-INSTALLATION_DOMAIN`, which is also a valid left part of a msg-id
    /// (RFC 5322 section 3.6.4). `uniqid` tells several of a day and domain apart.
    pub fn report_id(&self, day: Day, uniqid: u64, domain: &Domain) -> String {
        format!("{}_{domain}", self.report_stem(day, uniqid))
    }

    /// The begin of it, without the domain.
    pub fn report_stem(&self, day: Day, uniqid: u64) -> String {
        format!("{day}_idx{uniqid}-{self}")
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
