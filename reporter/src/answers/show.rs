//! A report as it was sent, as it will be, or as it would be.

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{
    collectors_today::{CollectorToday, CountedToday},
    preview::{self, Preview, Previewer},
    reason,
    stored_day::{StoredDay, check_closed, read_domain},
    waiting::WaitNote,
};
use crate::{
    error::Error,
    lookup::LookupResult,
    model::{Decision, Destination, DomainDay, ReportSubject, collector_of},
    store::{
        DeliveryState, DomainDayState, JobStage, KeptReport, OperatorStore, ReportContents,
        ReportState,
    },
};

/// What there is of a domain's day.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The domain.
    pub(crate) domain: Domain,
    /// The day.
    pub(crate) day: Day,
    /// Whose database it is.
    pub(crate) installation: InstallationId,
    /// In the order in which they were made; a preview comes last.
    pub(crate) reports: Vec<ShownReport>,
    /// What the collectors have counted, when that is today's.
    pub(crate) collectors: Vec<CollectorToday>,
    /// Collectors whose answer on a closed day is waited for.
    pub(crate) awaited: Vec<String>,
    /// Why there is nothing at all.
    pub(crate) nothing: Option<String>,
}

/// A report, or why there is none.
#[derive(Debug)]
pub(crate) struct ShownReport {
    /// Distinct a day and domain.
    pub(crate) uniqid: u64,
    /// Whether it is on the domain, or on the MX host of that name.
    pub(crate) subject: ReportSubject,
    /// When it was made, or would be.
    pub(crate) made: Timestamp,
    /// Whether it exists.
    pub(crate) stage: ReportStage,
    /// Its text; or why there is none.
    pub(crate) contents: Result<Contents, String>,
    /// Where it goes.
    pub(crate) deliveries: Vec<ShownDelivery>,
}

/// Whether a report exists.
#[derive(Debug)]
pub(crate) enum ReportStage {
    /// It was made.
    Made,
    /// It would be, by what is known now. What DNS said, if it was asked.
    Preview(Option<LookupResult>),
}

/// A report's text.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The report.
    pub(crate) json: String,
    /// Compressed as it was sent, if that is kept.
    pub(crate) gzip: Option<Vec<u8>>,
}

/// One report to one destination.
#[derive(Debug)]
pub(crate) struct ShownDelivery {
    /// Where to.
    pub(crate) destination: Destination,
    /// `sent`, `waiting` and so on; `preview` of one that would be.
    pub(crate) status: String,
    /// What the last attempt ended with.
    pub(crate) reason: Option<String>,
    /// When it ended, or is due.
    pub(crate) at: Option<Timestamp>,
    /// The mail's Date.
    pub(crate) date: Timestamp,
}

/// What stands for a status of none.
pub(crate) const WAITING: &str = "waiting";
/// That of what would be sent.
pub(crate) const PREVIEW: &str = "preview";

impl Shown {
    /// Finds it; for today all collectors are asked, and for a preview DNS. `note` is told who is waited for.
    ///
    /// # Errors
    /// When the day lies ahead, or the settings or the store cannot be used.
    pub(crate) async fn find(
        settings: &Reportd,
        asked: &str,
        day: Day,
        now: Timestamp,
        note: WaitNote,
    ) -> Result<Shown, Error> {
        let today = Day::of(now);
        let StoredDay {
            domain,
            store,
            state,
        } = StoredDay::find(settings, asked, day, today)?;
        let store = store.as_deref();
        let kept = match store {
            Some(store) => store.kept_reports(day, domain.as_str())?,
            None => Vec::new(),
        };
        let counted = match day == today {
            true => CountedToday::ask(settings, &domain, note).await,
            false => CountedToday::default(),
        };
        let previewer = Previewer::new(settings, store)?;
        let found = match counted.rows.is_empty() {
            true => state.to_decide(&domain, previewer.guard()),
            false => Some(state.domain_day(&domain, counted.rows.clone(), previewer.guard())),
        };
        let mut reports = made(&state, kept);
        reports.extend(preview(&previewer, day, found, now).await);
        let mut shown = Shown {
            installation: previewer.composer.submitter.installation.clone(),
            awaited: awaited(&state),
            collectors: counted.collectors,
            reports,
            nothing: None,
            domain,
            day,
        };
        if shown.reports.is_empty() {
            shown.nothing = Some(shown.why_nothing(&state, today));
        }
        Ok(shown)
    }

    /// What is stored of a day that has ended: nobody is asked, and nothing previewed.
    ///
    /// # Errors
    /// When the day has not ended, or the store cannot be read.
    pub(crate) fn stored(
        store: &dyn OperatorStore,
        asked: &str,
        day: Day,
        now: Timestamp,
    ) -> Result<Shown, Error> {
        let domain = read_domain(asked)?;
        check_closed(day, Day::of(now))?;
        let state = store.domain_day(day, &domain, asked)?;
        let kept = store.kept_reports(day, domain.as_str())?;
        let mut shown = Shown {
            installation: preview::installation(Some(store))?,
            awaited: awaited(&state),
            collectors: Vec::new(),
            reports: made(&state, kept),
            nothing: None,
            domain,
            day,
        };
        if shown.reports.is_empty() {
            shown.nothing = Some(shown.why_nothing(&state, Day::of(now)));
        }
        Ok(shown)
    }

    /// Reports whose text is there.
    pub(crate) fn with_contents(&self) -> impl Iterator<Item = (&ShownReport, &Contents)> {
        let reports = self.reports.iter();
        reports.filter_map(|report| Some((report, report.contents.as_ref().ok()?)))
    }

