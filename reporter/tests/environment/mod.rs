//! An environment for the daemon: virtual clock, scripted collectors, DNS and receivers, a real database.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unused_imports,
    unreachable_pub
)] // each test uses a part

mod history;
pub mod stored;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tlsrptd_config::{Start, reportd::Reportd};
use tlsrptd_proto::{day::Day, domain::Domain, report::Submitter, tlsrpt_record::Mailbox};
use tlsrptd_reporter::{
    compose::Composer,
    daemon::{Daemon, DaemonOptions, DigestOptions, Order},
    deliver::{Outcome, PreparedMail, Progress},
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    lookup::{LookupResult, from_texts},
    model::{CollectorCommand, FetchJob, Fetched},
    model::{Delivery, DigestMail},
    route::Routes,
    schedule::Schedule,
    store::{self, CommitHook, StoreError},
};
use tlsrptd_service::clock::ClockReading;
use tokio::{sync::mpsc, time::Instant};

pub use history::{all_are_kept, contradiction, failures, knows_what_it_keeps, totals};
pub use stored::{Stored, distinct, fingerprint, is_whole, lines, or_dash, pages_in_use};

/// What the reporter of these settings has stored.
pub fn stored(settings: &Reportd) -> Stored {
    Stored::read(&settings.dbname).expect("a reporter has made the database")
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
            sys4: Vec::new(),
            lookup: Box::new(|domain| Some(from_texts(&[record(domain.as_str())]))),
            receive: Box::new(|_, _| (sent(), Duration::from_millis(20))),
            has_mails: false,
            hurries: false,
            seen: Mutex::default(),
            asked: Mutex::default(),
            relay: Box::new(|_| sent()),
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
        for row in rows {
            sink.hand_on(AnswerPart::Rows(vec![row])).await?;
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
        let mut digests = self.digests.lock().unwrap();
        digests.push((self.now(), digest.clone()));
        (self.relay)(digests.len() - 1)
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

/// The settings, with these options beside the required ones.
pub fn settings(folder: &Path, options: &[&str]) -> Reportd {
    let mut args: Vec<OsString> = vec![
        format!("--dbname={}", folder.join("reportd.sqlite").display()).into(),
        "--fetchers=one".into(),
        "--organization_name=Org".into(),
        "--contact_info=tls@sender.example".into(),
    ];
    args.extend(options.iter().map(OsString::from));
    match tlsrptd_config::reportd::load(args, []) {
        Start::Run(settings) => settings.values,
        Start::Done { stderr, .. } => panic!("{stderr}"),
    }
}

pub fn daemon<O: Environment>(
    settings: &Reportd,
    environment: Arc<O>,
    hook: Option<CommitHook>,
    seed: u64,
) -> Result<Daemon<O>, StoreError> {
    let store = store::open(settings, hook)?;
    let composer = Composer {
        submitter: Submitter {
            organization_name: settings.organization_name.clone(),
            contact_info: Mailbox::parse(&settings.contact_info).unwrap(),
            installation: store.installation().clone(),
        },
        routes: Routes::load(settings).unwrap(),
        schedule: Arc::new(Schedule::new(settings)),
        max_report_size: settings.max_report_size,
        loop_guard: settings.loop_guard,
        report_days: settings.report_days,
        min_sessions: settings.min_sessions,
    };
    let options = DaemonOptions {
        fetchers: (1..)
            .zip(&settings.fetchers)
            .map(|(index, command)| CollectorCommand {
                index,
                command: command.text.clone(),
            })
            .collect(),
        max_concurrent_deliveries: settings.max_concurrent_deliveries,
        max_concurrent_per_host: settings.max_concurrent_per_host,
        max_rate_per_host: settings.max_rate_per_host,
        clock_confirmation: settings.clock_confirmation,
        late_interval: settings.late_interval,
        interval_main_loop: settings.interval_main_loop,
        digest: DigestOptions::new(settings),
        // Weeks are played through.
        request_interval: Duration::from_secs(600),
    };
    Daemon::new(store, environment, Arc::new(composer), options, seed)
}

/// A database that a reporter has made and closed.
pub fn make_store(settings: &Reportd) {
    store::open(settings, None).unwrap().close().unwrap();
}

/// Runs for so long on the virtual clock, then stops orderly.
pub async fn run<O: Environment>(
    settings: &Reportd,
    environment: &Arc<O>,
    hook: Option<CommitHook>,
    time: Duration,
) -> Result<(), StoreError> {
    let mut daemon = daemon(settings, Arc::clone(environment), hook, 1)?;
    let (sender, mut orders) = mpsc::channel(1);
    let stop = tokio::spawn(async move {
        tokio::time::sleep(time).await;
        let _ = sender.send(Order::Stop).await;
    });
    let ran = daemon.run(&mut orders, |_| {}).await;
    stop.abort();
    // A crash stops nothing orderly.
    ran?;
    daemon
        .stop(Duration::from_secs(10), &mut orders, |_| {})
        .await?;
    daemon.into_store().close()
}

/// How long tests go on that could go on for ever: `make soak` says so.
pub fn soak() -> Duration {
    let seconds = std::env::var("TLSRPTD_SOAK").map_or(0, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

pub fn folder() -> TempDir {
    // In memory, where that is possible: syncing is not what these tests are about.
    if let Ok(folder) = tempfile::tempdir_in("/dev/shm") {
        return folder;
    }
    tempfile::tempdir().unwrap()
}
