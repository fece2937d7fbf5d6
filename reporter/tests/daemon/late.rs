//! Days that grow after their report was decided: of several collectors, which are renamed, removed or asked by a clock
//! that is wrong, each addition is reported once.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::HOUR;
use crate::environment::{
    Statements, TestEnvironment, change, counted, each_engine, folder, run, settings, stored,
    stored::{lines, or_dash},
};
use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};
use tlsrptd_reporter::{
    deliver::Outcome,
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    lookup::LookupResult,
    model::{Delivery, FetchJob},
};
use tlsrptd_service::clock::ClockReading;

/// The day that grows.
const GROWING: &str = "2026-11-19";

/// Each collector counts one session of `x.example` a day. What one of them adds to `GROWING` is its own.
struct Fleet {
    inner: TestEnvironment,
    /// Sessions of `new-COLLECTOR.example`, each an addition, by the command's first word.
    added: BTreeMap<&'static str, Vec<u64>>,
    /// So long after the begin they are added.
    added_after: Duration,
    /// An answer breaks off behind its rows.
    breaks_off: bool,
    /// An answer about additions is larger than is allowed.
    is_too_large: bool,
    /// How long it takes to tell which days grew.
    telling_takes: BTreeMap<&'static str, Duration>,
    lookup_takes: Duration,
    readings: AtomicU64,
    asked: AtomicU64,
}

impl Fleet {
    fn new(begin: &str) -> Fleet {
        let mut inner = TestEnvironment::new(begin);
        inner.gather = Box::new(|_, _| Ok(vec![counted("x.example", 1)]));
        Fleet {
            inner,
            added: BTreeMap::new(),
            added_after: Duration::ZERO,
            breaks_off: false,
            is_too_large: false,
            telling_takes: BTreeMap::new(),
            lookup_takes: Duration::ZERO,
            readings: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        }
    }

    fn additions(&self, command: &str) -> &[u64] {
        let has_grown = self.inner.zero.elapsed() >= self.added_after;
        let added = self.added.get(name(command)).filter(|_| has_grown);
        added.map_or(&[], Vec::as_slice)
    }
}

fn name(command: &str) -> &str {
    command.split_whitespace().next().unwrap()
}

impl Environment for Fleet {
    fn reading(&self) -> ClockReading {
        self.readings.fetch_add(1, SeqCst);
        self.inner.reading()
    }

    async fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let is_it = job.day.to_string() == GROWING;
        let added = if is_it {
            self.additions(&job.command)
        } else {
            &[]
        };
        let rows = match job.seen {
            None => (self.inner.gather)(job, now)?,
            Some(seen) => {
                self.asked.fetch_add(1, SeqCst);
                let new = added.iter().skip(usize::try_from(seen).unwrap()).sum();
                match new {
                    0 => Vec::new(),
                    _ => vec![counted(&format!("new-{}.example", name(&job.command)), new)],
                }
            }
        };
        sink.hand_on(AnswerPart::Rows(rows)).await?;
        if self.breaks_off {
            return Err(GatherError::Read(std::io::ErrorKind::BrokenPipe.into()));
        }
        if self.is_too_large && job.seen.is_some() {
            return Err(GatherError::TooLarge { limit: 1 });
        }
        sink.hand_on(AnswerPart::Told(added.len() as u64)).await?;
        Ok(Answer::Stream)
    }

    async fn grown(&self, command: &str) -> Result<Vec<(Day, u64)>, GatherError> {
        let takes = self.telling_takes.get(name(command)).copied();
        tokio::time::sleep(takes.unwrap_or_default()).await;
        let additions = self.additions(command).len() as u64;
        let has_grown = additions > 0;
        let grown = has_grown.then(|| (Day::parse(GROWING).unwrap(), additions));
        Ok(grown.into_iter().collect())
    }

    async fn details(&self, job: &FetchJob, domain: &str) -> Result<String, GatherError> {
        self.inner.details(job, domain).await
    }

    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        tokio::time::sleep(self.lookup_takes).await;
        (self.inner.lookup)(domain)
    }

    async fn deliver(&self, delivery: &Delivery) -> Outcome {
        self.inner.deliver(delivery).await
    }
}

