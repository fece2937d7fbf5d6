//! Report mails that went out, for the loop guard: how many sessions with a domain may have carried them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::SqliteStore;
use crate::{
    model::{LONGEST_SILENCE, NamedBy, OurMails},
    store::AttemptEnd,
};

/// By day and domain: mails that count against it, the newest day that they reported on, and whether that had failures.
/// The row without a domain counts all mails of its day.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_mails(day TEXT, domain TEXT, mails INTEGER, \
    reported TEXT, failed INTEGER, PRIMARY KEY(day, domain)) WITHOUT ROWID";

/// What the loop guard needs to know when a mail goes out.
#[derive(Clone, Debug)]
pub(super) struct GuardedMails {
    /// The domain that copies of mails go to.
    copies_to: Option<Domain>,
}

impl SqliteStore {
    /// From now on mails are recorded for the loop guard. Each is also sent to `copies_to` (`bcc_address`).
    pub fn guard_loops(&mut self, copies_to: Option<&str>) {
        let copies_to = copies_to.and_then(mail_domain);
        self.guard = Some(GuardedMails { copies_to });
    }
}

/// Records that a mail went out.
pub(super) fn record_mail(
    tx: &Transaction<'_>,
    end: &AttemptEnd,
    guard: Option<&GuardedMails>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Some(to) = end
        .destination
        .mailbox()
        .filter(|_| end.disposition.is_sent())
    else {
        return Ok(());
    };
    let today = Day::of(now).to_string();
    count(tx, &today, "", None)?;
    let (Some(guard), to) = (guard, to.domain()) else {
        return Ok(());
    };
    let Some(report) = report(tx, end)? else {
        return Ok(());
    };
    // One session may carry both the mail and its copy.
    if let Some(copies_to) = guard
        .copies_to
        .as_ref()
        .filter(|copies_to| *copies_to != to)
    {
        count(tx, &today, copies_to.as_str(), Some(&report))?;
    }
    if end.destination.named_by == NamedBy::Operator || report.domain.as_ref() == Some(to) {
        count(tx, &today, to.as_str(), Some(&report))?;
    }
    Ok(())
}

/// Records that a digest went out: it carries no report, so nothing is said of its domain by it.
pub(super) fn record_digest(
    tx: &Transaction<'_>,
    to: &str,
    guard: Option<&GuardedMails>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    match guard.and_then(|_| mail_domain(to)) {
        Some(domain) => count(tx, &Day::of(now).to_string(), domain.as_str(), None),
        None => Ok(()),
    }
}

/// The report that a mail carried.
struct MailedReport {
    domain: Option<Domain>,
    day: String,
    failed: bool,
}

fn report(tx: &Transaction<'_>, end: &AttemptEnd) -> rusqlite::Result<Option<MailedReport>> {
    tx.prepare_cached(
        "SELECT domain, day, coalesce(tlsrptd_failed, 0) > 0 FROM reports WHERE r_id = ?1",
    )?
    .query_row([end.r_id], |row| {
        let domain: String = row.get(0)?;
        Ok(MailedReport {
            domain: Domain::parse(&domain).ok(),
            day: row.get(1)?,
            failed: row.get(2)?,
        })
    })
    .optional()
}

fn count(
    tx: &Transaction<'_>,
    today: &str,
    domain: &str,
    report: Option<&MailedReport>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO tlsrptd_mails(day, domain, mails, reported, failed) VALUES(:today, :domain, 1, :reported, :failed) \
         ON CONFLICT(day, domain) DO UPDATE SET mails = mails + 1, \
         failed = CASE WHEN excluded.reported >= coalesce(reported, '') THEN excluded.failed ELSE failed END, \
         reported = max(coalesce(reported, excluded.reported), coalesce(excluded.reported, reported))",
    )?
    .execute(named_params! {
        ":today": today, ":domain": domain, ":reported": report.map(|report| &report.day),
        ":failed": report.map(|report| report.failed),
    })
    .map(drop)
}

/// Whether the relay took any mail on that day.
pub(super) fn any(tx: &Transaction<'_>, today: Day) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT 1 FROM tlsrptd_mails WHERE day = ?1 AND domain = ''")?
        .exists([today.to_string()])
}

/// The mails that may have been sessions with a domain on a day.
pub(super) fn sent_to(db: &Connection, domain: &str, day: Day) -> rusqlite::Result<OurMails> {
    let mut select = db.prepare_cached(
        "SELECT mails, reported, failed FROM tlsrptd_mails WHERE day = ?1 AND domain = ?2",
    )?;
    let mut mails = OurMails::default();
    for back in 0..=LONGEST_SILENCE {
        let row = select
            .query_row((day.back(back).to_string(), domain), |row| {
                let reported: Option<String> = row.get(1)?;
                let failed: Option<bool> = row.get(2)?;
                Ok((row.get(0)?, reported, failed == Some(true)))
            })
            .optional()?;
        let Some((number, reported, failed)) = row else {
            continue;
        };
        let number: i64 = number;
        mails.last = mails.last.or(Some(day.back(back)));
        mails.most_a_day = mails
            .most_a_day
            .max(u64::try_from(number).unwrap_or_default());
        let reported = reported.and_then(|reported| Day::parse(&reported).ok());
        if reported > mails.reported {
            mails.reported = reported;
            mails.told_of_failures = failed;
        }
    }
    Ok(mails)
}

/// Removes rows that no day needs any more, independent of `keep_days`.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> rusqlite::Result<()> {
    let oldest = oldest.back(LONGEST_SILENCE + 1).to_string();
    tx.execute("DELETE FROM tlsrptd_mails WHERE day < ?1", [oldest])
        .map(drop)
}

fn mail_domain(address: &str) -> Option<Domain> {
    let (_, domain) = address.rsplit_once('@')?;
    Domain::parse(domain).ok()
}
