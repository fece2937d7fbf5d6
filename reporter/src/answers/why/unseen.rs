//! A domain that nobody has counted: why that may be, and what has to be true for it to be counted.

use tlsrptd_proto::day::Day;

use super::{Why, closed_day, list, number};
use crate::{answers::reason, lookup::LookupResult, store::JobStage};

/// What makes Postfix count a session.
pub(super) const WHAT_IS_COUNTED: &str = "a session is counted when Postfix (3.10 or later, smtp_tlsrpt_enable = yes) sends a mail \
    to an address of the domain by SMTP, while DNS has its TLSRPT record, and the datagram reaches the collector's socket";

/// On a day that has ended.
pub(super) fn on_closed_day(why: &Why, clauses: &mut Vec<String>) {
    let (jobs, day) = (&why.state.jobs, why.day);
    let has_waiting = jobs.iter().any(|job| job.stage == JobStage::Waiting);
    clauses.push(match (jobs.is_empty(), why.state.is_decided) {
        (true, true) => {
            "that day was decided on, and its rows have been removed since (keep_days)".to_owned()
        }
        (true, false) => {
            "collectors were never asked for that day: tlsrpt-reportd has not run since, or the day is older than keep_days".to_owned()
        }
        (false, _) if has_waiting => {
            "no collector that has answered so far has counted a session with it".to_owned()
        }
        (false, _) => "no collector has counted a session with it".to_owned(),
    });
    closed_day::jobs(jobs, clauses);
    let today = why.counted_today.as_ref().map_or(0, |counted| {
        let told = counted
            .collectors
            .iter()
            .filter_map(|collector| collector.told.as_ref().ok());
        told.map(|(sessions, _)| *sessions)
            .fold(0, u64::saturating_add)
    });
    if today > 0 {
        clauses.push(format!("{} today", has_been(today)));
    }
    if let Some(last) = why.last_counted.filter(|last| *last != day) {
        clauses.push(format!("it was last counted on {last}"));
    }
    hints(why, clauses);
}

fn has_been(sessions: u64) -> String {
    let have = if sessions == 1 { "has" } else { "have" };
    format!("{} {have} been counted", number(sessions, "session"))
}

/// Collectors that did not tell what they have counted today.
pub(super) fn silent_collectors(why: &Why, clauses: &mut Vec<String>) {
    let silent = why
        .counted_today
        .iter()
        .flat_map(|counted| counted.silent());
    for collector in silent {
        let reason = collector.told.as_ref().err().map_or("", String::as_str);
        clauses.push(format!(
            "collector {} did not tell ({reason})",
            collector.command
        ));
    }
}

/// What may be behind it.
pub(super) fn hints(why: &Why, clauses: &mut Vec<String>) {
    if !why.relatives.is_empty() {
        clauses.push(format!(
            "sessions were counted with {}: every mail domain has reports of its own",
            list(why.relatives.clone())
        ));
    }
    match &why.record {
        Some(LookupResult::OptedOut(detail)) => {
            let said = reason::opted_out(detail, why.domain.as_str());
            clauses.push(format!(
                "{said}, and Postfix counts sessions with domains that have a record"
            ));
            return;
        }
        Some(LookupResult::Unknown(reason)) => {
            clauses.push(format!(
                "DNS did not answer whether it wants reports ({reason})"
            ));
        }
        Some(LookupResult::Record(_)) => clauses.push("DNS has a TLSRPT record of it".to_owned()),
        None => {}
    }
    let is_known = why
        .last_counted
        .is_some_and(|last| last <= Day::of(why.now));
    if !is_known {
        clauses.push(WHAT_IS_COUNTED.to_owned());
    }
}
