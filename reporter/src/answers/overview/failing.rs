//! The destinations that fail most: a row a domain, policy and result, whatever number of hosts and addresses it has.

use std::collections::BTreeMap;

use tlsrptd_proto::day::Day;

use super::trend::{DailyCourse, KnownDays};
use crate::{
    answers::failures::{Failures, FailuresQuery},
    store::{FailureRow, OperatorStore, StoreError},
};

/// Hosts and addresses of the most sessions that are put together. To choose, their sums are enough; what is shown is
/// added up of all.
const PUT_TOGETHER: usize = 1000;

/// Those of some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailingDestinations {
    /// The first day.
    pub(crate) from: Day,
    /// The last.
    pub(crate) to: Day,
    /// The most sessions first.
    pub(crate) rows: Vec<FailingDestination>,
    /// What was folded: sessions that no row names.
    pub(crate) folded_sessions: u64,
    /// Whether there are more rows.
    pub(crate) more: bool,
}

/// One domain with one policy and result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailingDestination {
    /// Its host of the most sessions, with address and reason.
    pub(crate) row: FailureRow,
    /// Other hosts, addresses and reasons of it.
    pub(crate) others: usize,
    /// Sessions on the days that were asked for, with all hosts.
    pub(crate) sessions: u64,
    /// The course of all of them.
    pub(crate) course: DailyCourse,
}

impl FailingDestinations {
    /// Looks for them: at most `question.limit` rows, and their courses over these days.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn find(
        store: &dyn OperatorStore,
        question: FailuresQuery,
        known: &KnownDays,
    ) -> Result<FailingDestinations, StoreError> {
        let limit = question.limit;
        let found = Failures::find(
            store,
            FailuresQuery {
                limit: PUT_TOGETHER,
                ..question
            },
        )?;
        let (from, to) = (found.from, found.question.to);
        let mut groups = put_together(found.rows);
        let more = found.more || groups.len() > limit;
        groups.truncate(limit);
        let domains: Vec<&str> = groups.iter().map(|group| domain(&group.row)).collect();
        let by_day = store.failures_by_day(&domains, known.from, known.to)?;
        let rows = groups.into_iter().map(|group| {
            let alike = by_day
                .iter()
                .filter(|of| (&*of.domain, &*of.policy_type, &*of.result_type) == kind(&group.row));
            let course = DailyCourse::of(alike, known);
            FailingDestination {
                // Texts of a day that has gone meanwhile.
                sessions: course.sessions(from, to).max(group.sessions),
                row: group.row,
                others: group.others,
                course,
            }
        });
        let mut rows: Vec<FailingDestination> = rows.collect();
        rows.sort_by(|one, other| {
            let of = |it: &FailingDestination| (u64::MAX - it.sessions, key(&it.row));
            of(one).cmp(&of(other))
        });
        Ok(FailingDestinations {
            from,
            to,
            rows,
            folded_sessions: found.folded_sessions,
            more,
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct FailureGroup {
    row: FailureRow,
    others: usize,
    sessions: u64,
}

/// Rows of one domain, policy and result become one; they are in order, and so are the groups.
fn put_together(rows: Vec<FailureRow>) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<(String, String, String), FailureGroup> = BTreeMap::new();
    for row in rows {
        match groups.get_mut(&key(&row)) {
            Some(group) => {
                group.others += 1;
                group.sessions = group.sessions.saturating_add(row.sessions);
            }
            None => {
                let group = FailureGroup {
                    others: 0,
                    sessions: row.sessions,
                    row,
                };
                groups.insert(key(&group.row), group);
            }
        }
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().collect();
    // Those of as many sessions stay in the order of their texts.
    groups.sort_by_key(|group| u64::MAX - group.sessions);
    groups
}

fn domain(row: &FailureRow) -> &str {
    row.domain.as_deref().unwrap_or_default()
}

fn kind(row: &FailureRow) -> (&str, &str, &str) {
    (domain(row), &row.policy_type, &row.result_type)
}

fn key(row: &FailureRow) -> (String, String, String) {
    let (domain, policy_type, result_type) = kind(row);
    (
        domain.to_owned(),
        policy_type.to_owned(),
        result_type.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_one_destination_are_one_row() {
        let day = Day::parse("2026-11-20").unwrap();
        let row = |domain: &str, address: &str, result: &str, sessions| FailureRow {
            first_day: day,
            day,
            days: 1,
            domain: Some(domain.to_owned()),
            mx: Some("mx".to_owned()),
            address: Some(address.to_owned()),
            policy_type: "sts".to_owned(),
            result_type: result.to_owned(),
            reason_code: None,
            sessions,
        };
        let expired = "certificate-expired";
        for (rows, want, why) in [
            (vec![], vec![], "nothing"),
            (
                vec![
                    row("steady.example", "1", expired, 900),
                    row("rotates.example", "2", expired, 500),
                    row("rotates.example", "3", expired, 499),
                    row("rotates.example", "4", expired, 1),
                ],
                vec![
                    ("rotates.example", "2", 2, 1000),
                    ("steady.example", "1", 0, 900),
                ],
                "another address each day",
            ),
            (
                vec![
                    row("b.example", "1", expired, 5),
                    row("a.example", "1", "tlsa-invalid", 5),
                    row("a.example", "1", expired, 5),
                ],
                vec![
                    ("a.example", "1", 0, 5),
                    ("a.example", "1", 0, 5),
                    ("b.example", "1", 0, 5),
                ],
                "two results are two rows",
            ),
            (
                vec![
                    row("a.example", "1", expired, u64::MAX),
                    row("a.example", "2", expired, 2),
                ],
                vec![("a.example", "1", 1, u64::MAX)],
                "without an overflow",
            ),
        ] {
            let groups = put_together(rows);
            let groups: Vec<_> = groups
                .iter()
                .map(|of| {
                    let address = of.row.address.as_deref().unwrap_or_default();
                    (domain(&of.row), address, of.others, of.sessions)
                })
                .collect();
            assert_eq!(groups, want, "{why}");
        }
    }
}
