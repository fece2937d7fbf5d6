//! Two senders that report to each other (RFC 8460 section 3): each report mail is a session that an old MTA counts, as
//! Postfix 3.10.0 to 3.10.3 do, and so something to report. A newer one leaves out the sessions of mails with
//! `TLS-Required: No`, which all reports are.
//!
//! Parties of ours for a month, each with an MTA, a collector's counting and a reporter. With the loop guard a domain
//! whose sessions may all be report mails is reported once a week, and never less; without it every session is reported,
//! and with an old MTA it never ends.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod cases;
#[path = "../environment/mod.rs"]
mod environment;
mod laws;
mod party;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use cases::{CASES, Case, PLAIN, Real, mail, many_a_day, one_a_day, post};
use environment::{Engine, each_engine};
use jiff::Timestamp;
use laws::{assert_counted, assert_failures_are_told, assert_once_a_week};
use party::{Party, Sent, Setup};
use rand::seq::SliceRandom as _;
use tlsrptd_proto::day::Day;

const BEGIN: &str = "2026-11-01T09:00:00Z";
const DAYS: u32 = 30;
/// Days, counted from the begin, with real mail from each to the other, and those of them with failures.
const REAL: [u32; 6] = [0, 1, 2, 3, 4, 16];
const FAILING: [u32; 2] = [2, 16];
const DAY: Duration = Duration::from_secs(86_400);
/// A silence of so many days is too long.
const TOO_LONG: u32 = 7;

#[each_engine]
fn with_the_guard_reports_on_reports_come_once_a_week() {
    let begun = Instant::now();
    let mut months = 0;
    while months == 0 || begun.elapsed() < environment::soak() / 10 {
        months += 1;
        let seed = seed();
        for case in &cases() {
            for party in month(case, "yes", true, seed) {
                let sent = party.sent.lock().unwrap();
                assert_once_a_week(case, &party, &sent);
                assert_failures_are_told(case, &party, &sent);
            }
        }
    }
    println!("{months} times a month of each case, and the traffic died out");
}

/// So that the test above can fail.
#[each_engine]
fn without_the_guard_they_never_end() {
    let seed = seed();
    for case in &some(cases()) {
        for party in month(case, "no", true, seed) {
            let sent = party.sent.lock().unwrap();
            let days: BTreeSet<Day> = sent.iter().map(|sent| Day::of(sent.at)).collect();
            let last = (DAYS - 10..DAYS - 1)
                .map(day)
                .filter(|day| days.contains(day));
            // A report may fall behind midnight, and its day stays empty.
            assert!(last.count() >= 5, "{}: {sent:?}", case.why);
        }
    }
}

/// A newer MTA needs no guard: nothing but real mail is reported, all of it, and it ends when that does.
#[each_engine]
fn an_mta_that_leaves_report_mails_out_makes_no_loop() {
    let seed = seed();
    for case in &cases() {
        for party in month(case, "no", false, seed) {
            let sent = party.sent.lock().unwrap();
            let reported: BTreeSet<Day> = sent.iter().map(|sent| sent.day).collect();
            assert_eq!(reported, REAL.map(day).into(), "{}: {sent:?}", case.why);
            assert_counted(case, &party, &sent);
        }
    }
}

/// Whatever the MTA counts: a domain with genuine sessions is never silent for more than six days, and with more of them
/// than report mails can explain it is reported every day.
#[each_engine]
fn genuine_sessions_are_reported() {
    let seed = seed();
    let few = Case {
        why: "one session a day",
        real: one_a_day,
        ..PLAIN
    };
    let many = Case {
        why: "forty sessions a day, and each mail takes two",
        real: many_a_day,
        deferrals: 1,
        forgets_nobody: false,
        ..PLAIN
    };
    for (case, guard, tells, longest) in some(vec![
        (few, "yes", true, TOO_LONG),
        (few, "yes", false, TOO_LONG),
        (few, "no", true, 1),
        (few, "no", false, 1),
        (many, "yes", true, 1),
        (many, "yes", false, 1),
        (many, "no", true, 1),
    ]) {
        for party in month(&case, guard, tells, seed) {
            let sent = party.sent.lock().unwrap();
            let mut reported: BTreeSet<Day> = sent.iter().map(|sent| sent.day).collect();
            // The last day is reported in the next month.
            reported.insert(day(DAYS - 1));
            let mut last = day(0);
            assert!(reported.contains(&last), "{}", case.why);
            for day in reported {
                assert!(
                    day <= last.ahead(longest),
                    "{}, guard {guard}, {tells}: silent from {last} to {day}",
                    case.why
                );
                last = day;
            }
            assert_counted(&case, &party, &sent);
            if longest == TOO_LONG {
                assert_once_a_week(&case, &party, &sent);
            }
        }
    }
}

