//! What becomes of one domain's day: the collectors' counts merged, the record looked up, the report made.
//!
//! Every domain gets a decision, and every decision against a report its reason. Nothing here touches the database; the
//! same rows and the same answers give the same decision.

mod block_list;
mod guard;
mod limit;
mod mx_hosts;
mod test_report;

use std::sync::Arc;

use jiff::Timestamp;
use rand::{SeedableRng as _, rngs::StdRng};
use tlsrptd_config::{ReportDays, reportd::Reportd};
use tlsrptd_proto::{
    counts::ReportCounts,
    day::Day,
    domain::Domain,
    report::{InstallationId, Report, Submitter},
    tlsrpt_record::{Mailbox, MailboxError, TlsrptRecord},
};

use crate::{
    environment::Records,
    lookup::{self, LookupResult},
    model::{CountedDetails, CountedRows, DecidedDomain, Decision, DomainDay, NewReport},
    route::{Routed, Routes},
    schedule::Schedule,
    suppress::Suppressions,
};

use block_list::Screened;
pub use limit::DestinationLimit;
pub use mx_hosts::{MX_HOSTS_A_DAY, MxHosts, name_mx_host};
pub use test_report::test_report;

/// Of one domain's day so many bytes are merged with all details, however many collectors there are: twice what one of them
/// can say.
const DETAILED: usize = 16 << 20;

/// Makes decisions.
#[derive(Debug)]
pub struct Composer {
    /// Who reports.
    pub submitter: Submitter,
    /// The operator's maps.
    pub routes: Routes,
    /// When deliveries are due.
    pub schedule: Arc<Schedule>,
    /// `max_report_size`.
    pub max_report_size: usize,
    /// `loop_guard`.
    pub loop_guard: bool,
    /// `report_days`.
    pub report_days: ReportDays,
    /// `min_sessions`.
    pub min_sessions: u64,
    /// `max_reports_per_destination` and `known_destinations`.
    pub limit: DestinationLimit,
    /// `mx_reports`.
    pub mx_reports: bool,
}

/// Whether a decision is made with the report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReportText {
    Written,
    LeftOut,
}

impl Composer {
    /// From the settings; `installation` is that of the database.
    ///
    /// # Errors
    ///
    /// When `contact_info` is no address.
    pub fn new(
        settings: &Reportd,
        routes: Routes,
        installation: InstallationId,
    ) -> Result<Composer, MailboxError> {
        Ok(Composer {
            submitter: Submitter {
                organization_name: settings.organization_name.clone(),
                contact_info: Mailbox::parse(&settings.contact_info)?,
                installation,
            },
            routes,
            schedule: Arc::new(Schedule::new(settings)),
            max_report_size: settings.max_report_size,
            loop_guard: settings.loop_guard,
            report_days: settings.report_days,
            min_sessions: settings.min_sessions,
            limit: DestinationLimit {
                most: settings.max_reports_per_destination,
                known: settings.known_destinations.clone(),
            },
            mx_reports: settings.mx_reports,
        })
    }

    /// Decides on one domain's day. `seed` is its share of chance.
    pub async fn decide<R: Records>(
        &self,
        records: &R,
        day: Day,
        found: DomainDay,
        now: Timestamp,
        seed: u64,
    ) -> DecidedDomain {
        self.decide_as(records, day, found, now, seed, ReportText::Written)
            .await
    }

    /// The same without the report's text: who would get one.
    pub async fn outlook<R: Records>(
        &self,
        records: &R,
        day: Day,
        found: DomainDay,
        now: Timestamp,
    ) -> DecidedDomain {
        self.decide_as(records, day, found, now, 0, ReportText::LeftOut)
            .await
    }

    async fn decide_as<R: Records>(
        &self,
        records: &R,
        day: Day,
        found: DomainDay,
        now: Timestamp,
        seed: u64,
        text: ReportText,
    ) -> DecidedDomain {
        let domain = found.domain.clone();
        // Another than that of the reports before, if there are any.
        let uniqid = found.reports + 1;
        let mut rows = CountedRows::default();
        let routed = self.destinations(records, day, found, now, &mut rows).await;
        let decision = match routed {
            Ok((domain, counts, screened)) => {
                let json = self.write(day, &domain, counts, uniqid, text);
                let mut rng = StdRng::seed_from_u64(seed);
                let due = |to| (to, self.schedule.first_delivery(now, &mut rng));
                Decision::Report(NewReport {
                    json,
                    destinations: screened.wanted.into_iter().map(due).collect(),
                    suppressed: screened.listed,
                })
            }
            Err(reason) => Decision::NoReport(reason),
        };
        DecidedDomain {
            domain,
            uniqid,
            rows,
            decision,
            named: Vec::new(),
        }
    }

    fn write(
        &self,
        day: Day,
        domain: &Domain,
        counts: ReportCounts,
        uniqid: u64,
        text: ReportText,
    ) -> String {
        if text == ReportText::LeftOut {
            return String::new();
        }
        let report = Report::compose(&self.submitter, day, domain, counts, uniqid);
        let document = report.to_json_within(self.max_report_size);
        if document.is_folded {
            let bytes = document.json.len();
            tracing::info!(%day, %domain, bytes, "report exceeds max_report_size: failure details were merged");
        }
        document.json
    }

