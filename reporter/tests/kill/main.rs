//! The reporter killed by SIGKILL at every step of its table, twice in a row, and at random, and started again.
//!
//! This executable starts itself as a child that kills itself where it is told. The child plays three days on a virtual
//! clock; what collectors and receivers see is in a file before they answer. `TLSRPTD_SOAK=1` kills everywhere.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod child;
mod cuts;
#[path = "../environment/mod.rs"]
mod environment;
mod journal;
mod laws;
mod times;

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use child::Point;
use environment::{Engine, each_engine};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use times::Times;
use tlsrptd_reporter::store::{CommitSide, Step};

/// In the child: the folder, and where it dies.
const FOLDER: &str = "TLSRPTD_KILL_FOLDER";
const POINT: &str = "TLSRPTD_KILL_POINT";

/// On PostgreSQL a play takes seconds: the suite kills at so many of the steps, others each time; `make soak` at all.
const STEPS_ON_POSTGRES: usize = 8;

/// Every step is played at, changes something, and is survived: killed before and after its commit.
#[each_engine]
fn killed_at_every_step() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return be_the_child(Path::new(&folder));
    }
    let changes = changes();
    let mut kills = 0;
    let mut rng = seeded();
    let mut plays = Vec::new();
    for step in Step::ALL.iter().copied() {
        let all = changes
            .get(&format!("{step:?}"))
            .cloned()
            .unwrap_or_default();
        assert!(
            !all.is_empty(),
            "{:?} has no kill point: it was never reached, or changed nothing",
            step
        );
        let points = all
            .iter()
            .flat_map(|nth| [(*nth, CommitSide::Before), (*nth, CommitSide::After)]);
        let mut points: Vec<(u64, CommitSide)> = points.collect();
        if environment::soak().is_zero() {
            // The first on both sides, and another.
            let mut others = points.split_off(2);
            others.shuffle(&mut rng);
            points.extend(others.into_iter().take(1));
            if Engine::current() == Engine::Postgres {
                // One of these three.
                points.shuffle(&mut rng);
                points.truncate(1);
            }
        }
        plays.push((step, points));
    }
    if environment::soak().is_zero() && Engine::current() == Engine::Postgres {
        plays.shuffle(&mut rng);
        plays.truncate(STEPS_ON_POSTGRES);
    }
    let steps = plays.len();
    for (step, points) in plays {
        for (nth, side) in points {
            survive(&[&step_text(step, side, nth)], true);
            kills += 1;
        }
    }
    println!("{kills} kills at {steps} steps, each survived");
}

#[each_engine]
fn killed_while_receivers_have_it_and_twice_in_a_row() {
    let mut rng = seeded();
    let begun = Instant::now();
    let mut rounds = 0;
    let least = if Engine::current() == Engine::Postgres {
        2
    } else {
        6
    };
    while rounds < least || begun.elapsed() < environment::soak() / 3 {
        let mut point = || match rng.random_range(0..3) {
            0 => format!("attempt{}", rng.random_range(1..12)),
            _ => {
                let step = Step::ALL[rng.random_range(0..Step::ALL.len())];
                let side = [CommitSide::Before, CommitSide::After][rng.random_range(0..2)];
                step_text(step, side, rng.random_range(1..6))
            }
        };
        let two = [point(), point()];
        survive(&[&two[0], &two[1]], false);
        rounds += 1;
    }
    println!("{rounds} times killed twice in a row, each survived");
}

#[each_engine]
fn killed_at_any_moment() {
    let mut rng = seeded();
    let begun = Instant::now();
    let (mut rounds, mut kills) = (0, 0);
    // How long a play takes, about; and on PostgreSQL fewer of them.
    let (least, longest) = match Engine::current() {
        Engine::Sqlite => (3, 60_000),
        Engine::Postgres => (1, 1_500_000),
    };
    while rounds < least || begun.elapsed() < environment::soak() / 3 {
        let folder = environment::folder();
        loop {
            let mut running = command(folder.path(), "nowhere").spawn().unwrap();
            std::thread::sleep(Duration::from_micros(rng.random_range(0..longest)));
            // It may have ended.
            let _ = running.kill();
            let status = running.wait().unwrap();
            laws::after_a_kill(folder.path());
            if status.success() {
                break;
            }
            assert_eq!(status.signal(), Some(9), "it failed by itself");
            kills += 1;
            // In the end it gets the time that it needs.
            if kills % 12 == 0 {
                assert!(child_at(folder.path(), "nowhere").success());
                break;
            }
        }
        laws::check(folder.path(), "at any moment");
        rounds += 1;
    }
    println!("{kills} kills at any moment in {rounds} plays, each survived");
}

/// What this executable does when a test has started it.
fn be_the_child(folder: &Path) {
    let text = std::env::var(POINT).unwrap();
    let attempt = text
        .strip_prefix("attempt")
        .map(|nth| Point::Attempt(nth.parse().unwrap()));
    let point = attempt.or_else(|| of_step(&text)).unwrap_or(Point::Nowhere);
    play(folder, times::OF_KILLS, point, text == "look");
}

fn play(folder: &Path, times: Times, point: Point, looks: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(child::live(folder, times, point, looks));
}

/// Plays with a kill at each of these points, one after the other, then to the end, and checks the laws.
fn survive(points: &[&str], must_die: bool) {
    let folder = environment::folder();
    for point in points {
        let status = child_at(folder.path(), point);
        // The second point may not come any more.
        assert!(
            status.signal() == Some(9) || !must_die && status.success(),
            "{points:?}: {status}"
        );
        laws::after_a_kill(folder.path());
    }
    let status = child_at(folder.path(), "nowhere");
    assert!(status.success(), "{points:?}: after it, {status}");
    laws::check(folder.path(), &points.join(" "));
}

/// Of each step, which of its times changed anything, in a play that nobody disturbs.
fn changes() -> BTreeMap<String, Vec<u64>> {
    let folder = environment::folder();
    assert!(child_at(folder.path(), "look").success());
    laws::check(folder.path(), "undisturbed");
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut changes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in journal::of(&journal::read(&folder.path().join("journal")), "step") {
        let number = seen.entry(line.words[1].clone()).or_default();
        *number += 1;
        if line.words[2] == "changed" {
            changes
                .entry(line.words[1].clone())
                .or_default()
                .push(*number);
        }
    }
    changes
}

fn child_at(folder: &Path, point: &str) -> ExitStatus {
    let output = command(folder, point)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    if output.status.signal() != Some(9) && !output.status.success() {
        panic!("{point}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status
}

fn command(folder: &Path, point: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "killed_at_every_step::sqlite", "--nocapture"])
        .env(FOLDER, folder)
        .env(POINT, point)
        .env_remove("TLSRPTD_SOAK")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// New each time, and repeatable.
fn seeded() -> StdRng {
    let seed =
        std::env::var("TLSRPTD_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("TLSRPTD_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

fn step_text(step: Step, side: CommitSide, nth: u64) -> String {
    format!("{step:?}-{side:?}-{nth}")
}

fn of_step(text: &str) -> Option<Point> {
    let mut parts = text.split('-');
    let (step, side, nth) = (parts.next()?, parts.next()?, parts.next()?);
    let step = *Step::ALL
        .iter()
        .find(|known| format!("{known:?}") == step)?;
    let side = [CommitSide::Before, CommitSide::After]
        .into_iter()
        .find(|known| format!("{known:?}") == side)?;
    Some(Point::Step(step, side, nth.parse().ok()?))
}
