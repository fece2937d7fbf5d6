//! For the tests of both engines: what failed, and how it is told.

use tlsrptd_proto::{day::Day, failure::ResultType, policy::PolicyType};

use crate::{
    model::{CountedFailure, DecidedDomain, Decision},
    store::{FailureQuestion, FailureRow},
};

fn day(text: &str) -> Day {
    format!("2026-11-{text}").parse().unwrap()
}

/// A domain that failed at a MX host: domain, MX, sessions.
pub(crate) fn failing((domain, mx, sessions): &(&str, &str, u64)) -> DecidedDomain {
    let mut decided = DecidedDomain {
        domain: (*domain).to_owned(),
        uniqid: 1,
        decision: Decision::NoReport("no record: x".to_owned()),
        rows: Default::default(),
        named: Vec::new(),
    };
    let result = ResultType::StarttlsNotSupported;
    decided.rows.sessions = *sessions;
    decided.rows.details.by_result.insert(result, *sessions);
    decided.rows.details.failures.push(CountedFailure {
        mx: (*mx).to_owned(),
        address: String::new(),
        policy: PolicyType::Tlsa,
        result,
        reason: "a\0b".to_owned(),
        sessions: *sessions,
    });
    decided
}

/// For ten lines of these days of November.
pub(crate) fn question(from: &str, to: &str) -> FailureQuestion {
    FailureQuestion {
        from: day(from),
        to: day(to),
        domain: None,
        new_since: None,
        limit: 10,
    }
}

/// `b.example mx 5 on 2 from 20 to 21`.
pub(crate) fn shown(rows: Vec<FailureRow>) -> Vec<String> {
    let rows = rows.into_iter();
    rows.map(|row| {
        let (first, last) = (row.first_day.to_string(), row.day.to_string());
        let (domain, mx) = (row.domain.unwrap_or_default(), row.mx.unwrap_or_default());
        let (sessions, days) = (row.sessions, row.days);
        format!(
            "{domain} {mx} {sessions} on {days} from {} to {}",
            &first[8..],
            &last[8..]
        )
    })
    .collect()
}
