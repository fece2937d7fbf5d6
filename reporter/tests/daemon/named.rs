//! Destinations that the records of many domains name: what they get, and what is said of it, on a virtual clock.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    lookup::from_texts,
    model::{Fetched, NamedDestination},
    store::{CommitSide, HookVerdict, OperatorAccess, Step, open_for_operator},
};

use crate::{
    DAY, HOUR, NOW, YESTERDAY_ONLY,
    environment::{
        Statements, TestEnvironment, ask, counted, each_engine, folder, lines, or_dash, run,
        settings, stored,
    },
};

/// So many sessions, of which one failed.
fn failing(domain: &str, sessions: u64) -> Fetched {
    let mut counted = counted(domain, sessions);
    counted.data = counted
        .data
        .replace("\"cntrfailure\": 0", "\"cntrfailure\": 1");
    counted
}

/// Each day so many domains, of which every tenth has a failure; the names are those of `name`, the records those of `rua`.
fn environment(
    domains: impl Fn(&str) -> usize + Send + Sync + 'static,
    name: impl Fn(usize) -> String + Send + Sync + 'static,
    rua: &'static str,
) -> TestEnvironment {
    let mut environment = TestEnvironment::new("2026-11-21T00:20:00Z");
    environment.gather = Box::new(move |job, _| {
        let row = |number: usize| match number % 10 {
            9 => failing(&name(number), 2),
            _ => counted(&name(number), 1),
        };
        Ok((0..domains(&job.day.to_string())).map(row).collect())
    });
    environment.lookup = Box::new(move |_| Some(from_texts(&[format!("v=TLSRPTv1;rua={rua}")])));
    environment.hurries = true;
    environment
}

fn name(number: usize) -> String {
    format!("d{number:05}.example")
}

fn named(settings: &Reportd, from: &str, to: &str) -> Vec<NamedDestination> {
    let store = open_for_operator(settings, OperatorAccess::Read).unwrap();
    let day = |text: &str| Day::parse(text).unwrap();
    store.named(day(from), day(to)).unwrap()
}

/// The domains of a day whose reports were sent to `uri`, as often as they were.
fn sent_to(environment: &TestEnvironment, uri: &str) -> Vec<String> {
    let seen = environment.seen.lock().unwrap();
    let taken = seen.iter().filter(|seen| seen.taken && seen.uri == uri);
    let mut domains: Vec<String> = taken.map(|seen| seen.domain.clone()).collect();
    domains.sort();
    domains
}

const LIMIT: &str = "--max_reports_per_destination=70";

#[each_engine]
async fn domains_with_failures_come_first_and_the_rest_is_named() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW, LIMIT]);
    let rua = "mailto:x@victim.example";
    let environment = Arc::new(environment(|_| 600, name, rua));
    run(&settings, &environment, None, HOUR).await.unwrap();
    let sent = sent_to(&environment, rua);
    let failed: Vec<String> = (0..60).map(|number| name(10 * number + 9)).collect();
    assert_eq!(sent.len(), 70);
    assert!(failed.iter().all(|domain| sent.contains(domain)));
    let left_out = |row: &&crate::environment::stored::ReportRow| {
        or_dash(&row.reason)
            == "max_reports_per_destination: victim.example gets 70 reports of a day, of domains with failures first"
    };
    let reports = stored(&settings).reports;
    assert_eq!(reports.len(), 600, "every domain has a decision, once");
    assert_eq!(reports.iter().filter(left_out).count(), 530);
    let told = named(&settings, "2026-11-20", "2026-11-20");
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].domains, told[0].deliveries, told[0].left_out),
        (600, 70, 530)
    );
}

#[each_engine]
async fn a_restart_forgets_nothing_of_the_day() {
    for at in [1, 2, 3] {
        let folder = folder();
        let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW, LIMIT]);
        let rua = "mailto:x@victim.example";
        let environment = Arc::new(environment(|_| 600, name, rua));
        let mut left = at;
        let hook = Box::new(move |step, side| {
            left -= i32::from(step == Step::Decided && side == CommitSide::After);
            match left {
                0 => HookVerdict::Crash,
                _ => HookVerdict::Continue,
            }
        });
        let crashed = run(&settings, &environment, Some(hook), HOUR).await;
        assert!(crashed.is_err(), "after {at} commits");
        run(&settings, &environment, None, HOUR).await.unwrap();
        let sent = sent_to(&environment, rua);
        let domains: BTreeSet<&String> = sent.iter().collect();
        assert_eq!(domains.len(), 70, "after {at} commits");
        let failed = (0..60).filter(|number| domains.contains(&name(10 * number + 9)));
        assert_eq!(failed.count(), 60, "after {at} commits");
        let told = named(&settings, "2026-11-20", "2026-11-20");
        assert_eq!(
            (told[0].domains, told[0].deliveries, told[0].left_out),
            (600, 70, 530)
        );
    }
}

#[each_engine]
async fn what_is_late_counts_for_its_day_and_another_day_is_another() {
    let folder = folder();
    let settings = settings(folder.path(), &[NOW, "--max_reports_per_destination=5"]);
    let rua = "mailto:x@victim.example,mailto:own@d00003.example";
    let environment = Arc::new(environment(|_| 20, name, rua));
    let late = vec![counted("late.example", 1)];
    environment
        .added
        .lock()
        .unwrap()
        .insert("2026-11-20".to_owned(), vec![late]);
    run(&settings, &environment, None, DAY * 2).await.unwrap();
    let mut deliveries = stored(&settings).deliveries;
    deliveries.retain(|row| row.uri.contains("victim") && row.status() == "sent");
    let of = |day: &str| deliveries.iter().filter(|row| row.day == day).count();
    assert_eq!([of("2026-11-20"), of("2026-11-21")], [5, 5]);
    let mut own = stored(&settings).deliveries;
    own.retain(|row| row.domain == "d00003.example" && row.uri.contains("own@"));
    assert!(
        own.len() >= 2 && own.iter().all(|row| row.status() == "sent"),
        "its own is its own"
    );
}

