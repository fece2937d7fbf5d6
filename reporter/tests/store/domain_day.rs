//! One domain's day, as an operator asks for it, at every step of its life.

use tlsrptd_proto::domain::Domain;
use tlsrptd_reporter::model::FetchJob;
use tlsrptd_reporter::store::{
    AttemptEnd, Disposition, DomainDayState, DomainPresence, JobStage, LoopGuard, OperatorAccess,
    RowStage,
};

use crate::{
    at, claim, day, decision,
    environment::{Engine, counted, each_engine, folder, settings},
    jobs, later, open,
};

fn a() -> Domain {
    Domain::parse("a.example").unwrap()
}

/// Stages of jobs and rows, then each report with its deliveries, and whether something is to be decided.
fn shown(state: &DomainDayState) -> String {
    let jobs = state.jobs.iter().map(|job| format!("{:?}", job.stage));
    let rows = state.rows.iter().map(|row| format!("{:?}", row.stage));
    let reports = state.reports.iter().map(|report| {
        let deliveries = report.deliveries.iter().map(|delivery| {
            let started = if delivery.started.is_some() {
                "in hand"
            } else {
                "pending"
            };
            let status = delivery.status.as_deref().unwrap_or(started);
            format!(
                "{status} {} {}",
                delivery.failures,
                delivery.reason.as_deref().unwrap_or("-")
            )
        });
        let why = report.reason.as_deref().unwrap_or("report");
        format!(
            "{}:{why}[{}]",
            report.uniqid,
            deliveries.collect::<Vec<_>>().join(",")
        )
    });
    let undecided = state
        .to_decide(&a(), LoopGuard::Off)
        .map_or(0, |found| found.rows.len());
    let words = |words: &mut dyn Iterator<Item = String>| words.collect::<Vec<_>>().join(" ");
    format!(
        "{} | {} | {} | {undecided} undecided",
        words(&mut jobs.into_iter()),
        words(&mut rows.into_iter()),
        words(&mut reports.into_iter())
    )
}

#[each_engine]
fn from_a_job_to_the_last_answer() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let operator =
        tlsrptd_reporter::store::open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let look = || shown(&operator.domain_day(day(), &a(), "a.example").unwrap());
    assert_eq!(look(), " |  |  | 0 undecided", "never asked for");
    let made = jobs(&mut *store, &["one", "two"]);
    assert_eq!(look(), "Waiting Waiting |  |  | 0 undecided");
    store
        .store_list(&made[0], &["a.example".to_owned()], at("21T00:00:01"))
        .unwrap();
    assert_eq!(
        look(),
        "Waiting Waiting | Listed |  | 0 undecided",
        "sys4's list"
    );
    store
        .store_rows(&made[0], &[counted("a.example", 1)], at("21T00:00:02"))
        .unwrap();
    store
        .job_answered(&made[0], None, at("21T00:00:02"))
        .unwrap();
    assert_eq!(
        look(),
        "Answered Waiting | Stored |  | 1 undecided",
        "set aside for the other one"
    );
    store
        .job_failed(&made[1], at("21T00:00:30"), "no line for 60 seconds")
        .unwrap();
    let job = &operator.domain_day(day(), &a(), "a.example").unwrap().jobs[1];
    assert_eq!(
        (job.failures, job.reason.as_deref()),
        (1, Some("no line for 60 seconds"))
    );
    assert_eq!(job.next, Some(at("21T00:00:30")));
    store
        .store_unusable(
            &made[1],
            "a.example",
            "a line is too long",
            at("21T00:00:03"),
        )
        .unwrap();
    store
        .job_given_up(&made[1], at("21T06:00:00"), "deadline")
        .unwrap();
    assert_eq!(look(), "Answered GivenUp | Stored GivenUp |  | 1 undecided");
    let uris = ["mailto:a@a.example", "mailto:b@a.example"];
    let mut decided = decision("a.example", &uris, at("21T06:00:00"));
    decided.rows.used = vec!["one".to_owned()];
    store
        .close_day(day(), &[decided], at("21T06:00:00"))
        .unwrap();
    let decided = "Answered GivenUp | Decided GivenUp | 1:report";
    assert_eq!(
        look(),
        format!("{decided}[pending 0 -,pending 0 -] | 0 undecided")
    );
    let claimed = claim(&mut *store, at("21T06:00:01"), 2);
    assert_eq!(
        look(),
        format!("{decided}[in hand 0 -,in hand 0 -] | 0 undecided")
    );
    let refused = AttemptEnd {
        disposition: Disposition::Refused {
            reason: "550 no".to_owned(),
        },
        ..later(&claimed[1], at("21T06:00:02"))
    };
    store
        .record(
            &[later(&claimed[0], at("21T07:00:00")), refused],
            at("21T06:00:02"),
        )
        .unwrap();
    let sent = format!("{decided}[pending 1 451,refused 1 550 no]");
    assert_eq!(look(), format!("{sent} | 0 undecided"));
    let made = jobs(&mut *store, &["one", "two"]);
    assert!(made.is_empty(), "the day is decided");
}

