//! Times as tables.

use rand::{SeedableRng as _, rngs::StdRng};
use tlsrptd_config::Start;

use super::*;

pub(super) fn schedule(options: &[&str]) -> Schedule {
    let required = [
        "--dbname=/x",
        "--fetchers=f",
        "--organization_name=o",
        "--contact_info=a@b.example",
    ];
    let args = required.iter().chain(options).map(std::ffi::OsString::from);
    match tlsrptd_config::reportd::load(args, []) {
        Start::Run(settings) => Schedule::new(&settings.values),
        Start::Done { stderr, .. } => panic!("{stderr}"),
    }
}

pub(super) fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

#[test]
fn waits_double_and_end_with_the_window() {
    let (schedule, first, mut rng) = (schedule(&[]), at("21T10:00:00"), StdRng::seed_from_u64(7));
    let (mut now, mut waits) = (first, Vec::new());
    for failures in 1.. {
        match schedule.after_delivery_failure(failures, first, None, now, &mut rng) {
            NextAttempt::At(next) => waits.push(next.duration_since(now).as_secs()),
            NextAttempt::GiveUp(_) => break,
        }
        now = plus(
            now,
            Duration::from_secs(waits[waits.len() - 1].unsigned_abs()),
        );
    }
    for (wait, base) in waits
        .iter()
        .zip([300, 600, 1200, 2400, 4800, 9600, 14400, 14400, 14400])
    {
        assert!((base * 3 / 4..=base * 5 / 4).contains(wait), "{waits:?}");
    }
    assert!((8..=12).contains(&waits.len()), "{waits:?}");
    let all: i64 = waits.iter().sum();
    assert!(
        (86_300..=86_400).contains(&all),
        "the last attempt is at the end of the window: {all}"
    );
}

#[test]
fn after_a_failed_delivery() {
    let sys4 = ["--max_retries_delivery=2"];
    let hour = Duration::from_secs(3600);
    for (options, failures, after, now, want, why) in [
        (
            &[][..],
            1,
            None,
            "21T10:00:00",
            Some(225..=375),
            "about five minutes",
        ),
        (
            &[],
            1,
            Some(hour),
            "21T10:00:00",
            Some(3600..=3600),
            "the other side's wish",
        ),
        (
            &[],
            9,
            Some(hour),
            "22T09:30:00",
            Some(1800..=1800),
            "its wish lies beyond the window: once more at its end",
        ),
        (
            &[],
            1,
            Some(hour * 24),
            "21T10:00:01",
            Some(86_399..=86_399),
            "a wish for a day, after the first attempt",
        ),
        (
            &[],
            1,
            Some(Duration::MAX),
            "21T10:00:01",
            Some(86_399..=86_399),
            "a wish for ever",
        ),
        (
            &[],
            9,
            Some(hour),
            "22T10:00:00",
            None,
            "the attempt at the end of the window was the last",
        ),
        (
            &[],
            9,
            None,
            "22T09:59:00",
            Some(60..=60),
            "the end of the window is the last chance",
        ),
        (&[], 9, None, "22T10:00:00", None, "the window has passed"),
        (
            &["--retry_window=60"],
            1,
            None,
            "21T10:00:00",
            Some(60..=60),
            "a short window",
        ),
        (
            &sys4,
            2,
            None,
            "25T10:00:00",
            Some(450..=750),
            "sys4's rule knows no window",
        ),
        (
            &sys4,
            1,
            Some(Duration::from_secs(99_999_999_999)),
            "21T10:00:00",
            Some(86_400..=86_400),
            "nobody is waited for longer than the window",
        ),
        (
            &sys4,
            3,
            None,
            "21T10:00:00",
            None,
            "two retries are three attempts",
        ),
        (
            &["--min_wait_delivery=5"],
            5,
            None,
            "21T10:00:00",
            Some(60..=100),
            "one of sys4's options brings its rule",
        ),
        (
            &["--min_wait_delivery=5"],
            6,
            None,
            "21T10:00:00",
            None,
            "with its default of five retries",
        ),
    ] {
        let mut rng = StdRng::seed_from_u64(1);
        let now = at(now);
        let next = schedule(options).after_delivery_failure(
            failures,
            at("21T10:00:00"),
            after,
            now,
            &mut rng,
        );
        match (next, want) {
            (NextAttempt::At(next), Some(want)) => {
                let wait = next.duration_since(now).as_secs();
                assert!(want.contains(&wait), "{why}: {wait}");
            }
            (NextAttempt::GiveUp(_), None) => {}
            (next, want) => panic!("{why}: {next:?}, not {want:?}"),
        }
    }
}

