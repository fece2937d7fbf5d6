//! `fetchers` is edited between a day's jobs and their answers: each collector is asked once, and counted once.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::gather::GatherError;

use crate::{
    HOUR,
    environment::{
        Engine, TestEnvironment, counted, distinct, each_engine, folder, lines, make_store,
        or_dash, run, settings, stored,
    },
};

const BEGIN: &str = "2026-11-21T00:00:10Z";
const LATER: &str = "2026-11-21T02:00:10Z";

/// Of each domain its sessions in all reports, and the number of reports.
fn reported(settings: &Reportd) -> Vec<String> {
    let mut sums: BTreeMap<String, (i64, usize)> = BTreeMap::new();
    for row in stored(settings).reports {
        let sum = sums.entry(row.domain).or_default();
        *sum = (sum.0 + row.sessions, sum.1 + 1);
    }
    let line = |(domain, (sessions, reports))| format!("{domain}|{sessions}|{reports}");
    sums.into_iter().map(line).collect()
}

/// Whole answers, by the command's words.
type Answers = Arc<Mutex<BTreeMap<String, u32>>>;

fn with(folder: &Path, fetchers: &str) -> Reportd {
    let fetchers = format!("--fetchers={fetchers}");
    settings(
        folder,
        &[
            "--max_report_age=86400",
            "--spread_out_delivery=1",
            &fetchers,
        ],
    )
}

/// `a` counts 3 sessions and does not answer before `LATER`, `b` counts 5, `c` 1; one with a 2 behind its name is the same
/// host.
fn collectors(begin: &str) -> (Arc<TestEnvironment>, Answers) {
    let answers = Answers::default();
    let mut environment = TestEnvironment::new(begin);
    let counts = Arc::clone(&answers);
    environment.gather = Box::new(move |job, now| {
        let words: Vec<&str> = job.command.split_whitespace().collect();
        let sessions = match words[0].trim_end_matches('2') {
            "a" if words[0] == "a" && now < LATER.parse().unwrap() => {
                return Err(GatherError::NotReady { newest: None });
            }
            "a" => 3,
            "b" => 5,
            _ => 1,
        };
        let mut counts = counts.lock().unwrap();
        *counts.entry(words.join(" ")).or_default() += 1;
        Ok(vec![counted("m.example", sessions)])
    });
    (Arc::new(environment), answers)
}

