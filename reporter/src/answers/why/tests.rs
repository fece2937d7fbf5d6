//! One sentence a state.

mod unseen;

use super::*;
use crate::{
    answers::collectors_today::CollectorToday,
    lookup,
    model::{
        CollectorRow, CountedRows, DecidedDomain, Destination, NamedBy, NewReport, ReportSubject,
    },
    store::DeliveryState,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn why(state: DomainDayState) -> Why {
    Why {
        domain: Domain::parse("a.test").unwrap(),
        day: day("2026-11-20"),
        now: at("2026-11-21T09:00:00Z"),
        state,
        counted_today: None,
        preview: None,
        record: None,
        relatives: Vec::new(),
        last_counted: None,
        requests: PendingRequests::default(),
        throttled: Vec::new(),
    }
}

fn job(command: &str, stage: JobStage) -> JobState {
    JobState {
        command: command.to_owned(),
        is_decided: stage != JobStage::Waiting,
        failures: 0,
        next: (stage == JobStage::Waiting).then(|| at("2026-11-21T09:05:00Z")),
        stage,
        reason: None,
    }
}

fn row(fetcher: &str, stage: RowStage) -> RowState {
    RowState {
        fetcher: fetcher.to_owned(),
        stage,
        reason: None,
    }
}

fn report(uniqid: u64, reason: Option<&str>, deliveries: Vec<DeliveryState>) -> ReportState {
    ReportState {
        r_id: 1,
        uniqid,
        subject: ReportSubject::Domain,
        created: Some(at("2026-11-21T00:10:00Z")),
        reason: reason.map(str::to_owned),
        sessions: Some(12),
        failed: Some(1),
        json: None,
        deliveries,
    }
}

fn to(uri: &str) -> Destination {
    Destination::new(uri, NamedBy::Record)
}

fn delivery(status: Option<&str>, reason: Option<&str>) -> DeliveryState {
    DeliveryState {
        destination: to("mailto:tls@a.test"),
        status: status.map(str::to_owned),
        failures: 0,
        next: Some(at("2026-11-21T09:30:00Z")),
        first: None,
        dated: None,
        started: None,
        reason: reason.map(str::to_owned),
    }
}

/// A day that one collector has told and that is decided.
fn decided(report: ReportState) -> DomainDayState {
    DomainDayState {
        jobs: vec![job("one", JobStage::Answered)],
        is_decided: true,
        rows: vec![row("one", RowStage::Decided)],
        reports: vec![report],
        ..DomainDayState::default()
    }
}

fn sent_to(deliveries: Vec<DeliveryState>) -> Why {
    why(decided(report(1, None, deliveries)))
}

fn preview(decision: Result<Vec<&str>, &str>) -> Preview {
    Preview {
        decided: DecidedDomain {
            domain: "a.test".to_owned(),
            uniqid: 1,
            rows: CountedRows {
                sessions: 3,
                ..CountedRows::default()
            },
            decision: match decision {
                Ok(uris) => Decision::Report(NewReport {
                    json: "{}".to_owned(),
                    destinations: uris
                        .into_iter()
                        .map(|uri| (to(uri), at("2026-11-21T10:00:00Z")))
                        .collect(),
                    suppressed: Vec::new(),
                }),
                Err(reason) => Decision::NoReport(reason.to_owned()),
            },
            named: Vec::new(),
        },
        record: None,
        at: at("2026-11-21T09:00:00Z"),
    }
}

fn assert_said(table: Vec<(Why, &str, &str)>) {
    for (why, want, reason) in table {
        let day = why.day;
        let sentence = why.sentence();
        let said = sentence.strip_prefix(&format!("a.test, {day}: ")).unwrap();
        assert_eq!(said, format!("{want}."), "{reason}");
        let json = why.json();
        assert_eq!(json["sentence"], sentence, "{reason}");
        assert_eq!(json["is_counted"], why.is_seen(), "{reason}");
    }
}

const COUNTED: &str = "12 sessions were counted, 1 of them failed";

#[test]
fn what_became_of_a_report() {
    let started = |mut delivery: DeliveryState| {
        delivery.started = Some(at("2026-11-21T08:59:00Z"));
        delivery
    };
    let after = |failures, mut delivery: DeliveryState| {
        delivery.failures = failures;
        delivery
    };
    let overdue = |mut delivery: DeliveryState| {
        delivery.next = Some(at("2026-11-21T08:00:00Z"));
        delivery
    };
    let said = |rest: &str| format!("{COUNTED}; {rest}");
    #[rustfmt::skip]
    let table = [
        (delivery(None, None), "the report will go to mailto:tls@a.test at 2026-11-21 09:30 UTC", "not tried yet"),
        (started(delivery(None, None)), "the report is on its way to mailto:tls@a.test since 2026-11-21 08:59 UTC, without an answer so far", "an attempt is under way"),
        (after(2, delivery(None, Some("421 busy"))), "the report to mailto:tls@a.test waits after 2 failed attempts (421 busy), and is tried again at 2026-11-21 09:30 UTC", "failures that count"),
        (after(1, delivery(None, Some("421 busy"))), "the report to mailto:tls@a.test waits after 1 failed attempt (421 busy), and is tried again at 2026-11-21 09:30 UTC", "one"),
        (delivery(None, Some("relay: connection refused")), "the report to mailto:tls@a.test waits (relay: connection refused), and is tried again at 2026-11-21 09:30 UTC", "the relay takes nothing: no failure of its own"),
        (overdue(delivery(None, None)), "the report was due to go to mailto:tls@a.test at 2026-11-21 08:00 UTC, which has passed: tlsrpt-reportd does not run, or holds back what goes there (tlsrptctl status)", "nobody takes it in hand"),
        (delivery(Some("sent"), Some("250 2.0.0 Ok")), "the report was sent to mailto:tls@a.test at 2026-11-21 09:30 UTC (250 2.0.0 Ok)", "sent"),
        (delivery(Some("sent"), None), "the report was sent to mailto:tls@a.test", "sent by sys4, which records neither answer nor time"),
        (delivery(Some("refused"), Some("550 no\r\nsuch user")), "the report was refused by mailto:tls@a.test at 2026-11-21 09:30 UTC (550 no such user) and is not sent there again", "refused, in two lines"),
        (after(9, delivery(Some("timedout"), Some("the retry window has passed: 421 busy"))), "the report to mailto:tls@a.test was given up at 2026-11-21 09:30 UTC (the retry window has passed: 421 busy)", "given up"),
        (delivery(Some("timedout"), None), "the report to mailto:tls@a.test was given up", "given up by sys4"),
        (delivery(Some("suppressed"), Some("a.test for ever")), "the report was not sent to mailto:tls@a.test, which is on the suppression list (a.test for ever)", "suppressed"),
        (delivery(Some("expired"), Some("older than max_report_age")), "the report to mailto:tls@a.test became too old to be sent (older than max_report_age)", "expired"),
        (delivery(Some("unknownrua"), None), "the report was not sent to mailto:tls@a.test: nobody can deliver to that scheme", "a map's scheme"),
        (delivery(Some("later"), None), "the report to mailto:tls@a.test ended as later, which another program wrote", "a word that is not known"),
    ];
    let table = table.map(|(delivery, want, why)| (sent_to(vec![delivery]), said(want), why));
    assert_said(
        table
            .iter()
            .map(|(why, want, reason)| (why.clone(), want.as_str(), *reason))
            .collect(),
    );
}

#[test]
fn a_copy_that_was_asked_for() {
    let state = crate::model::RequestState::Waiting;
    let row = crate::answers::pending_requests::tests::row(state, 1, Some("451 later"));
    let waits = Why {
        requests: PendingRequests { rows: vec![row] },
        ..sent_to(vec![delivery(Some("sent"), None)])
    };
    let sentence = waits.sentence();
    assert!(
        sentence.ends_with(
            "; a further copy to mailto:t@a.example was asked for at 2026-11-21 08:00 UTC (request 7): \
             next 2026-11-21 09:30 UTC, failed once: 451 later."
        ),
        "{sentence}"
    );
    assert_eq!(waits.json()["requests"][0]["id"], 7);
}

#[test]
fn a_queue_that_is_held_back() {
    let queue = |key: &str| QueueStatus {
        key: key.to_owned(),
        throttled_until: Some(at("2026-11-21T09:40:00Z")),
        reason: Some("421 busy".to_owned()),
        due: None,
    };
    let with = |key: &str| Why {
        throttled: vec![queue(key)],
        ..sent_to(vec![delivery(None, None)])
    };
    let will =
        format!("{COUNTED}; the report will go to mailto:tls@a.test at 2026-11-21 09:30 UTC");
    let held = format!(
        "{will}, while all that goes there is held back until 2026-11-21 09:40 UTC (421 busy)"
    );
    let relay = to("mailto:x@y.test").queue().to_string();
    assert_said(vec![
        (with(&relay), &held, "the relay's"),
        (with("https:a.test:443"), &will, "another one"),
    ]);
}

#[test]
fn many_destinations_are_counted() {
    let many = (0..8).map(|number| delivery((number > 5).then_some("sent"), None));
    let sentence = sent_to(many.collect()).sentence();
    assert!(
        sentence.ends_with("; of 3 more destinations: 1 waiting, 2 sent."),
        "{sentence}"
    );
    assert_said(vec![(
        sent_to(Vec::new()),
        &format!("{COUNTED}; the report has no destination"),
        "a row of another program",
    )]);
}

#[test]
fn why_there_is_no_report() {
    let none = |reason: &str| why(decided(report(1, Some(reason), Vec::new())));
    let said = |rest: &str| {
        format!("{COUNTED}; no report was made at 2026-11-21 00:10 UTC, because {rest}")
    };
    #[rustfmt::skip]
    let table = [
        ("opted out: no such name in DNS", "it asks for no reports: DNS has no name _smtp._tls.a.test (NXDOMAIN)", "DNS"),
        ("no record: the MTA saw none", "DNS is not asked (resolve_records), and the MTA saw no TLSRPT record either", "resolve_records"),
        ("min_sessions: 12 are too few", "12 are fewer sessions than min_sessions asks for", "an option"),
        ("discarded by a map", "a destination map of yours discards all its destinations", "a map"),
        ("suppressed: a.test for ever", "all its destinations are on the suppression list (a.test for ever)", "the list"),
    ];
    for (reason, want, why) in table {
        assert_said(vec![(none(reason), &said(want), why)]);
    }
}

#[test]
fn collectors_that_have_not_told_all() {
    let with_jobs = |jobs: Vec<JobState>| {
        let mut state = decided(report(1, None, vec![delivery(Some("sent"), None)]));
        state.jobs = jobs;
        why(state)
    };
    let failing = JobState {
        failures: 3,
        reason: Some("no line for 60 seconds".to_owned()),
        ..job("two", JobStage::Waiting)
    };
    let given_up = JobState {
        reason: Some("fetch_deadline has passed; exit status: 255".to_owned()),
        ..job("two", JobStage::GivenUp)
    };
    let sent = "the report was sent to mailto:tls@a.test";
    let by = "12 sessions were counted by 1 of 2 collectors, 1 of them failed";
    let said = |rest: &str| format!("{by}; {rest}; {sent}");
    #[rustfmt::skip]
    let table = [
        (job("two", JobStage::Waiting), "collector two has not answered yet and is asked at 2026-11-21 09:05 UTC", "not asked yet"),
        (failing, "collector two has not answered yet after 3 failed attempts (no line for 60 seconds) and is asked at 2026-11-21 09:05 UTC", "it fails"),
        (given_up, "collector two was given up (fetch_deadline has passed; exit status: 255): what it has counted is missing, and it is asked once a day for as long as the day can be reported", "given up"),
        (job("two", JobStage::Removed), "collector two was taken out of fetchers before it had answered: what it has counted is missing", "removed"),
        (job("two", JobStage::Other("odd".to_owned())), "the job of collector two has the status odd, which another program wrote", "a word that is not known"),
    ];
    for (job_of_two, want, reason) in table {
        let why = with_jobs(vec![job("one", JobStage::Answered), job_of_two]);
        assert_said(vec![(why, &said(want), reason)]);
    }
    let many = (0..6).map(|number| job(&format!("c{number}"), JobStage::Removed));
    let sentence = with_jobs(many.collect()).sentence();
    assert!(
        sentence.contains("; answers of 3 further collectors are missing, too; "),
        "{sentence}"
    );
}

#[test]
fn rows_that_cannot_be_used_or_are_not_decided() {
    let state = |row: RowState, reports: Vec<ReportState>, stage: JobStage| DomainDayState {
        jobs: vec![job("one", stage)],
        rows: vec![row],
        reports,
        undecided: vec![CollectorRow {
            fetcher: "one".to_owned(),
            data: None,
        }],
        ..DomainDayState::default()
    };
    let with_preview = |state, decision| Why {
        preview: Some(preview(decision)),
        ..why(state)
    };
    let bad = |stage: RowStage, reason: &str| RowState {
        reason: Some(reason.to_owned()),
        ..row("one", stage)
    };
    let sent = || vec![report(1, None, vec![delivery(Some("sent"), None)])];
    let three = "3 sessions were counted, none of them failed";
    let asked = "collector one has not answered yet and is asked at 2026-11-21 09:05 UTC";
    #[rustfmt::skip]
    let table = [
        (with_preview(state(row("one", RowStage::Stored), vec![], JobStage::Answered), Ok(vec!["mailto:b@a.test", "https://a.test/r"])),
         format!("{three}; the decision is still to be made; by what is known now a report would go to mailto:b@a.test and https://a.test/r"), "gathered, not decided"),
        (with_preview(state(row("one", RowStage::Stored), vec![], JobStage::Waiting), Err("report_days: no session failed")),
         format!("{three}; {asked}; nothing is decided before all collectors have answered or are given up; no report would be made, because no session failed, and report_days is failures"), "set aside while another is waited for"),
        (with_preview(state(row("one", RowStage::Late), sent(), JobStage::Answered), Ok(vec!["mailto:b@a.test"])),
         "15 sessions were counted, 1 of them failed; the report was sent to mailto:tls@a.test; more sessions came after that, and are still to be decided on; a further report would go to mailto:b@a.test".to_owned(), "late"),
        (why(state(row("one", RowStage::Listed), vec![], JobStage::Waiting)),
         format!("sessions were counted; collector one has named it in its list, and is still to be asked for its counts; {asked}"), "sys4's list"),
        (why(state(bad(RowStage::GivenUp, "a line is too long"), vec![], JobStage::Answered)),
         "sessions were counted; the counts of collector one will not come (a line is too long)".to_owned(), "unusable"),
        (why(state(row("one", RowStage::Other("odd".to_owned())), vec![], JobStage::Answered)),
         "sessions were counted; the counts of collector one have the status odd, which another program wrote".to_owned(), "a word that is not known"),
        (why(state(bad(RowStage::Decided, "counts are not JSON"), vec![report(1, Some("no sessions"), vec![])], JobStage::Answered)),
         format!("{COUNTED}; the counts of collector one cannot be used (counts are not JSON); no report was made at 2026-11-21 00:10 UTC, because the counts that came hold no sessions"), "a row that is no counts"),
        (why(state(bad(RowStage::Decided, "listed as A.TEST"), sent(), JobStage::Answered)),
         format!("{COUNTED}; the report was sent to mailto:tls@a.test"), "another spelling is no fault"),
    ];
    assert_said(
        table
            .iter()
            .map(|(why, want, reason)| (why.clone(), want.as_str(), *reason))
            .collect(),
    );
}

#[test]
fn reports_of_what_came_late() {
    let mut state = decided(report(1, None, vec![delivery(Some("sent"), None)]));
    state
        .reports
        .push(report(2, None, vec![delivery(None, None)]));
    state
        .reports
        .push(report(3, Some("min_sessions: 2 are too few"), Vec::new()));
    let want = "36 sessions were counted, 3 of them failed; the report was sent to mailto:tls@a.test; \
        report 2 (12 sessions that came late) will go to mailto:tls@a.test at 2026-11-21 09:30 UTC; \
        report 3 (12 sessions that came late) was not made at 2026-11-21 00:10 UTC, because 2 are fewer sessions than min_sessions asks for";
    assert_said(vec![(why(state), want, "three of a day")]);
    let mut of_sys4 = report(1, None, vec![delivery(Some("sent"), None)]);
    of_sys4.sessions = None;
    let want = "sessions were counted; the report was sent to mailto:tls@a.test";
    assert_said(vec![(
        why(decided(of_sys4)),
        want,
        "sys4 records no numbers",
    )]);
}
