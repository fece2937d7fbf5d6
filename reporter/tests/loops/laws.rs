//! What must hold after a month.

use std::collections::BTreeMap;

use tlsrptd_proto::day::Day;

use super::{
    FAILING, TOO_LONG,
    cases::Case,
    day,
    party::{Party, Sent},
};

/// On each domain: the days that were reported, and whether sessions failed in them.
fn reported(sent: &[Sent]) -> BTreeMap<&str, BTreeMap<Day, bool>> {
    let mut reported: BTreeMap<&str, BTreeMap<Day, bool>> = BTreeMap::new();
    for sent in sent {
        let days = reported.entry(&sent.domain).or_default();
        days.insert(sent.day, sent.failed > 0);
    }
    reported
}

/// Two days of a domain that are closer together were not the same news.
pub fn assert_once_a_week(case: &Case, party: &Party, sent: &[Sent]) {
    let may_carry = |domain: &str| {
        domain == "archive.example" || (case.rua)(domain).contains(&format!("@{domain}"))
    };
    for (domain, days) in reported(sent) {
        if !may_carry(domain) {
            // Real mail, all of it: reports on it go elsewhere.
            continue;
        }
        for ((before, failed_before), (day, failed)) in days.iter().zip(days.iter().skip(1)) {
            // Of a failure that is not a report mail's it is told at once.
            let is_news = *failed && (!failed_before || !case.reports_fail);
            assert!(
                is_news || *day >= before.ahead(TOO_LONG),
                "{}: {} reported on {domain} for {before} and {day}: {sent:?}",
                case.why,
                party.setup.domain
            );
        }
    }
}

pub fn assert_failures_are_told(case: &Case, party: &Party, sent: &[Sent]) {
    if case.reports_fail {
        return;
    }
    for number in FAILING {
        let told = sent
            .iter()
            .find(|sent| sent.day == day(number) && sent.failed > 0);
        assert!(
            told.is_some(),
            "{}: {}: day {number}",
            case.why,
            party.setup.domain
        );
    }
    assert_counted(case, party, sent);
}

/// Each report has every session that was counted.
pub fn assert_counted(case: &Case, party: &Party, sent: &[Sent]) {
    for report in sent {
        assert_eq!(
            (report.sessions, report.failed),
            party.counted(report.day, &report.domain),
            "{}: {report:?}",
            case.why
        );
    }
}