    /// Everything that may be a reason against.
    async fn destinations<R: Records>(
        &self,
        records: &R,
        day: Day,
        mut found: DomainDay,
        now: Timestamp,
        rows: &mut CountedRows,
    ) -> Result<(Domain, ReportCounts, Screened), String> {
        let domain =
            Domain::parse(&found.domain).map_err(|error| format!("not a domain: {error}"))?;
        let our_mails = found.our_mails;
        let mx_mails = std::mem::take(&mut found.mx_mails);
        let counts = merge(&domain, found, rows);
        rows.sessions = counts.sessions();
        rows.failed = counts.failed();
        rows.details = CountedDetails::of(&counts);
        if rows.sessions == 0 {
            return Err("no sessions".to_owned());
        }
        if self.schedule.is_too_old(day, now) {
            return Err("expired: the day is older than max_report_age or keep_days".to_owned());
        }
        if self.loop_guard
            && let Some(last) = guard::explained(&our_mails, day, &counts)
        {
            return Err(format!(
                "loop guard: its sessions may all have carried our reports; {last} was reported"
            ));
        }
        if self.mx_reports {
            rows.by_mx_host = mx_hosts::by_mx_host(&domain, &counts);
            mx_hosts::leave_out_ours(&mut rows.by_mx_host, &mx_mails, day);
        }
        self.unwanted(&counts)?;
        let record = record(records, &domain, &counts).await?;
        let routed = self.routes.route(&domain, &record);
        let left_out = left_out(&routed);
        if routed.destinations.is_empty() {
            return Err(nowhere(routed.discarded_by_map, left_out));
        }
        // One line a domain: a record may hold thousands.
        if let Some(left_out) = left_out {
            tracing::info!(%day, %domain, "a destination is left out: {left_out}");
        }
        let screened = self
            .limit
            .screen(records, &domain, routed.destinations)
            .await;
        match screened.nothing_left() {
            Some(reason) => Err(reason),
            None => Ok((domain, counts, screened)),
        }
    }
}

impl Composer {
    /// What the operator does not want to be reported.
    fn unwanted(&self, counts: &ReportCounts) -> Result<(), String> {
        let sessions = counts.sessions();
        if self.report_days == ReportDays::Failures && counts.failed() == 0 {
            return Err("report_days: no session failed".to_owned());
        }
        match sessions < self.min_sessions {
            true => Err(format!("min_sessions: {sessions} are too few")),
            false => Ok(()),
        }
    }
}

/// Leaves out what the operator, or its refusals, have put on the list. When nothing is left there is no report.
pub fn suppress(decided: &mut DecidedDomain, list: &Suppressions, today: Day) {
    let Decision::Report(report) = &mut decided.decision else {
        return;
    };
    if list.is_empty() {
        return;
    }
    for (destination, due) in std::mem::take(&mut report.destinations) {
        match list.reason(&decided.domain, &destination, today) {
            None => report.destinations.push((destination, due)),
            Some(reason) => report.suppressed.push((destination, reason)),
        }
    }
    if report.destinations.is_empty() {
        let first = report.suppressed.first().map_or("", |(_, reason)| reason);
        let more = report.suppressed.len().saturating_sub(1);
        decided.decision = Decision::NoReport(format!("suppressed: {}", and_more(first, more)));
    }
}

/// Adds the collectors' rows up; one that cannot be read is left with its reason.
fn merge(domain: &Domain, found: DomainDay, rows: &mut CountedRows) -> ReportCounts {
    let mut counts = ReportCounts::default();
    let mut bytes = 0;
    for row in found.rows {
        bytes += row.data.as_ref().map_or(0, String::len);
        let read = match row.data {
            Some(data) => ReportCounts::from_json(&data, domain).map_err(|error| error.to_string()),
            None => Err("the data is not text".to_owned()),
        };
        match read {
            Ok(mut more) => {
                // A report could not show it; the counters stay exact.
                if bytes > DETAILED {
                    more.fold(domain);
                }
                counts.merge(more);
                rows.used.push(row.fetcher);
            }
            Err(reason) => rows.bad.push((row.fetcher, reason)),
        }
    }
    counts
}

/// The record in DNS; when DNS fails or is not to be asked, the valid one that most sessions saw.
async fn record<R: Records>(
    records: &R,
    domain: &Domain,
    counts: &ReportCounts,
) -> Result<TlsrptRecord, String> {
    let failure = match records.record(domain).await {
        Some(LookupResult::Record(record)) => return Ok(record),
        Some(LookupResult::OptedOut(reason)) => return Err(format!("opted out: {reason}")),
        Some(LookupResult::Unknown(reason)) => format!("DNS failed ({reason}), and "),
        None => String::new(),
    };
    let mut first_fault = None;
    for seen in counts.seen_records() {
        match lookup::parse_seen(seen) {
            Ok(record) => return Ok(record),
            Err(reason) => first_fault = first_fault.or(Some(reason)),
        }
    }
    Err(match first_fault {
        None => format!("no record: {failure}the MTA saw none"),
        Some(reason) => format!("no record: {failure}what the MTA saw is of no use: {reason}"),
    })
}

/// The first destination that is not used, why, and how many there are beside it.
fn left_out(routed: &Routed) -> Option<String> {
    let (uri, reason) = routed.dropped.first()?;
    let more = routed.dropped.len() - 1 + routed.more_dropped;
    Some(and_more(&format!("{uri:?}: {reason}"), more))
}

/// The first of several reasons, and how many there are beside it.
fn and_more(first: &str, more: usize) -> String {
    match more {
        0 => first.to_owned(),
        _ => format!("{first}, and {more} more"),
    }
}

fn nowhere(discarded: bool, left_out: Option<String>) -> String {
    if discarded {
        return "discarded by a map".to_owned();
    }
    let why = left_out.unwrap_or_else(|| "the record names none".to_owned());
    format!("no usable URI: {why}")
}
