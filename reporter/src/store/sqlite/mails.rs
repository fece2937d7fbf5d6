//! Report mails that went out, for the loop guard: how many sessions with a domain may have carried them.

use std::{collections::BTreeSet, sync::LazyLock};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::SqliteStore;
use crate::{
    model::{LONGEST_SILENCE, OurMails},
    store::{
        AttemptEnd,
        mailed::{self, GuardedMails, MailedReport, MailsOfDay},
    },
};

/// By day and domain: mails that count against it, the newest day that they reported on, and whether that had failures.
/// The row without a domain counts all mails of its day; one with a domain, a space and a MX host, the reports on that host
/// that were mailed to that domain.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_mails(day TEXT, domain TEXT, mails INTEGER, \
    reported TEXT, failed INTEGER, PRIMARY KEY(day, domain)) WITHOUT ROWID";

impl SqliteStore {
    /// From now on mails are recorded for the loop guard. Each is also sent to `copies_to` (`bcc_address`).
    pub fn guard_loops(&mut self, copies_to: Option<&str>) {
        self.guard = Some(GuardedMails::new(copies_to));
    }
}

/// Records the mails among these that went out.
pub(super) fn record_mails(
    tx: &Transaction<'_>,
    ends: &[AttemptEnd],
    guard: Option<&GuardedMails>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let today = Day::of(now).to_string();
    let mailed = mailed::sent(ends);
    if mailed.is_empty() {
        return Ok(());
    }
    count(tx, &today, "", mailed.len(), None)?;
    let Some(guard) = guard else {
        return Ok(());
    };
    for (end, to) in mailed {
        let Some(report) = report(tx, end)? else {
            continue;
        };
        for name in guard.counted_for(end, to, &report) {
            count(tx, &today, &name, 1, Some(&report))?;
        }
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
    match guard.and_then(|_| mailed::mail_domain(to)) {
        Some(domain) => count(tx, &Day::of(now).to_string(), domain.as_str(), 1, None),
        None => Ok(()),
    }
}

fn report(tx: &Transaction<'_>, end: &AttemptEnd) -> rusqlite::Result<Option<MailedReport>> {
    tx.prepare_cached(
        "SELECT domain, day, coalesce(tlsrptd_failed, 0) > 0, tlsrptd_mx IS NOT NULL FROM reports WHERE r_id = ?1",
    )?
    .query_row([end.r_id], |row| {
        let domain: String = row.get(0)?;
        Ok(MailedReport {
            domain: Domain::parse(&domain).ok(),
            day: row.get(1)?,
            failed: row.get(2)?,
            is_on_mx_host: row.get(3)?,
        })
    })
    .optional()
}

fn count(
    tx: &Transaction<'_>,
    today: &str,
    domain: &str,
    mails: usize,
    report: Option<&MailedReport>,
) -> rusqlite::Result<()> {
    let mails = i64::try_from(mails).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "INSERT INTO tlsrptd_mails(day, domain, mails, reported, failed) VALUES(:today, :domain, :mails, :reported, :failed) \
         ON CONFLICT(day, domain) DO UPDATE SET mails = mails + excluded.mails, \
         failed = CASE WHEN excluded.reported >= coalesce(reported, '') THEN excluded.failed ELSE failed END, \
         reported = max(coalesce(reported, excluded.reported), coalesce(excluded.reported, reported))",
    )?
    .execute(named_params! {
        ":today": today, ":domain": domain, ":mails": mails, ":reported": report.map(|report| &report.day),
        ":failed": report.map(|report| report.failed),
    })
    .map(drop)
}

/// Whether the relay took any mail on that day.
pub(super) fn any(tx: &Transaction<'_>, today: Day) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT 1 FROM tlsrptd_mails WHERE day = ?1 AND domain = ''")?
        .exists([today.to_string()])
}

/// The mails that may have been sessions with a domain on a day. Asked for each domain, so in one statement.
pub(super) fn sent_to(db: &Connection, domain: &str, day: Day) -> rusqlite::Result<OurMails> {
    let mut select = db.prepare_cached(&SENT_TO)?;
    let days = (0..=LONGEST_SILENCE).map(|back| day.back(back).to_string());
    let values = days.chain([domain.to_owned()]);
    let mut rows = select.query(rusqlite::params_from_iter(values))?;
    let mut found: Vec<MailsOfDay> = Vec::new();
    while let Some(row) = rows.next()? {
        let (day, reported): (String, Option<String>) = (row.get(0)?, row.get(2)?);
        let (number, failed): (i64, Option<bool>) = (row.get(1)?, row.get(3)?);
        found.push(MailsOfDay {
            day: Day::parse(&day).ok(),
            number: u64::try_from(number).unwrap_or_default(),
            reported: reported.and_then(|reported| Day::parse(&reported).ok()),
            failed: failed == Some(true),
        });
    }
    Ok(mailed::our_mails(found))
}

/// Days, then the domain.
static SENT_TO: LazyLock<String> = LazyLock::new(|| {
    let days = vec!["?"; LONGEST_SILENCE as usize + 1].join(", ");
    format!(
        "SELECT day, mails, reported, failed FROM tlsrptd_mails WHERE day IN ({days}) AND domain = ?"
    )
});

/// Reports on MX hosts that were mailed to a domain, by the host.
pub(super) fn on_mx_hosts(
    db: &Connection,
    domain: &str,
    day: Day,
) -> rusqlite::Result<Vec<(String, OurMails)>> {
    // Behind a space comes `!`.
    let mut select = db.prepare_cached(
        "SELECT domain FROM tlsrptd_mails WHERE day = ?1 AND domain > ?2 || ' ' AND domain < ?2 || '!'",
    )?;
    let mut names = BTreeSet::new();
    for back in 0..=LONGEST_SILENCE {
        let found = select.query_map((day.back(back).to_string(), domain), |row| row.get(0))?;
        for name in found {
            names.insert(name?);
        }
    }
    let hosts = names.iter().filter_map(|name: &String| {
        let (_, host) = name.split_once(' ')?;
        Some(sent_to(db, name, day).map(|mails| (host.to_owned(), mails)))
    });
    hosts.collect()
}

/// Removes rows that no day needs any more, independent of `keep_days`.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> rusqlite::Result<()> {
    let oldest = oldest.back(LONGEST_SILENCE + 1).to_string();
    tx.execute("DELETE FROM tlsrptd_mails WHERE day < ?1", [oldest])
        .map(drop)
}
