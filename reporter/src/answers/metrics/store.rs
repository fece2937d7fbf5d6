//! What was done: on all days, and on the last closed one. Counters begin at zero, so that a monitoring sees the first step too.

use tlsrptd_metrics::{exposition::Exposition, family, family::Family};
use tlsrptd_proto::{failure::ResultType, policy::PolicyType};

use super::{Metrics, seconds};
use crate::{
    answers::status::LastClosedDay,
    model::{Carrier, DeliveryStatus},
    store::{JobStage, PolicyTotals, ResultTotals},
};

const POLICIES: [PolicyType; 3] = [PolicyType::Tlsa, PolicyType::Sts, PolicyType::NoPolicyFound];

pub(super) fn add(out: &mut Exposition, metrics: &Metrics) {
    add_deliveries(out, metrics);
    by_policy(out, &family::SESSIONS, &metrics.totals.by_policy);
    by_result(out, &family::FAILURES, &metrics.totals.by_result);
    add_last_day(out, &metrics.status.last_closed);
    by_result(out, &family::LAST_DAY_MOST_FAILED, &metrics.most_failed);
}

fn add_deliveries(out: &mut Exposition, metrics: &Metrics) {
    for carrier in Carrier::ALL {
        for status in DeliveryStatus::ALL {
            let (carrier, status) = (carrier.as_str(), status.as_str());
            let mut all = metrics.totals.deliveries.iter();
            let of_it = all.find(|of| of.carrier == carrier && of.status == status);
            let labels = [("carrier", carrier), ("status", status)];
            let number = of_it.map_or(0, |of| of.deliveries);
            out.add(&family::REPORTD_DELIVERIES, &labels, number);
        }
    }
}

fn add_last_day(out: &mut Exposition, last: &LastClosedDay) {
    if let Some(begin) = seconds(last.day.start()) {
        out.add(&family::LAST_DAY, &[], begin);
    }
    for (stage, word) in [
        (JobStage::Waiting, "waiting"),
        (JobStage::Answered, "answered"),
        (JobStage::GivenUp, "given_up"),
    ] {
        let number = last.jobs.iter().filter(|job| job.stage == stage).count();
        out.add(
            &family::LAST_DAY_COLLECTORS,
            &[("stage", word)],
            number as u64,
        );
    }
    if let Some(totals) = &last.totals {
        out.add(&family::LAST_DAY_DOMAINS, &[], totals.domains);
        out.add(&family::LAST_DAY_DELIVERIES, &[], totals.deliveries);
        by_policy(out, &family::LAST_DAY_SESSIONS, &totals.by_policy);
    }
}

fn by_policy(out: &mut Exposition, family: &'static Family, totals: &[PolicyTotals]) {
    for policy in POLICIES {
        let policy = policy.as_str();
        let of_it = totals.iter().find(|of| of.policy_type == policy);
        let (sessions, failed) = of_it.map_or((0, 0), |of| (of.sessions, of.failed));
        for (result, number) in [
            ("successful", sessions.saturating_sub(failed)),
            ("failed", failed),
        ] {
            out.add(family, &[("policy", policy), ("result", result)], number);
        }
    }
}

fn by_result(out: &mut Exposition, family: &'static Family, totals: &[ResultTotals]) {
    for result in ResultType::ALL {
        let result = result.as_str();
        let of_it = totals.iter().find(|of| of.result_type == result);
        let number = of_it.map_or(0, |of| of.sessions);
        out.add(family, &[("result_type", result)], number);
    }
}
