//! Report mails that went out, for the loop guard: how many sessions with a domain may have carried them. A member adds to rows of its
//! own; readers sum up.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, Row, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::record::EndedReports;
use crate::{
    model::{LONGEST_SILENCE, OurMails},
    store::{
        AttemptEnd,
        mailed::{self, GuardedMails, MailsOfDay},
    },
};

const COUNT: &str = "INSERT INTO mails AS m(day, domain, member, mails, reported, failed) \
    SELECT $1, n.domain, $2, n.mails, n.reported, n.failed \
    FROM unnest($3::text[], $4::bigint[], $5::date[], $6::boolean[]) AS n(domain, mails, reported, failed) \
    ON CONFLICT (day, domain, member) DO UPDATE SET mails = m.mails + excluded.mails, \
    failed = CASE WHEN excluded.reported >= coalesce(m.reported, '-infinity') THEN excluded.failed ELSE m.failed END, \
    reported = greatest(m.reported, excluded.reported)";
/// Of each name and day: all members together. Of those that reported on the newest day, one that told of failures counts.
const SENT_TO: &str = "SELECT m.domain, m.day, sum(m.mails)::bigint, max(m.reported), \
    coalesce(bool_or(m.failed) FILTER (WHERE m.reported = t.newest), false) \
    FROM mails m JOIN (SELECT day, domain, max(reported) AS newest FROM mails \
    WHERE day = ANY($1) AND domain = ANY($2) GROUP BY day, domain) t USING (day, domain) GROUP BY m.domain, m.day";
/// Behind a space comes `!`.
const ON_MX_HOSTS: &str = "SELECT DISTINCT d.domain, m.domain FROM unnest($2::text[]) AS d(domain) \
    CROSS JOIN unnest($1::date[]) AS w(day) JOIN mails m ON m.day = w.day \
    AND m.domain > (d.domain || ' ') COLLATE \"C\" AND m.domain < (d.domain || '!') COLLATE \"C\"";

/// What is added for a name.
#[derive(Default)]
struct CountedMails {
    mails: i64,
    reported: Option<Day>,
    failed: Option<bool>,
}

/// Records the mails among these that went out.
pub(super) fn record(
    tx: &Transaction<'_>,
    member: i64,
    ends: &[&AttemptEnd],
    reports: &EndedReports,
    guard: Option<&GuardedMails>,
    now: Timestamp,
) -> Result<(), Fault> {
    let mailed = mailed::sent(ends.iter().copied());
    if mailed.is_empty() {
        return Ok(());
    }
    let mut counted: BTreeMap<String, CountedMails> = BTreeMap::new();
    counted.entry(String::new()).or_default().mails = i64::try_from(mailed.len()).unwrap_or(0);
    for (end, to) in mailed {
        let (Some(guard), Some(report)) = (guard, reports.get(&end.r_id)) else {
            continue;
        };
        let day = Day::parse(&report.day).ok();
        for name in guard.counted_for(end, to, report) {
            let of_name = counted.entry(name).or_default();
            of_name.mails += 1;
            if day >= of_name.reported {
                (of_name.reported, of_name.failed) = (day, Some(report.failed));
            }
        }
    }
    count(tx, member, &counted, now)
}

/// Records that a digest went out: it carries no report, so nothing is said of its domain by it.
pub(super) fn record_digest(
    tx: &Transaction<'_>,
    member: i64,
    to: &str,
    guard: Option<&GuardedMails>,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(domain) = guard.and_then(|_| mailed::mail_domain(to)) else {
        return Ok(());
    };
    let one = CountedMails {
        mails: 1,
        ..CountedMails::default()
    };
    count(tx, member, &[(domain.to_string(), one)].into(), now)
}

