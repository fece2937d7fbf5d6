//! Two senders that report to each other (RFC 8460 section 3): each report mail is a session that an old MTA counts, as
//! Postfix 3.10.0 to 3.10.3 do, and so something to report. A newer one leaves out the sessions of mails with
//! `TLS-Required: No`, which all reports are.
//!
//! Parties of ours for a month, each with an MTA, a collector's counting and a reporter. With the loop guard a domain
//! whose sessions may all be report mails is reported once a week, and never less; without it every session is reported,
//! and with an old MTA it never ends.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod party;
#[path = "../world/mod.rs"]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
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
const DAY: Duration = Duration::from_secs(86_400);
/// A silence of so many days is too long.
const TOO_LONG: u32 = 7;

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

/// Sessions of real mail with whom on a day, and how many of them fail.
type Real = fn(&str, u32) -> Vec<(String, u64, u64)>;

/// What is special about the parties, and why that might keep the traffic going.
#[derive(Clone, Copy)]
struct Case {
    why: &'static str,
    rua: fn(&str) -> String,
    options: &'static [&'static str],
    deferrals: u32,
    forgets_nobody: bool,
    reports_fail: bool,
    queue: u64,
    real: Real,
}

const PLAIN: Case = Case {
    why: "mail to each other",
    rua: mail,
    options: &["--spread_out_delivery=36000"],
    deferrals: 0,
    forgets_nobody: true,
    reports_fail: false,
    queue: 10,
    real: some_days,
};

const COPIED: &[&str] = &[
    "--spread_out_delivery=36000",
    "--bcc_address=copy@archive.example",
];

#[rustfmt::skip]
const CASES: &[Case] = &[
    PLAIN,
    Case { why: "several mails a report: as many sessions", rua: both, ..PLAIN },
    Case { why: "all reports to one address of a third, which is reported on too", rua: elsewhere, ..PLAIN },
    Case { why: "each mail is copied to a fourth, and reports on that one bring copies too", rua: elsewhere, options: COPIED, ..PLAIN },
    Case { why: "each mail is copied to a third party, whose domain is reported on too", options: COPIED, ..PLAIN },
    Case { why: "mails at any time of the day that wait in the queue: sessions fall behind midnight", options: &["--spread_out_delivery=86400"], queue: 1800, ..PLAIN },
    Case { why: "the first mail to each address takes two sessions", deferrals: 1, ..PLAIN },
    Case { why: "each mail takes two sessions", deferrals: 1, forgets_nobody: false, ..PLAIN },
    Case { why: "each mail takes six sessions, the last of them after hours", deferrals: 5, forgets_nobody: false, ..PLAIN },
    Case { why: "each mail of several takes six sessions", rua: both, deferrals: 5, forgets_nobody: false, ..PLAIN },
    Case { why: "the sessions of reports fail", reports_fail: true, deferrals: 1, forgets_nobody: false, ..PLAIN },
];

/// Three sessions with the other on each of `REAL`; the first fails on some.
fn some_days(other: &str, number: u32) -> Vec<(String, u64, u64)> {
    match REAL.contains(&number) {
        true => vec![(other.to_owned(), 3, u64::from(FAILING.contains(&number)))],
        false => Vec::new(),
    }
}

fn one_a_day(other: &str, _: u32) -> Vec<(String, u64, u64)> {
    vec![(other.to_owned(), 1, 0)]
}

fn many_a_day(other: &str, _: u32) -> Vec<(String, u64, u64)> {
    vec![(other.to_owned(), 40, 0)]
}

#[test]
fn with_the_guard_reports_on_reports_come_once_a_week() {
    let begun = Instant::now();
    let mut months = 0;
    while months == 0 || begun.elapsed() < world::soak() / 10 {
        months += 1;
        let seed = seed();
        for case in CASES {
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
#[test]
fn without_the_guard_they_never_end() {
    let seed = seed();
    for case in CASES {
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
#[test]
fn an_mta_that_leaves_report_mails_out_makes_no_loop() {
    let seed = seed();
    for case in CASES {
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
#[test]
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
    for (case, guard, tells, longest) in [
        (few, "yes", true, TOO_LONG),
        (few, "yes", false, TOO_LONG),
        (few, "no", true, 1),
        (few, "no", false, 1),
        (many, "yes", true, 1),
        (many, "yes", false, 1),
        (many, "no", true, 1),
    ] {
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
#[test]
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
#[test]
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

/// New each time, and repeatable.
fn seed() -> u64 {
    let given = std::env::var("TLSRPTD_SEED");
    let seed = given.map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("TLSRPTD_SEED={seed}");
    seed
}

/// On each domain: the days that were reported, and whether sessions failed in them.
fn reported(sent: &[Sent]) -> BTreeMap<&str, BTreeMap<Day, bool>> {
    let mut reported: BTreeMap<&str, BTreeMap<Day, bool>> = BTreeMap::new();
    for sent in sent {
        let days = reported.entry(&sent.domain).or_default();
        days.insert(sent.day, sent.failed > 0);
    }
    reported
}

/// Two days of a domain that are closer together were not the same news.
fn assert_once_a_week(case: &Case, party: &Party, sent: &[Sent]) {
    let may_carry = |domain: &str| {
        domain == "archive.example" || (case.rua)(domain).contains(&format!("@{domain}"))
    };
    for (domain, days) in reported(sent) {
        if !may_carry(domain) {
            // Real mail, all of it: reports on it go elsewhere.
            continue;
        }
        for ((before, failed_before), (day, failed)) in days.iter().zip(days.iter().skip(1)) {
            // Of a failure that is not a report mail's it is told at once.
            let is_news = *failed && (!failed_before || !case.reports_fail);
            assert!(
                is_news || *day >= before.ahead(TOO_LONG),
                "{}: {} reported on {domain} for {before} and {day}: {sent:?}",
                case.why,
                party.setup.domain
            );
        }
    }
}

fn assert_failures_are_told(case: &Case, party: &Party, sent: &[Sent]) {
    if case.reports_fail {
        return;
    }
    for number in FAILING {
        let told = sent
            .iter()
            .find(|sent| sent.day == day(number) && sent.failed > 0);
        assert!(
            told.is_some(),
            "{}: {}: day {number}",
            case.why,
            party.setup.domain
        );
    }
    assert_counted(case, party, sent);
}

/// Each report has every session that was counted.
fn assert_counted(case: &Case, party: &Party, sent: &[Sent]) {
    for report in sent {
        assert_eq!(
            (report.sessions, report.failed),
            party.counted(report.day, &report.domain),
            "{}: {report:?}",
            case.why
        );
    }
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
