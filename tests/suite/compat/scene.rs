//! What a case has before it: the programs of one subject and a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use std::os::unix::net::UnixDatagram;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tlsrptd_tests::harness::mta::{self, Mta};
use tlsrptd_tests::harness::program::{Ended, Program, Running};
use tlsrptd_tests::harness::query::query;
use tlsrptd_tests::harness::wait::{until, within};

use super::subject::Subject;

/// How long a look waits for anything: reached only by a failure.
const DEADLINE: Duration = Duration::from_secs(60);

/// The day of the closed day files that scenes make.
pub(super) const DAY: &str = "2026-11-20";

/// A subject's programs, and a folder for their files.
pub(super) struct Scene {
    pub(super) subject: Subject,
    folder: TempDir,
}

impl Scene {
    pub(super) fn new(subject: Subject) -> Scene {
        let folder = tempfile::Builder::new()
            .prefix("compat-")
            .tempdir()
            .expect("the temporary folder can be written");
        Scene { subject, folder }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file, and returns its path as text.
    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.file(name), text).expect("the test's folder can be written");
        self.file(name).display().to_string()
    }

    /// `text` with the folder in the place of `{folder}`.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{folder}", &self.folder().display().to_string())
    }

    /// A text of a program with `{folder}` where the folder is named.
    pub(super) fn plain(&self, text: &str) -> String {
        text.replace(&self.folder().display().to_string(), "{folder}")
    }

    /// One of the subject's programs.
    pub(super) fn program(&self, name: &str) -> Program {
        self.subject.program(name, self.folder())
    }

    /// `tlsrpt-collectd` that commits each datagram at once; its database is `c.sqlite`.
    pub(super) fn collector(&self) -> Program {
        let storage = format!("sqlite://{}", self.file("c.sqlite").display());
        self.program("tlsrpt-collectd")
            .set("storage", storage)
            .set("socketname", self.socket().display())
            .set("sockettimeout", 1)
            .set("max_uncommited_datagrams", 1)
            .set("log_level", "info")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.file("c.sock")
    }

    /// Starts a collector and waits until its socket and its files are there; or tells how it ended.
    pub(super) fn start(&self, collector: &Program) -> Result<Running, Ended> {
        let has_files = collector
            .setting("storage")
            .is_some_and(|storage| storage.contains("c.sqlite"));
        let ready = || {
            let both = || {
                ["c.sqlite", "c.sqlite.yesterday"]
                    .iter()
                    .all(|name| self.file(name).exists())
            };
            // Whole, so that a lock of the test's does not fall into their making.
            let whole = || {
                self.rows_or_none("c.sqlite", "SELECT count(*) FROM dbversion")
                    .is_some_and(|rows| rows == "1")
            };
            let files = !has_files || (both() && whole());
            let connects = |socket: UnixDatagram| socket.connect(self.socket()).is_ok();
            files && UnixDatagram::unbound().is_ok_and(connects)
        };
        let mut running = collector.start();
        let ended = until("the collector's socket or its end", || {
            if running.is_running() {
                ready().then_some(false)
            } else {
                Some(true)
            }
        });
        if ended {
            Err(running.wait())
        } else {
            Ok(running)
        }
    }

    /// As [`Scene::start`], where it has to start.
    pub(super) fn started(&self, collector: &Program) -> Running {
        self.start(collector)
            .unwrap_or_else(|ended| panic!("{}: {}", end(&ended), ended.stderr))
    }

    /// Sends a datagram to the collector.
    pub(super) fn send(&self, datagram: &[u8]) {
        Mta::new(&self.socket()).send(datagram);
    }

    /// Whether a collector still takes datagrams: `goes on`, or `ends`.
    pub(super) fn goes_on(&self, running: &mut Running) -> String {
        let mta = Mta::new(&self.socket());
        // Several: each is taken off the queue before the next but a few is accepted.
        for number in 0..30 {
            let domain = format!("d{number}.test");
            let sent = until("room in the socket's queue", || {
                match mta.try_send(&mta::success(&domain, "v=TLSRPTv1; rua=mailto:a@b.test")) {
                    Ok(()) => Some(true),
                    Err(_) if !running.is_running() => Some(false),
                    Err(_) => None,
                }
            });
            if !sent {
                return "ends".to_owned();
            }
        }
        "goes on".to_owned()
    }

    /// Sends a session of each domain, and lets a running collector turn the day into yesterday's.
    pub(super) fn close(&self, running: &Running, domains: &[&str]) {
        for domain in domains {
            self.send(&mta::success(domain, "v=TLSRPTv1; rua=mailto:a@b.test"));
        }
        let count = format!(
            "SELECT count(*) FROM finalresults WHERE domain IN ('{}')",
            domains.join("', '")
        );
        self.wait_for("c.sqlite", &count, &domains.len().to_string());
        running.signal(Signal::SIGUSR2);
        self.wait_for("c.sqlite.yesterday", &count, &domains.len().to_string());
    }

    /// The rows of a query on one of the scene's databases, values and rows parted by a blank.
    pub(super) fn rows(&self, database: &str, sql: &str) -> String {
        let rows = query(&self.file(database), sql)
            .unwrap_or_else(|error| panic!("{database}: {sql}: {error}"));
        let lines: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
        lines.join(" ")
    }

    /// As [`Scene::rows`]; `None` where it cannot be asked (yet).
    pub(super) fn rows_or_none(&self, database: &str, sql: &str) -> Option<String> {
        let rows = query(&self.file(database), sql).ok()?;
        let lines: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
        Some(lines.join(" "))
    }

    /// Waits until a query gives this text, and returns it.
    pub(super) fn wait_for(&self, database: &str, sql: &str, text: &str) -> String {
        let mut last = None;
        let found = within(DEADLINE, || {
            last = self.rows_or_none(database, sql);
            last.clone().filter(|shown| shown == text)
        });
        found.unwrap_or_else(|| panic!("{sql} gave {last:?}, not {text:?}"))
    }

    /// A database that says of itself that it is of this version and purpose.
    pub(super) fn foreign(&self, name: &str, version: u32, purpose: &str) {
        let connection =
            rusqlite::Connection::open(self.file(name)).expect("the test's folder can be written");
        let sql = format!(
            "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES({version}, '', '{purpose}')"
        );
        connection
            .execute_batch(&sql)
            .expect("an empty database takes a table");
    }

    /// The storage URL of a collector whose closed day has one session, of the domain `NAME.test`.
    pub(super) fn storage(&self, name: &str) -> String {
        let policy = format!(r#"{{"policy-type": 9, "policy-domain": "{name}.test"}}"#);
        let rows = format!(
            "INSERT INTO finalresults VALUES('{DAY}', '{name}.test', 'v=TLSRPTv1; rua=mailto:a@b.test', '{policy}', 1, 0, '{DAY} 12:00:00')"
        );
        self.closed_day(name, &rows)
    }

    /// The storage URL of a collector whose closed day has the rows of these SQL statements.
    pub(super) fn closed_day(&self, name: &str, rows: &str) -> String {
        let path = self.file(&format!("{name}.sqlite"));
        let file = self.file(&format!("{name}.sqlite.yesterday"));
        let connection =
            rusqlite::Connection::open(file).expect("the test's folder can be written");
        connection
            .execute_batch(&format!(
                "{CLOSED_DAY} INSERT INTO daystatus(daycomplete) VALUES('{DAY}'); {rows};"
            ))
            .expect("the rows of a test fit its tables");
        format!("sqlite://{}", path.display())
    }
}

