//! The report of `tlsrptctl send-test`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tlsrptd_proto::{
    counts::{PolicyCounts, ReportCounts},
    day::Day,
    policy::{Policy, PolicyType},
    report::{Report, Submitter},
};

use crate::model::{Payload, ReportKind, RequestId, StoredReport};

/// A report that tells of nothing, in the form of any other, so that every receiver's reader takes it: on the submitter's own
/// domain and on yesterday, with one session that succeeded and no policy. It is marked in all that people and programs
/// show of a report: `organization-name` ends with `(TEST)`, `report-id` begins with `test-`.
pub fn test_report(submitter: &Submitter, number: RequestId, now: Timestamp) -> StoredReport {
    let (day, domain) = (Day::of(now).back(1), submitter.domain().clone());
    let marked = Submitter {
        organization_name: format!("{} (TEST)", submitter.organization_name),
        ..submitter.clone()
    };
    let policy = Policy {
        kind: PolicyType::NoPolicyFound,
        domain: domain.to_string(),
        strings: Vec::new(),
        mx_hosts: Vec::new(),
    };
    let session = PolicyCounts {
        total: 1,
        failed: 0,
        failures: BTreeMap::new(),
    };
    let counts = ReportCounts {
        records: [(String::new(), [(policy, session)].into())].into(),
    };
    // Their numbers begin with 1.
    let uniqid = u64::try_from(number.0).unwrap_or_default();
    let mut report = Report::compose(&marked, day, &domain, counts, uniqid);
    report.id = format!("test-{}", report.id);
    StoredReport {
        day,
        domain,
        uniqid,
        json: report.to_json(),
        created: now,
        installation: submitter.installation.clone(),
        kind: ReportKind::Test,
        payload: Payload::default(),
    }
}

#[cfg(test)]
mod tests {
    use tlsrptd_proto::{
        report::{InstallationId, Summary},
        tlsrpt_record::Mailbox,
    };

    use super::*;

    #[test]
    fn it_is_a_report_and_says_that_it_is_a_test() {
        let submitter = Submitter {
            organization_name: "Sender Inc.".to_owned(),
            contact_info: Mailbox::parse("tls@sender.example").unwrap(),
            installation: InstallationId::parse("0123456789abcdef").unwrap(),
        };
        let now = "2026-11-29T10:00:00Z".parse().unwrap();
        let report = test_report(&submitter, RequestId(7), now);
        assert_eq!(
            report.json,
            "{\"organization-name\": \"Sender Inc. (TEST)\", \
             \"date-range\": {\"start-datetime\": \"2026-11-28T00:00:00Z\", \"end-datetime\": \"2026-11-28T23:59:59Z\"}, \
             \"contact-info\": \"tls@sender.example\", \
             \"report-id\": \"test-2026-11-28_idx7-0123456789abcdef_sender.example\", \
             \"policies\": [{\"policy\": {\"policy-type\": \"no-policy-found\", \"policy-domain\": \"sender.example\"}, \
             \"summary\": {\"total-successful-session-count\": 1, \"total-failure-session-count\": 0}}]}"
        );
        let summary = Summary::from_json(&report.json).unwrap();
        assert_eq!((summary.sessions, summary.failures), (1, 0));
        let another = test_report(&submitter, RequestId(8), now);
        assert_ne!(report.json, another.json, "each has its own report-id");
    }
}
