//! The child: plays three days of a reporter's life on a virtual clock, until it kills itself.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::Timestamp;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};
use tlsrptd_reporter::{
    deliver::Outcome,
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    lookup::{LookupResult, from_texts},
    model::{
        BounceBlame, BounceKind, Delivery, Destination, DigestMail, FetchJob, Fetched, NamedBy,
        RequestKind,
    },
    store::{
        self, CommitHook, CommitSide, HookVerdict, NewBounce, NewRequest, OperatorAccess,
        RequestedReport, Step, StoreError,
    },
};
use tlsrptd_service::clock::ClockReading;
use tokio::time::Instant;

use super::{
    journal::{self, Journal, Line},
    laws,
    times::Times,
};
use crate::environment;

/// Where the child kills itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    Nowhere,
    /// At that step, when it is reached for this number of times.
    Step(Step, CommitSide, u64),
    /// While a receiver has this child's attempt of that number.
    Attempt(u64),
}

#[derive(Debug)]
struct Child {
    begin: Timestamp,
    zero: Instant,
    journal: Journal,
    /// What the children before have seen.
    before: Vec<Line>,
    path: PathBuf,
    settings: Reportd,
    times: Times,
    dies_at: Point,
    attempts: AtomicU64,
    /// How often the step at which it dies was reached.
    reached: AtomicU64,
}

