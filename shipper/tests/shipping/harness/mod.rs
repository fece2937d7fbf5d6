//! One host of a fleet.
#![allow(dead_code, unreachable_pub)]

#[path = "../../../../tests/src/harness/clock.rs"]
pub mod clock;
#[path = "../../../../tests/src/harness/places.rs"]
mod places;
pub mod proxy;
#[path = "../../../../tests/src/harness/signals.rs"]
mod signals;
use tlsrptd_cluster::skip;

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tlsrptd_fleet::{Address, PgDay, Session, schema};
use tlsrptd_proto::{
    day::Day,
    fetch::{Event, Parser},
};

use clock::FakeClock;
use signals::is_ready_for;

/// What the log says of a statement that the database refuses.
pub const REFUSED: &str = "refused by the test";
const PATIENCE: Duration = Duration::from_secs(40);

/// A collector and its shipper.
pub struct Host {
    pub folder: TempDir,
    pub database: String,
    /// Where the shipper finds it, if not there.
    pub ship_to: Option<String>,
    pub session: Session,
    pub clock: Option<FakeClock>,
    /// Its `ship_as`.
    pub name: &'static str,
    /// A program in place of tlsrpt-fetcher.
    pub fetcher: Option<PathBuf>,
    collector: Option<Child>,
    shipper: Option<Child>,
}

impl Host {
    /// `None`: there is no PostgreSQL here.
    pub fn new() -> Option<Host> {
        tlsrptd_cluster::database().map(Host::on)
    }

    pub fn on(database: String) -> Host {
        let session = Session::connect(Address::parse(&database).unwrap()).unwrap();
        schema::migrate(&session).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("spool")).unwrap();
        Host {
            folder,
            database,
            ship_to: None,
            session,
            clock: None,
            name: "mx1",
            fetcher: None,
            collector: None,
            shipper: None,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn storage(&self) -> PathBuf {
        self.path("spool/c.sqlite")
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(places::program(program));
        command.arg(format!("--storage=sqlite://{}", self.storage().display()));
        command.arg(format!(
            "--observation_socket={}",
            self.path("observe").display()
        ));
        let log = self.path(&format!("{program}.log"));
        let log = fs::OpenOptions::new().create(true).append(true).open(log);
        command.stdin(Stdio::null()).stderr(log.unwrap());
        if let Some(clock) = &self.clock {
            command.envs(clock.environment());
        }
        command
    }

    pub fn start_collector(&mut self) {
        let mut command = self.command("tlsrpt-collectd");
        let socket = self.path("socket");
        command.args([
            format!("--socketname={}", socket.display()),
            "--clock_confirmation=0".to_owned(),
        ]);
        self.collector = Some(command.spawn().unwrap());
        await_that("the collector listens", || {
            let listens = UnixDatagram::unbound().unwrap().connect(&socket).is_ok();
            listens && self.path("observe").exists()
        });
    }

    pub fn fetcher_program(&self) -> PathBuf {
        places::program("tlsrpt-fetcher")
    }

    /// The shipper, with its settings.
    pub fn shipper(&self) -> Command {
        let ship_to = self.ship_to.as_ref().unwrap_or(&self.database);
        let ours = places::program("tlsrpt-fetcher");
        let fetcher = self.fetcher.as_ref().unwrap_or(&ours);
        let mut command = self.command("tlsrpt-shipper");
        command.args([
            format!("--ship_to={ship_to}"),
            format!("--fetcher={}", fetcher.display()),
            format!("--ship_as={}", self.name),
            "--ship_interval=1".to_owned(),
            "--log_level=debug".to_owned(),
        ]);
        command
    }

    pub fn start_shipper(&mut self) {
        self.shipper = Some(self.shipper().spawn().unwrap());
    }

    /// What `--check-config` says; empty when all is well.
    pub fn check_config(&self) -> String {
        let mut command = self.shipper();
        let checked = command.arg("--check-config").stderr(Stdio::piped());
        let checked = checked.output().unwrap();
        match checked.status.code() {
            Some(0) => String::new(),
            code => format!("{code:?} {}", String::from_utf8_lossy(&checked.stderr)),
        }
    }

    pub fn signal_collector(&self, signal: Signal) {
        send(self.collector.as_ref().unwrap(), signal);
    }

    /// Its folder as it is now, for [`Host::put_folder`] of this or another host.
    pub fn copy_of_folder(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        copy_folder(&self.path("spool"), &copy);
        copy
    }

    /// As a backup or an image brings it.
    pub fn put_folder(&self, copy: &Path) {
        remove_files(&self.path("spool"));
        copy_folder(copy, &self.path("spool"));
    }

    pub fn stop_collector(&mut self) {
        end(self.collector.take().unwrap(), Signal::SIGTERM);
    }

    pub fn stop_shipper(&mut self) {
        end(self.shipper.take().unwrap(), Signal::SIGTERM);
    }

    pub fn kill_shipper(&mut self) {
        end(self.shipper.take().unwrap(), Signal::SIGKILL);
    }

    /// Delivers so many sessions of a domain, of which so many failed.
    pub fn count(&self, domain: &str, sessions: u64, failed: u64) {
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(self.path("socket")).unwrap();
        for n in 0..sessions {
            let (failed, details) = match n < failed {
                true => (
                    1,
                    r#","failure-details":[{"c":201},{"c":204,"h":"mx.test"}]"#,
                ),
                false => (0, ""),
            };
            let text = format!(
                r#"{{"dpv":"1","d":"{domain}","pr":"v=TLSRPTv1;rua=mailto:a@{domain}","policies":[{{"policy-type":9,"policy-domain":"{domain}","t":1,"f":{failed}{details}}}]}}"#
            );
            socket.send(text.as_bytes()).unwrap();
        }
    }

    /// What the collector says: of today, or a closed day. Sessions, failed, failures.
    pub fn counted(&self, day: &str) -> Option<(u64, u64, u64)> {
        let mut command = self.command("tlsrpt-fetcher");
        let answer = command.args([day, "."]).output().unwrap();
        let (mut parser, mut sums) = (Parser::new(), (0, 0, 0));
        for line in String::from_utf8(answer.stdout).unwrap().lines() {
            if let Event::Counts(_, counts) = parser.line(line).ok()? {
                sums.0 += counts.sessions();
                sums.1 += counts.failed();
                for policy in counts
                    .records
                    .values()
                    .flat_map(|policies| policies.values())
                {
                    sums.2 += policy.failures.values().sum::<u64>();
                }
            }
        }
        parser.finish().ok()?;
        Some(sums)
    }

    pub fn await_counted(&self, day: &str, sessions: u64) {
        await_that("the collector has counted", || {
            self.counted(day).is_some_and(|sums| sums.0 == sessions)
        });
    }

    /// What the database says, as the reporters fold it.
    pub fn shipped(&self, day: Day) -> (u64, u64, u64) {
        let sql = "SELECT coalesce(sum(total) FILTER (WHERE failure IS NULL), 0)::bigint, \
                          coalesce(sum(failed) FILTER (WHERE failure IS NULL), 0)::bigint, \
                          coalesce(sum(total) FILTER (WHERE failure IS NOT NULL), 0)::bigint \
                   FROM (SELECT day, shard, key, collector, max(total) AS total, max(failed) AS failed \
                         FROM count WHERE day = $1 GROUP BY day, shard, key, collector) AS largest \
                   JOIN key USING (day, shard, key)";
        let row = self
            .session
            .query_opt(sql, &[&PgDay(day)])
            .unwrap()
            .unwrap();
        let number = |place| u64::try_from(row.get::<_, i64>(place)).unwrap();
        (number(0), number(1), number(2))
    }

    /// As the reporters do when a shipper asks.
    pub fn make_days(&self) {
        let wanted = self
            .session
            .query("SELECT day FROM day WHERE NOT counts", &[]);
        for row in wanted.unwrap() {
            schema::make_day(&self.session, row.get::<_, PgDay>(0).0).unwrap();
        }
    }

    pub fn await_shipped(&self, day: Day, sums: (u64, u64, u64)) {
        await_that(&format!("{sums:?} are shipped of {day}"), || {
            self.make_days();
            self.shipped(day) == sums
        });
    }

    /// As the reporters do at the deadline.
    pub fn close(&self, day: Day) {
        let transaction = self.session.begin().unwrap();
        let of_day: &[&(dyn tlsrptd_fleet::ToSql + Sync)] = &[&PgDay(day)];
        transaction
            .query("SELECT 1 FROM day WHERE day = $1 FOR UPDATE", of_day)
            .unwrap();
        for sql in [
            "UPDATE day SET state = 'closed', closed_at = now() WHERE day = $1",
            "UPDATE shipment SET closed = true WHERE day = $1",
        ] {
            transaction.execute(sql, of_day).unwrap();
        }
        transaction.commit().unwrap();
    }

    pub fn run(&self, sql: &str) {
        let transaction = self.session.begin().unwrap();
        transaction.batch(sql).unwrap();
        transaction.commit().unwrap();
    }

    /// The database refuses a statement from now on, as in `UPDATE ON shipment FOR EACH ROW`.
    pub fn refuse(&self, of: &str) {
        self.run(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE '{REFUSED}'; END$$; \
             CREATE TRIGGER refused BEFORE {of} EXECUTE FUNCTION refuse()"
        ));
    }

