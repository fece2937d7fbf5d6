//! What a seed amounts to: the options, and what will go wrong when.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use rand::RngExt as _;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::store::{CommitSide, Step};

use super::{dice::Dice, domains};
use crate::environment;

pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(86_400);
/// Days at the end of each play: nothing new happens, and all that is under way has time to end.
pub const CALM: usize = 7;

/// From and until, since the begin.
pub type Window = (Duration, Duration);

#[derive(Clone, Debug)]
pub struct Plan {
    pub begin: Timestamp,
    /// So long there is new mail and trouble.
    pub busy: Duration,
    pub domains: domains::Domains,
    pub options: Vec<String>,
    /// Each transaction fails.
    pub disk_full: Vec<Window>,
    pub dns_gone: Vec<Window>,
    pub relay_gone: Vec<Window>,
    /// It is there, and takes nobody's mail.
    pub relay_denies: Vec<Window>,
    /// From then on the wall clock is off by so many seconds.
    pub steps: Vec<(Duration, i64)>,
    /// In between, it is off by days for moments: nobody may notice.
    pub glitches: Vec<(Window, i64)>,
}

/// From a start of the reporter to its end.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub length: Duration,
    pub end: End,
    /// So long after it there is none.
    pub pause: Duration,
}

/// One of the last.
pub const CALM_DAY: Life = Life {
    length: DAY,
    end: End::Stop,
    pause: Duration::ZERO,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is told to stop.
    Stop,
    /// It vanishes at that moment.
    Vanish,
    /// It crashes at a step, counted from the start, or else vanishes at the end of its time.
    Crash(Step, CommitSide, u64),
}

impl Plan {
    pub fn new(dice: Dice, days: u64) -> Plan {
        let busy = DAY * days as u32;
        let collectors = 1 + dice.below("collectors", 4) as i64;
        let begin = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()
            + HOUR * dice.below("begin", 24 * 900) as u32;
        let windows =
            |what: &str, most: u64, longest: u64| windows(dice, what, busy, most, longest);
        Plan {
            begin,
            busy,
            domains: domains::Domains::new(dice, 40 + dice.below("domains", 100), collectors),
            options: options(dice, collectors),
            disk_full: windows("disk", 3, 6),
            dns_gone: windows("dns", 3, 12),
            relay_gone: windows("relay", 2, 30),
            relay_denies: windows("relay denies", 2, 40),
            steps: steps(dice, busy),
            glitches: glitches(dice, busy),
        }
    }

    /// With these options behind the plan's.
    pub fn settings(&self, folder: &Path, more: &[&str]) -> Reportd {
        let map = folder.join("map");
        std::fs::write(&map, domains::map()).unwrap();
        let mut options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let map = format!("--tlsrpt_record_map={}", map.display());
        options.push(&map);
        options.extend(more);
        environment::settings(folder, &options)
    }

    /// How far the wall clock is off.
    pub fn clock_is_off(&self, at: Duration) -> i64 {
        let step = self.steps.iter().rev().find(|(from, _)| *from <= at);
        step.map_or(0, |(_, seconds)| *seconds)
    }

    /// How far beyond that it is off for a moment.
    pub fn glitch(&self, at: Duration) -> i64 {
        let glitch = self.glitches.iter();
        let mut glitch = glitch.filter(|(window, _)| is_in(&[*window], at));
        glitch.next().map_or(0, |(_, seconds)| *seconds)
    }

    /// How far it was ahead at most up to then.
    pub fn was_ahead(&self, at: Duration) -> i64 {
        let steps = self.steps.iter().filter(|(from, _)| *from <= at);
        steps.map(|(_, seconds)| *seconds).max().unwrap_or(0).max(0)
    }
}

pub fn is_in(windows: &[Window], at: Duration) -> bool {
    windows
        .iter()
        .any(|(from, until)| (*from..*until).contains(&at))
}