/// Others' records lead to a domain: the mails that they bring silence nobody.
#[each_engine]
fn what_others_records_name_does_not_count() {
    fn to_a_neighbour(domain: &str) -> String {
        match domain.strip_prefix("customer") {
            Some(number) => format!("mailto:c{number}@neighbour.example"),
            None if domain == "stranger.example" => (0..10)
                .map(|number| format!("mailto:s{number}@neighbour.example"))
                .collect::<Vec<_>>()
                .join(","),
            None => mail(domain),
        }
    }
    fn real(other: &str, _: u32) -> Vec<(String, u64, u64)> {
        if other != "b.example" {
            return Vec::new();
        }
        let customers = (0..30).map(|number| (format!("customer{number}.example"), 1, 0));
        let others = [("neighbour.example", 20), ("stranger.example", 1)];
        let others = others.map(|(domain, sessions)| (domain.to_owned(), sessions, 0));
        customers.chain(others).collect()
    }
    let case = Case {
        why: "thirty customers and a stranger",
        rua: to_a_neighbour,
        real,
        ..PLAIN
    };
    let seed = seed();
    for tells in [true, false] {
        let [party, _] = month(&case, "yes", tells, seed);
        let sent = party.sent.lock().unwrap();
        for number in 0..DAYS - 1 {
            let of_the_day =
                |sent: &&Sent| sent.day == day(number) && sent.domain == "neighbour.example";
            assert!(
                sent.iter().any(|sent| of_the_day(&sent)),
                "day {number}, {tells}"
            );
        }
        assert_counted(&case, &party, &sent);
    }
}

/// Posts are no sessions: there is nothing to guard against, and nothing is guarded.
#[each_engine]
fn posts_make_no_loop() {
    let seed = seed();
    let case = Case {
        why: "posts only",
        rua: post,
        ..PLAIN
    };
    for guard in ["yes", "no"] {
        for party in month(&case, guard, true, seed) {
            let sent = party.sent.lock().unwrap();
            let reported: Vec<Day> = sent.iter().map(|sent| sent.day).collect();
            assert_eq!(reported, REAL.map(day), "{guard}: {sent:?}");
            assert_counted(&case, &party, &sent);
        }
    }
}

/// All of them; on PostgreSQL, where a month takes seconds, one of each kind: what is told apart there is how mails are summed.
fn cases() -> Vec<Case> {
    match Engine::current() {
        Engine::Sqlite => CASES.to_vec(),
        Engine::Postgres => CASES.iter().step_by(5).copied().collect(),
    }
}

/// All of them; on PostgreSQL two, others each time, and by `make soak` all.
fn some<T>(mut all: Vec<T>) -> Vec<T> {
    if Engine::current() == Engine::Postgres && environment::soak().is_zero() {
        all.shuffle(&mut rand::rng());
        all.truncate(2);
    }
    all
}

/// New each time, and repeatable.
fn seed() -> u64 {
    let given = std::env::var("TLSRPTD_SEED");
    let seed = given.map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("TLSRPTD_SEED={seed}");
    seed
}

fn day(number: u32) -> Day {
    Day::of(BEGIN.parse::<Timestamp>().unwrap() + DAY * number)
}

/// Lets the two live for a month.
fn month(case: &Case, guard: &str, tells_of_reports: bool, seed: u64) -> [Arc<Party>; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let begin = BEGIN.parse().unwrap();
        let party = |domain, number: u64| {
            let setup = Setup {
                domain,
                rua: case.rua,
                options: case
                    .options
                    .iter()
                    .map(|option| (*option).to_owned())
                    .collect(),
                tells_of_reports,
                deferrals: case.deferrals,
                forgets_nobody: case.forgets_nobody,
                reports_fail: case.reports_fail,
                queue: Duration::from_secs(case.queue),
            };
            Party::new(setup, begin, seed.wrapping_add(number))
        };
        let parties = [party("a.example", 1), party("b.example", 2)];
        let folders = [environment::folder(), environment::folder()];
        let settings = [0, 1].map(|number| {
            let guard = format!("--loop_guard={guard}");
            let mut options = vec!["--interval_main_loop=3600", &guard];
            options.extend(case.options);
            environment::settings(folders[number].path(), &options)
        });
        tokio::join!(
            Arc::clone(&parties[0]).report(&settings[0], DAYS, seed.wrapping_add(11)),
            Arc::clone(&parties[1]).report(&settings[1], DAYS, seed.wrapping_add(12)),
            real_mail(&parties, case.real),
        );
        parties
    })
}

/// Real mail each way, at noon.
async fn real_mail(parties: &[Arc<Party>; 2], real: Real) {
    tokio::time::sleep(DAY / 8).await;
    for number in 0..DAYS {
        for (party, other) in [(&parties[0], &parties[1]), (&parties[1], &parties[0])] {
            for (domain, sessions, failed) in real(other.setup.domain, number) {
                (0..sessions).for_each(|session| party.session(&domain, session < failed));
            }
        }
        tokio::time::sleep(DAY).await;
    }
}