#[test]
fn days_that_are_reported() {
    for (options, now, want, why) in [
        (
            &[][..],
            "21T12:00:00",
            &["18", "19", "20"][..],
            "three days back",
        ),
        (
            &[],
            "21T00:00:00",
            &["17", "18", "19", "20"],
            "the fourth is three days old this very second",
        ),
        (
            &["--keep_days=2"],
            "21T12:00:00",
            &["19", "20"],
            "not what would be forgotten at once",
        ),
        (
            &["--max_report_age=86400"],
            "21T12:00:00",
            &["20"],
            "only yesterday",
        ),
    ] {
        let days: Vec<String> = schedule(options)
            .reportable_days(at(now))
            .iter()
            .map(|day| day.to_string()[8..].to_owned())
            .collect();
        assert_eq!(days, want, "{why}");
    }
}

#[test]
fn deliveries_spread_evenly() {
    let (schedule, now, mut rng) = (
        schedule(&["--spread_out_delivery=1000"]),
        at("21T00:00:00"),
        StdRng::seed_from_u64(3),
    );
    let mut tenths = [0; 10];
    for _ in 0..10_000 {
        let wait = schedule
            .first_delivery(now, &mut rng)
            .duration_since(now)
            .as_secs();
        tenths[usize::try_from(wait / 100).unwrap()] += 1;
    }
    assert!(
        tenths.iter().all(|number| (850..1150).contains(number)),
        "{tenths:?}"
    );
    let now_means_now = self::schedule(&["--spread_out_delivery=1"]);
    assert_eq!(now_means_now.first_delivery(now, &mut rng), now);
}

/// Pearson's chi-square over a hundred parts of the window, of first deliveries in it: about 99 when they are spread
/// evenly by chance, and more than 149 once in a thousand times.
#[test]
fn deliveries_spread_evenly_however_many_there_are() {
    let schedule = schedule(&["--spread_out_delivery=36000"]);
    let now = at("21T00:10:00");
    // One report has so many destinations, of one draw of chance as in the composer.
    for (reports, destinations) in [(2_000, 1), (1_000, 3), (300, 10), (50_000, 1), (20_000, 5)] {
        let mut seeds = StdRng::seed_from_u64(reports + destinations);
        let (mut all, mut last) = ([0_u64; 100], [0_u64; 100]);
        let mut early = 0;
        for _ in 0..reports {
            let mut rng = StdRng::seed_from_u64(seeds.next_u64());
            let mut due = Vec::new();
            for _ in 0..destinations {
                let wait = schedule.first_delivery(now, &mut rng).duration_since(now);
                let part = usize::try_from(wait.as_secs() / 360).unwrap();
                all[part] += 1;
                due.push(part);
            }
            last[due[due.len() - 1]] += 1;
            early += u64::from(due[0] < due[due.len() - 1]);
        }
        let why = format!("{reports} reports to {destinations}");
        assert!(chi_square(&all) < 149.0, "{why}: {}", chi_square(&all));
        let spread = chi_square(&last);
        assert!(
            spread < 149.0,
            "each destination on its own: {why}: {spread}"
        );
        if destinations > 1 {
            // No order among a report's destinations.
            let share = early * 100 / reports;
            assert!((44..=54).contains(&share), "{why}: {share} % in order");
        }
    }
}

#[allow(clippy::cast_precision_loss)] // small numbers
fn chi_square(parts: &[u64]) -> f64 {
    let expected = parts.iter().sum::<u64>() as f64 / parts.len() as f64;
    let distance = |part: &u64| (*part as f64 - expected).powi(2) / expected;
    parts.iter().map(distance).sum()
}

#[test]
fn what_is_put_off_keeps_its_window() {
    let (schedule, first, mut rng) = (schedule(&[]), at("21T10:00:00"), StdRng::seed_from_u64(7));
    let minute = Duration::from_secs(60);
    for (failures, now, want, why) in [
        (0, "21T10:00:00", 60..=75, "never tried"),
        (3, "21T12:00:00", 60..=75, "within the window"),
        (3, "22T09:59:30", 30..=30, "its end is the last chance"),
        (
            3,
            "22T11:00:00",
            60..=75,
            "it has passed: not again and again at once",
        ),
        (0, "25T11:00:00", 60..=75, "no window has begun"),
    ] {
        let next = schedule.put_off(failures, first, minute, at(now), &mut rng);
        let wait = next.duration_since(at(now)).as_secs();
        assert!(want.contains(&wait), "{why}: {wait}");
    }
}
