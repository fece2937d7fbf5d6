//! Closed days for the collectors of a run: the files that both fetchers read.

use std::path::Path;

use rusqlite::{Connection, Statement};
use tlsrptd_proto::{day::Day, dayfile};

use crate::error::BenchError;

/// What the day is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) domains: u64,
    /// Files. The first one knows all domains, each other one every second domain.
    pub(crate) collectors: u64,
    pub(crate) rua: Rua,
}

/// What the domains' records ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rua {
    /// Mail to an address in the domain.
    Mail,
    /// A post to one of so many hosts, which are loopback addresses.
    Post { port: u16, hosts: u64 },
    /// Of three domains one posts, the others mail.
    Mixed { port: u16, hosts: u64 },
}

/// The name of a domain.
pub(crate) fn domain(number: u64) -> String {
    format!("d{number:09}.example")
}

/// The number in a domain's name.
pub(crate) fn number(domain: &str) -> Option<u64> {
    domain.strip_prefix('d')?.get(..9)?.parse().ok()
}

impl Rua {
    /// The TXT record of a domain.
    pub(crate) fn record(self, number: u64) -> String {
        match self {
            Rua::Mail => format!("v=TLSRPTv1; rua=mailto:tlsrpt@{}", domain(number)),
            Rua::Post { port, hosts } => {
                let host = number % hosts + 1;
                format!("v=TLSRPTv1; rua=https://127.0.0.{host}:{port}/report")
            }
            Rua::Mixed { port, hosts } => match number % 3 {
                0 => Rua::Post { port, hosts }.record(number / 3),
                _ => Rua::Mail.record(number),
            },
        }
    }
}

/// Writes the file of one collector, closed, beside `path`.
pub(crate) fn write(path: &Path, day: Day, shape: Shape, collector: u64) -> Result<(), BenchError> {
    let file = dayfile::yesterday(path);
    let fault = |source| BenchError::Sqlite {
        path: file.clone(),
        source,
    };
    let db = Connection::open(&file).map_err(fault)?;
    fill(&db, &day.to_string(), shape, collector).map_err(fault)
}

fn fill(db: &Connection, day: &str, shape: Shape, collector: u64) -> rusqlite::Result<()> {
    // Nobody needs the file after a crash.
    db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")?;
    for table in dayfile::CREATE {
        db.execute_batch(table)?;
    }
    db.execute(
        dayfile::INSERT_DBVERSION,
        (dayfile::VERSION, dayfile::PURPOSE),
    )?;
    let mut rows = Rows {
        results: db.prepare(
            "INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure) VALUES(?, ?, ?, ?, ?, ?)",
        )?,
        failures: db.prepare(
            "INSERT INTO failures(day, domain, tlsrptrecord, policy, reason, cntr) VALUES(?, ?, ?, ?, ?, ?)",
        )?,
    };
    let every = if collector == 0 { 1 } else { 2 };
    for number in (0..shape.domains).step_by(every) {
        rows.add(day, number, shape.rua)?;
    }
    drop(rows);
    db.execute("INSERT INTO daystatus(daycomplete) VALUES(?)", [day])?;
    db.execute_batch("COMMIT")
}

struct Rows<'a> {
    results: Statement<'a>,
    failures: Statement<'a>,
}

impl Rows<'_> {
    /// Two policies; one domain in eight has a failure.
    fn add(&mut self, day: &str, number: u64, rua: Rua) -> rusqlite::Result<()> {
        let (name, txt) = (domain(number), rua.record(number));
        let dane = format!(
            "{{\"policy-type\": 1, \"policy-domain\": \"mx1.{name}\", \"policy-string\": \
             [\"3 1 1 EA2CA144D90B72ACC8D34904A0371C8C88E37069EF0F95720EE1BFED{number:08X}\"]}}"
        );
        let sts = format!(
            "{{\"policy-type\": 2, \"policy-domain\": \"{name}\", \"policy-string\": [\"version: STSv1\", \
             \"mode: enforce\", \"mx: mx1.{name}\", \"max_age: 604800\"], \"mx-host\": [\"mx1.{name}\"]}}"
        );
        let failed = u32::from(number.is_multiple_of(8));
        // SQLite's integers are signed.
        let sessions = 3 + (number % 20).cast_signed();
        self.results
            .execute((day, &name, &txt, dane, sessions, 0))?;
        self.results
            .execute((day, &name, &txt, &sts, sessions, failed))?;
        if failed > 0 {
            let reason = format!(
                "{{\"c\": 204, \"s\": \"192.0.2.25\", \"n\": \"mx1.{name}\", \"h\": \"mx1.{name}\", \
                 \"r\": \"198.51.100.33\", \"f\": \"certificate has expired\"}}"
            );
            self.failures
                .execute((day, &name, &txt, &sts, reason, failed))?;
        }
        Ok(())
    }
}
