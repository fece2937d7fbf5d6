//! What the daemons of a crew see: one collector, and receivers that take their time. All that a member does is a line in one file.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::domain::Domain;
use tlsrptd_reporter::{
    deliver::Outcome,
    environment::Environment,
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    lookup::{LookupResult, from_texts},
    model::{Delivery, FetchJob},
};
use tlsrptd_service::clock::ClockReading;

use crate::environment::{counted, sent};

/// Domains of the day, each with two destinations.
pub const DOMAINS: u64 = 60;
/// An attempt lasts so long, and is so many octets.
const OCTETS: u32 = 20;
const OCTET: Duration = Duration::from_millis(10);
/// The day that is reported ended so long ago when the crew begins.
pub const MIDNIGHT: &str = "2026-11-21T00:00:00Z";

pub struct Desk {
    journal: File,
    /// From the wall clock to the crew's.
    off: SignedDuration,
    attempts: AtomicU64,
    /// The collector answers when this file is there.
    ready: PathBuf,
}

impl Desk {
    /// `off`: in seconds.
    pub fn new(folder: &Path, off: i64) -> Desk {
        Desk {
            journal: journal(folder),
            off: SignedDuration::from_secs(off),
            attempts: 0.into(),
            ready: folder.join("ready"),
        }
    }

    pub fn write(&self, words: &str) {
        let line = format!("{} {words}\n", std::process::id());
        (&self.journal).write_all(line.as_bytes()).unwrap();
    }
}

pub fn journal(folder: &Path) -> File {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    options.open(folder.join("journal")).unwrap()
}

/// From the wall clock to a few seconds behind midnight.
pub fn off() -> i64 {
    let midnight: Timestamp = MIDNIGHT.parse().unwrap();
    midnight.duration_since(Timestamp::now()).as_secs() + 5
}

impl Environment for Desk {
    fn reading(&self) -> ClockReading {
        let reading = ClockReading::take();
        ClockReading {
            wall: reading.wall + self.off,
            ..reading
        }
    }

    async fn ask(
        &self,
        job: &FetchJob,
        _: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        self.write(&format!("asked {}", job.day));
        while !self.ready.exists() {
            tokio::time::sleep(OCTET).await;
        }
        let rows = (0..DOMAINS).map(|number| counted(&format!("d{number}.example"), number + 1));
        sink.hand_on(AnswerPart::Rows(rows.collect())).await?;
        Ok(Answer::Stream)
    }

    async fn details(&self, _: &FetchJob, _: &str) -> Result<String, GatherError> {
        Err(GatherError::NotReady { newest: None })
    }

    /// Mail to each, and a post to one host: one member has that host's queue.
    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        let domain = domain.as_str();
        let record =
            format!("v=TLSRPTv1;rua=mailto:reports@{domain},https://reports.example/{domain}");
        Some(from_texts(&[record]))
    }

    async fn deliver(&self, delivery: &Delivery) -> Outcome {
        let number = self.attempts.fetch_add(1, SeqCst);
        let (domain, uri) = (&delivery.report.domain, delivery.destination.uri());
        self.write(&format!("try {number} {domain} {uri}"));
        for _ in 0..OCTETS {
            tokio::time::sleep(OCTET).await;
            self.write(&format!("octet {number}"));
        }
        self.write(&format!("sent {number} {domain} {uri}"));
        sent()
    }
}
