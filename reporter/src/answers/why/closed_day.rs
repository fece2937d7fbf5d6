//! A closed day on which the domain was counted.

use tlsrptd_config::visible;

use super::{MOST_NAMED, Why, deliveries, failed, number};
use crate::{
    answers::{pending_requests, reason, when::when},
    model::{ReportSubject, collector_of},
    store::{JobStage, JobState, ReportState, RowStage, RowState},
};

/// Collectors that are named in a sentence, each with what it lacks.
const MOST_COLLECTORS: usize = 3;

pub(super) fn tell(why: &Why, clauses: &mut Vec<String>) {
    counted(why, clauses);
    rows(why, clauses);
    jobs(&why.state.jobs, clauses);
    for subject in [ReportSubject::Domain, ReportSubject::MxHost] {
        let reports = why.state.reports.iter();
        let reports = reports.filter(|report| report.subject == subject);
        for (place, report) in reports.enumerate() {
            one_report(why, place, report, clauses);
        }
    }
    requests(why, clauses);
    if let Some(preview) = &why.preview {
        let mut reports = why.state.reports.iter();
        let is_late = reports.any(|report| report.subject == ReportSubject::Domain);
        let is_awaited = why
            .state
            .jobs
            .iter()
            .any(|job| job.stage == JobStage::Waiting);
        clauses.push(match (is_late, is_awaited) {
            (true, _) => "more sessions came after that, and are still to be decided on".to_owned(),
            (false, true) => {
                "nothing is decided before all collectors have answered or are given up".to_owned()
            }
            (false, false) => "the decision is still to be made".to_owned(),
        });
        let name = if is_late {
            "a further report"
        } else {
            "by what is known now a report"
        };
        clauses.push(why.would_be(preview, name));
    } else if why.state.undecided.iter().any(|row| row.data.is_some()) {
        // Whoever asks does not preview.
        clauses.push("nothing is decided so far on what is counted".to_owned());
    }
}

/// What is asked for once more.
fn requests(why: &Why, clauses: &mut Vec<String>) {
    let told = why.requests.rows.iter().take(MOST_NAMED);
    clauses.extend(told.map(|request| {
        let to = visible::one_line(request.destination.uri());
        let asked = request
            .asked
            .map_or(String::new(), |at| format!(" at {}", when(at)));
        let waits = pending_requests::why(request);
        format!(
            "a further copy to {to} was asked for{asked} (request {}): {waits}",
            request.id
        )
    }));
    let more = why.requests.rows.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        clauses.push(format!("{more} more were asked for"));
    }
}

fn counted(why: &Why, clauses: &mut Vec<String>) {
    // Those of a MX host stand in the reports on their domains.
    let reports = why.state.reports.iter();
    let told = reports
        .filter(|report| report.subject == ReportSubject::Domain)
        .map(ReportState::counts);
    let preview = why.preview.as_ref().map(|preview| {
        let rows = &preview.decided.rows;
        Some((rows.sessions, rows.failed))
    });
    let all: Option<Vec<(u64, u64)>> = told.chain(preview).collect();
    let by = match (why.state.rows.len(), why.state.jobs.len()) {
        (_, 0 | 1) => String::new(),
        (by, of) => format!(" by {by} of {of} collectors"),
    };
    let all = all.filter(|all| !all.is_empty());
    if why.state.rows.is_empty() && why.preview.is_none() && is_mx_host(why) {
        return;
    }
    clauses.push(match all {
        Some(all) => {
            let sum =
                |part: fn(&(u64, u64)) -> u64| all.iter().map(part).fold(0, u64::saturating_add);
            let sessions = sum(|counts| counts.0);
            let were = if sessions == 1 { "was" } else { "were" };
            let sessions_text = number(sessions, "session");
            format!(
                "{sessions_text} {were} counted{by}{}",
                failed(sum(|counts| counts.1))
            )
        }
        // sys4 records no number.
        None => format!("sessions were counted{by}"),
    });
}

