//! Whole daemons, each in a process of its own, on one database: a day is asked for, composed and delivered by all of them; one
//! leaves, is killed, or stands still for longer than its lease in the middle of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use tlsrptd_cluster::Cluster;
use tlsrptd_reporter::{daemon::Order, store};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    child::Child,
    desk::{DOMAINS, Desk, off},
    environment::{self, Engine},
    party::{self, Fleet, wait_until},
    restarts,
};

/// Longer than a busy machine lets a thread wait.
const LEASE: f64 = 6.0;
const OPTIONS: &[&str] = &[
    "--loop_guard=no",
    "--spread_out_delivery=1",
    "--max_concurrent_deliveries=4",
    "--max_concurrent_per_host=2",
    "--max_report_age=86400",
];

/// The life of a child.
pub fn work(folder: &Path, off: i64) {
    let settings = party::settings(folder, OPTIONS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let desk = Arc::new(Desk::new(folder, off));
        let seed = std::process::id().into();
        let daemon = environment::daemon(&settings, Arc::clone(&desk), None, seed).unwrap();
        desk.write("works");
        let (sender, mut orders) = mpsc::channel(1);
        let mut term = signal(SignalKind::terminate()).unwrap();
        tokio::spawn(async move {
            term.recv().await;
            let _ = sender.send(Order::Stop).await;
            std::future::pending::<()>().await;
        });
        let open = || store::open(&settings, None);
        let (daemon, ran) = daemon.run_in_fleet(&open, &mut orders, |_| {}).await;
        ran.unwrap();
        if let Some(mut daemon) = daemon {
            let grace = Duration::from_secs(10);
            daemon.stop(grace, &mut orders, |_| {}).await.unwrap();
            daemon.into_store().close().unwrap();
        }
        desk.write("left");
    });
}

struct Crew {
    fleet: Fleet,
    children: Vec<Child>,
}

/// A line of the journal.
#[derive(Clone, Debug)]
struct Line {
    process: u32,
    word: String,
    attempt: u64,
    /// Domain and address.
    what: String,
}

impl Crew {
    /// So many, who share the work; then the collector answers.
    fn start(number: usize) -> Crew {
        Crew::of(Fleet::new(LEASE), number)
    }

    fn of(fleet: Fleet, number: usize) -> Crew {
        let off = off();
        let children = (0..number).map(|_| Child::daemon(&fleet, off)).collect();
        let crew = Crew { fleet, children };
        let is_shared = || crew.fleet.shares().len() == number && crew.fleet.shares()[0] >= 20;
        wait_until(is_shared, "they share the work");
        fs::write(crew.fleet.folder.path().join("ready"), "").unwrap();
        crew
    }

    fn lines(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.fleet.folder.path().join("journal")).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.splitn(4, ' ');
            let process = words.next()?.parse().ok()?;
            let word = words.next()?.to_owned();
            let attempt = words.next().and_then(|number| number.parse().ok());
            Some(Line {
                process,
                word,
                attempt: attempt.unwrap_or(0),
                what: words.next().unwrap_or_default().to_owned(),
            })
        };
        text.lines().filter_map(line).collect()
    }

    /// How often each arrived.
    fn arrived(&self) -> BTreeMap<String, usize> {
        let mut arrived = BTreeMap::new();
        for line in self.lines().into_iter().filter(|line| line.word == "sent") {
            *arrived.entry(line.what).or_default() += 1;
        }
        arrived
    }

    fn has_all(&self) -> bool {
        let recorded = "SELECT count(*) FROM delivery WHERE status = 'sent'";
        let recorded: i64 = self.fleet.ask(recorded, &[])[0].get(0);
        recorded == 2 * i64::try_from(DOMAINS).unwrap()
    }

    /// One that has sent some, and has others under way.
    fn busy(&self) -> usize {
        let mut found = None;
        wait_until(
            || {
                let lines = self.lines();
                found = self.children.iter().position(|child| {
                    let of = |word: &str| {
                        let its = lines.iter().filter(|line| line.process == child.id());
                        its.filter(|line| line.word == word).count()
                    };
                    of("sent") >= 3 && of("try") > of("sent") + 1
                });
                found.is_some()
            },
            "one is busy",
        );
        found.unwrap()
    }

    /// All arrived, and only these more than once, of which one process tried and nobody knows how that ended.
    fn judge(&self, unknown_of: Option<u32>) {
        let arrived = self.arrived();
        assert_eq!(arrived.len() as u64, 2 * DOMAINS);
        let lines = self.lines();
        let tried = |process| {
            let its = lines
                .iter()
                .filter(move |line| Some(line.process) == process);
            its.filter(|line| line.word == "try")
                .map(|line| line.what.clone())
        };
        let unknown: BTreeSet<String> = tried(unknown_of).collect();
        for (what, times) in &arrived {
            assert!(
                *times == 1 || unknown.contains(what),
                "{what} arrived {times} times"
            );
        }
        let reports = self
            .fleet
            .ask("SELECT count(*), count(DISTINCT domain) FROM report", &[]);
        let reports: (i64, i64) = (reports[0].get(0), reports[0].get(1));
        assert_eq!(reports, (60, 60), "each domain has one report");
        let sessions = self
            .fleet
            .ask("SELECT sum(sessions)::bigint FROM report", &[]);
        let sum = i64::try_from((1..=DOMAINS).sum::<u64>()).unwrap();
        assert_eq!(sessions[0].get::<_, i64>(0), sum, "each session is in one");
    }
}

