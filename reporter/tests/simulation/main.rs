//! The whole reporter on a virtual clock, for weeks of days: collectors, DNS, receivers, the disk and the clock fail as a
//! seed has it, the reporter crashes, and at the end the laws are held against what everybody saw.
//!
//! The suite plays seeds that broke a law once. `TLSRPTD_SOAK=1` (`make soak`) plays new ones; `TLSRPTD_SEED=NUMBER` plays one again.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod bounces;
mod collectors;
mod dice;
mod domains;
mod laws;
mod ledger;
mod lives;
mod plan;
mod receivers;

#[path = "../environment/mod.rs"]
mod environment;
mod sim;

use std::time::Instant;

use dice::Dice;
use environment::{Engine, each_engine};

/// Days with mail in a play; after them all that is under way gets its time.
const DAYS: u64 = 12;

/// Each broke a law once. A new one that does so comes here, and so to everybody; chance would stop people whose change it does
/// not speak of.
const SEEDS: &[u64] = &[
    1445267232830939586,
    4661863222280993117,
    8878656403840578243,
    10178207430050567157,
    14402901887289274937,
    16439942521838648482,
];

#[each_engine]
fn whatever_happens_the_laws_hold() {
    if let Some(dice) = Dice::given() {
        return tell(&run(dice));
    }
    let begun = Instant::now();
    let mut sums = Sum::default();
    // All of it again costs minutes on a server of a database; one takes about as long as all on SQLite, which play beside it.
    let seeds = match Engine::current() {
        Engine::Sqlite => SEEDS,
        Engine::Postgres => &SEEDS[..1],
    };
    for seed in seeds {
        sums.add(&run(Dice(*seed)));
    }
    while begun.elapsed() < environment::soak() {
        sums.add(&run(Dice::new()));
    }
    tell(&sums);
}

/// What was played.
#[derive(Debug, Default)]
struct Sum {
    plays: usize,
    lives: usize,
    domain_days: usize,
    deliveries: usize,
    attempts: usize,
    duplicates: usize,
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        self.plays += other.plays;
        self.lives += other.lives;
        self.domain_days += other.domain_days;
        self.deliveries += other.deliveries;
        self.attempts += other.attempts;
        self.duplicates += other.duplicates;
    }
}

fn tell(sum: &Sum) {
    println!("simulation: {sum:?}");
}

/// Plays one seed and judges it.
fn run(dice: Dice) -> Sum {
    // Shown with any failure, also of the play itself.
    println!("TLSRPTD_SEED={}", dice.0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let played = runtime.block_on(lives::play(dice, DAYS));
    drop(runtime);
    let broken = laws::judge(&played);
    assert!(
        broken.is_empty(),
        "TLSRPTD_SEED={}: {} laws are broken, the first of them:\n{}\n{:#?}",
        dice.0,
        broken.len(),
        broken[..broken.len().min(20)].join("\n"),
        played.sim.plan.options,
    );
    let (log, ledger) = (played.sim.log(), played.ledger.lock().unwrap());
    let taken = log.attempts.iter().filter(|attempt| attempt.taken).count();
    let sent = ledger.destinations.values();
    let sent = sent
        .filter(|destination| destination.status.as_deref() == Some("sent"))
        .count();
    Sum {
        plays: 1,
        lives: played.lives.len(),
        domain_days: ledger.reports.len(),
        deliveries: ledger.destinations.len(),
        attempts: log.attempts.len(),
        duplicates: taken.saturating_sub(sent),
    }
}
