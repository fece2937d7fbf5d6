//! The environment of a simulation: clock, collectors, DNS and receivers as the plan has them, and all that they saw.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};
use tlsrptd_reporter::{
    deliver::{Outcome, PreparedMail, Progress},
    environment::Environment,
    gather::{Answer, AnswerSender, GatherError},
    lookup::LookupResult,
    model::{BounceKey, Delivery, FetchJob, StoredReport},
};
use tlsrptd_service::clock::ClockReading;
use tokio::time::Instant;

use super::{
    bounces::{Arrived, Returned},
    collectors::number_of,
    dice::Dice,
    plan::{Plan, is_in},
    receivers::{Has, Reply},
};

/// What a delivery is to the environment: one report to one address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub day: Day,
    pub domain: String,
    /// 1, and more for what came late.
    pub uniqid: u64,
    pub uri: String,
}

/// One attempt, as the receiver saw it. Times without a name are since the begin.
#[derive(Debug)]
pub struct Attempt {
    pub key: Key,
    pub life: usize,
    pub report: Arc<StoredReport>,
    /// The mail's.
    pub date: Timestamp,
    pub from: Duration,
    /// By the wall clock.
    pub wall: Timestamp,
    /// When and how it ended for the reporter; `None` when that was gone before.
    pub ended: Option<(Duration, Outcome)>,
    /// The receiver has it.
    pub taken: bool,
}

/// One question to a collector.
#[derive(Debug)]
pub struct Ask {
    pub day: Day,
    pub collector: i64,
    pub life: usize,
    pub from: Duration,
    pub wall: Timestamp,
    pub until: Option<Duration>,
    pub was_not_ready: bool,
}

/// One answer of DNS.
#[derive(Debug)]
pub struct Lookup {
    pub wall: Timestamp,
    /// It did not answer.
    pub failed: bool,
}

/// Connections at once: now, and the most there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busy {
    pub now: usize,
    pub most: usize,
}

/// All that was seen.
#[derive(Debug, Default)]
pub struct Log {
    pub life: usize,
    pub attempts: Vec<Attempt>,
    pub asks: Vec<Ask>,
    pub details: BTreeMap<(i64, Day, String), u64>,
    /// How often each was tried.
    pub tries: BTreeMap<Key, u64>,
    pub lookups: BTreeMap<String, Vec<Lookup>>,
    pub busy: BTreeMap<String, Busy>,
    /// When the relay last said that it took a mail.
    pub relay_took: Option<Duration>,
    /// Mails that came back.
    pub arrived: Vec<Arrived>,
}

#[derive(Debug)]
pub struct Sim {
    pub dice: Dice,
    pub plan: Plan,
    pub settings: Reportd,
    /// What the relay will bring back.
    pub bag: Mutex<Vec<Returned>>,
    pub bounce_key: OnceLock<BounceKey>,
    zero: Instant,
    log: Mutex<Log>,
}

impl Sim {
    pub fn new(dice: Dice, plan: Plan, settings: Reportd) -> Sim {
        Sim {
            dice,
            plan,
            settings,
            bag: Mutex::default(),
            bounce_key: OnceLock::new(),
            zero: Instant::now(),
            log: Mutex::default(),
        }
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// Since the begin, by a clock that nobody sets.
    pub fn elapsed(&self) -> Duration {
        self.zero.elapsed()
    }

    /// What the wall clock shows, but for moments.
    pub fn now(&self) -> Timestamp {
        let at = self.elapsed();
        self.plan.begin + at + SignedDuration::from_secs(self.plan.clock_is_off(at))
    }

    /// Whether there was mail on that day.
    pub fn is_busy_day(&self, day: Day) -> bool {
        day.next().start() < self.plan.begin + self.plan.busy
    }

    /// The connection is counted until what this gives is dropped.
    fn connect(&self, host: &str) -> impl Drop + '_ {
        struct Connection<'a>(&'a Sim, [String; 2]);
        impl Drop for Connection<'_> {
            fn drop(&mut self) {
                let mut log = self.0.log();
                for name in &self.1 {
                    log.busy.get_mut(name).unwrap().now -= 1;
                }
            }
        }
        let names = [host.to_owned(), "all".to_owned()];
        let mut log = self.log();
        for name in &names {
            let busy = log.busy.entry(name.clone()).or_default();
            busy.now += 1;
            busy.most = busy.most.max(busy.now);
        }
        Connection(self, names)
    }
}

/// An attempt that is dropped was cut by the reporter, which takes that for no answer; or the reporter is gone.
struct Cut<'a>(&'a Sim, usize);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        let outcome = Outcome::Retry {
            reason: "cut".to_owned(),
            after: None,
        };
        let now = self.0.elapsed();
        self.0.log().attempts[self.1].ended = Some((now, outcome));
    }
}

