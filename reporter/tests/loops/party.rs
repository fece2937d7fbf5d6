//! One organisation: an MTA, a collector that counts what the MTA tells, and a reporter whose mails go out by that MTA.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{
    counts::DomainCounts,
    datagram::{Datagram, TextLimits},
    day::Day,
    domain::Domain,
};
use tlsrptd_reporter::{
    daemon::Order,
    deliver::Outcome,
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    lookup::{LookupResult, from_texts},
    model::{Delivery, FetchJob, Fetched},
};
use tlsrptd_service::clock::ClockReading;
use tokio::{sync::mpsc, time::Instant};

use crate::environment;

/// Here no operator asks for anything, and no mail comes back.
const LOOK_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// How a party is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    pub domain: &'static str,
    /// `rua=` of every domain that it looks up.
    pub rua: fn(&str) -> String,
    pub options: Vec<String>,
    /// Its MTA tells of the sessions that carry report mails too, as Postfix 3.10.0 to 3.10.3 do; a newer one does not
    /// tell of mails with `TLS-Required: No`.
    pub tells_of_reports: bool,
    /// The other side's MTA puts each sender off so many times, but for those it knows.
    pub deferrals: u32,
    /// Whoever was let in once is let in at once from then on.
    pub forgets_nobody: bool,
    /// TLS fails in each of those sessions.
    pub reports_fail: bool,
    /// What the MTA's queue adds to a mail's way.
    pub queue: Duration,
}

/// A report that went out: on whose day, to where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    pub at: Timestamp,
    pub day: Day,
    pub domain: String,
    pub uri: String,
    pub sessions: u64,
    pub failed: u64,
}

#[derive(Debug)]
pub struct Party {
    pub setup: Setup,
    begin: Timestamp,
    zero: Instant,
    rng: Mutex<StdRng>,
    /// The collector's day files.
    days: Mutex<BTreeMap<Day, BTreeMap<Domain, DomainCounts>>>,
    pub sent: Mutex<Vec<Sent>>,
    known: Mutex<BTreeSet<String>>,
}

impl Party {
    pub fn new(setup: Setup, begin: Timestamp, seed: u64) -> Arc<Party> {
        Arc::new(Party {
            setup,
            begin,
            zero: Instant::now(),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            days: Mutex::default(),
            sent: Mutex::default(),
            known: Mutex::default(),
        })
    }

    /// Its MTA had a session with that domain, and tells the collector of it as Postfix does.
    pub fn session(&self, domain: &str, failed: bool) {
        let failures = match failed {
            true => r#","failure-details":[{"c":203,"n":"mx.test"}],"t":1,"f":1"#,
            false => r#","t":0,"f":0"#,
        };
        let pr = format!("v=TLSRPTv1; rua={}", (self.setup.rua)(domain));
        let bytes = format!(
            r#"{{"dpv":"1","d":"{domain}","pr":"{pr}","policies":[{{"policy-type":9,"policy-domain":"{domain}"{failures}}}]}}"#
        );
        let datagram = Datagram::parse(bytes.as_bytes(), &TextLimits::default()).unwrap();
        let mut days = self.days.lock().unwrap();
        let today = days.entry(Day::of(self.now())).or_default();
        datagram
            .into_session_results()
            .into_iter()
            .for_each(|result| today.entry(result.domain.clone()).or_default().add(result));
    }

    /// What the collector has of a domain's day: sessions, and failed ones.
    pub fn counted(&self, day: Day, domain: &str) -> (u64, u64) {
        let days = self.days.lock().unwrap();
        let counts = days
            .get(&day)
            .and_then(|day| day.get(&Domain::parse(domain).unwrap()));
        counts.map_or((0, 0), |counts| (counts.sessions(), counts.failed()))
    }

