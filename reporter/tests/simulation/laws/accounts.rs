//! Every session of every closed day is in exactly one report of its day, or a reason is recorded why not.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tlsrptd_config::ReportDays;
use tlsrptd_proto::{day::Day, domain::Domain};
use tlsrptd_reporter::deliver::Outcome;

use super::Court;
use crate::{
    domains::Fate,
    ledger::{Data, Report},
    plan::HOUR,
};

/// Sessions that a mail may take, for the loop guard, and days of silence that follow from it at most.
const HANDSHAKES: i64 = 12;
const SILENCE: u32 = 6;

/// Mails on a domain to itself.
#[derive(Debug, Default)]
struct Mails {
    most_a_day: u64,
    /// One of them told of a day not long before.
    is_reported: bool,
    told_of_failures: bool,
    just_sent: bool,
}

impl Court<'_> {
    pub(super) fn every_session_is_accounted_for(&mut self) {
        let domains = &self.played.sim.plan.domains;
        for ((day, collector), status) in &self.ledger.jobs {
            if !self.played.sim.is_busy_day(*day) {
                continue;
            }
            match status.as_deref() {
                Some("ok") => {}
                // Given up: what it did not say is not known. That is the reason recorded.
                Some("timedout" | "removed") => continue,
                other => {
                    self.broken(format!(
                        "{day}: the job of collector {collector} ended as {other:?}"
                    ));
                    continue;
                }
            }
            for name in &domains.names {
                let data = self.ledger.data.get(&(*day, name.clone(), *collector));
                let is_there = data.is_some_and(|data| is_used(data) || is_late(data));
                if domains.truth(*collector, *day, name).is_some() && !is_there {
                    self.broken(format!(
                        "{day}: what collector {collector} said of {name} is {data:?}"
                    ));
                }
            }
        }
        let known: BTreeSet<(Day, &String)> = self
            .ledger
            .data
            .iter()
            .filter(|(_, data)| is_used(data) || is_late(data))
            .map(|((day, domain, _), _)| (*day, domain))
            .collect();
        for (day, domain) in known {
            let Some(report) = self.ledger.reports.get(&(day, domain.clone())) else {
                if self.played.sim.is_busy_day(day) {
                    self.broken(format!(
                        "{day}: {domain} was counted, and has neither report nor reason"
                    ));
                }
                continue;
            };
            let (late, sessions) = (
                self.counted_late(day, domain).total,
                self.reported_late(day, domain),
            );
            if late != sessions {
                self.broken(format!(
                    "{day}: {domain} had {late} sessions that came late, and {sessions} were reported so"
                ));
            }
            let (total, _) = self.counted(day, domain);
            if report.sessions != total as i64 {
                self.broken(format!("{day}: {domain} had {total} sessions: {report:?}"));
            }
        }
    }

    pub(super) fn every_reason_is_true(&mut self) {
        for ((day, domain), report) in &self.ledger.reports {
            let places: BTreeSet<String> = self
                .ledger
                .destinations
                .keys()
                .filter(|key| key.day == *day && key.domain == *domain && key.uniqid == 1)
                .map(|key| key.uri.clone())
                .collect();
            let fault = match &report.reason {
                None => self.is_sent_where_it_should(*day, domain, report, &places),
                Some(_) if !places.is_empty() => Some(format!("goes to {places:?} all the same")),
                Some(reason) => self.is_true(reason, *day, domain, report),
            };
            if let Some(fault) = fault {
                self.broken(format!("{day}: {domain}, {report:?}: {fault}"));
            }
        }
    }

    fn is_sent_where_it_should(
        &self,
        day: Day,
        domain: &str,
        report: &Report,
        places: &BTreeSet<String>,
    ) -> Option<String> {
        let fates = self.fates(domain, report);
        if !fates.iter().any(|fate| fate.as_ref() == Ok(places)) {
            return Some(format!("it goes to {places:?}, and by DNS it is {fates:?}"));
        }
        let (_, failed) = self.counted(day, domain);
        let mails = self.mails_to(domain, day, false);
        let guards = self.played.settings.loop_guard
            && failed == 0
            && report.sessions <= mails.most_a_day as i64 * HANDSHAKES
            && mails.is_reported;
        if self.is_unwanted(report.sessions as u64, failed) {
            return Some("the operator does not want it".to_owned());
        }
        guards.then(|| {
            format!(
                "its {} sessions may be our mails: {mails:?}",
                report.sessions
            )
        })
    }

    /// By the operator's options.
    fn is_unwanted(&self, sessions: u64, failed: u64) -> bool {
        let settings = &self.played.settings;
        let only_failures = settings.report_days == ReportDays::Failures;
        only_failures && failed == 0 || sessions < settings.min_sessions
    }

    /// What is wrong with a reason, if anything is.
    fn is_true(&self, reason: &str, day: Day, domain: &str, report: &Report) -> Option<String> {
        let settings = &self.played.settings;
        let (total, failed) = self.counted(day, domain);
        let word = reason.split(':').next().unwrap_or_default();
        let by_dns = || self.fates(domain, report).contains(&Err(word_of(word)));
        let holds = match word {
            "no sessions" => total == 0,
            "not a domain" => Domain::parse(domain).is_err(),
            "expired" => {
                let end = day.next().start() + settings.max_report_age;
                // The clock may have been set back since.
                !self.clock_is_true() || report.made >= end
            }
            "loop guard" => {
                let mails = self.mails_to(domain, day, true);
                let is_news = failed > 0 && !(mails.told_of_failures && mails.just_sent);
                settings.loop_guard
                    && !is_news
                    && total <= mails.most_a_day * HANDSHAKES as u64
                    && mails.is_reported
            }
            "opted out" | "no usable URI" | "discarded by a map" | "no record" => by_dns(),
            "suppressed" => by_dns() || self.all_have_refused(domain, report),
            "report_days" => settings.report_days == ReportDays::Failures && failed == 0,
            "min_sessions" => total < settings.min_sessions,
            _ => false,
        };
        (!holds).then(|| "that is not so".to_owned())
    }

    /// What becomes of a domain by what DNS said about then.
    fn fates(&self, domain: &str, report: &Report) -> Vec<Fate> {
        let domains = &self.played.sim.plan.domains;
        let made = self.since_begin(report.made);
        let mut fates = Vec::new();
        for lookup in self.log.lookups.get(domain).into_iter().flatten() {
            let ago = report.made.duration_since(lookup.wall);
            if self.clock_is_true() && (ago.as_secs() > 1800 || ago.as_secs() < -1) {
                continue;
            }
            fates.push(match lookup.failed {
                true => domains.fate_by_mta(domain),
                false => domains.fate_by_dns(domain, Day::of(lookup.wall)),
            });
        }
        // When DNS is known to be out it is not asked for each domain.
        if self.dns_was_gone(made.saturating_sub(HOUR), made) || !self.clock_is_true() {
            fates.push(domains.fate_by_mta(domain));
        }
        fates
    }

    /// Report mails on that domain to itself, on that day and the six before: those that may have been counted, or those
    /// that surely were.
    fn mails_to(&self, domain: &str, day: Day, maybe: bool) -> Mails {
        let near_midnight = Duration::from_secs(1200);
        let mut mails = Mails::default();
        let mut by_day: BTreeMap<Day, u64> = BTreeMap::new();
        for attempt in &self.log.attempts {
            let Some((ended, Outcome::Sent { .. })) = &attempt.ended else {
                continue;
            };
            let to = attempt.key.uri.to_ascii_lowercase();
            if attempt.key.domain != domain || !to.ends_with(&format!("@{domain}")) {
                continue;
            }
            let wall = attempt.wall + (*ended - attempt.from);
            let sent = Day::of(wall);
            let surely = sent == Day::of(wall + near_midnight)
                && sent == Day::of(attempt.wall - near_midnight)
                && self.clock_is_true()
                && self.away(*ended, *ended + near_midnight).is_zero()
                && !self.is_unknown(attempt);
            let slack = near_midnight * 20;
            let is_near =
                Day::of(wall - slack) <= day && day.back(SILENCE) <= Day::of(wall + slack);
            let is_in_time = sent <= day && day.back(SILENCE) <= sent;
            if !(surely && is_in_time || maybe && is_near) {
                continue;
            }
            let number = by_day.entry(if maybe { day } else { sent }).or_default();
            *number += 1;
            mails.most_a_day = mails.most_a_day.max(*number);
            let told = attempt.key.day;
            mails.is_reported |= told < day && day <= told.ahead(SILENCE);
            let failed = match attempt.key.uniqid {
                1 => self.counted(told, domain).1,
                _ => self.counted_late(told, domain).failed,
            };
            let just_sent = day <= Day::of(wall + slack).next();
            mails.told_of_failures |= failed > 0;
            mails.just_sent |= just_sent;
        }
        mails
    }

    /// Whether all that a domain names has refused often enough to be left alone.
    fn all_have_refused(&self, domain: &str, report: &Report) -> bool {
        let places = self.fates(domain, report).into_iter().flatten();
        let mut places = places.filter(|places| !places.is_empty());
        places.any(|places| places.iter().all(|uri| self.days_of_refusals(uri) >= 3))
    }
}

fn is_used(data: &Data) -> bool {
    data.status.as_deref() == Some("fetched")
}

fn is_late(data: &Data) -> bool {
    data.status.as_deref() == Some("late")
}

/// The reason's word as a fate has it.
fn word_of(word: &str) -> &'static str {
    [
        "opted out",
        "no usable URI",
        "discarded by a map",
        "no record",
        "suppressed",
    ]
    .into_iter()
    .find(|known| *known == word)
    .unwrap_or("")
}
