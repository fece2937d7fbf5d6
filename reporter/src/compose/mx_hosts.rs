//! MX hosts of a day: whose sessions are added up, and where the reports on them go.
//!
//! Whoever runs a MX host asks for reports as a domain does, at the host's own `_smtp._tls` name. It is looked up when the
//! first domain with sessions there is decided on, so that it is known whether a destination of the host gets the domain's
//! own report: then these sessions are not told it once more.
//!
//! Strangers choose MX hosts, so the look-ups of a day, and what is remembered of them, are bounded: as a whole, and for the
//! owner of the names.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use jiff::Timestamp;
use rand::rngs::StdRng;
use tlsrptd_proto::{
    counts::ReportCounts,
    day::Day,
    domain::{Domain, owner},
    policy::{Policy, PolicyType},
};
use tokio::sync::OnceCell;

use super::{Composer, DestinationLimit, ReportText, guard};
use crate::{
    environment::Records,
    lookup::LookupResult,
    model::{
        CountedRows, DecidedDomain, Decision, MxHost, MxHostDay, MxShare, NewReport, OurMails,
    },
    route::Routes,
};

/// MX hosts that are looked up for one domain: those of the most sessions.
const OF_ONE_DOMAIN: usize = 32;
/// MX hosts of one owner that are looked up for a day.
const OF_ONE_OWNER: usize = 200;
/// MX hosts of all owners that are looked up for a day.
pub const MX_HOSTS_A_DAY: usize = 20_000;
/// Octets of all their destinations.
const DESTINATIONS: usize = 16 << 20;
/// A name server that did not answer is asked again for the next domains, so often.
const FAILURES: u32 = 3;

/// What is known of the MX hosts of a day.
#[derive(Debug, Default)]
pub struct MxHosts {
    known: Mutex<KnownHosts>,
    /// Sessions at hosts that were not looked up.
    beyond: AtomicU64,
    /// Sessions at hosts of which DNS did not say whether they ask for reports.
    unanswered: AtomicU64,
}

#[derive(Debug, Default)]
struct KnownHosts {
    hosts: HashMap<Domain, Arc<KnownHost>>,
    by_owner: HashMap<String, usize>,
    destinations: usize,
}

#[derive(Debug, Default)]
struct KnownHost {
    /// `None`: it asks for no reports.
    asks: OnceCell<Option<Arc<MxHost>>>,
    failures: AtomicU32,
}

/// DNS has not answered, and may for the next domain.
struct NotKnownYet;

impl KnownHost {
    /// DNS has not answered, and is not asked again.
    fn is_given_up(&self) -> bool {
        self.failures.load(Relaxed) >= FAILURES
    }
}

impl MxHosts {
    /// Finds out which of the decided domain's MX hosts ask for reports.
    pub async fn find<R: Records>(
        &self,
        records: &R,
        routes: &Routes,
        limit: &DestinationLimit,
        decided: &mut DecidedDomain,
    ) {
        let by_mx_host = std::mem::take(&mut decided.rows.by_mx_host);
        let mut hosts: Vec<(Domain, ReportCounts)> = by_mx_host.into_iter().collect();
        // Of equals the first by name: the same counts give the same hosts.
        hosts.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.sessions()));
        for (place, (name, counts)) in hosts.into_iter().enumerate() {
            let known = match place < OF_ONE_DOMAIN {
                true => self.known(&name),
                false => None,
            };
            let Some(known) = known else {
                self.beyond.fetch_add(counts.sessions(), Relaxed);
                continue;
            };
            let look = || self.look_up(&known, &name, records, routes, limit);
            match known.asks.get_or_try_init(look).await {
                Ok(Some(host)) => {
                    let host = Arc::clone(host);
                    decided.rows.mx_shares.push(MxShare { host, counts });
                }
                Ok(None) if !known.is_given_up() => {}
                Ok(None) | Err(NotKnownYet) => {
                    self.unanswered.fetch_add(counts.sessions(), Relaxed);
                }
            }
        }
    }

    /// Sessions at hosts that were too many to be looked up.
    pub fn beyond(&self) -> u64 {
        self.beyond.load(Relaxed)
    }

    /// Sessions at hosts of which DNS did not say whether they ask for reports.
    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Relaxed)
    }

    /// `None`: one too many.
    fn known(&self, name: &Domain) -> Option<Arc<KnownHost>> {
        let mut known = self.lock();
        if let Some(host) = known.hosts.get(name) {
            return Some(Arc::clone(host));
        }
        let own = known.by_owner.get(owner(name.as_str())).copied();
        let own = own.unwrap_or_default();
        if known.hosts.len() >= MX_HOSTS_A_DAY || own >= OF_ONE_OWNER {
            return None;
        }
        let its_owner = owner(name.as_str()).to_owned();
        known.by_owner.insert(its_owner, own + 1);
        let host = Arc::<KnownHost>::default();
        known.hosts.insert(name.clone(), Arc::clone(&host));
        Some(host)
    }

    async fn look_up<R: Records>(
        &self,
        known: &KnownHost,
        name: &Domain,
        records: &R,
        routes: &Routes,
        limit: &DestinationLimit,
    ) -> Result<Option<Arc<MxHost>>, NotKnownYet> {
        let record = match records.record(name).await {
            Some(LookupResult::Record(record)) => record,
            None | Some(LookupResult::OptedOut(_)) => return Ok(None),
            Some(LookupResult::Unknown(_)) => {
                let failures = known.failures.fetch_add(1, Relaxed) + 1;
                return match failures < FAILURES {
                    true => Err(NotKnownYet),
                    false => Ok(None),
                };
            }
        };
        let routed = routes.route(name, &record).destinations;
        let screened = limit.screen(records, name, routed).await;
        if let Some((_, reason)) = screened.listed.first() {
            let number = screened.listed.len();
            tracing::info!(host = %name, number, "destinations of a MX host are left out: {reason}");
        }
        let destinations = screened.wanted;
        let size: usize = destinations.iter().map(|to| to.uri().len()).sum();
        let mut all = self.lock();
        if destinations.is_empty() || all.destinations + size > DESTINATIONS {
            return Ok(None);
        }
        all.destinations += size;
        let name = name.clone();
        Ok(Some(Arc::new(MxHost { name, destinations })))
    }

    fn lock(&self) -> MutexGuard<'_, KnownHosts> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A domain's sessions with a TLSA policy, by the host that the policy is of. Policies that were folded do not say it.
