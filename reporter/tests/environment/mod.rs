//! An environment for the daemon: virtual clock, scripted collectors, DNS and receivers, a real database.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unused_imports,
    unreachable_pub
)] // each test uses a part

mod database;
mod engine;
mod fleet;
mod history;
mod proxy;
mod run;
pub mod stored;

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};
use tlsrptd_reporter::{
    deliver::{Outcome, PreparedMail, Progress},
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    lookup::{LookupResult, from_texts},
    model::{Delivery, DigestMail, FetchJob, Fetched},
};
use tlsrptd_service::clock::ClockReading;
use tokio::time::Instant;

pub use database::{Statements, ask, change, fingerprint, is_whole, operator, read, suppress};
pub use engine::{Engine, Folder, is_address, make_tables};
pub use history::{all_are_kept, contradiction, failures, knows_what_it_keeps, totals};
pub use proxy::Proxy;
pub use run::{daemon, daemon_looking, folder, make_store, run, settings, soak};
pub use stored::{Stored, distinct, lines, or_dash, pages_in_use};
pub use tlsrptd_engines::each_engine;

/// What the reporter of these settings has stored.
pub fn stored(settings: &Reportd) -> Stored {
    read(&settings.dbname).expect("a reporter has made the database")
}

pub type Gather =
    Box<dyn Fn(&FetchJob, Timestamp) -> Result<Vec<Fetched>, GatherError> + Send + Sync>;
pub type Lookup = Box<dyn Fn(&Domain) -> Option<LookupResult> + Send + Sync>;
/// An outcome, and how long it takes.
pub type Receive = Box<dyn Fn(&Delivery, usize) -> (Outcome, Duration) + Send + Sync>;

/// An attempt as the receiver saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Timestamp,
    pub uri: String,
    pub day: String,
    pub domain: String,
    pub bytes: (String, u64, Timestamp),
    pub taken: bool,
}

pub struct TestEnvironment {
    pub begin: Timestamp,
    pub zero: Instant,
    pub gather: Gather,
    /// Of an answer so many rows are one part, and one step.
    pub rows_at_once: usize,
    /// Collectors that speak sys4's protocol.
    pub sys4: Vec<i64>,
    pub lookup: Lookup,
    pub receive: Receive,
    /// The relay has what is under way, and looks at it.
    pub has_mails: bool,
    /// DNS answers at once.
    pub hurries: bool,
    pub seen: Mutex<Vec<Seen>>,
    pub asked: Mutex<Vec<(String, i64, Timestamp)>>,
    /// What becomes of the attempts to send a digest, counted from 0.
    pub relay: Box<dyn Fn(usize) -> Outcome + Send + Sync>,
    /// How long each of them takes.
    pub digest_takes: Duration,
    /// Those attempts.
    pub digests: Mutex<Vec<(Timestamp, DigestMail)>>,
    pub under_way: UnderWay,
    /// What was added to days after they were closed, by day.
    pub added: Mutex<BTreeMap<String, Vec<Vec<Fetched>>>>,
    /// From then on, since the begin, the wall clock is off by so many seconds.
    pub steps: Vec<(Duration, i64)>,
}

impl TestEnvironment {
    /// Collectors know two domains of every day, DNS knows everybody, receivers take everything.
    pub fn new(begin: &str) -> TestEnvironment {
        TestEnvironment {
            begin: begin.parse().unwrap(),
            zero: Instant::now(),
            gather: Box::new(|_, _| Ok(vec![counted("a.example", 1), counted("b.example", 2)])),
            rows_at_once: ROWS_AT_ONCE,
            sys4: Vec::new(),
            lookup: Box::new(|domain| Some(from_texts(&[record(domain.as_str())]))),
            receive: Box::new(|_, _| (sent(), Duration::from_millis(20))),
            has_mails: false,
            hurries: false,
            seen: Mutex::default(),
            asked: Mutex::default(),
            relay: Box::new(|_| sent()),
            digest_takes: Duration::ZERO,
            digests: Mutex::default(),
            under_way: Mutex::default(),
            added: Mutex::default(),
            steps: Vec::new(),
        }
    }

    pub fn now(&self) -> Timestamp {
        let since = self.zero.elapsed();
        let off = self.steps.iter().rev().find(|(from, _)| *from <= since);
        self.begin + since + SignedDuration::from_secs(off.map_or(0, |(_, seconds)| *seconds))
    }

    pub fn taken(&self) -> BTreeMap<(String, String, String), Vec<Seen>> {
        let mut taken: BTreeMap<_, Vec<Seen>> = BTreeMap::new();
        for seen in self.seen.lock().unwrap().iter().filter(|seen| seen.taken) {
            let key = (seen.day.clone(), seen.domain.clone(), seen.uri.clone());
            taken.entry(key).or_default().push(seen.clone());
        }
        taken
    }
}

/// As a fetcher's answer is handed on: a step for each row would cost more than all else of a large day.
const ROWS_AT_ONCE: usize = 500;
/// The default.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// Attempts at a host: now, and the most there were.
type UnderWay = Mutex<BTreeMap<String, (usize, usize)>>;

/// One of them, until it is dropped: an attempt may be ended before it is over.
struct Busy<'a>(&'a UnderWay, String);

impl Busy<'_> {
    fn new(all: &UnderWay, host: String) -> Busy<'_> {
        {
            let mut all = all.lock().unwrap();
            let number = all.entry(host.clone()).or_default();
            number.0 += 1;
            number.1 = number.1.max(number.0);
        }
        Busy(all, host)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().get_mut(&self.1).unwrap().0 -= 1;
    }
}