const CLOSED_DAY: &str = "
    CREATE TABLE finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its datetime default CURRENT_TIMESTAMP,PRIMARY KEY(day, domain, tlsrptrecord, policy));
    CREATE TABLE failures(day, domain, tlsrptrecord, policy, reason, cntr, PRIMARY KEY(day, domain, tlsrptrecord, policy, reason));
    CREATE TABLE daystatus(daycomplete, its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(daycomplete));
    CREATE TABLE dbversion(version, installdate, purpose);
    INSERT INTO dbversion VALUES(1, '2026-11-20 00-00-00.000', 'TLSRPT-Collectd-DB-devel-2024-10-28');";

/// How a program ended: `exit 0`, or `signal 15`.
pub(super) fn end(ended: &Ended) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (ended.code(), ended.status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

/// The domains that a fetcher listed, or how it ended.
pub(super) fn listed(ended: &Ended) -> String {
    if ended.code() != Some(0) {
        return end(ended);
    }
    let lines = ended.stdout.lines().skip(3).filter(|line| *line != ".");
    lines.collect::<Vec<_>>().join(" ")
}

/// A name of one of our reports, `ID` in the place of the installation's random mark.
pub(super) fn unmarked(name: &str) -> String {
    const MARK: usize = 16;
    for before in ["_idx1-", "!1x"] {
        if let Some(at) = name.find(before).map(|at| at + before.len())
            && let Some(mark) = name.get(at..at + MARK)
            && mark.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return format!("{}ID{}", &name[..at], &name[at + MARK..]);
        }
    }
    name.to_owned()
}