pub(super) fn by_mx_host(domain: &Domain, counts: &ReportCounts) -> BTreeMap<Domain, ReportCounts> {
    let mut hosts: BTreeMap<Domain, ReportCounts> = BTreeMap::new();
    for (policy, counted) in counts.records.values().flatten() {
        let is_folded = *policy == Policy::folded(PolicyType::Tlsa, domain);
        if policy.kind != PolicyType::Tlsa || is_folded {
            continue;
        }
        let Ok(host) = Domain::parse(&policy.domain) else {
            continue;
        };
        // Under no record: they are added up whatever record the MTA saw.
        let of_host = hosts.entry(host).or_default().records.entry(String::new());
        let alike = of_host.or_default().entry(policy.clone()).or_default();
        alike.merge(counted.clone());
    }
    hosts
}

/// Leaves out hosts whose sessions with the domain may all have carried our reports on the host, as `loop_guard` does it
/// with a domain: the reports on a host may be what there is to report of it.
pub(super) fn leave_out_ours(
    hosts: &mut BTreeMap<Domain, ReportCounts>,
    mails: &[(String, OurMails)],
    day: Day,
) {
    for (host, mails) in mails {
        let Ok(host) = Domain::parse(host) else {
            continue;
        };
        let counts = hosts.get(&host);
        if counts.is_some_and(|counts| guard::explained(mails, day, counts).is_some()) {
            hosts.remove(&host);
        }
    }
}

impl Composer {
    /// Decides on a MX host's day, when all domains of the day are decided on.
    pub fn decide_mx_host(
        &self,
        day: Day,
        found: MxHostDay,
        now: Timestamp,
        rng: &mut StdRng,
    ) -> DecidedDomain {
        let uniqid = found.reports + 1;
        let rows = CountedRows {
            sessions: found.counts.sessions(),
            failed: found.counts.failed(),
            ..CountedRows::default()
        };
        let decision = match self.why_no_mx_report(day, &found, now) {
            Ok(host) => Decision::Report(NewReport {
                json: self.write(day, &host, found.counts, uniqid, ReportText::Written),
                destinations: found
                    .destinations
                    .into_iter()
                    .map(|to| (to, self.schedule.first_delivery(now, rng)))
                    .collect(),
                suppressed: Vec::new(),
            }),
            Err(reason) => Decision::NoReport(reason),
        };
        DecidedDomain {
            domain: found.host,
            uniqid,
            rows,
            decision,
            named: Vec::new(),
        }
    }

    fn why_no_mx_report(
        &self,
        day: Day,
        found: &MxHostDay,
        now: Timestamp,
    ) -> Result<Domain, String> {
        let host = Domain::parse(&found.host).map_err(|error| format!("not a domain: {error}"))?;
        if self.schedule.is_too_old(day, now) {
            return Err("expired: the day is older than max_report_age or keep_days".to_owned());
        }
        if found.counts.sessions() == 0 {
            let told = found.told;
            return Err(format!(
                "told already: a destination of its gets all {told} sessions in the reports on their domains"
            ));
        }
        self.unwanted(&found.counts)?;
        Ok(host)
    }
}

/// A reason against a report on a MX host is told from one against a domain's.
pub fn name_mx_host(decided: &mut DecidedDomain) {
    if let Decision::NoReport(reason) = &mut decided.decision {
        *reason = format!("MX host: {reason}");
    }
}

#[cfg(test)]
mod tests;
