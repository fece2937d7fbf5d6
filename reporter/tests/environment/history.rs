//! What the store remembers of what was done, asked through its port.

use std::path::Path;

use tlsrptd_proto::day::Day;
use tlsrptd_reporter::store::{
    DayTotals, FailureQuestion, FailureRow, OperatorAccess, OperatorStore,
};

use super::{
    database::{self, Statements, ask},
    stored::Stored,
};

/// The totals of all days that are remembered.
pub fn totals(path: &Path) -> Vec<DayTotals> {
    let store = operator(path);
    match store.first_day().unwrap() {
        Some(first) => store.totals(first, first.ahead(36_500)).unwrap(),
        None => Vec::new(),
    }
}

/// All failures that are remembered of a day, and what was folded.
pub fn failures(path: &Path, day: Day) -> Vec<FailureRow> {
    let question = FailureQuestion {
        from: day,
        to: day,
        domain: None,
        new_since: None,
        limit: usize::MAX,
    };
    operator(path).failures(&question).unwrap()
}

fn operator(path: &Path) -> Box<dyn OperatorStore> {
    database::operator(path, OperatorAccess::Read)
}

/// Whether the contents of each report are still there, sent or not.
pub fn all_are_kept(path: &Path, stored: &Stored) -> bool {
    let store = operator(path);
    let mut made = stored.reports.iter().filter(|row| row.reason.is_none());
    made.all(|row| {
        let kept = store.kept_reports(Day::parse(&row.day).unwrap(), &row.domain);
        let mut kept = kept.unwrap().into_iter();
        kept.any(|kept| kept.uniqid == row.uniqid.unsigned_abs() && kept.contents.json().is_ok())
    })
}

/// What a day's totals contradict: its own parts, and what is remembered of its failures. `None`: nothing.
pub fn contradiction(path: &Path, totals: &DayTotals) -> Option<String> {
    let sessions: u64 = totals.by_policy.iter().map(|of| of.sessions).sum();
    let failed: u64 = totals.by_policy.iter().map(|of| of.failed).sum();
    let by_result: u64 = totals.by_result.iter().map(|of| of.sessions).sum();
    let rows = failures(path, totals.day);
    let in_rows: u64 = rows.iter().map(|row| row.sessions).sum();
    let without: u64 = totals.without_reasons.iter().map(|of| of.domains).sum();
    let is_whole = (sessions, failed) == (totals.sessions, totals.failed)
        && by_result == in_rows
        && without == totals.without;
    (!is_whole).then(|| format!("{totals:?} contradicts itself, or {rows:?}"))
}

/// Whether the store knows how many bytes it keeps.
pub fn knows_what_it_keeps(path: &Path) -> bool {
    let sums = Statements {
        sqlite: "SELECT 'bytes', coalesce(sum(bytes), 0) FROM tlsrptd_kept_reports \
                 UNION ALL SELECT 'lengths', coalesce(sum(length(CAST(contents AS BLOB))), 0) FROM tlsrptd_kept_reports \
                 UNION ALL SELECT 'told', coalesce((SELECT bytes FROM tlsrptd_kept_total), 0)",
        postgres: "SELECT 'bytes', coalesce(sum(bytes), 0)::bigint FROM kept \
                   UNION ALL SELECT 'lengths', coalesce(sum(octet_length(coalesce(gzip, convert_to(json, 'UTF8')))), 0)::bigint \
                   FROM kept k JOIN report r USING (day, r_id) \
                   UNION ALL SELECT 'kept for ever', coalesce(sum(bytes), 0)::bigint + (SELECT count(*) FROM report r \
                   WHERE gzip IS NOT NULL AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.r_id = r.r_id) \
                   AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.day = r.day AND d.r_id = r.r_id AND status IS NULL)) FROM kept",
    };
    let sums = ask(path, &sums);
    sums.iter().all(|(_, sum)| *sum == sums[0].1)
}
