//! A digest as a mail: its subject, its text for people, and its table.

mod csv;
mod reports;
mod text;
mod wrap;

use crate::{
    answers::digest::{Counted, Digest, News},
    model::DigestContents,
};

/// What the mail says. `organization` is ours.
pub(crate) fn contents(digest: &Digest, organization: &str) -> DigestContents {
    DigestContents {
        subject: subject(digest),
        text: text::text(digest, organization),
        csv: csv::csv(digest),
    }
}

/// The essence, for a list of mails.
fn subject(digest: &Digest) -> String {
    let (period, failed) = (digest.period, digest.failed);
    let mut subject = match (digest.sessions, failed, digest.failing) {
        (0, ..) => format!("TLS {period}: no sessions"),
        (sessions, 0, Counted::Exactly(0)) => {
            format!(
                "TLS {period}: no failures in {}",
                count(sessions, "session")
            )
        }
        (_, failed, Counted::Exactly(0)) => {
            format!("TLS failures {period}: {}", count(failed, "session"))
        }
        (_, failed, failing) => {
            let (domains, sessions) = (counted(failing, "domain"), count(failed, "session"));
            format!("TLS failures {period}: {domains}, {sessions}")
        }
    };
    if let News::Domains { domains, .. } = &digest.news
        && domains.least() > 0
    {
        subject.push_str(&match domains {
            Counted::Exactly(new) => format!("; {new} new"),
            Counted::MoreThan(new) => format!("; more than {new} new"),
        });
    }
    if !digest.missing.is_empty() {
        subject.push_str("; a collector is missing");
    }
    subject
}

/// `1 domain`, `2 domains`.
fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn counted(number: Counted, what: &str) -> String {
    match number {
        Counted::Exactly(number) => count(number, what),
        Counted::MoreThan(number) => format!("more than {}", count(number, what)),
    }
}

#[cfg(test)]
mod tests;
