//! Two senders that report to each other (RFC 8460 section 3): each report mail is a session that its MTA counts, as
//! Postfix 3.10.0 to 3.10.3 do, and so something to report.
//!
//! Two parties of ours for a month, each with an MTA, a collector's counting and a reporter. With the loop guard the
//! traffic dies out and real mail is still reported; without it, it never ends.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod party;
#[path = "../world/mod.rs"]
mod world;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use party::{Party, Sent, Setup};
use tlsrptd_proto::day::Day;

const BEGIN: &str = "2026-11-01T09:00:00Z";
const DAYS: u32 = 30;
/// Days, counted from the begin, with real mail from each to the other, and those of them with failures.
const REAL: [u32; 6] = [0, 1, 2, 3, 4, 16];
const FAILING: [u32; 2] = [2, 16];
/// After the last real mail the traffic may take so many days to die out: a session may fall behind midnight.
const DYING: u32 = 7;
const DAY: Duration = Duration::from_secs(86_400);

fn mail(domain: &str) -> String {
    format!("mailto:tlsrpt@{domain}")
}

fn post(domain: &str) -> String {
    format!("https://reports.{domain}/")
}

fn both(domain: &str) -> String {
    format!("mailto:tlsrpt@{domain},https://reports.{domain}/,mailto:more@{domain}")
}

fn elsewhere(_: &str) -> String {
    "mailto:all@collector.example".to_owned()
}

/// What is special about two parties, and why that might keep the traffic going.
struct Case {
    why: &'static str,
    rua: fn(&str) -> String,
    options: &'static [&'static str],
    greylists: bool,
    queue: u64,
}

const PLAIN: Case = Case {
    why: "mail to each other",
    rua: mail,
    options: &["--spread_out_delivery=36000"],
    greylists: false,
    queue: 10,
};

fn cases() -> Vec<Case> {
    vec![
        PLAIN,
        Case {
            why: "several mails a report: as many sessions",
            rua: both,
            ..PLAIN
        },
        Case {
            why: "all reports to one address of a third, which is reported on too",
            rua: elsewhere,
            ..PLAIN
        },
        Case {
            why: "each mail is copied to a fourth, and reports on that one bring copies too",
            rua: elsewhere,
            options: &[
                "--spread_out_delivery=36000",
                "--bcc_address=copy@archive.example",
            ],
            ..PLAIN
        },
        Case {
            why: "each mail is copied to a third party, whose domain is reported on too",
            options: &[
                "--spread_out_delivery=36000",
                "--bcc_address=copy@archive.example",
            ],
            ..PLAIN
        },
        Case {
            why: "mails at any time of the day that wait in the queue: sessions fall behind midnight",
            options: &["--spread_out_delivery=86400"],
            queue: 1800,
            ..PLAIN
        },
        Case {
            why: "the first mail to each address takes two sessions",
            greylists: true,
            ..PLAIN
        },
    ]
}

#[test]
fn with_the_guard_reports_on_reports_die_out() {
    let begun = Instant::now();
    let mut months = 0;
    while months == 0 || begun.elapsed() < world::soak() / 10 {
        months += 1;
        dies_out(seed());
    }
    println!("{months} times a month of each case, and the traffic died out");
}

fn dies_out(seed: u64) {
    for case in cases() {
        let parties = month(&case, "yes", seed);
        for (party, other) in [(&parties[0], &parties[1]), (&parties[1], &parties[0])] {
            let sent = party.sent.lock().unwrap();
            assert_real_mail_is_reported(&case, party, other.setup.domain, &sent);
            let end = day(REAL[REAL.len() - 1] + DYING).start();
            let late: Vec<&Sent> = sent.iter().filter(|sent| sent.at >= end).collect();
            assert!(
                late.is_empty(),
                "{}: {} still reports: {late:?}",
                case.why,
                party.setup.domain
            );
            // Between the two times of real mail too.
            let quiet = day(4 + DYING).start()..day(16).start();
            assert!(
                !sent.iter().any(|sent| quiet.contains(&sent.at)),
                "{}: {sent:?}",
                case.why
            );
        }
    }
}

/// So that the test above can fail.
#[test]
fn without_the_guard_they_never_end() {
    let seed = seed();
    for case in cases() {
        let parties = month(&case, "no", seed);
        for party in parties {
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

/// Posts are no sessions: there is nothing to guard against, and nothing is guarded.
#[test]
fn posts_make_no_loop() {
    let seed = seed();
    let case = Case {
        why: "posts only",
        rua: post,
        ..PLAIN
    };
    for guard in ["yes", "no"] {
        let parties = month(&case, guard, seed);
        for (party, other) in [(&parties[0], &parties[1]), (&parties[1], &parties[0])] {
            let sent = party.sent.lock().unwrap();
            assert_real_mail_is_reported(&case, party, other.setup.domain, &sent);
            assert_eq!(sent.len(), REAL.len(), "{guard}: {sent:?}");
        }
    }
}

/// New each time, and repeatable.
fn seed() -> u64 {
    let given = std::env::var("TLSRPTD_SEED");
    let seed = given.map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("TLSRPTD_SEED={seed}");
    seed
}

/// Each day with real mail has its report, with every session that was counted.
fn assert_real_mail_is_reported(case: &Case, party: &Party, other: &str, sent: &[Sent]) {
    for number in REAL {
        let day = day(number);
        let reports: Vec<&Sent> = sent
            .iter()
            .filter(|sent| sent.day == day && sent.domain == other)
            .collect();
        assert!(
            !reports.is_empty(),
            "{}: no report on {other} and {day}",
            case.why
        );
        let counted = party.counted(day, other);
        for report in reports {
            assert_eq!(
                (report.sessions, report.failed),
                counted,
                "{}: {report:?}",
                case.why
            );
        }
        assert_eq!(
            counted.1 > 0,
            FAILING.contains(&number),
            "{}: {day}",
            case.why
        );
    }
}

fn day(number: u32) -> Day {
    Day::of(BEGIN.parse::<Timestamp>().unwrap() + DAY * number)
}

/// Lets the two live for a month.
fn month(case: &Case, guard: &str, seed: u64) -> [Arc<Party>; 2] {
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
                greylists: case.greylists,
                queue: Duration::from_secs(case.queue),
            };
            Party::new(setup, begin, seed.wrapping_add(number))
        };
        let parties = [party("a.example", 1), party("b.example", 2)];
        let folders = [world::folder(), world::folder()];
        let settings = [0, 1].map(|number| {
            let guard = format!("--loop_guard={guard}");
            let mut options = vec!["--interval_main_loop=3600", &guard];
            options.extend(case.options);
            world::settings(folders[number].path(), &options)
        });
        tokio::join!(
            Arc::clone(&parties[0]).report(&settings[0], DAYS, seed.wrapping_add(11)),
            Arc::clone(&parties[1]).report(&settings[1], DAYS, seed.wrapping_add(12)),
            real_mail(&parties),
        );
        parties
    })
}

/// Three sessions each way on each of the days, at noon; the first fails on some.
async fn real_mail(parties: &[Arc<Party>; 2]) {
    let mut at = 0;
    for number in REAL {
        tokio::time::sleep(
            DAY * (number - at)
                + if at == 0 && number == 0 {
                    DAY / 8
                } else {
                    Duration::ZERO
                },
        )
        .await;
        at = number;
        for (party, other) in [(&parties[0], &parties[1]), (&parties[1], &parties[0])] {
            party.session(other.setup.domain, FAILING.contains(&number));
            party.session(other.setup.domain, false);
            party.session(other.setup.domain, false);
        }
    }
}