fn count(
    tx: &Transaction<'_>,
    member: i64,
    counted: &BTreeMap<String, CountedMails>,
    now: Timestamp,
) -> Result<(), Fault> {
    let names: Vec<&str> = counted.keys().map(String::as_str).collect();
    let mails: Vec<i64> = counted.values().map(|of| of.mails).collect();
    let reported: Vec<Option<PgDay>> = counted.values().map(|of| of.reported.map(PgDay)).collect();
    let failed: Vec<Option<bool>> = counted.values().map(|of| of.failed).collect();
    tx.execute(
        COUNT,
        &[
            &PgDay(Day::of(now)),
            &member,
            &names,
            &mails,
            &reported,
            &failed,
        ],
    )
    .map(drop)
}

/// Whether the relay of this member's host took any mail on that day: each host may have its own.
pub(super) fn any(tx: &Transaction<'_>, member: i64, day: Day) -> Result<bool, Fault> {
    let any = tx.query_opt(
        "SELECT 1 FROM mails m JOIN member o ON o.id = m.member WHERE m.day = $1 AND m.domain = '' \
         AND split_part(o.name, ':', 1) = (SELECT split_part(name, ':', 1) FROM member WHERE id = $2) LIMIT 1",
        &[&PgDay(day), &member],
    )?;
    Ok(any.is_some())
}

/// The mails that may have been sessions with each of these domains on a day; those with none may be absent.
pub(super) fn sent_to(
    db: &Session,
    domains: &[&str],
    day: Day,
) -> Result<HashMap<String, OurMails>, Fault> {
    let rows = db.query(SENT_TO, &[&days(day), &domains])?;
    let mut found: HashMap<String, Vec<MailsOfDay>> = HashMap::new();
    for row in &rows {
        let of_name = found.entry(row.try_get(0)?).or_default();
        of_name.push(mails_of_day(row)?);
    }
    let mails = found.into_iter();
    Ok(mails
        .map(|(name, mails)| (name, mailed::our_mails(mails)))
        .collect())
}

/// Reports on MX hosts that were mailed to each of these domains, by the host.
pub(super) fn on_mx_hosts(
    db: &Session,
    domains: &[&str],
    day: Day,
) -> Result<HashMap<String, Vec<(String, OurMails)>>, Fault> {
    let rows = db.query(ON_MX_HOSTS, &[&days(day), &domains])?;
    let pairs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let pairs: Vec<(String, String)> = pairs.collect::<Result<_, Fault>>()?;
    let names: Vec<&str> = pairs.iter().map(|(_, name)| name.as_str()).collect();
    let mut mails = match names.is_empty() {
        true => HashMap::new(),
        false => sent_to(db, &names, day)?,
    };
    let mut found: HashMap<String, Vec<(String, OurMails)>> = HashMap::new();
    for (domain, name) in &pairs {
        if let (Some((_, host)), Some(mails)) = (name.split_once(' '), mails.remove(name)) {
            let of_domain = found.entry(domain.clone()).or_default();
            of_domain.push((host.to_owned(), mails));
        }
    }
    found
        .values_mut()
        .for_each(|hosts| hosts.sort_by(|a, b| a.0.cmp(&b.0)));
    Ok(found)
}

fn mails_of_day(row: &Row) -> Result<MailsOfDay, Fault> {
    let (PgDay(day), reported): (PgDay, Option<PgDay>) = (row.try_get(1)?, row.try_get(3)?);
    let number: i64 = row.try_get(2)?;
    Ok(MailsOfDay {
        day: Some(day),
        number: u64::try_from(number).unwrap_or_default(),
        reported: reported.map(|PgDay(day)| day),
        failed: row.try_get(4)?,
    })
}

/// The days whose mails may have been sessions on that day.
fn days(day: Day) -> Vec<PgDay> {
    (0..=LONGEST_SILENCE)
        .map(|back| PgDay(day.back(back)))
        .collect()
}

/// Removes rows that no day needs any more, independent of `keep_days`.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    let oldest = PgDay(oldest.back(LONGEST_SILENCE + 1));
    tx.execute("DELETE FROM mails WHERE day < $1", &[&oldest])
        .map(drop)
}