    /// A mail goes through the MTA's queue to its receiver, one session a try.
    fn mail(self: Arc<Self>, address: String) {
        let queue = self.setup.queue.mul_f64(self.rng.lock().unwrap().random());
        tokio::spawn(async move {
            let (_, domain) = address.rsplit_once('@').unwrap();
            tokio::time::sleep(queue).await;
            let is_known = !self.known.lock().unwrap().insert(address.clone());
            let deferrals = if is_known && self.setup.forgets_nobody {
                0
            } else {
                self.setup.deferrals
            };
            for attempt in 0..=deferrals {
                if self.setup.tells_of_reports {
                    self.session(domain, self.setup.reports_fail);
                }
                if attempt < deferrals {
                    tokio::time::sleep(Duration::from_secs(300 << attempt)).await;
                }
            }
        });
    }

    /// Runs its reporter for so long, started anew now and then.
    pub async fn report(self: Arc<Self>, settings: &Reportd, days: u32, seed: u64) {
        let environment = Arc::new(Office(Arc::clone(&self)));
        for start in 0..days / 3 {
            let mut daemon = environment::daemon_looking(
                LOOK_INTERVAL,
                settings,
                Arc::clone(&environment),
                None,
                seed ^ u64::from(start),
            )
            .unwrap();
            let (sender, mut orders) = mpsc::channel(1);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3 * 86_400)).await;
                let _ = sender.send(Order::Stop).await;
            });
            daemon.run(&mut orders, |_| {}).await.unwrap();
            daemon
                .stop(Duration::from_secs(10), &mut orders, |_| {})
                .await
                .unwrap();
            daemon.into_store().close().unwrap();
        }
    }

    pub fn now(&self) -> Timestamp {
        self.begin + self.zero.elapsed()
    }
}

/// What the reporter sees of its party.
#[derive(Debug)]
pub struct Office(Arc<Party>);

impl Office {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl Environment for Office {
    fn reading(&self) -> ClockReading {
        ClockReading {
            wall: self.now(),
            boot: self.0.zero.elapsed(),
        }
    }

    async fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if now < job.day.next().start() {
            return Err(GatherError::NotReady { newest: None });
        }
        let rows = self
            .0
            .days
            .lock()
            .unwrap()
            .get(&job.day)
            .map_or(Vec::new(), |day| {
                let row = |(domain, counts): (&Domain, &DomainCounts)| Fetched {
                    domain: domain.to_string(),
                    data: counts.to_json(),
                };
                day.iter().map(row).collect()
            });
        sink.hand_on(AnswerPart::Rows(rows)).await?;
        Ok(Answer::Stream)
    }

    async fn details(&self, _: &FetchJob, _: &str) -> Result<String, GatherError> {
        Err(GatherError::Stopped)
    }

    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        let record = format!("v=TLSRPTv1; rua={}", (self.0.setup.rua)(domain.as_str()));
        Some(from_texts(&[record]))
    }

    async fn deliver(&self, delivery: &Delivery) -> Outcome {
        let (report, uri) = (&delivery.report, delivery.destination.uri());
        tokio::time::sleep(Duration::from_millis(300)).await;
        let summary: serde_json::Value = serde_json::from_str(&report.json).unwrap();
        let summary = &summary["policies"][0]["summary"];
        let failed = summary["total-failure-session-count"].as_u64().unwrap();
        self.0.sent.lock().unwrap().push(Sent {
            at: self.now(),
            day: report.day,
            domain: report.domain.to_string(),
            uri: uri.to_owned(),
            sessions: failed + summary["total-successful-session-count"].as_u64().unwrap(),
            failed,
        });
        if let Some(address) = uri.strip_prefix("mailto:") {
            // Postfix hands one mail over once to recipients of one domain.
            let copy = self
                .0
                .setup
                .options
                .iter()
                .find_map(|option| option.strip_prefix("--bcc_address="));
            let domain = |address: &str| address.rsplit_once('@').unwrap().1.to_owned();
            if let Some(copy) = copy
                && domain(copy) != domain(address)
            {
                Arc::clone(&self.0).mail(copy.to_owned());
            }
            Arc::clone(&self.0).mail(address.to_owned());
        }
        environment::sent()
    }
}