    pub fn refuse_no_more(&self) {
        self.run("DROP FUNCTION refuse CASCADE");
    }

    /// One number of the database.
    pub fn number(&self, sql: &str) -> i64 {
        let row = self.session.query_opt(sql, &[]).unwrap();
        row.map_or(-1, |row| row.get(0))
    }

    pub fn await_number(&self, sql: &str, number: i64) {
        await_that(&format!("{sql}: {number}"), || {
            self.make_days();
            self.number(sql) == number
        });
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("tlsrpt-shipper.log")).unwrap_or_default()
    }

    pub fn await_log(&self, text: &str) {
        await_that(text, || self.log().contains(text));
    }

    /// Ends all connections but ours, as a failover does.
    pub fn end_connections(&self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.session.query(sql, &[]).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("shipper's log:\n{}", self.log());
        }
        for child in [self.shipper.take(), self.collector.take()]
            .into_iter()
            .flatten()
        {
            end(child, Signal::SIGKILL);
        }
    }
}

/// Not before it is ready for that: it would end it as it ends any process.
fn send(child: &Child, signal: Signal) {
    await_that("it is ready for the signal", || {
        signal == Signal::SIGKILL || is_ready_for(child.id(), signal)
    });
    let id = i32::try_from(child.id()).unwrap();
    kill(Pid::from_raw(id), signal).unwrap();
}

fn end(mut child: Child, signal: Signal) {
    send(&child, signal);
    let status = child.wait().unwrap();
    assert!(signal == Signal::SIGKILL || status.success(), "{status}");
}

/// Waits for a condition, however busy the machine is.
pub fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "in vain: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

pub fn today() -> Day {
    Day::of(jiff::Timestamp::now())
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mut copy = Command::new("cp");
    let copied = copy.arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.unwrap().success());
}

pub fn remove_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path().is_dir() {
            true => fs::remove_dir_all(entry.path()).unwrap(),
            false => fs::remove_file(entry.path()).unwrap(),
        }
    }
}
