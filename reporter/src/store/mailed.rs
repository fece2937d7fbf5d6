//! Report mails that went out, for the loop guard: what each counts for, and what they say together. Whatever the engine.

use std::cmp::Reverse;

use tlsrptd_proto::{day::Day, domain::Domain};

use super::AttemptEnd;
use crate::model::{NamedBy, OurMails};

/// What the loop guard needs to know when a mail goes out.
#[derive(Clone, Debug)]
pub(super) struct GuardedMails {
    /// The domain that copies of mails go to.
    copies_to: Option<Domain>,
}

/// The report that a mail carried.
pub(super) struct MailedReport {
    pub(super) domain: Option<Domain>,
    /// `YYYY-MM-DD`.
    pub(super) day: String,
    pub(super) failed: bool,
    pub(super) is_on_mx_host: bool,
}

/// The mails of one day that count for a name.
pub(super) struct MailsOfDay {
    pub(super) day: Option<Day>,
    pub(super) number: u64,
    /// The newest day that they reported on, and whether that had failures.
    pub(super) reported: Option<Day>,
    pub(super) failed: bool,
}

impl GuardedMails {
    /// Each mail is also sent to `copies_to` (`bcc_address`).
    pub(super) fn new(copies_to: Option<&str>) -> GuardedMails {
        GuardedMails {
            copies_to: copies_to.and_then(mail_domain),
        }
    }

    /// The names that a mail to that domain counts for.
    pub(super) fn counted_for(
        &self,
        end: &AttemptEnd,
        to: &Domain,
        report: &MailedReport,
    ) -> Vec<String> {
        let mut names = Vec::new();
        // One session may carry both the mail and its copy.
        let copies_to = self.copies_to.as_ref();
        if let Some(copies_to) = copies_to.filter(|copies_to| *copies_to != to) {
            names.push(copies_to.to_string());
        }
        if end.destination.named_by == NamedBy::Operator || report.domain.as_ref() == Some(to) {
            names.push(to.to_string());
        } else if let (true, Some(host)) = (report.is_on_mx_host, &report.domain) {
            // Against the domain's sessions at that host alone: a stranger's record silences nobody else's report.
            names.push(format!("{to} {host}"));
        }
        names
    }
}

/// The mails among these that went out, and the domain of each.
pub(super) fn sent<'a>(
    ends: impl IntoIterator<Item = &'a AttemptEnd>,
) -> Vec<(&'a AttemptEnd, &'a Domain)> {
    let sent = ends.into_iter().filter(|end| end.disposition.is_sent());
    let mailed = sent.filter_map(|end| Some((end, end.destination.mailbox()?.domain())));
    mailed.collect()
}

/// What the mails of several days say together.
pub(super) fn our_mails(mut found: Vec<MailsOfDay>) -> OurMails {
    found.sort_by_key(|mails| Reverse(mails.day));
    let mut mails = OurMails::default();
    for of_day in found {
        mails.last = mails.last.or(of_day.day);
        mails.most_a_day = mails.most_a_day.max(of_day.number);
        if of_day.reported > mails.reported {
            mails.reported = of_day.reported;
            mails.told_of_failures = of_day.failed;
        }
    }
    mails
}

/// The domain of an address.
pub(super) fn mail_domain(address: &str) -> Option<Domain> {
    let (_, domain) = address.rsplit_once('@')?;
    Domain::parse(domain).ok()
}