fn with(folder: &Path, fetchers: &str) -> Reportd {
    let fetchers = format!("--fetchers={fetchers}");
    let options = [
        &fetchers,
        "--late_interval=600",
        "--spread_out_delivery=1",
        "--loop_guard=no",
    ];
    settings(folder, &options)
}

/// The reports on the day that grows: domain, number, sessions.
fn reports(settings: &Reportd) -> Vec<String> {
    let mut stored = stored(settings);
    stored.reports.retain(|row| row.day == GROWING);
    lines(&stored.reports, |row| {
        format!("{}|{}|{}", row.domain, row.uniqid, row.sessions)
    })
}

async fn live(settings: &Reportd, fleet: Fleet, time: Duration) -> Arc<Fleet> {
    let fleet = Arc::new(fleet);
    run(settings, &fleet, None, time).await.unwrap();
    fleet
}

/// What the second collector adds is told of while what the first one added is being composed.
#[each_engine]
async fn two_collectors_grow_at_once() {
    let folder = folder();
    let settings = with(folder.path(), "a,b");
    live(&settings, Fleet::new("2026-11-20T12:00:00Z"), HOUR / 4).await;
    assert_eq!(reports(&settings), ["x.example|1|2"]);
    let fleet = Fleet {
        added: BTreeMap::from([("a", vec![7]), ("b", vec![8])]),
        telling_takes: BTreeMap::from([("b", Duration::from_secs(2))]),
        lookup_takes: Duration::from_secs(5),
        ..Fleet::new("2026-11-20T12:20:00Z")
    };
    live(&settings, fleet, HOUR * 4).await;
    let want = ["new-a.example|1|7", "new-b.example|1|8", "x.example|1|2"];
    assert_eq!(reports(&settings), want);
}

/// A crash, or a version of ours that closed the day over it: an addition that is stored is reported.
#[each_engine]
async fn an_addition_that_is_stored_is_reported_at_the_next_start() {
    let folder = folder();
    let settings = with(folder.path(), "a");
    live(&settings, Fleet::new("2026-11-20T12:00:00Z"), HOUR / 4).await;
    let (domain, shard) = ("new.example", tlsrptd_fleet::shard_of("new.example"));
    let data = counted(domain, 7).data;
    let late = Statements {
        sqlite: &format!(
            "INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry) \
             VALUES('{GROWING}', '{domain}', '{data}', 'a', 1, 0, 'late', '2026-11-20 12:00:00+00:00')"
        ),
        // The job was opened again; who ended it has the day composed anew, in the same step.
        postgres: &format!(
            "INSERT INTO answer(day, shard, domain, command, job, state, data) \
             VALUES('{GROWING}', {shard}, '{domain}', 'a', 1, 'late', '{data}'); \
             UPDATE fetch_job SET decided = false WHERE day = '{GROWING}'; \
             UPDATE compose SET decided = false, done = false WHERE day = '{GROWING}'; \
             UPDATE composing SET composed = false WHERE day = '{GROWING}'"
        ),
    };
    change(&settings.dbname, &late);
    live(&settings, Fleet::new("2026-11-20T13:00:00Z"), HOUR).await;
    assert_eq!(reports(&settings), ["new.example|1|7", "x.example|1|1"]);
}

/// Its command is edited after the day was decided: it is the collector that told the day.
#[each_engine]
async fn a_collector_is_asked_for_additions_by_its_new_name() {
    for (before, after) in [
        ("a", "a --config_file=x"),
        ("a,b", "b,a"),
        ("a,b", "a x,b y"),
    ] {
        let folder = folder();
        let settings = with(folder.path(), before);
        live(&settings, Fleet::new("2026-11-20T12:00:00Z"), HOUR / 4).await;
        let settings = with(folder.path(), after);
        let fleet = Fleet {
            added: BTreeMap::from([("a", vec![7])]),
            ..Fleet::new("2026-11-20T12:20:00Z")
        };
        live(&settings, fleet, HOUR * 4).await;
        let found = reports(&settings);
        assert_eq!(
            found[0], "new-a.example|1|7",
            "{before} -> {after}: {found:?}"
        );
    }
}

