//! `tlsrptctl resend DOMAIN DAY [--to URI]`: a report once more.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_config::{ctl::Resend, reportd::Reportd, visible};
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{
    CommandAnswer, LeftOut, Requested, RequestsAnswer, WaitEnd, Wish, ask, fault, named, show, who,
};
use crate::{
    answers::day,
    error::Error,
    model::{Destination, RequestKind},
    store::{
        self, DeliveryState, DomainDayState, NewRequest, OperatorAccess, OperatorStore,
        ReportState, RequestRow, RequestedReport,
    },
    suppress::Suppressions,
};

/// A report once more.
pub(in crate::ctl) fn resend(
    settings: &Reportd,
    question: &Resend,
) -> Result<CommandAnswer, Error> {
    let now = Timestamp::now();
    let domain =
        Domain::parse(&question.domain).map_err(|error| fault("DOMAIN", &error.to_string()))?;
    let day = day::of(&question.day, now)?;
    let to = question.to.as_deref().map(|to| named("--to", to));
    let to = to.transpose()?;
    let store = store::open_for_operator(settings, OperatorAccess::Write)?;
    let state = store.domain_day(day, &domain, &question.domain)?;
    let made: Vec<&ReportState> = state
        .reports
        .iter()
        .filter(|report| report.reason.is_none())
        .collect();
    if made.is_empty() {
        return Ok(none(day, &domain, why_none(day, &domain, &state)));
    }
    let choice = Choice {
        day,
        domain: &domain,
        present: present(&*store, day, &domain, &made)?,
        pending: store.pending_requests()?,
        list: store.suppression_list()?,
        installation: store.installation()?,
        to,
        today: Day::of(now),
        by: who(),
    };
    let wish = choice.of(&made);
    if wish.requests.is_empty() {
        let answer = RequestsAnswer {
            kind: RequestKind::Resend,
            report: Some((day, domain.to_string())),
            requests: Vec::<Requested>::new(),
            left_out: wish.left_out,
            wait: WaitEnd::NotWaited,
        };
        return Ok(CommandAnswer::none(show::text(&answer), answer.json()));
    }
    ask(settings, store, wish, question.wait)
}

/// The rows of the reports that can be sent.
fn present(
    store: &dyn OperatorStore,
    day: Day,
    domain: &Domain,
    made: &[&ReportState],
) -> Result<BTreeSet<i64>, Error> {
    let unsent = made.iter().filter(|report| report.json.is_some());
    let mut present: BTreeSet<i64> = unsent.map(|report| report.r_id).collect();
    if present.len() < made.len() {
        let kept = store.kept_reports(day, domain.as_str())?;
        present.extend(kept.into_iter().map(|report| report.r_id));
    }
    Ok(present)
}

fn why_none(day: Day, domain: &Domain, state: &DomainDayState) -> String {
    match state
        .reports
        .first()
        .and_then(|report| report.reason.as_deref())
    {
        Some(reason) => format!(
            "there was no report on {domain} and {day}: {}",
            visible::one_line(reason)
        ),
        None if !state.undecided.is_empty() => {
            format!("there is no report on {domain} and {day} yet: it is not composed")
        }
        None => format!(
            "there is no report on {domain} and {day} (tlsrptctl why {domain} {day} says more)"
        ),
    }
}

fn none(day: Day, domain: &Domain, text: String) -> CommandAnswer {
    let answer = RequestsAnswer {
        kind: RequestKind::Resend,
        report: Some((day, domain.to_string())),
        requests: Vec::new(),
        left_out: Vec::new(),
        wait: WaitEnd::NotWaited,
    };
    CommandAnswer::none(text + "\n", answer.json())
}

/// Which destinations get it.
struct Choice<'a> {
    day: Day,
    domain: &'a Domain,
    present: BTreeSet<i64>,
    /// Asked for already.
    pending: Vec<RequestRow>,
    list: Suppressions,
    installation: Option<InstallationId>,
    to: Option<Destination>,
    today: Day,
    by: String,
}

