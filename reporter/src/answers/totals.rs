//! The totals of a day, as several answers tell them.

use serde_json::{Map, Value, json};

use crate::store::DayTotals;

/// Whole per cent points are too coarse: so many parts of a session in hundred thousand.
const PARTS: u128 = 100_000;

/// The totals of one day.
pub fn json(totals: &DayTotals) -> Value {
    let policies = totals.by_policy.iter().map(|policy| {
        json!({
            "policy_type": policy.policy_type,
            "sessions": policy.sessions,
            "failed": policy.failed,
        })
    });
    let results = totals
        .by_result
        .iter()
        .map(|result| json!({ "result_type": result.result_type, "sessions": result.sessions }));
    let reasons = totals.without_reasons.iter().map(|without| {
        json!({
            "reason": without.reason,
            "domains": without.domains,
            "sessions": without.sessions,
        })
    });
    let outcomes = totals.outcomes.iter();
    let outcomes = outcomes.map(|outcome| (outcome.status.clone(), outcome.deliveries.into()));
    json!({
        "day": totals.day.to_string(),
        "domains": totals.domains,
        "sessions": totals.sessions,
        "failed": totals.failed,
        "secured_percent": secured_percent(totals.sessions, totals.failed),
        "by_policy": policies.collect::<Vec<_>>(),
        "by_result": results.collect::<Vec<_>>(),
        "reports": totals.reports,
        "without_report": totals.without,
        "without_report_reasons": reasons.collect::<Vec<_>>(),
        "deliveries": totals.deliveries,
        "waiting": totals.waiting(),
        "outcomes": outcomes.collect::<Map<String, Value>>(),
    })
}

/// How many of the sessions did not fail, in per cent with three digits; 100 only when none failed.
pub fn secured_percent(sessions: u64, failed: u64) -> Option<f64> {
    let secured = u128::from(sessions.saturating_sub(failed));
    let parts = (secured * PARTS).checked_div(u128::from(sessions))?;
    // At most PARTS, which a float holds exactly.
    u32::try_from(parts)
        .ok()
        .map(|parts| f64::from(parts) / 1000.0)
}

/// Deliveries that were refused or given up: all that ended, but for those that were sent, that nobody wanted sent, or whose
/// outcome sys4's reporter has taken with it.
pub fn unsent(totals: &DayTotals) -> u64 {
    let fine = ["sent", "suppressed", "unknown"].map(|status| totals.ended(status));
    let fine = fine.into_iter().fold(0, u64::saturating_add);
    totals.all_ended().saturating_sub(fine)
}

/// Adds up what several answers tell of several days: the words in the order of their numbers.
pub fn add_up<'a>(counts: impl Iterator<Item = (&'a str, [u64; 2])>) -> Vec<(String, [u64; 2])> {
    let mut sums: Vec<(String, [u64; 2])> = Vec::new();
    for (word, [first, second]) in counts {
        let at = match sums.iter().position(|(known, _)| known == word) {
            Some(at) => at,
            None => {
                sums.push((word.to_owned(), [0, 0]));
                sums.len() - 1
            }
        };
        let sum = &mut sums[at].1;
        (sum[0], sum[1]) = (sum[0].saturating_add(first), sum[1].saturating_add(second));
    }
    sums.sort_by(|(word, a), (other, b)| b.cmp(a).then_with(|| word.cmp(other)));
    sums
}

#[cfg(test)]
mod tests {
    use tlsrptd_proto::day::Day;

    use super::*;
    use crate::store::OutcomeTotals;

    #[test]
    fn shares_of_sessions() {
        for (sessions, failed, want, why) in [
            (0, 0, None, "nothing was sent"),
            (8, 0, Some(100.0), "none failed"),
            (8, 8, Some(0.0), "all failed"),
            (8, 1, Some(87.5), "one of eight"),
            (10_000_000, 1, Some(99.999), "one of many is not none"),
            (u64::MAX, 1, Some(99.999), "without an overflow"),
            (1, 2, Some(0.0), "another program's numbers"),
        ] {
            assert_eq!(secured_percent(sessions, failed), want, "{why}");
        }
    }

    /// Of a file that somebody has changed.
    #[test]
    fn deliveries_are_added_up_without_an_overflow() {
        let mut totals = DayTotals::of(Day::parse("2026-11-20").unwrap());
        totals.deliveries = u64::MAX;
        totals.outcomes = ["sent", "refused", "sent"]
            .map(|status| OutcomeTotals {
                status: status.to_owned(),
                deliveries: u64::MAX - 1,
            })
            .into();
        assert_eq!(totals.ended("sent"), u64::MAX);
        assert_eq!((totals.waiting(), unsent(&totals)), (0, 0));
        totals.outcomes.truncate(2);
        assert_eq!(unsent(&totals), 1);
    }

    #[test]
    fn words_are_added_up() {
        let counts = [("a", [1, 0]), ("b", [3, 1]), ("a", [1, 2]), ("c", [2, 9])];
        assert_eq!(
            add_up(counts.into_iter()),
            [("b", [3, 1]), ("c", [2, 9]), ("a", [2, 2])].map(|(word, sum)| (word.to_owned(), sum))
        );
    }
}