    /// One report's bytes as they are; several a line each. `None`: there is no text.
    pub(crate) fn verbatim_json(&self) -> Option<Vec<u8>> {
        let mut reports = self
            .with_contents()
            .map(|(_, contents)| contents.json.as_bytes());
        let mut bytes = reports.next()?.to_vec();
        let mut is_alone = true;
        for report in reports {
            is_alone = false;
            bytes.push(b'\n');
            bytes.extend_from_slice(report);
        }
        if !is_alone {
            bytes.push(b'\n');
        }
        Some(bytes)
    }

    /// What there is in place of a report's text.
    pub(crate) fn json(&self) -> Value {
        let reports = self.reports.iter().map(|report| {
            json!({
                "number": report.uniqid,
                "is_on_mx_host": report.subject == ReportSubject::MxHost,
                "is_preview": matches!(report.stage, ReportStage::Preview(_)),
                "reason": report.contents.as_ref().err(),
            })
        });
        json!({
            "domain": self.domain.as_str(),
            "day": self.day.to_string(),
            "reports": reports.collect::<Vec<_>>(),
            "reason": self.nothing,
            "collectors": self.collectors.iter().map(CollectorToday::json).collect::<Vec<_>>(),
            "awaited": self.awaited,
        })
    }

    fn why_nothing(&self, state: &DomainDayState, today: Day) -> String {
        let (domain, day) = (&self.domain, self.day);
        if day == today {
            return format!("no session with {domain} has been counted today");
        }
        if !state.undecided.is_empty() {
            return format!(
                "sessions with {domain} were counted on {day}, and no report is made of them so far"
            );
        }
        if !self.awaited.is_empty() {
            return format!(
                "no session with {domain} is known of {day} so far: collectors have not answered yet"
            );
        }
        match (state.jobs.is_empty(), state.is_decided) {
            (true, true) => format!("the rows of {day} are removed: they are older than keep_days"),
            (true, false) => format!("collectors were never asked for {day}"),
            (false, _) => format!("no collector has counted a session with {domain} on {day}"),
        }
    }
}

fn awaited(state: &DomainDayState) -> Vec<String> {
    let jobs = state.jobs.iter();
    let waiting = jobs.filter(|job| job.stage == JobStage::Waiting);
    waiting.map(|job| collector_of(&job.command)).collect()
}

fn made(state: &DomainDayState, mut kept: Vec<KeptReport>) -> Vec<ShownReport> {
    let report = |report: &ReportState| {
        let at = kept.iter().position(|kept| kept.r_id == report.r_id);
        let kept = at.map(|at| kept.swap_remove(at));
        let made = report.created.unwrap_or(Timestamp::UNIX_EPOCH);
        ShownReport {
            uniqid: report.uniqid,
            subject: report.subject,
            made,
            stage: ReportStage::Made,
            contents: contents(report, kept),
            deliveries: report
                .deliveries
                .iter()
                .map(|of| delivery(of, made))
                .collect(),
        }
    };
    state.reports.iter().map(report).collect()
}

fn contents(report: &ReportState, kept: Option<KeptReport>) -> Result<Contents, String> {
    if let Some(reason) = &report.reason {
        return Err(reason.clone());
    }
    match (kept.map(|kept| kept.contents), &report.json) {
        (Some(contents @ ReportContents::Sent(_)), _) => {
            let json = contents
                .json()
                .map_err(|error| format!("the kept report is damaged: {error}"))?;
            let gzip = match contents {
                ReportContents::Sent(gzip) => Some(gzip),
                ReportContents::Json(_) => None,
            };
            Ok(Contents { json, gzip })
        }
        (Some(ReportContents::Json(json)), _) => Ok(Contents { json, gzip: None }),
        (None, Some(json)) => Ok(Contents {
            json: json.clone(),
            gzip: None,
        }),
        (None, None) => Err(
            "its text is not kept any more (see max_kept_reports_size and keep_days)".to_owned(),
        ),
    }
}

fn delivery(of: &DeliveryState, made: Timestamp) -> ShownDelivery {
    let dates = [of.dated, of.first, of.started, of.next];
    ShownDelivery {
        destination: of.destination.clone(),
        status: of.status.clone().unwrap_or_else(|| WAITING.to_owned()),
        reason: of.reason.clone(),
        at: of.next,
        date: dates.into_iter().flatten().next().unwrap_or(made),
    }
}

async fn preview(
    previewer: &Previewer,
    day: Day,
    found: Option<DomainDay>,
    now: Timestamp,
) -> Option<ShownReport> {
    let Preview {
        decided,
        record,
        at,
    } = previewer.decide(day, found?, now).await;
    let (contents, deliveries) = match decided.decision {
        Decision::NoReport(reason) => (Err(reason), Vec::new()),
        Decision::Report(report) => {
            let delivery = |destination, status: &str, reason| ShownDelivery {
                destination,
                status: status.to_owned(),
                reason,
                at: None,
                date: at,
            };
            let to = report.destinations.into_iter();
            let to = to.map(|(to, _)| delivery(to, PREVIEW, None));
            let suppressed = report.suppressed.into_iter();
            let suppressed =
                suppressed.map(|(to, reason)| delivery(to, "suppressed", Some(reason)));
            let contents = Contents {
                json: report.json,
                gzip: None,
            };
            (Ok(contents), to.chain(suppressed).collect())
        }
    };
    Some(ShownReport {
        uniqid: decided.uniqid,
        subject: ReportSubject::Domain,
        made: at,
        stage: ReportStage::Preview(record),
        contents,
        deliveries,
    })
}

impl ShownReport {
    /// Why there is no text, in plain words.
    pub(crate) fn why_none(&self, domain: &Domain) -> Option<String> {
        let reason = self.contents.as_ref().err()?;
        Some(reason::plain(reason, domain.as_str()))
    }
}