impl Choice<'_> {
    fn of(&self, made: &[&ReportState]) -> Wish {
        let mut wish = Wish {
            kind: RequestKind::Resend,
            requests: Vec::new(),
            about: Vec::new(),
            left_out: Vec::new(),
        };
        for report in made {
            let deliveries: Vec<&DeliveryState> = match &self.to {
                Some(to) => same(&report.deliveries, to).collect(),
                None => report.deliveries.iter().collect(),
            };
            for delivery in &deliveries {
                self.add(&mut wish, report, &delivery.destination, Some(delivery));
            }
            if let Some(to) = self.to.as_ref().filter(|_| deliveries.is_empty()) {
                self.add(&mut wish, report, to, None);
            }
        }
        wish
    }

    fn add(
        &self,
        wish: &mut Wish,
        report: &ReportState,
        to: &Destination,
        delivery: Option<&DeliveryState>,
    ) {
        let mut note = None;
        let pending = self.pending(report, to);
        let reason = match self.suppressed(to) {
            _ if !self.present.contains(&report.r_id) => Some(
                "the text of the report is not kept any longer (keep_days and max_kept_reports_size say how long)"
                    .to_owned(),
            ),
            _ if delivery.is_some_and(|delivery| delivery.status.is_none()) => {
                delivery.map(still_waits)
            }
            _ if pending.is_some() => pending.map(|request| {
                let id = request.id;
                format!("it is asked for already, and waits: this would send it twice (tlsrptctl requests withdraw {id} takes that back)")
            }),
            Some(reason) if self.to.is_some() => {
                note = Some(format!("it is suppressed ({reason}); --to names it, so it is sent"));
                None
            }
            Some(reason) => Some(format!("it is suppressed ({reason}); --to sends it all the same")),
            None => None,
        };
        if let Some(reason) = reason {
            let destination = to.uri().to_owned();
            return wish.left_out.push(LeftOut {
                destination,
                reason,
            });
        }
        let id = self.installation.as_ref();
        let id = id.map(|id| id.report_id(self.day, report.uniqid, self.domain));
        wish.requests.push(NewRequest {
            kind: RequestKind::Resend,
            report: Some(self.requested(report)),
            destination: to.clone(),
            by: self.by.clone(),
        });
        wish.about.push((id, note));
    }

    fn requested(&self, report: &ReportState) -> RequestedReport {
        RequestedReport {
            r_id: report.r_id,
            day: self.day,
            domain: self.domain.to_string(),
        }
    }

    fn pending(&self, report: &ReportState, to: &Destination) -> Option<&RequestRow> {
        let (place, wanted) = (to.canonical(), self.requested(report));
        self.pending.iter().find(|request| {
            let known = &request.destination;
            request.report.as_ref() == Some(&wanted)
                && (known.uri() == to.uri() || place.is_some() && known.canonical() == place)
        })
    }

    fn suppressed(&self, to: &Destination) -> Option<String> {
        self.list.reason(self.domain.as_str(), to, self.today)
    }
}

/// Those to the same place, however it is written.
fn same<'a>(
    deliveries: &'a [DeliveryState],
    to: &Destination,
) -> impl Iterator<Item = &'a DeliveryState> {
    let (uri, place) = (to.uri().to_owned(), to.canonical());
    deliveries.iter().filter(move |delivery| {
        let known = &delivery.destination;
        known.uri() == uri || place.is_some() && known.canonical() == place
    })
}

fn still_waits(delivery: &DeliveryState) -> String {
    let next = match (delivery.started, delivery.next) {
        (Some(_), _) => "an attempt is under way".to_owned(),
        (None, Some(next)) => format!("its next attempt is due at {next}"),
        (None, None) => "it is due".to_owned(),
    };
    match &delivery.reason {
        Some(reason) => {
            format!("it still waits for the first copy: {next}; the last one: {reason}")
        }
        None => format!("it still waits for the first copy: {next}"),
    }
}