impl Environment for Sim {
    fn reading(&self) -> ClockReading {
        ClockReading {
            wall: self.now() + SignedDuration::from_secs(self.plan.glitch(self.elapsed())),
            boot: self.elapsed(),
        }
    }

    async fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        let collector = number_of(&job.command);
        let (number, before) = {
            let mut log = self.log();
            let same =
                |ask: &&Ask| (ask.day, ask.collector) == (job.day, collector) && !ask.was_not_ready;
            let before = log.asks.iter().filter(same).count() as u64;
            let life = log.life;
            log.asks.push(Ask {
                day: job.day,
                collector,
                life,
                from: self.elapsed(),
                wall: now,
                until: None,
                was_not_ready: false,
            });
            (log.asks.len() - 1, before)
        };
        let answer = self.answer(job, now, sink, before).await;
        let ask = &mut self.log().asks[number];
        ask.until = Some(self.elapsed());
        ask.was_not_ready = matches!(answer, Err(GatherError::NotReady { .. }));
        answer
    }

    async fn details(&self, job: &FetchJob, domain: &str) -> Result<String, GatherError> {
        let before = {
            let mut log = self.log();
            let times = log
                .details
                .entry((number_of(&job.command), job.day, domain.to_owned()))
                .or_default();
            *times += 1;
            *times - 1
        };
        self.one_domain(job, domain, before).await
    }

    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        let is_gone = is_in(&self.plan.dns_gone, self.elapsed());
        let looked = match is_gone {
            true => LookupResult::Unknown("timed out".to_owned()),
            false => self
                .plan
                .domains
                .in_dns(domain.as_str(), Day::of(self.now())),
        };
        let failed = matches!(looked, LookupResult::Unknown(_));
        tokio::time::sleep(Duration::from_millis(if failed { 17_000 } else { 30 })).await;
        let lookup = Lookup {
            wall: self.now(),
            failed,
        };
        self.log()
            .lookups
            .entry(domain.to_string())
            .or_default()
            .push(lookup);
        Some(looked)
    }

    async fn deliver(&self, delivery: &Delivery) -> Outcome {
        let (mail, progress) = (PreparedMail::default(), Progress::default());
        self.deliver_telling(delivery, &mail, &progress).await
    }

    async fn deliver_telling(
        &self,
        delivery: &Delivery,
        _mail: &PreparedMail,
        progress: &Progress,
    ) -> Outcome {
        let report = Arc::clone(&delivery.report);
        let uri = delivery.destination.uri().to_owned();
        let key = Key {
            day: report.day,
            domain: report.domain.to_string(),
            uniqid: report.uniqid,
            uri,
        };
        let _connection = self.connect(Sim::host(&key.uri));
        let from = self.elapsed();
        let (number, reply) = {
            let mut log = self.log();
            let tries = log.tries.entry(key.clone()).or_default();
            let nth = *tries;
            *tries += 1;
            let relay_took = log.relay_took;
            let reply = self.receive(&key, nth, from, relay_took);
            let life = log.life;
            log.attempts.push(Attempt {
                key,
                life,
                report,
                date: delivery.date,
                from,
                wall: self.now(),
                ended: None,
                taken: reply.has_it == Has::AtOnce,
            });
            (log.attempts.len() - 1, reply)
        };
        let Reply {
            outcome,
            takes,
            has_it,
        } = reply;
        if !matches!(outcome, Outcome::Unreachable { .. }) {
            // What lasts is the answer.
            progress.sent(Duration::from_secs(10));
        }
        // The default of `http_timeout`, and what an answer may take beyond it.
        let given_up = Duration::from_secs(600);
        let cut = Cut(self, number);
        tokio::time::sleep(takes.min(given_up)).await;
        std::mem::forget(cut);
        let outcome = match takes > given_up {
            true => Outcome::Retry {
                reason: "no answer".to_owned(),
                after: None,
            },
            false => outcome,
        };
        let has_it = if takes > given_up { Has::No } else { has_it };
        let mut attempts = self.log();
        let attempt = &mut attempts.attempts[number];
        attempt.taken |= has_it == Has::AtTheEnd;
        attempt.ended = Some((self.elapsed(), outcome.clone()));
        let key = attempt.key.clone();
        drop(attempts);
        if Sim::host(&key.uri) == "relay" && matches!(outcome, Outcome::Sent { .. }) {
            self.log().relay_took = Some(self.elapsed());
            self.plan_return(delivery, &key);
        }
        outcome
    }
}
