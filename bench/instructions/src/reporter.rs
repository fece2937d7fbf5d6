//! The reporter's part: a report is composed, and its mail written and signed.

use std::fs;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tlsrptd_config::{Start, reportd::Reportd};
use tlsrptd_proto::{
    counts::DomainCounts,
    datagram::{Datagram, TextLimits},
    day::Day,
    domain::Domain,
    report::InstallationId,
    tlsrpt_record::Mailbox,
};
use tlsrptd_reporter::{
    compose::Composer,
    deliver::{MailWriter, Signing},
    environment::Records,
    lookup::LookupResult,
    model::{CollectorRow, DomainDay, OurMails, Payload, ReportKind, StoredReport},
    route::Routes,
};

use crate::error::CheckError;
use crate::input;

/// As long as the header fields that a report's mail has signed.
const SIGNED_OCTETS: usize = 1_300;

/// Composes reports.
pub(crate) fn compose(rounds: u64) -> Result<(), CheckError> {
    let composing = Composing::new()?;
    for seed in 0..rounds {
        black_box(composing.compose(seed)?);
    }
    Ok(())
}

/// Writes mails.
pub(crate) fn message(rounds: u64) -> Result<(), CheckError> {
    write_mails(rounds, &[])
}

/// Writes mails and signs them.
pub(crate) fn signed_message(rounds: u64) -> Result<(), CheckError> {
    let _folder = input::folder()?;
    let option = key_file()?;
    write_mails(rounds, &[&option])
}

/// Signs what is as long as what is signed of a mail.
pub(crate) fn signature(rounds: u64) -> Result<(), CheckError> {
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8())
        .map_err(CheckError::workload("reading a key"))?;
    let text = vec![b'x'; SIGNED_OCTETS];
    for _ in 0..rounds {
        black_box(key.sign(black_box(&text)));
    }
    Ok(())
}

fn write_mails(rounds: u64, options: &[&str]) -> Result<(), CheckError> {
    let composing = Composing::new()?;
    let settings = settings(options)?;
    let (writer, signing) =
        MailWriter::prepare(&settings).map_err(CheckError::workload("preparing mails"))?;
    if let Signing::Unsigned(problem) = signing {
        return Err(CheckError::Workload(problem.to_string()));
    }
    let json = composing.compose(1)?;
    let to = Mailbox::parse("tlsrpt@reports.test").map_err(CheckError::workload("an address"))?;
    for _ in 0..rounds {
        // A report of its own each time: a daemon compresses each once.
        let report = StoredReport {
            day: composing.day,
            domain: composing.domain.clone(),
            uniqid: 1,
            json: json.clone(),
            created: composing.now,
            installation: composing.installation.clone(),
            kind: ReportKind::Sessions,
            payload: Payload::default(),
        };
        let mail = writer.write(&report, &to, composing.now);
        let mail = mail.map_err(CheckError::workload("writing a mail"))?;
        let is_signed = mail.starts_with(b"DKIM-Signature:");
        if is_signed == options.is_empty() {
            return Err(CheckError::Workload("signed by mistake, or not".to_owned()));
        }
        black_box(mail);
    }
    Ok(())
}

/// What reports are composed with, and of: a domain that two collectors counted.
struct Composing {
    domain: Domain,
    counts: String,
    composer: Composer,
    installation: InstallationId,
    day: Day,
    now: Timestamp,
}

impl Composing {
    fn new() -> Result<Composing, CheckError> {
        let settings = settings(&[])?;
        let routes = Routes::load(&settings)
            .map_err(|_| CheckError::Workload("maps that nobody named".to_owned()))?;
        let installation = InstallationId::parse("0123456789abcdef")
            .ok_or_else(|| CheckError::Workload("no installation".to_owned()))?;
        let now: Timestamp = "2026-11-21T00:10:00Z"
            .parse()
            .map_err(CheckError::workload("reading a time"))?;
        let domain = Domain::parse(&input::domain(1)).map_err(CheckError::workload("a domain"))?;
        let composer = Composer::new(&settings, routes, installation.clone())
            .map_err(CheckError::workload("preparing reports"))?;
        Ok(Composing {
            domain,
            counts: counts(1)?,
            composer,
            installation,
            day: Day::of(now).previous(),
            now,
        })
    }

    fn compose(&self, seed: u64) -> Result<String, CheckError> {
        let row = |fetcher: &str| CollectorRow {
            fetcher: fetcher.to_owned(),
            data: Some(self.counts.clone()),
        };
        let found = DomainDay {
            domain: self.domain.to_string(),
            rows: vec![row("one"), row("two")],
            our_mails: OurMails::default(),
            mx_mails: Vec::new(),
            reports: 0,
        };
        let deciding = self
            .composer
            .decide(&NoDns, self.day, found, self.now, seed);
        let Poll::Ready(decided) = pin!(deciding).poll(&mut Context::from_waker(Waker::noop()))
        else {
            return Err(CheckError::Workload("composing waits".to_owned()));
        };
        match decided.decision.report() {
            Some(report) => Ok(report.json.clone()),
            None => Err(CheckError::Workload(format!("{:?}", decided.decision))),
        }
    }
}

/// The counts of a domain as a collector tells them.
fn counts(number: u64) -> Result<String, CheckError> {
    let mut counts = DomainCounts {
        records: Default::default(),
    };
    for text in input::day_of(number) {
        let datagram = Datagram::parse(text.as_bytes(), &TextLimits::default())
            .map_err(CheckError::workload("reading a datagram"))?;
        for result in datagram.into_session_results() {
            counts.add(result);
        }
    }
    Ok(counts.to_json())
}

/// Nobody asks.
struct NoDns;

impl Records for NoDns {
    fn record(&self, _: &Domain) -> impl Future<Output = Option<LookupResult>> + Send {
        let none: Ready<Option<LookupResult>> = ready(None);
        none
    }
}

fn settings(options: &[&str]) -> Result<Reportd, CheckError> {
    let required = [
        "--dbname=/nonexistent/reportd.sqlite",
        "--fetchers=false",
        "--organization_name=Sender Example",
        "--contact_info=tlsrpt@sender.example",
        "--resolve_records=no",
    ];
    let arguments = required.iter().chain(options).map(Into::into);
    match tlsrptd_config::reportd::load(arguments, []) {
        Start::Run(settings) => Ok(settings.values),
        Start::Done { stderr, .. } => Err(CheckError::Workload(stderr)),
    }
}

/// A key of Ed25519 whose secret is known to everybody (RFC 8410 section 7).
fn pkcs8() -> Vec<u8> {
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    [&PREFIX[..], &[7; 32]].concat()
}

/// Writes it; the option that names it.
fn key_file() -> Result<String, CheckError> {
    let path = Path::new(input::HERE).join("key.pem");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pkcs8())
    );
    fs::write(&path, pem)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
        .map_err(CheckError::io("cannot write", &path))?;
    Ok(format!("--dkim_keys=bench:{}", path.display()))
}
