//! How long collectors are waited for, as tables.

use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::schedule::tests::{at, schedule};

#[test]
fn after_a_failed_question() {
    let sys4 = ["--max_retries_domainlist=1", "--max_wait_domainlist=60"];
    for (options, listed, failures, now, gives_up, why) in [
        (
            &[][..],
            false,
            500,
            "21T05:00:00",
            false,
            "until the deadline",
        ),
        (
            &[],
            false,
            1,
            "21T06:00:00",
            true,
            "the deadline has passed",
        ),
        (
            &sys4,
            false,
            1,
            "21T09:00:00",
            false,
            "sys4's rule knows no deadline",
        ),
        (
            &sys4,
            false,
            2,
            "21T00:01:00",
            true,
            "one retry is two attempts",
        ),
        (
            &sys4,
            true,
            2,
            "21T00:01:00",
            false,
            "details have their own options",
        ),
    ] {
        let schedule = schedule(options);
        let deadline =
            schedule.fetch_deadline(Day::parse("2026-11-20").unwrap(), at("20T00:00:00"));
        let mut rng = StdRng::seed_from_u64(1);
        let next = schedule.after_fetch_failure(listed, failures, deadline, at(now), &mut rng);
        assert_eq!(
            matches!(next, NextAttempt::GiveUp(_)),
            gives_up,
            "{why}: {next:?}"
        );
    }
}

#[test]
fn an_attempt_that_begins_in_time_ends_with_the_deadline() {
    let limit = |seconds| Some(Duration::from_secs(seconds));
    for (options, listed, now, expected, why) in [
        (vec![], false, "21T05:00:00", limit(3601), "what is left"),
        (vec![], true, "21T05:00:00", limit(3601), "details too"),
        (
            vec![],
            false,
            "21T06:00:00",
            limit(65 * 3600 + 1),
            "the last attempt leaves an hour to compose",
        ),
        (
            vec![],
            false,
            "23T23:30:00",
            limit(901),
            "one that begins still later leaves half of the time",
        ),
        (
            vec![],
            false,
            "24T00:00:00",
            None,
            "nobody waits for a day that is too old",
        ),
        (
            vec!["--max_retries_domainlist=1"],
            false,
            "21T05:00:00",
            limit(66 * 3600 + 1),
            "sys4's rule knows no deadline but the day's age",
        ),
        (
            vec!["--max_retries_domainlist=1"],
            true,
            "21T05:00:00",
            limit(3601),
            "each kind has its own rule",
        ),
    ] {
        let schedule = schedule(&options);
        let deadline = schedule.fetch_deadline(the_20th(), at("21T00:00:00"));
        let found = schedule.attempt_limit(listed, deadline, at(now));
        assert_eq!(found, expected, "{why}");
    }
}

fn the_20th() -> Day {
    Day::parse("2026-11-20").unwrap()
}

/// `fetch_deadline` counts from when the jobs were made, `max_report_age` from the day's end.
#[test]
fn collectors_are_waited_for_no_longer_than_the_day_can_be_reported() {
    for (options, created, want, latest, why) in [
        (
            &[][..],
            "21T00:00:00",
            "21T06:00:00",
            "23T23:00:00",
            "six hours after midnight",
        ),
        (
            &[],
            "20T00:00:00",
            "21T06:00:00",
            "23T23:00:00",
            "not before the day is over",
        ),
        (
            &[],
            "22T20:00:00",
            "23T02:00:00",
            "23T23:00:00",
            "after days away too",
        ),
        (
            &[],
            "23T20:00:00",
            "23T23:00:00",
            "23T23:00:00",
            "68 hours old: an hour is left to compose",
        ),
        (
            &[],
            "23T23:00:00",
            "23T23:30:00",
            "23T23:30:00",
            "of the last hour, half",
        ),
        (
            &[],
            "24T03:00:00",
            "24T03:00:00",
            "24T03:00:00",
            "too old: asked once",
        ),
        (
            &["--fetch_deadline=200000", "--max_report_age=172800"],
            "21T00:00:00",
            "22T23:00:00",
            "22T23:00:00",
            "a deadline behind the greatest age",
        ),
    ] {
        let found = schedule(options).fetch_deadline(the_20th(), at(created));
        assert_eq!((found.at, found.latest), (at(want), at(latest)), "{why}");
    }
    // sys4's retries too, however many there are.
    let schedule = schedule(&["--max_retries_domainlist=1000000"]);
    let deadline = schedule.fetch_deadline(the_20th(), at("21T00:00:00"));
    let mut rng = StdRng::seed_from_u64(1);
    let mut next = |now| schedule.after_fetch_failure(false, 900, deadline, at(now), &mut rng);
    assert_eq!(next("23T22:59:59"), NextAttempt::At(at("23T23:00:00")));
    assert!(matches!(next("23T23:00:00"), NextAttempt::GiveUp(_)));
}