/// `fetchers` before and after, sessions in the report, who has answered, the jobs' ends, and why.
type Row = (
    &'static str,
    &'static str,
    u64,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

#[rustfmt::skip]
const EDITS: &[Row] = &[
    ("a, b", "a, b", 8, &["a", "b"], &["a|ok", "b|ok"], "no edit"),
    ("a, b", "b", 5, &["b"], &["a|removed", "b|ok"], "the dead one is removed"),
    ("a, b", "b, a", 8, &["a", "b"], &["a|ok", "b|ok"], "swapped"),
    ("a x, b", "  b ,\ta \t x ", 8, &["a x", "b"], &["a x|ok", "b|ok"], "swapped and spaced anew"),
    ("a, b", "a2, b", 8, &["a2", "b"], &["a2|ok", "b|ok"], "the dead one by another name"),
    ("b, a", "b2, a", 8, &["a", "b"], &["b2|ok", "a|ok"], "who has answered, by another name"),
    ("a, b", "c, a, b", 9, &["a", "b", "c"], &["a|ok", "b|ok", "c|ok"], "one more in front"),
    ("a, b", "b, c", 6, &["b", "c"], &["a|removed", "b|ok", "c|ok"], "one removed, one more"),
    ("a, b, c", "c, a", 9, &["a", "b", "c"], &["a|ok", "b|ok", "c|ok"], "who has answered is removed: its data is used"),
];

#[each_engine]
async fn each_collector_is_asked_once_whatever_becomes_of_the_list() {
    for (before, after, sessions, answered, jobs, why) in EDITS {
        let folder = folder();
        let (environment, answers) = collectors(BEGIN);
        run(&with(folder.path(), before), &environment, None, HOUR)
            .await
            .unwrap();
        let settings = with(folder.path(), after);
        run(&settings, &environment, None, HOUR * 8).await.unwrap();
        assert_eq!(
            reported(&settings),
            [format!("m.example|{sessions}|1")],
            "{why}"
        );
        let answers = answers.lock().unwrap();
        assert!(
            answers.values().all(|times| *times == 1),
            "{why}: {answers:?}"
        );
        assert_eq!(answers.keys().collect::<Vec<_>>(), *answered, "{why}");
        let ends = lines(&stored(&settings).jobs, |row| {
            let command: Vec<&str> = row.command.split_whitespace().collect();
            format!("{}|{}", command.join(" "), row.status())
        });
        assert_eq!(ends, *jobs, "{why}");
    }
}

#[each_engine]
async fn one_edit_after_the_other() {
    let folder = folder();
    let (environment, answers) = collectors(BEGIN);
    for fetchers in [
        "b, a, c", "a, b, c", "a, b2, c", "c, a, b2", "c, a", "c, a, b2",
    ] {
        let minutes = Duration::from_secs(900);
        run(&with(folder.path(), fetchers), &environment, None, minutes)
            .await
            .unwrap();
    }
    let settings = with(folder.path(), "c, a, b2");
    run(&settings, &environment, None, HOUR * 8).await.unwrap();
    assert_eq!(reported(&settings), ["m.example|9|1"]);
    let answers = answers.lock().unwrap().clone();
    let once = ["a", "b", "c"].map(|name| (name.to_owned(), 1));
    assert_eq!(answers, BTreeMap::from(once));
}

/// Until the day is decided a removed collector may come back; then what it has is late.
#[each_engine]
async fn who_was_removed_and_is_back_is_asked() {
    let folder = folder();
    let (environment, _) = collectors(BEGIN);
    run(&with(folder.path(), "a, b"), &environment, None, HOUR)
        .await
        .unwrap();
    let settings = with(folder.path(), "b");
    run(&settings, &environment, None, HOUR * 2).await.unwrap();
    let ends = |settings: &Reportd| {
        distinct(&stored(settings).jobs, |row| {
            format!("{}|{}", row.command, row.status())
        })
    };
    assert_eq!(ends(&settings), [" b|ok", "a|removed"]);
    let settings = with(folder.path(), "b, a");
    run(&settings, &environment, None, HOUR).await.unwrap();
    assert_eq!(ends(&settings), [" b|ok", "a|ok"]);
}

/// The other collector's data is there, the reporter comes back when the day is 68 hours old, and the deadline would end
/// two hours after the day is too old.
#[each_engine]
async fn a_day_is_composed_before_it_is_too_old() {
    let folder = folder();
    let options = ["--fetchers=never, b", "--spread_out_delivery=1"];
    let settings = settings(folder.path(), &options);
    let begin = "2026-11-23T20:00:00Z";
    let mut environment = TestEnvironment::new(begin);
    environment.gather = Box::new(|job, _| match job.command.trim() {
        "b" => Ok(vec![counted("m.example", 5)]),
        _ => Err(GatherError::NotReady { newest: None }),
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 9).await.unwrap();
    let days = lines(&stored(&settings).reports, |row| {
        format!("{}|{}|{}", row.day, row.sessions, or_dash(&row.reason))
    });
    assert_eq!(
        days,
        ["20", "21", "22"].map(|day| format!("2026-11-{day}|5|-"))
    );
}

/// sys4's reporter was stopped between a day's data and its reports, and had given one collector up. (It knows only SQLite.)
#[tokio::test(start_paused = true)]
async fn a_day_left_in_the_middle_waits_for_who_is_asked_once_more() {
    let folder = Engine::Sqlite.folder();
    let settings = with(folder.path(), "b, a");
    make_store(&settings);
    let data = counted("m.example", 5).data;
    let db = rusqlite::Connection::open(&settings.dbname).unwrap();
    db.execute_batch(
        "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry) VALUES
         ('2026-11-20', 1, 'b', 0, 'ok', '2026-11-21 00:00:00+00:00'),
         ('2026-11-20', 2, ' a', 6, 'timedout', '2026-11-21 00:00:00+00:00')",
    )
    .unwrap();
    db.execute(
        "INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry) VALUES
         ('2026-11-20', 'm.example', ?1, 'b', 1, 0, 'fetched', '2026-11-21 00:00:00+00:00')",
        [data],
    )
    .unwrap();
    drop(db);
    let (environment, answers) = collectors(LATER);
    run(&settings, &environment, None, HOUR).await.unwrap();
    assert_eq!(reported(&settings), ["m.example|8|1"]);
    assert_eq!(
        lines(&stored(&settings).jobs, |row| row.status().to_owned()),
        ["ok", "ok"]
    );
    assert_eq!(
        answers.lock().unwrap().len(),
        1,
        "only the one that was given up"
    );
}

/// The dead collector had brought a part, was removed, and another host was put where it stood: that is nobody's successor.
/// What was decided before it came it is not asked for, and what the dead one brought stays used.
#[each_engine]
async fn a_host_in_the_place_of_a_removed_one_is_another_one() {
    for edits in [["b, dead", "b", "b, c"], ["dead, b", "b", "c, b"]] {
        let folder = folder();
        for (fetchers, begin) in edits.iter().zip([BEGIN, LATER, "2026-11-21T04:00:10Z"]) {
            let mut environment = TestEnvironment::new(begin);
            environment.gather = Box::new(|job, _| match job.command.trim() {
                "dead" => Err(GatherError::NotReady { newest: None }),
                "b" => Ok(vec![counted("m.example", 5)]),
                _ => Ok(vec![counted("m.example", 100)]),
            });
            let time = if begin == LATER || begin == BEGIN {
                HOUR
            } else {
                HOUR * 21
            };
            run(
                &with(folder.path(), fetchers),
                &Arc::new(environment),
                None,
                time,
            )
            .await
            .unwrap();
        }
        let settings = with(folder.path(), edits[2]);
        let mut stored = stored(&settings);
        stored
            .reports
            .retain(|row| row.day.as_str() >= "2026-11-20");
        let sessions = lines(&stored.reports, |row| {
            format!("{}|{}", row.day, row.sessions)
        });
        assert_eq!(sessions, ["2026-11-20|5", "2026-11-21|105"], "{edits:?}");
        stored.jobs.retain(|job| job.day == "2026-11-20");
        stored
            .jobs
            .sort_by(|one, other| one.command.trim().cmp(other.command.trim()));
        let ends = lines(&stored.jobs, |job| {
            format!("{}|{}", job.command.trim(), job.status())
        });
        assert_eq!(ends, ["b|ok", "dead|removed"]);
    }
}
