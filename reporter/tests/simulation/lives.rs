//! One play: the reporter's lives one after the other, with a look into the database after each.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::SignedDuration;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    daemon::Order,
    model::SuppressionTarget,
    store::{
        CommitHook, CommitSide, HookVerdict, OperatorAccess, Step, StoreError, open_for_operator,
    },
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    collectors::{self, number_of},
    dice::Dice,
    domains,
    ledger::Ledger,
    plan::{self, CALM, CALM_DAY, End, Life, Plan, is_in},
    sim::Sim,
};
use crate::environment;

/// After a start that failed a service manager tries again.
const RESTART: Duration = Duration::from_secs(100);

/// What is left when all is over.
pub struct Played {
    pub sim: Arc<Sim>,
    folder: PathBuf,
    pub settings: Reportd,
    pub ledger: Arc<Mutex<Ledger>>,
    /// From and until, since the begin.
    pub lives: Vec<(Duration, Duration)>,
}

/// Plays a seed.
pub async fn play(dice: Dice, days: u64) -> Played {
    let folder = environment::folder();
    let plan = Plan::new(dice, days);
    let settings = plan.settings(folder.path(), &[]);
    let busy = plan.busy;
    let sim = Arc::new(Sim::new(dice, plan, settings.clone()));
    let relay = Arc::clone(&sim);
    tokio::spawn(async move { relay.bring_back().await });
    let mut played = Played {
        sim,
        folder: folder.path().to_owned(),
        settings,
        ledger: Arc::default(),
        lives: Vec::new(),
    };
    played.suppress();
    let mut number = 0;
    while played.sim.elapsed() < busy {
        let life = plan::life(dice, number);
        number += 1;
        played.live(life).await;
        tokio::time::sleep(life.pause).await;
    }
    for _ in 0..CALM {
        // Day by day, so that no row comes and goes unseen.
        played.live(CALM_DAY).await;
    }
    played
}

impl Played {
    /// The operator edits the list before the first start.
    fn suppress(&self) {
        environment::make_store(&self.settings);
        let mut operator = open_for_operator(&self.settings, OperatorAccess::Write).unwrap();
        let today = Day::of(self.sim.now());
        let names = self.sim.plan.domains.names.iter();
        for name in names.filter(|name| domains::is_suppressed(name)) {
            let target = SuppressionTarget::parse(name).unwrap();
            operator
                .suppress(&target, None, "asked us to", today)
                .unwrap();
        }
    }

    async fn live(&mut self, life: Life) {
        let ends = Instant::now() + life.length;
        loop {
            let number = self.lives.len();
            self.sim.log().life = number;
            let from = self.sim.elapsed();
            let left = ends.duration_since(Instant::now());
            let ran = self.run(life.end, number, left).await;
            self.lives.push((from, self.sim.elapsed()));
            self.ledger.lock().unwrap().read_after(
                &self.settings.dbname,
                number,
                oldest_kept(&self.sim, &self.settings),
            );
            match ran {
                Err(StoreError::Stopped { .. }) | Ok(()) => return,
                // A start may fail, as the disk is full then; nothing else may end it.
                Err(error)
                    if is_in(&self.sim.plan.disk_full, self.sim.elapsed())
                        && Instant::now() < ends =>
                {
                    assert!(is_of_a_full_disk(&error), "{error}");
                    tokio::time::sleep(RESTART).await;
                }
                Err(error) if is_in(&self.sim.plan.disk_full, self.sim.elapsed()) => {
                    assert!(is_of_a_full_disk(&error), "{error}");
                    return;
                }
                Err(error) => panic!("life {number} ended with {error}"),
            }
        }
    }

    async fn run(&self, end: End, number: usize, length: Duration) -> Result<(), StoreError> {
        let hook = self.hook(end, number);
        let seed = self.sim.dice.below(("seed", number), u64::MAX);
        let settings = self.edited(number);
        let mut daemon = environment::daemon(&settings, Arc::clone(&self.sim), Some(hook), seed)?;
        let (sender, mut orders) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            // When it has ended before nobody listens.
            let _ = sender.send(Order::Stop).await;
            std::future::pending::<()>().await;
        });
        daemon.run(&mut orders, |_| {}).await?;
        if end != End::Stop {
            // It vanishes: what is under way ends in the middle.
            return Ok(());
        }
        let stopped = daemon
            .stop(Duration::from_secs(10), &mut orders, |_| {})
            .await;
        let closed = daemon.into_store().close();
        stopped.and(closed)
    }

    /// The settings of a life: the operator has edited `fetchers` before it.
    fn edited(&self, life: usize) -> Reportd {
        let plan = &self.sim.plan;
        let fetchers = format!("--fetchers={}", self.fetchers(life));
        plan.settings(&self.folder, &[&fetchers])
    }

    fn fetchers(&self, life: usize) -> String {
        let plan = &self.sim.plan;
        let begun = self
            .lives
            .get(life)
            .map_or(self.sim.elapsed(), |life| life.0);
        collectors::fetchers(
            self.sim.dice,
            plan.domains.collectors,
            life,
            begun >= plan.busy,
        )
    }

    /// Whether a collector was not in the settings of some life.
    pub fn was_left_out(&self, collector: i64) -> bool {
        let names = |fetchers: String| fetchers.split(',').any(|name| number_of(name) == collector);
        (0..self.lives.len()).any(|life| !names(self.fetchers(life)))
    }

    /// Crashes where the plan says so, makes the disk full when it says so, and looks before rows go.
    fn hook(&self, end: End, number: usize) -> CommitHook {
        let (sim, ledger) = (Arc::clone(&self.sim), Arc::clone(&self.ledger));
        let settings = self.settings.clone();
        let mut left = match end {
            End::Crash(_, _, nth) => nth,
            _ => 0,
        };
        Box::new(move |step: Step, side: CommitSide| {
            if (step, side) == (Step::Cleaned, CommitSide::Before) {
                let oldest = oldest_kept(&sim, &settings);
                let mut ledger = ledger.lock().unwrap();
                ledger.read(&settings.dbname, number, oldest);
            }
            if is_in(&sim.plan.disk_full, sim.elapsed()) {
                return HookVerdict::Fail;
            }
            if matches!(end, End::Crash(at, when, _) if (at, when) == (step, side)) && left > 0 {
                left -= 1;
                if left == 0 {
                    return HookVerdict::Crash;
                }
            }
            HookVerdict::Continue
        })
    }
}

/// In the words of the engines.
fn is_of_a_full_disk(error: &StoreError) -> bool {
    let text = error.to_string();
    text.contains("full") || text.contains("No space left on device")
}

/// Rows of this day and later ones have to be there: a day later than it says, as the clock may have been ahead.
fn oldest_kept(sim: &Sim, settings: &Reportd) -> Day {
    let ahead = SignedDuration::from_secs(sim.plan.was_ahead(sim.elapsed()));
    Day::of((sim.now() + ahead).max(sim.now())).back(settings.keep_days - 1)
}