/// What keeps a collector's counts from being used.
fn rows(why: &Why, clauses: &mut Vec<String>) {
    for row in &why.state.rows {
        let RowState {
            fetcher,
            stage,
            reason,
        } = row;
        let collector = collector_of(fetcher);
        match (stage, reason) {
            (RowStage::Listed, _) => clauses.push(format!(
                "collector {collector} has named it in its list, and is still to be asked for its counts"
            )),
            (RowStage::GivenUp, reason) => clauses.push(format!(
                "the counts of collector {collector} will not come{}",
                because(reason.as_deref())
            )),
            (RowStage::Other(word), _) => clauses.push(format!(
                "the counts of collector {collector} have the status {word}, which another program wrote"
            )),
            // Under which name it was listed is no fault.
            (_, Some(reason)) if reason.starts_with("listed as ") || reason.starts_with("reported as ") => {}
            (_, Some(reason)) => {
                clauses.push(format!("the counts of collector {collector} cannot be used ({reason})"));
            }
            (RowStage::Stored | RowStage::Late | RowStage::Decided, None) => {}
        }
    }
}

/// Collectors that have not told all.
pub(super) fn jobs(jobs: &[JobState], clauses: &mut Vec<String>) {
    let mut missing = jobs.iter().filter_map(missing);
    clauses.extend(missing.by_ref().take(MOST_COLLECTORS));
    let more = missing.count();
    if more > 0 {
        let more = number(u64::try_from(more).unwrap_or(u64::MAX), "further collector");
        clauses.push(format!("answers of {more} are missing, too"));
    }
}

fn missing(job: &JobState) -> Option<String> {
    let collector = format!("collector {}", collector_of(&job.command));
    let reason = because(job.reason.as_deref());
    let next = job.next.map_or(String::new(), |next| {
        format!(" and is asked at {}", when(next))
    });
    match &job.stage {
        JobStage::Answered => None,
        JobStage::Waiting if job.failures == 0 => {
            Some(format!("{collector} has not answered yet{reason}{next}"))
        }
        JobStage::Waiting => {
            let failures = number(job.failures, "failed attempt");
            Some(format!(
                "{collector} has not answered yet after {failures}{reason}{next}"
            ))
        }
        JobStage::GivenUp => Some(format!(
            "{collector} was given up{reason}: what it has counted is missing, and it is asked once a day for as long as the day can be reported"
        )),
        JobStage::Removed => Some(format!(
            "{collector} was taken out of fetchers before it had answered: what it has counted is missing"
        )),
        JobStage::Other(word) => Some(format!(
            "the job of {collector} has the status {word}, which another program wrote"
        )),
    }
}

fn because(reason: Option<&str>) -> String {
    match reason {
        None | Some("") => String::new(),
        Some(reason) => format!(" ({reason})"),
    }
}

/// It has reports as a MX host alone.
fn is_mx_host(why: &Why) -> bool {
    let mut reports = why.state.reports.iter();
    reports.all(|report| report.subject == ReportSubject::MxHost)
}

fn one_report(why: &Why, place: usize, report: &ReportState, clauses: &mut Vec<String>) {
    let name = match (place, report.subject) {
        (0, ReportSubject::Domain) => "the report".to_owned(),
        (_, ReportSubject::MxHost) => {
            let sessions = report.counts().map_or(0, |(sessions, _)| sessions);
            format!(
                "the report on it as a MX host ({} of whatever domains)",
                number(sessions, "session")
            )
        }
        _ => {
            let sessions = report.counts().map_or(0, |(sessions, _)| sessions);
            format!(
                "report {} ({} that came late)",
                place + 1,
                number(sessions, "session")
            )
        }
    };
    if let Some(reason) = &report.reason {
        let at = report
            .created
            .map_or(String::new(), |at| format!(" at {}", when(at)));
        let none = match (place, report.subject) {
            (0, ReportSubject::Domain) => "no report was made".to_owned(),
            (_, ReportSubject::MxHost) => "no report on it as a MX host was made".to_owned(),
            _ => format!("{name} was not made"),
        };
        let reason = reason::plain(reason, why.domain.as_str());
        clauses.push(format!("{none}{at}, because {reason}"));
        return;
    }
    deliveries::tell(&name, &report.deliveries, why, clauses);
}