/// Lives from where the journal ends.
pub async fn live(folder: &Path, times: Times, dies_at: Point, looks: bool) {
    let path = folder.join("journal");
    let before = journal::read(&path);
    let begin = match before.last() {
        Some(line) => line.at + Duration::from_secs(1),
        None => times.begin.parse().unwrap(),
    };
    let settings = settings(folder, &times);
    let child = Arc::new(Child {
        settings: settings.clone(),
        begin,
        zero: Instant::now(),
        journal: Journal::open(&path),
        before,
        path,
        times,
        dies_at,
        attempts: 0.into(),
        reached: 0.into(),
    });
    for stop in times.stops {
        let length = stop
            .parse::<Timestamp>()
            .unwrap()
            .duration_since(child.now());
        let Ok(length) = Duration::try_from(length) else {
            continue;
        };
        ask(&settings, child.now());
        child.run(length, looks, folder).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    child.journal.write(child.now(), &["over"]);
}

fn settings(folder: &Path, times: &Times) -> Reportd {
    environment::settings(
        folder,
        &[
            "--fetchers=one,two,three",
            &format!("--fetch_deadline={}", times.fetch_deadline.as_secs()),
            "--spread_out_delivery=1",
            "--max_report_age=172800",
            "--retry_window=7200",
            "--max_concurrent_deliveries=2",
            "--max_concurrent_per_host=1",
            "--interval_main_loop=3600",
            "--keep_days=2",
            "--loop_guard=no",
            "--mx_reports=yes",
            "--digest=daily",
            "--digest_address=op@sender.example",
        ],
    )
}

/// The operator asks once, for a report that is not sent everywhere yet, and for a test.
fn ask(settings: &Reportd, now: Timestamp) {
    let stored = match environment::read(&settings.dbname) {
        Some(stored) if stored.requests.is_empty() => stored,
        _ => return,
    };
    let Some(report) = stored.reports.iter().find(|row| row.has_json) else {
        return;
    };
    let mut store = store::open_for_operator(settings, OperatorAccess::Write).unwrap();
    let day = Day::parse(&report.day).unwrap();
    let new = |kind, report, uri| NewRequest {
        kind,
        report,
        destination: Destination::new(uri, NamedBy::Operator),
        by: "operator".to_owned(),
    };
    let asked = Some(RequestedReport {
        r_id: report.r_id,
        day,
        domain: report.domain.clone(),
    });
    let requests = [
        new(RequestKind::Resend, asked, laws::RESENT_TO),
        new(RequestKind::Test, None, laws::TESTED),
    ];
    store.ask(&requests, now).unwrap().unwrap();
}

fn die() -> ! {
    kill(Pid::this(), Signal::SIGKILL).unwrap();
    loop {
        std::thread::park();
    }
}

impl Child {
    async fn run(self: &Arc<Self>, length: Duration, looks: bool, folder: &Path) {
        let until = Instant::now() + length;
        // Who was to stop by then is not started once more: of the attempts that it ended at once nobody would know the outcome.
        while Instant::now() < until {
            let hook = self.hook(looks.then(|| self.settings.dbname.clone()));
            let left = until.saturating_duration_since(Instant::now());
            let Err(error) = environment::run(&self.settings, self, Some(hook), left).await else {
                return;
            };
            // A connection that was lost at the start or at the end: a service manager would try again.
            let passes = error.may_pass() || matches!(error, StoreError::Open { .. });
            let is_fleet = environment::is_address(&self.settings.dbname);
            assert!(passes && is_fleet, "{error}");
            laws::after_a_kill(folder);
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    fn now(&self) -> Timestamp {
        self.begin + self.zero.elapsed()
    }

    fn hook(self: &Arc<Self>, looks_at: Option<PathBuf>) -> CommitHook {
        let (child, mut was) = (Arc::clone(self), 0);
        Box::new(move |step: Step, side: CommitSide| {
            // The next child begins here: its clock must not be behind.
            child.journal.write(child.now(), &["at"]);
            if let Some(database) = &looks_at {
                // Another connection sees what is committed.
                let is = environment::fingerprint(database);
                if side == CommitSide::After {
                    let changed = if is == was { "same" } else { "changed" };
                    child
                        .journal
                        .write(child.now(), &["step", &format!("{step:?}"), changed]);
                }
                was = is;
            }
            if let Point::Step(at, when, nth) = child.dies_at
                && (at, when) == (step, side)
                && child.reached.fetch_add(1, SeqCst) + 1 == nth
            {
                die();
            }
            HookVerdict::Continue
        })
    }

    /// Lines of this kind, of children before this one and of this one.
    fn times(&self, words: &[&str]) -> usize {
        let same = |line: &&Line| {
            line.words
                .iter()
                .map(String::as_str)
                .take(words.len())
                .eq(words.iter().copied())
        };
        let lines = match self.attempts.load(SeqCst) {
            0 => self.before.clone(),
            _ => journal::read(&self.path),
        };
        lines.iter().filter(same).count()
    }

    /// The relay brings a mail back before its outcome is recorded.
    fn bring_back(&self, delivery: &Delivery) {
        let mut store = store::open_for_operator(&self.settings, OperatorAccess::Write).unwrap();
        let key = store.known_bounce_key().unwrap().unwrap();
        let bounce = NewBounce {
            tag: key.tag_of(delivery),
            kind: BounceKind::Failed,
            blame: BounceBlame::Address,
            text: "550 5.1.1 no such user".to_owned(),
        };
        store.add_bounce(&bounce, self.now()).unwrap();
    }

    fn rows(&self, job: &FetchJob) -> Vec<Fetched> {
        let domains: &[&str] = match job.index {
            1 => &["a.example", "b.example", "d.example"],
            2 => &["b.example", "c.example"],
            _ => &["a.example", "e.example"],
        };
        let row = |domain: &&str| match *domain {
            "b.example" | "c.example" | "e.example" => {
                environment::dane(domain, laws::MX_HOST, 1, 0)
            }
            _ => environment::counted(domain, 1),
        };
        domains.iter().map(row).collect()
    }
}

impl Environment for Child {
    fn reading(&self) -> ClockReading {
        ClockReading {
            wall: self.now(),
            boot: self.zero.elapsed(),
        }
    }

    /// One of ours that fails once a day, sys4's, and one that closes its days a day too late.
    async fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        let (index, day) = (job.index.to_string(), job.day.to_string());
        let words = ["asked", &index, &day];
        let is_first = self.times(&words) == 0
            && !journal::read(&self.path)
                .iter()
                .any(|line| line.words == words);
        self.journal.write(self.now(), &words);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let first_late: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let late = (job.day.next().next().start()).max(first_late);
        if job.index == 3 && now < late {
            if now < job.created + self.times.fetch_deadline {
                tokio::time::sleep(self.times.not_ready_after).await;
            }
            return Err(GatherError::NotReady { newest: None });
        }
        if job.index == 1 && is_first {
            return Err(GatherError::NotReady { newest: None });
        }
        let rows = self.rows(job);
        if job.index == 2 {
            let domains = rows.into_iter().map(|row| row.domain).collect();
            sink.hand_on(AnswerPart::Listed(domains)).await?;
            return Ok(Answer::List);
        }
        for row in rows {
            sink.hand_on(AnswerPart::Rows(vec![row])).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Answer::Stream)
    }

    async fn details(&self, job: &FetchJob, domain: &str) -> Result<String, GatherError> {
        let row = self.rows(job).into_iter().find(|row| row.domain == domain);
        Ok(row.unwrap().data)
    }

    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        let first = domain.as_str().as_bytes()[0];
        tokio::time::sleep(Duration::from_millis(10) * first.into()).await;
        Some(from_texts(&[environment::record(domain.as_str())]))
    }

    /// The relay takes each digest at the second attempt.
    async fn send_digest(&self, digest: &DigestMail) -> Outcome {
        let period = digest.period.to_string();
        let is_first = self.times(&["digest", &period]) == 0
            && journal::of(&journal::read(&self.path), "digest")
                .all(|line| line.words[1] != period);
        let mut hasher = DefaultHasher::new();
        (&digest.contents.subject, &digest.contents.text, digest.made).hash(&mut hasher);
        let bytes = format!("{:016x}", hasher.finish());
        let word = if is_first { "later" } else { "sent" };
        self.journal
            .write(self.now(), &["digest", &period, &bytes, word]);
        tokio::time::sleep(Duration::from_secs(5)).await;
        match is_first {
            true => environment::retry("451 later"),
            false => environment::sent(),
        }
    }

    /// Receivers that fail, hang, refuse, and answer twice: each the first time it is asked about a report.
    async fn deliver(&self, delivery: &Delivery) -> Outcome {
        let (report, uri) = (&delivery.report, delivery.destination.uri());
        let (day, name) = (report.day.to_string(), report.domain.to_string());
        // What came late is another report.
        let domain = match report.uniqid {
            1 => name.clone(),
            number => format!("{name}#{number}"),
        };
        let mut hasher = DefaultHasher::new();
        (&report.json, report.uniqid, report.created).hash(&mut hasher);
        let bytes = format!("{:016x}", hasher.finish());
        let nth = self.attempts.fetch_add(1, SeqCst) + 1;
        let is_first = self.times(&["seen", &day, &domain, uri]) == 0;
        let (taken, outcome, seconds) = answer(&name, uri, is_first);
        let taken = if taken { "taken" } else { "not" };
        self.journal.write(
            self.now(),
            &["seen", &day, &domain, uri, &bytes, taken, word(&outcome)],
        );
        if self.dies_at == Point::Attempt(nth) {
            die();
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if (day.as_str(), domain.as_str(), uri) == laws::COMES_BACK && word(&outcome) == "sent" {
            self.bring_back(delivery);
        }
        outcome
    }
}

/// Whether it has the report then, what it says, and after how long.
fn answer(domain: &str, uri: &str, is_first: bool) -> (bool, Outcome, u64) {
    let mail = uri.starts_with("mailto:");
    match domain {
        // As below: the outcome of the first attempt is not what the receiver has.
        _ if uri == laws::RESENT_TO && is_first => (true, environment::retry("cut off"), 10),
        _ if uri == laws::RESENT_TO => (true, environment::sent(), 10),
        "a.example" if mail && is_first => (false, environment::retry("451 later"), 10),
        "b.example" if mail && is_first => (
            false,
            Outcome::Unreachable {
                reason: "no answer".to_owned(),
            },
            60,
        ),
        "c.example" if mail => (
            false,
            Outcome::Refused {
                reason: "550 no".to_owned(),
            },
            10,
        ),
        // It is cut off after the receiver took it.
        "d.example" if mail && is_first => (true, environment::retry("cut off"), 10),
        _ => (true, environment::sent(), 10),
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent { .. } => "sent",
        Outcome::Refused { .. } => "refused",
        _ => "later",
    }
}
