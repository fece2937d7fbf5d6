//! Collectors that answer late, and what waits for them.

use std::sync::Arc;

use tlsrptd_reporter::gather::GatherError;

use crate::{
    DAY, YESTERDAY_ONLY,
    environment::{TestEnvironment, counted, folder, rows, run, settings},
};

#[tokio::test(start_paused = true)]
async fn a_collector_that_never_answers_holds_a_day_until_the_deadline() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[
            YESTERDAY_ONLY,
            "--fetchers=one,two",
            "--spread_out_delivery=1",
        ],
    );
    let mut environment = TestEnvironment::new("2026-11-21T00:00:10Z");
    environment.gather = Box::new(|job, _| match job.index {
        1 => Ok(vec![counted("a.example", 1)]),
        _ => Err(GatherError::NotReady { newest: None }),
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY / 2).await.unwrap();
    let jobs = rows(
        &settings,
        "SELECT fetcherindex, status, tlsrptd_reason IS NULL FROM fetchjobs ORDER BY fetcherindex",
    );
    assert_eq!(jobs, ["1|ok|1", "2|timedout|0"]);
    let seen = environment.seen.lock().unwrap();
    let deadline: jiff::Timestamp = "2026-11-21T06:00:10Z".parse().unwrap();
    assert_eq!(
        seen.len(),
        2,
        "what the other collector counted is reported"
    );
    assert!(
        seen.iter().all(|seen| seen.at >= deadline),
        "but not before"
    );
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_deadline_is_reported_where_no_report_is() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[
            "--fetchers=one,two",
            "--spread_out_delivery=1",
            "--max_report_age=172800",
        ],
    );
    let mut environment = TestEnvironment::new("2026-11-21T00:00:10Z");
    environment.gather = Box::new(|job, now| match (job.index, job.day.to_string().as_str()) {
        (1, _) => Ok(vec![counted("a.example", 1)]),
        (_, "2026-11-20") if now < "2026-11-21T12:00:00Z".parse().unwrap() => {
            Err(GatherError::NotReady { newest: None })
        }
        _ => Ok(vec![counted("a.example", 5), counted("b.example", 1)]),
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY + DAY / 2)
        .await
        .unwrap();
    let reports = rows(
        &settings,
        "SELECT domain, tlsrptd_sessions FROM reports WHERE day = '2026-11-20' ORDER BY domain, uniqid",
    );
    assert_eq!(
        reports,
        ["a.example|1", "a.example|5", "b.example|1"],
        "what came late has a report of its own"
    );
    let late = rows(
        &settings,
        "SELECT domain, fetcherindex, status FROM reportdata WHERE day = '2026-11-20' ORDER BY 1, 2",
    );
    assert_eq!(
        late,
        [
            "a.example|1|fetched",
            "a.example|2|late",
            "b.example|2|fetched"
        ]
    );
    let jobs = rows(
        &settings,
        "SELECT status FROM fetchjobs WHERE day = '2026-11-20'",
    );
    assert_eq!(jobs, ["ok", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn a_day_that_waits_is_hidden_from_sys4() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[
            YESTERDAY_ONLY,
            "--fetchers=one,two",
            "--spread_out_delivery=1",
        ],
    );
    let mut environment = TestEnvironment::new("2026-11-21T00:00:10Z");
    environment.gather = Box::new(|job, now| match job.index {
        2 if now < "2026-11-21T02:00:00Z".parse().unwrap() => {
            Err(GatherError::NotReady { newest: None })
        }
        _ => Ok(vec![counted("a.example", 1)]),
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY / 24).await.unwrap();
    let hidden = rows(
        &settings,
        "SELECT data, status, tlsrptd_data IS NULL FROM reportdata",
    );
    assert_eq!(hidden, ["NULL|NULL|0"], "sys4 would fetch it again");
    run(&settings, &environment, None, DAY / 12).await.unwrap();
    assert_eq!(
        rows(&settings, "SELECT domain, tlsrptd_sessions FROM reports"),
        ["a.example|2"]
    );
    let asked = environment
        .asked
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, index, _)| *index == 1)
        .count();
    assert_eq!(asked, 1, "we do not have to ask again");
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_still_closing_its_day_has_not_failed() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[YESTERDAY_ONLY, "--max_retries_domainlist=1"],
    );
    let mut environment = TestEnvironment::new("2026-11-20T23:59:00Z");
    environment.gather = Box::new(|job, now| {
        let closed = now > "2026-11-21T00:02:00Z".parse().unwrap();
        match job.day.to_string().as_str() {
            "2026-11-20" if !closed => Err(GatherError::NotReady { newest: None }),
            _ => Ok(vec![counted("a.example", 1)]),
        }
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY / 24).await.unwrap();
    let jobs = rows(
        &settings,
        "SELECT status, retries FROM fetchjobs WHERE day = '2026-11-20'",
    );
    assert_eq!(jobs, ["ok|0"]);
}
