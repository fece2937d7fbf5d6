//! Collectors that answer late, and what waits for them.

use std::sync::Arc;

use tlsrptd_reporter::gather::GatherError;

use crate::{
    DAY, HOUR, YESTERDAY_ONLY,
    environment::{TestEnvironment, counted, each_engine, folder, lines, run, settings, stored},
};

#[each_engine]
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
    let jobs = lines(&stored(&settings).jobs, |row| {
        format!("{}|{}|{}", row.index, row.status(), row.reason.is_none())
    });
    assert_eq!(jobs, ["1|ok|true", "2|timedout|false"]);
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

#[each_engine]
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
    let mut stored = stored(&settings);
    stored.reports.retain(|row| row.day == "2026-11-20");
    stored.data.retain(|row| row.day == "2026-11-20");
    stored.jobs.retain(|row| row.day == "2026-11-20");
    let reports = lines(&stored.reports, |row| {
        format!("{}|{}", row.domain, row.sessions)
    });
    assert_eq!(
        reports,
        ["a.example|1", "a.example|5", "b.example|1"],
        "what came late has a report of its own"
    );
    let late = lines(&stored.data, |row| {
        format!("{}|{}|{}", row.domain, row.index, row.status())
    });
    assert_eq!(
        late,
        [
            "a.example|1|fetched",
            "a.example|2|late",
            "b.example|2|fetched"
        ]
    );
    let jobs = lines(&stored.jobs, |row| row.status().to_owned());
    assert_eq!(jobs, ["ok", "ok"]);
}

#[each_engine]
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
    let data = stored(&settings).data;
    let is_hidden =
        data[0].data.is_none() && data[0].status.is_none() && data[0].set_aside.is_some();
    assert!(data.len() == 1 && is_hidden, "sys4 would fetch it again");
    run(&settings, &environment, None, DAY / 12).await.unwrap();
    assert_eq!(
        lines(&stored(&settings).reports, |row| format!(
            "{}|{}",
            row.domain, row.sessions
        )),
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

#[each_engine]
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
    let mut jobs = stored(&settings).jobs;
    jobs.retain(|row| row.day == "2026-11-20");
    let jobs = lines(&jobs, |row| format!("{}|{}", row.status(), row.failures));
    assert_eq!(jobs, ["ok|0"]);
}

/// `keep_days` is less than `max_report_age`, and a collector is away: the day is composed before its rows go.
#[each_engine]
async fn a_day_is_composed_before_its_rows_go() {
    for (keep, begin, want) in [
        ("--keep_days=1", "2026-11-20T20:00:00Z", &["19", "20"][..]),
        ("--keep_days=1", "2026-11-20T23:30:00Z", &["19", "20"]),
        ("--keep_days=2", "2026-11-20T20:00:00Z", &["18", "19", "20"]),
    ] {
        let folder = folder();
        let options = ["--fetchers=away,b", "--spread_out_delivery=1", keep];
        let settings = settings(folder.path(), &options);
        let mut environment = TestEnvironment::new(begin);
        environment.gather = Box::new(|job, _| match job.command.trim() {
            "b" => Ok(vec![counted("x.example", 4)]),
            _ => Err(GatherError::NotReady { newest: None }),
        });
        let environment = Arc::new(environment);
        run(&settings, &environment, None, HOUR * 28).await.unwrap();
        let taken = environment.seen.lock().unwrap();
        let days: std::collections::BTreeSet<&str> =
            taken.iter().map(|seen| &seen.day[8..]).collect();
        assert!(days.iter().eq(want), "{keep}, {begin}: {days:?}");
    }
}