#[test]
fn a_day_is_the_work_of_all_and_one_may_leave() {
    Engine::Postgres.test(|| {
        let mut crew = Crew::start(3);
        let leaves = crew.busy();
        let begun = std::time::Instant::now();
        crew.children[leaves].terminate();
        wait_until(|| crew.fleet.shares().len() == 2, "two are left");
        wait_until(|| crew.fleet.shares() == [32, 32], "they have all of it");
        println!("left and taken over in {:?}", begun.elapsed());
        wait_until(|| crew.has_all(), "all is delivered");
        crew.judge(None);
        let workers: BTreeSet<u32> = crew
            .lines()
            .iter()
            .filter(|line| line.word == "sent")
            .map(|line| line.process)
            .collect();
        assert_eq!(workers.len(), 3, "each had a part");
    });
}

#[test]
fn one_is_killed() {
    Engine::Postgres.test(|| {
        let mut crew = Crew::start(3);
        let killed = crew.busy();
        let id = crew.children[killed].id();
        crew.children[killed].kill();
        wait_until(|| crew.has_all(), "the others deliver all");
        crew.judge(Some(id));
        assert_eq!(crew.fleet.shares(), [32, 32]);
    });
}

/// All leases run out. What had ended is known to those who attempted it: they record it when the database is back, before anybody
/// takes it over, and only what was cut off is attempted again.
#[test]
fn the_database_is_away_for_longer_than_the_leases() {
    Engine::Postgres.test(|| {
        let mut cluster = Cluster::start(&[]).unwrap();
        let crew = Crew::of(Fleet::of(restarts::folder(&cluster), LEASE), 2);
        crew.busy();
        cluster.stop("INT");
        thread::sleep(Duration::from_secs_f64(2.0 * LEASE));
        let lines = crew.lines();
        thread::sleep(Duration::from_millis(500));
        assert_eq!(crew.lines().len(), lines.len(), "nobody attempts anything");
        cluster.run();
        wait_until(|| crew.has_all(), "all is delivered");
        crew.judge(None);
        let members = "SELECT count(*) FROM member";
        assert_eq!(
            crew.fleet.ask(members, &[])[0].get::<_, i64>(0),
            4,
            "each began anew"
        );
    });
}

#[test]
fn one_stands_still_for_longer_than_its_lease() {
    Engine::Postgres.test(|| {
        let crew = Crew::start(3);
        let stands = crew.busy();
        let id = crew.children[stands].id();
        crew.children[stands].stop();
        let before = crew.lines().len();
        let its_attempts: BTreeSet<u64> = crew
            .lines()
            .iter()
            .filter(|line| line.process == id && line.word == "try")
            .map(|line| line.attempt)
            .collect();
        wait_until(|| crew.has_all(), "the others deliver all");
        crew.children[stands].go_on();
        // It becomes a member once more, with its part of the work.
        wait_until(|| crew.fleet.shares().len() == 3, "it is a member again");
        thread::sleep(Duration::from_millis(500));
        let lines = crew.lines();
        let behind = lines[before..].iter().filter(|line| {
            line.process == id && line.word != "asked" && its_attempts.contains(&line.attempt)
        });
        let behind: Vec<&Line> = behind.collect();
        assert!(behind.is_empty(), "not one octet after it woke: {behind:?}");
        crew.judge(Some(id));
    });
}