fn windows(dice: Dice, what: &str, busy: Duration, most: u64, longest: u64) -> Vec<Window> {
    let window = |number: u64| {
        let from = busy.mul_f64(dice.of((what, number, "from")).random());
        let length = HOUR.mul_f64(longest as f64 * dice.of((what, number, "for")).random::<f64>());
        (from, from + length)
    };
    (0..dice.below((what, "number"), most + 1))
        .map(window)
        .collect()
}

/// In one play of three the clock is set, forth and back, for a while each.
fn steps(dice: Dice, busy: Duration) -> Vec<(Duration, i64)> {
    if !dice.percent("the clock steps", 33) {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for window in windows(dice, "steps", busy, 4, 10) {
        let seconds = dice.pick(
            ("seconds", window),
            &[-432_000, -7200, -3600, -90, -1, 1, 60, 3600, 7200, 432_000],
        );
        steps.push((window.0, seconds));
        steps.push((window.1, 0));
    }
    steps.sort();
    steps
}

/// In every second play the clock is wrong by days now and then, for too short a time to be believed.
fn glitches(dice: Dice, busy: Duration) -> Vec<(Window, i64)> {
    let number = match dice.percent("glitches", 50) {
        true => dice.below("glitches", 12),
        false => 0,
    };
    let day = 86_400;
    let glitch = |number| {
        let from = busy.mul_f64(dice.of(("glitch", number)).random()) + HOUR;
        let length = Duration::from_secs(1 + dice.below(("for", number), 500));
        let days = dice.pick(("by", number), &[-2000, -5, 4, 5, 20, 800]);
        ((from, from + length), days * day)
    };
    (0..number).map(glitch).collect()
}

/// The number of this life of the reporter, from 0.
pub fn life(dice: Dice, number: usize) -> Life {
    let mut rng = dice.of(("life", number));
    let longest = [0.2, 3.0, 30.0, 70.0][rng.random_range(0..4)];
    let length = HOUR.mul_f64(longest * rng.random::<f64>());
    let end = match rng.random_range(0..10) {
        0..3 => End::Stop,
        3..5 => End::Vanish,
        _ => {
            let step = Step::ALL[rng.random_range(0..Step::ALL.len())];
            let side = [CommitSide::Before, CommitSide::After][rng.random_range(0..2)];
            End::Crash(step, side, [1, 2, 5, 40][rng.random_range(0..4)])
        }
    };
    let pause = match rng.random_range(0..20) {
        // Down for days.
        0 => DAY.mul_f64(4.0 * rng.random::<f64>()),
        1..4 => HOUR.mul_f64(8.0 * rng.random::<f64>()),
        _ => Duration::from_secs(rng.random_range(0..300)),
    };
    Life { length, end, pause }
}

fn options(dice: Dice, collectors: i64) -> Vec<String> {
    let names: Vec<String> = (1..=collectors)
        .map(|index| format!("collector{index}"))
        .collect();
    let mut options = vec![format!("--fetchers={}", names.join(","))];
    for (name, values) in [
        ("spread_out_delivery", ["36000", "3600", "1", "1"]),
        ("fetch_deadline", ["21600", "21600", "900", "43200"]),
        ("retry_window", ["86400", "86400", "7200", "40000"]),
        ("max_report_age", ["259200", "259200", "172800", "86400"]),
        ("max_concurrent_deliveries", ["64", "64", "8", "1"]),
        ("max_concurrent_per_host", ["4", "2", "1", "1"]),
        ("loop_guard", ["yes", "yes", "yes", "no"]),
        ("report_days", ["all", "all", "all", "failures"]),
        ("min_sessions", ["1", "1", "1", "7"]),
        ("mx_reports", ["no", "yes", "no", "yes"]),
        ("interval_main_loop", ["300", "300", "60", "3600"]),
        ("keep_days", ["10", "10", "30", "12"]),
        ("history_failures", ["10000", "10", "2", "0"]),
        ("max_kept_reports_size", ["536870912", "20000", "600", "0"]),
    ] {
        options.push(format!("--{name}={}", dice.pick(name, &values)));
    }
    if dice.percent("sys4's retries", 15) {
        options.push("--max_retries_delivery=4".to_owned());
    }
    options
}
