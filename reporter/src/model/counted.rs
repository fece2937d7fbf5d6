//! What a domain's sessions came to, by policy type, result type and failure.

use std::{cmp::Reverse, collections::BTreeMap};

use tlsrptd_proto::{
    counts::ReportCounts,
    failure::{Failure, ResultType},
    policy::PolicyType,
};

/// Failures of a domain that are told apart: those of the most sessions. A domain may have any number of MX hosts, and a
/// stranger any number of names.
const FAILURES_A_DOMAIN: usize = 100;
/// Characters of a text: as long as a name may be, and as a reason code is useful.
const TEXT: usize = 255;

/// Sessions by policy type and result type. The sums are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedDetails {
    /// Sessions, and those of them that failed.
    pub by_policy: BTreeMap<PolicyType, (u64, u64)>,
    /// Failures.
    pub by_result: BTreeMap<ResultType, u64>,
    /// Those of the most sessions, the most first.
    pub failures: Vec<CountedFailure>,
    /// Sessions of failures that are not in the list.
    pub folded: u64,
}

/// Sessions that failed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedFailure {
    /// `receiving-mx-hostname`; empty when it is not known, as are the other texts.
    pub mx: String,
    /// `receiving-ip`.
    pub address: String,
    /// By which policy.
    pub policy: PolicyType,
    /// How.
    pub result: ResultType,
    /// `failure-reason-code`.
    pub reason: String,
    /// How many.
    pub sessions: u64,
}

/// What is told apart.
type Key<'a> = (PolicyType, ResultType, &'a str, &'a str, &'a str);

impl CountedDetails {
    /// Sums up a domain's counts.
    pub fn of(counts: &ReportCounts) -> CountedDetails {
        let mut details = CountedDetails::default();
        let mut failures: BTreeMap<Key<'_>, u64> = BTreeMap::new();
        let policies = counts.records.values().flatten();
        for (policy, counted) in policies {
            let (sessions, failed) = details.by_policy.entry(policy.kind).or_default();
            *sessions = sessions.saturating_add(counted.total);
            *failed = failed.saturating_add(counted.failed);
            for (failure, number) in &counted.failures {
                let of_type = details.by_result.entry(failure.result).or_default();
                *of_type = of_type.saturating_add(*number);
                let alike = failures.entry(key(policy.kind, failure)).or_default();
                *alike = alike.saturating_add(*number);
            }
        }
        details.select(failures);
        details
    }

    fn select(&mut self, failures: BTreeMap<Key<'_>, u64>) {
        let mut failures: Vec<(Key<'_>, u64)> = failures.into_iter().collect();
        // Of equals the first by text: the same counts give the same list.
        failures.sort_by_key(|(_, sessions)| Reverse(*sessions));
        let beyond = failures.iter().skip(FAILURES_A_DOMAIN);
        self.folded = beyond.fold(0, |sum, (_, sessions)| sum.saturating_add(*sessions));
        let listed = failures.into_iter().take(FAILURES_A_DOMAIN);
        self.failures = listed
            .map(
                |((policy, result, mx, address, reason), sessions)| CountedFailure {
                    mx: mx.to_owned(),
                    address: address.to_owned(),
                    policy,
                    result,
                    reason: reason.to_owned(),
                    sessions,
                },
            )
            .collect();
    }
}

fn key(policy: PolicyType, failure: &Failure) -> Key<'_> {
    (
        policy,
        failure.result,
        clipped(&failure.receiving_mx_hostname),
        clipped(&failure.receiving_ip),
        clipped(&failure.failure_reason_code),
    )
}

fn clipped(text: &Option<String>) -> &str {
    let text = text.as_deref().unwrap_or_default();
    let end = text
        .char_indices()
        .nth(TEXT)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use tlsrptd_proto::domain::Domain;

    use super::*;

    fn details(json: &str) -> CountedDetails {
        let domain = Domain::parse("a.example").unwrap();
        CountedDetails::of(&ReportCounts::from_json(json, &domain).unwrap())
    }

    #[test]
    fn sums_of_a_domain() {
        let counts = r#"{"seen": {
            "{\"policy-type\": 2, \"policy-domain\": \"a.example\"}": {"cntrtotal": 9, "cntrfailure": 4, "failures": {
                "{\"c\": 204, \"n\": \"MX1.a.example\", \"r\": \"192.0.2.1\", \"s\": \"192.0.2.9\", \"f\": \"expired\"}": 1,
                "{\"c\": 204, \"n\": \"mx1.a.example\", \"r\": \"192.0.2.1\", \"s\": \"192.0.2.8\", \"f\": \"expired\"}": 3,
                "{\"c\": 203}": 1}},
            "{\"policy-type\": 9}": {"cntrtotal": 2, "cntrfailure": 0, "failures": {}}},
            "": {"{\"policy-type\": 2, \"policy-domain\": \"other\"}": {"cntrtotal": 1, "cntrfailure": 1, "failures": {}}}}"#;
        let details = details(counts);
        let by_policy = [
            (PolicyType::Sts, (10, 5)),
            (PolicyType::NoPolicyFound, (2, 0)),
        ];
        assert_eq!(details.by_policy, by_policy.into(), "of whatever record");
        let by_result = [
            (ResultType::CertificateNotTrusted, 1),
            (ResultType::CertificateExpired, 4),
        ];
        assert_eq!(details.by_result, by_result.into());
        let rows: Vec<_> = details
            .failures
            .iter()
            .map(|row| (&*row.mx, &*row.address, &*row.reason, row.sessions))
            .collect();
        let want = [
            ("mx1.a.example", "192.0.2.1", "expired", 4),
            ("", "", "", 1),
        ];
        assert_eq!(rows, want, "whichever of our hosts saw it");
        assert_eq!(details.folded, 0);
    }

    #[test]
    fn many_and_long_names_are_bounded() {
        let long = "ü".repeat(2 * TEXT);
        let failure = |n: usize| format!(r#""{{\"c\": 202, \"n\": \"mx{n}\"}}": {}"#, n + 1);
        let mut failures: Vec<String> = (0..3 * FAILURES_A_DOMAIN).map(failure).collect();
        failures.push(format!(r#""{{\"c\": 202, \"n\": \"{long}\"}}": 5000"#));
        let counts = format!(
            r#"{{"": {{"{{\"policy-type\": 9}}": {{"cntrtotal": 9, "cntrfailure": 9, "failures": {{{}}}}}}}}}"#,
            failures.join(", ")
        );
        let details = details(&counts);
        assert_eq!(details.failures.len(), FAILURES_A_DOMAIN);
        assert_eq!(details.failures[0].sessions, 5000);
        assert_eq!(details.failures[0].mx, "ü".repeat(TEXT));
        assert_eq!(
            details.failures[1].mx,
            format!("mx{}", 3 * FAILURES_A_DOMAIN - 1)
        );
        let listed: u64 = details.failures.iter().map(|row| row.sessions).sum();
        let all = details.by_result[&ResultType::CertificateHostMismatch];
        assert_eq!(listed + details.folded, all, "nothing is lost");
    }
}