/// The answer breaks off, then the collector is taken out of the settings; what it adds is asked for as a whole when it
/// is back.
#[each_engine]
async fn part_of_the_additions_of_a_removed_collector_is_forgotten() {
    let folder = folder();
    let settings = with(folder.path(), "a,b");
    live(&settings, Fleet::new("2026-11-20T00:10:00Z"), HOUR / 4).await;
    let added = || BTreeMap::from([("a", vec![7])]);
    let cut = Fleet {
        added: added(),
        breaks_off: true,
        ..Fleet::new("2026-11-20T00:30:00Z")
    };
    live(&settings, cut, HOUR / 4).await;
    let parts = || {
        let stored = stored(&settings);
        let rows = stored.data.iter();
        rows.filter(|row| row.domain == "new-a.example").count()
    };
    assert_eq!(parts(), 1, "the answer broke off behind a part");
    let without = with(folder.path(), "b");
    let there = |begin| Fleet {
        added: added(),
        ..Fleet::new(begin)
    };
    live(&without, there("2026-11-20T01:10:00Z"), HOUR / 2).await;
    assert_eq!(reports(&settings), ["x.example|1|2"]);
    // Nor does a row stay that sys4's reporter could not read.
    assert_eq!(parts(), 0);
    live(&settings, there("2026-11-20T02:10:00Z"), HOUR * 4).await;
    assert_eq!(reports(&settings), ["new-a.example|1|7", "x.example|1|2"]);
}

/// The clock is days behind, or ahead, for an hour, and the day grows meanwhile.
#[each_engine]
async fn a_wrong_clock_gives_no_addition_up() {
    for days in [0, -3, 5] {
        let folder = folder();
        let settings = with(folder.path(), "a");
        let mut fleet = Fleet {
            added: BTreeMap::from([("a", vec![7])]),
            added_after: HOUR * 5 / 4,
            ..Fleet::new("2026-11-20T12:00:00Z")
        };
        fleet.inner.steps = vec![(HOUR, days * 86_400), (HOUR * 2, 0)];
        live(&settings, fleet, HOUR * 6).await;
        let want = ["new-a.example|1|7", "x.example|1|1"];
        assert_eq!(reports(&settings), want, "{days} days");
    }
}

/// Of a day that nobody wants to hear of any more nothing is asked, and that is said once.
#[each_engine]
async fn an_addition_to_a_day_that_is_too_old_is_given_up() {
    let folder = folder();
    let settings = with(folder.path(), "a");
    let fleet = Fleet {
        added: BTreeMap::from([("a", vec![7])]),
        added_after: HOUR * 70,
        ..Fleet::new("2026-11-20T12:00:00Z")
    };
    let fleet = live(&settings, fleet, HOUR * 80).await;
    assert_eq!(reports(&settings), ["x.example|1|1"]);
    assert_eq!(fleet.asked.load(SeqCst), 0);
    let stored = stored(&settings);
    let job = stored.jobs.iter().find(|job| job.day == GROWING).unwrap();
    assert!(or_dash(&job.reason).starts_with("sessions were added"));
}

/// Asked again it would be as large: not each `late_interval` for days.
#[each_engine]
async fn additions_that_are_too_large_are_asked_for_once_a_day() {
    let folder = folder();
    let settings = with(folder.path(), "a");
    live(&settings, Fleet::new("2026-11-20T12:00:00Z"), HOUR / 4).await;
    let fleet = Fleet {
        added: BTreeMap::from([("a", vec![7])]),
        is_too_large: true,
        ..Fleet::new("2026-11-20T12:20:00Z")
    };
    let fleet = live(&settings, fleet, HOUR * 30).await;
    assert_eq!(reports(&settings), ["x.example|1|1"]);
    let asked = fleet.asked.load(SeqCst);
    assert!((1..=4).contains(&asked), "asked {asked} times");
}

/// A collector that takes longer than `late_interval` to tell which days grew.
#[each_engine]
async fn a_slow_answer_about_growth_is_waited_for_asleep() {
    let folder = folder();
    let options = ["--late_interval=1", "--spread_out_delivery=1"];
    let settings = settings(folder.path(), &options);
    let fleet = Fleet {
        telling_takes: BTreeMap::from([("one", Duration::from_secs(50))]),
        ..Fleet::new("2026-11-20T12:00:00Z")
    };
    let fleet = live(&settings, fleet, HOUR).await;
    let readings = fleet.readings.load(SeqCst);
    assert!(readings < 2000, "{readings} passes in an hour");
}