impl Environment for TestEnvironment {
    fn reading(&self) -> ClockReading {
        ClockReading {
            wall: self.now(),
            boot: self.zero.elapsed(),
        }
    }

    async fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        self.asked
            .lock()
            .unwrap()
            .push((job.day.to_string(), job.index, now));
        tokio::time::sleep(Duration::from_millis(50)).await;
        let added = self
            .added
            .lock()
            .unwrap()
            .get(&job.day.to_string())
            .cloned();
        let added = added.unwrap_or_default();
        let rows = match job.seen {
            None => (self.gather)(job, now)?,
            Some(seen) => added
                .iter()
                .skip(seen as usize)
                .flatten()
                .cloned()
                .collect(),
        };
        if self.sys4.contains(&job.index) {
            let domains = rows.into_iter().map(|row| row.domain).collect();
            sink.hand_on(AnswerPart::Listed(domains)).await?;
            return Ok(Answer::List);
        }
        for rows in rows.chunks(self.rows_at_once) {
            sink.hand_on(AnswerPart::Rows(rows.to_vec())).await?;
        }
        sink.hand_on(AnswerPart::Told(added.len() as u64)).await?;
        Ok(Answer::Stream)
    }

    async fn grown(&self, _: &str) -> Result<Vec<(Day, u64)>, GatherError> {
        let added = self.added.lock().unwrap();
        let days = added.iter();
        Ok(days
            .map(|(day, added)| (Day::parse(day).unwrap(), added.len() as u64))
            .collect())
    }

    async fn details(&self, job: &FetchJob, domain: &str) -> Result<String, GatherError> {
        let rows = (self.gather)(job, self.now())?;
        Ok(rows
            .into_iter()
            .find(|row| row.domain == domain)
            .unwrap()
            .data)
    }

    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        // Answers come one after the other, so far apart that they are not recorded together.
        if !self.hurries {
            let first = domain.as_str().as_bytes()[0];
            tokio::time::sleep(Duration::from_millis(10) * first.into()).await;
        }
        (self.lookup)(domain)
    }

    async fn send_digest(&self, digest: &DigestMail) -> Outcome {
        let nth = {
            let mut digests = self.digests.lock().unwrap();
            digests.push((self.now(), digest.clone()));
            digests.len() - 1
        };
        tokio::time::sleep(self.digest_takes).await;
        (self.relay)(nth)
    }

    fn unanswered(&self) -> usize {
        let under_way = self.under_way.lock().unwrap();
        let mails = under_way.get("mailto:").map_or(0, |number| number.0);
        if self.has_mails { mails } else { 0 }
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
        let report = &delivery.report;
        let uri = delivery.destination.uri().to_owned();
        let host = delivery.destination.queue().host().to_owned();
        let _there = Busy::new(&self.under_way, host);
        let before = self
            .seen
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| seen.uri == uri)
            .count();
        let (outcome, takes) = (self.receive)(delivery, before);
        self.seen.lock().unwrap().push(Seen {
            at: self.now(),
            uri,
            day: report.day.to_string(),
            domain: report.domain.to_string(),
            bytes: (report.json.clone(), report.uniqid, report.created),
            taken: matches!(outcome, Outcome::Sent { .. }),
        });
        if !matches!(outcome, Outcome::Unreachable { .. }) {
            // All is sent at once: what lasts is the answer.
            progress.sent(HTTP_TIMEOUT);
        }
        tokio::time::sleep(takes).await;
        outcome
    }
}

pub fn sent() -> Outcome {
    Outcome::Sent {
        detail: "250 taken".into(),
    }
}

pub fn retry(reason: &str) -> Outcome {
    Outcome::Retry {
        reason: reason.into(),
        after: None,
    }
}

pub fn unreachable(reason: &str) -> Outcome {
    Outcome::Unreachable {
        reason: reason.into(),
    }
}

pub fn record(domain: &str) -> String {
    format!("v=TLSRPTv1;rua=mailto:reports@{domain},https://reports.example/{domain}")
}

/// So many sessions of a domain, all of them good.
pub fn counted(domain: &str, sessions: u64) -> Fetched {
    let policy = format!(r#"{{\"policy-type\": 9, \"policy-domain\": \"{domain}\"}}"#);
    let counts = format!(r#"{{"cntrtotal": {sessions}, "cntrfailure": 0, "failures": {{}}}}"#);
    Fetched {
        domain: domain.into(),
        data: format!(r#"{{"{}": {{"{policy}": {counts}}}}}"#, record(domain)),
    }
}

/// So many sessions of a domain at a MX host with a TLSA policy, the first `failed` of which failed.
pub fn dane(domain: &str, host: &str, sessions: u64, failed: u64) -> Fetched {
    let policy = format!(
        r#"{{\"policy-type\": 1, \"policy-domain\": \"{host}\", \"policy-string\": [\"3 1 1 AA\"]}}"#
    );
    let failures = match failed {
        0 => String::new(),
        _ => format!(r#""{{\"c\": 203, \"n\": \"{host}\", \"r\": \"192.0.2.1\"}}": {failed}"#),
    };
    let counts = format!(
        r#"{{"cntrtotal": {sessions}, "cntrfailure": {failed}, "failures": {{{failures}}}}}"#
    );
    Fetched {
        domain: domain.into(),
        data: format!(r#"{{"{}": {{"{policy}": {counts}}}}}"#, record(domain)),
    }
}
