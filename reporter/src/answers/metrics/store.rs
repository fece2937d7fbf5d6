//! What waits, and what was done: on all days, and on the last closed one. Counters begin at zero, so that a monitoring sees the first step too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tlsrptd_metrics::{exposition::Exposition, family, family::Family};
use tlsrptd_proto::{failure::ResultType, policy::PolicyType};

use super::{StoredFigures, seconds};
use crate::{
    answers::{
        fleet::FleetAnswer,
        status::{LastClosedDay, Status},
    },
    model::{BounceResult, Carrier, DeliveryStatus},
    store::{Backlog, FleetDay, JobStage, PolicyTotals, ResultTotals, RunningTotals},
};

const POLICIES: [PolicyType; 3] = [PolicyType::Tlsa, PolicyType::Sts, PolicyType::NoPolicyFound];

pub(super) fn add(out: &mut Exposition, status: &Status, figures: &StoredFigures) {
    add_backlog(out, &status.backlog, status.now);
    add_deliveries(out, &figures.totals);
    add_bounces(out, &figures.totals);
    out.add(&family::REPORTD_SUPPRESSED, &[], status.suppressed);
    by_policy(out, &family::SESSIONS, &figures.totals.by_policy);
    by_result(out, &family::FAILURES, &figures.totals.by_result);
    add_last_day(out, &status.last_closed, &figures.most_failed);
    if let Some(fleet) = &status.fleet {
        add_fleet(out, fleet);
    }
}

fn add_fleet(out: &mut Exposition, fleet: &FleetAnswer) {
    let state = &fleet.state;
    out.add(&family::FLEET_MEMBERS, &[], fleet.live_members() as u64);
    let without_owner = state.shards_without_owner.len() as u64;
    out.add(&family::FLEET_SHARDS_WITHOUT_OWNER, &[], without_owner);
    let is_open = |day: &&FleetDay| day.state == "open";
    let open = state.days.iter().filter(is_open).count() as u64;
    out.add(&family::FLEET_OPEN_DAYS, &[], open);
    let overdue = fleet.overdue().count() as u64;
    out.add(&family::FLEET_OVERDUE_DAYS, &[], overdue);
    // A spool that was lost made another of the same name.
    let mut by_name: BTreeMap<&str, (Timestamp, u64)> = BTreeMap::new();
    for one in state.collectors.iter().filter(|one| one.retired.is_none()) {
        let known = by_name.entry(&one.name).or_insert((one.seen, 0));
        *known = (known.0.max(one.seen), known.1 + one.late_sessions);
    }
    for (name, (seen, late)) in by_name {
        let labels = [("collector", name)];
        if let Some(seen) = seconds(seen) {
            out.add(&family::FLEET_COLLECTOR_SEEN, &labels, seen);
        }
        out.add(&family::FLEET_LATE_SESSIONS, &labels, late);
    }
}

fn add_backlog(out: &mut Exposition, backlog: &Backlog, now: Timestamp) {
    out.add(&family::REPORTD_PENDING, &[], backlog.waiting);
    out.add(&family::REPORTD_PENDING_LATE, &[], backlog.late);
    out.add(&family::REPORTD_PENDING_FAILING, &[], backlog.tried_long);
    let since = [backlog.next_due, backlog.tried_since];
    let waits = since
        .into_iter()
        .flatten()
        .map(|since| now.duration_since(since).as_secs());
    let oldest = waits.filter_map(|waits| u64::try_from(waits).ok()).max();
    out.add(&family::REPORTD_OLDEST_PENDING, &[], oldest.unwrap_or(0));
}

fn add_deliveries(out: &mut Exposition, totals: &RunningTotals) {
    for carrier in Carrier::ALL {
        for status in DeliveryStatus::ALL {
            let (carrier, status) = (carrier.as_str(), status.as_str());
            let mut all = totals.deliveries.iter();
            let of_it = all.find(|of| of.carrier == carrier && of.status == status);
            let labels = [("carrier", carrier), ("status", status)];
            let number = of_it.map_or(0, |of| of.deliveries);
            out.add(&family::REPORTD_DELIVERIES, &labels, number);
        }
    }
}

fn add_bounces(out: &mut Exposition, totals: &RunningTotals) {
    for result in BounceResult::ALL {
        let result = result.as_str();
        let of_it = totals.bounces.iter().find(|of| of.result == result);
        let mails = of_it.map_or(0, |of| of.mails);
        out.add(&family::REPORTD_BOUNCES, &[("result", result)], mails);
    }
}

fn add_last_day(out: &mut Exposition, last: &LastClosedDay, most_failed: &[ResultTotals]) {
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
        // Zero would mean that nothing failed, each night until the day is decided.
        by_result(out, &family::LAST_DAY_MOST_FAILED, most_failed);
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