#[each_engine]
fn what_comes_late_is_undecided_again() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let operator =
        tlsrptd_reporter::store::open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let made = jobs(&mut *store, &["one"]);
    store
        .store_rows(&made[0], &[counted("a.example", 1)], at("21T00:00:02"))
        .unwrap();
    store
        .job_answered(&made[0], None, at("21T00:00:02"))
        .unwrap();
    let mut decided = decision("a.example", &[], at("21T06:00:00"));
    decided.rows.used = vec!["one".to_owned()];
    store
        .close_day(day(), &[decided], at("21T06:00:00"))
        .unwrap();
    // Its collector told of an addition.
    let again = FetchJob {
        seen: Some(0),
        ..made[0].clone()
    };
    store
        .store_rows(&again, &[counted("a.example", 2)], at("21T09:00:00"))
        .unwrap();
    let state = operator.domain_day(day(), &a(), "a.example").unwrap();
    assert_eq!(state.rows[0].stage, RowStage::Late);
    let found = state.to_decide(&a(), LoopGuard::Off).unwrap();
    assert_eq!(
        (found.reports, found.rows.len()),
        (1, 1),
        "a report of its own, another than the first"
    );
    assert!(
        found.rows[0]
            .data
            .as_deref()
            .unwrap()
            .contains("\"cntrtotal\": 2")
    );
    let days = operator.days_of(&a()).unwrap();
    assert_eq!(days, [(day(), DomainPresence::Counted)]);
    let other = Domain::parse("b.example").unwrap();
    assert_eq!(
        operator.days_of(&other).unwrap(),
        [(day(), DomainPresence::Absent)]
    );
    for (domain, want, why) in [
        ("deep.a.example", vec!["a.example"], "the one above"),
        ("example", vec![], "a name below that is not usual"),
        ("b.example", vec![], "beside it"),
    ] {
        let domain = Domain::parse(domain).unwrap();
        assert_eq!(operator.relatives(day(), &domain).unwrap(), want, "{why}");
    }
}

/// sys4's tables alone, with its words and with what nobody writes. (It knows only SQLite.)
#[test]
fn a_file_that_sys4_made() {
    let folder = Engine::Sqlite.folder();
    let settings = settings(folder.path(), &[]);
    let db = rusqlite::Connection::open(&settings.dbname).unwrap();
    db.execute_batch(crate::sys4_file::SYS4).unwrap();
    db.execute_batch(
        "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry) VALUES
           ('2026-11-20', 1, 'one', 0, 'ok', ''), ('2026-11-20', 2, 'two', 5, 'timedout', ''), ('2026-11-20', 3, 'three', x'00', 'odd', 1);
         INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, status) VALUES
           ('2026-11-20', 'a.example', '{}', 'one', 1, 'fetched'), ('2026-11-20', 'a.example', NULL, 'two', 2, NULL),
           ('2026-11-20', 'B\u{fc}cher.example', '{}', 'one', 1, 'fetched');
         INSERT INTO reports(r_id, day, domain, uniqid, report) VALUES(1, '2026-11-20', 'a.example', 1, '{}'), (2, '2026-11-20', 'a.example', 'x', x'ff');
         INSERT INTO destinations(destination, d_r_id, retries, status, nexttry) VALUES
           ('mailto:a@a.example', 1, 0, 'sent', 'soon'), ('gopher:x', 1, 0, 'unknownrua', NULL), ('mailto:b@a.example', 1, 2, NULL, '2026-11-21 03:00:00.5+00:00');",
    )
    .unwrap();
    let operator =
        tlsrptd_reporter::store::open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let state = operator.domain_day(day(), &a(), "a.example").unwrap();
    assert_eq!(
        shown(&state),
        "Answered GivenUp Other(\"odd\") | Decided Listed | 1:report[sent 0 -,unknownrua 0 -,pending 2 -] 0:report[] | 0 undecided"
    );
    assert!(state.is_decided);
    let bucher = Domain::parse("B\u{fc}cher.example").unwrap();
    let spelled = operator
        .domain_day(day(), &bucher, "B\u{fc}cher.example")
        .unwrap();
    assert_eq!(spelled.rows.len(), 1, "as its collector spells it");
    assert_eq!(operator.installation().unwrap(), None);
    assert!(operator.suppression_list().unwrap().is_empty());
    assert_eq!(state.jobs[2].stage, JobStage::Other("odd".to_owned()));
}