/// What the operator knows, and what only looks like it.
#[each_engine]
async fn a_rush_is_suspect_and_what_is_known_is_not() {
    let victim = |number: usize| format!("n{number}.evil{}.example", number % 3);
    let rows: [(&str, bool, bool, &[&str]); 4] = [
        ("many owners from the first day on", false, false, &[]),
        (
            "names made up",
            true,
            false,
            &["2026-11-20", "2026-11-21", "2026-11-22"],
        ),
        ("a rush on the third day", false, true, &["2026-11-22"]),
        ("known_destinations", true, false, &[]),
    ];
    for (why, is_made_up, is_rush, want) in rows {
        let folder = folder();
        let known = match why {
            "known_destinations" => "--known_destinations=victim.example",
            _ => "--known_destinations=other.example",
        };
        let settings = settings(
            folder.path(),
            &[NOW, "--max_report_age=86400", "--keep_days=3", known],
        );
        let rua = "mailto:x@mx.victim.example";
        let domains = move |day: &str| match is_rush && day < "2026-11-22" {
            true => 30,
            false => 400,
        };
        let name = move |number| match is_made_up {
            true => victim(number),
            false => name(number),
        };
        let environment = Arc::new(environment(domains, name, rua));
        run(&settings, &environment, None, DAY * 5).await.unwrap();
        let told = named(&settings, "2026-11-19", "2026-11-24");
        let suspect: Vec<&NamedDestination> = told
            .iter()
            .filter(|one| one.suspect_since.is_some())
            .collect();
        assert_eq!(lines(&suspect, |one| one.day.to_string()), want, "{why}");
        for one in suspect {
            assert_eq!(
                (one.name.as_str(), one.domains, one.deliveries),
                ("mx.victim.example", 400, 400),
                "{why}"
            );
            assert!(!is_made_up || one.owners == 3, "{why}: {}", one.owners);
            assert!(
                is_made_up || (250..600).contains(&one.owners),
                "{why}: {}",
                one.owners
            );
        }
        assert_eq!(told.is_empty(), why == "known_destinations", "{why}");
    }
}

/// A million names of strangers, one delivery each, leave nothing behind.
#[each_engine]
async fn what_few_name_is_forgotten() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[NOW, "--max_report_age=86400", "--keep_days=3"],
    );
    let mut environment = environment(|_| 300, name, "");
    environment.lookup = Box::new(|domain| {
        Some(from_texts(&[format!(
            "v=TLSRPTv1;rua=mailto:x@for-{domain}"
        )]))
    });
    let environment = Arc::new(environment);
    run(
        &settings,
        &environment,
        None,
        DAY * 4 + Duration::from_secs(3600),
    )
    .await
    .unwrap();
    let days = Statements {
        sqlite: "SELECT day, count(*) FROM tlsrptd_named WHERE name <> '' GROUP BY day ORDER BY day",
        postgres: "SELECT day::text, count(DISTINCT name) FROM named WHERE name <> '' GROUP BY day ORDER BY day",
    };
    let days = ask(&settings.dbname, &days);
    assert!(
        days.len() <= 3 && days.iter().all(|(_, rows)| *rows == 300),
        "{days:?}"
    );
}

/// Five hundred mails to one domain and as many to others, all due at once: those to others are through at once.
#[each_engine]
async fn mails_to_one_domain_are_paced_and_others_do_not_wait() {
    for (a_minute, most_a_minute) in [(0, 500), (30, 31), (300, 305)] {
        let folder = folder();
        let rate = format!("--max_mail_rate_per_domain={a_minute}");
        let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW, &rate]);
        let mut environment = environment(|_| 500, name, "");
        environment.lookup = Box::new(|domain| {
            let rua = format!("mailto:x@victim.example,mailto:x@{domain}");
            Some(from_texts(&[format!("v=TLSRPTv1;rua={rua}")]))
        });
        let environment = Arc::new(environment);
        let begin = environment.now();
        run(&settings, &environment, None, HOUR).await.unwrap();
        let seen = environment.seen.lock().unwrap();
        let begun = |is_victim: bool| -> Vec<i64> {
            let to = |uri: &str| uri.contains("victim") == is_victim;
            let seen = seen.iter().filter(|seen| to(&seen.uri));
            seen.map(|seen| seen.at.duration_since(begin).as_millis() as i64)
                .collect()
        };
        let (victim, others) = (begun(true), begun(false));
        assert_eq!(
            (victim.len(), others.len()),
            (500, 500),
            "{a_minute}: each once"
        );
        assert!(
            others.iter().all(|at| *at < 60_000),
            "{a_minute}: {:?}",
            others.last()
        );
        let within = |from: i64| {
            victim
                .iter()
                .filter(|at| (from..from + 60_000).contains(*at))
                .count()
        };
        let most = victim.iter().map(|at| within(*at)).max().unwrap();
        assert!(most <= most_a_minute, "{a_minute}: {most}");
        assert!(
            most >= most_a_minute * 8 / 10,
            "{a_minute}: no time is lost: {most}"
        );
    }
}
