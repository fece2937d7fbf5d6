//! A reporter under test, on a closed day of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tlsrptd_proto::day::Day;

use super::day::{self, Shape};
use super::taken::Taken;
use crate::error::BenchError;
use crate::process;

/// Nothing takes so long, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How often is looked. Costs are no more exact than that.
const LOOK: Duration = Duration::from_millis(10);

/// A folder with closed days, a configuration and, later, the reporter's database.
#[derive(Debug)]
pub(crate) struct Scene {
    folder: TempDir,
    reportd: PathBuf,
    day: Day,
    fetchers: String,
}

/// What the scene needs to know.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// Where the programs are.
    pub(crate) programs: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) shape: Shape,
    /// Lines of the configuration.
    pub(crate) options: String,
}

/// What something has cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Since the start of the process.
    pub(crate) seconds: f64,
    pub(crate) cpu: f64,
    /// MiB.
    pub(crate) memory: f64,
}

impl Scene {
    /// Writes the collectors' files and the configuration.
    pub(crate) fn new(setting: &Setting<'_>) -> Result<Scene, BenchError> {
        let Setting {
            programs, shape, ..
        } = setting;
        let folder = TempDir::with_prefix_in("tlsrptd-bench-", setting.folder)
            .map_err(BenchError::io("cannot make a folder in", setting.folder))?;
        let day = Day::of(jiff::Timestamp::now()).previous();
        let file = |name: String| folder.path().join(name);
        let mut fetchers = Vec::new();
        for collector in 0..shape.collectors {
            let store = file(format!("collector{collector}.sqlite"));
            day::write(&store, day, *shape, collector)?;
            let config = file(format!("fetcher{collector}.cfg"));
            let text = format!("[tlsrpt_fetcher]\nstorage = sqlite://{}\n", store.display());
            fs::write(&config, text).map_err(BenchError::io("cannot write", &config))?;
            fetchers.push(format!(
                "{} --config_file {}",
                programs.join("tlsrpt-fetcher").display(),
                config.display()
            ));
        }
        let scene = Scene {
            reportd: programs.join("tlsrpt-reportd"),
            folder,
            day,
            fetchers: fetchers.join(", "),
        };
        scene.again(&setting.options)?;
        Ok(scene)
    }

    /// The same day once more, with nothing gathered and these options.
    pub(crate) fn again(&self, options: &str) -> Result<(), BenchError> {
        let database = self.database();
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match fs::remove_file(&database) {
            Err(error) if !is_missing(&error) => {
                return Err(BenchError::io("cannot remove", &database)(error));
            }
            _ => {}
        }
        let text = format!(
            "[tlsrpt_reportd]\ndbname = {}\nfetchers = {}\norganization_name = Sender Example\n\
             contact_info = tlsrpt@sender.example\nsender_address = noreply@sender.example\nkeep_days = 1\n\
             log_level = info\n{options}",
            database.display(),
            self.fetchers,
        );
        let config = self.config();
        fs::write(&config, text).map_err(BenchError::io("cannot write", &config))
    }

    /// Starts the reporter.
    pub(crate) fn start(&self) -> Result<Reportd<'_>, BenchError> {
        let log = self.log();
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(BenchError::io("cannot create", &log))?;
        let begun = Instant::now();
        let child = Command::new(&self.reportd)
            .arg("--config_file")
            .arg(self.config())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(BenchError::io("cannot start", &self.reportd))?;
        Ok(Reportd {
            child,
            begun,
            scene: self,
        })
    }

    /// All deliveries that were planned for later are due now.
    pub(crate) fn bring_forward(&self) -> Result<(), BenchError> {
        let sql = "UPDATE destinations SET nexttry = '2000-01-01 00:00:00+00:00'";
        self.with_database(|db| db.execute(sql, []).map(drop))
    }

    /// The days before look like the day that was composed, so many of them.
    pub(crate) fn repeat(&self, days: u32) -> Result<(), BenchError> {
        let day = self.day;
        self.with_database(|db| {
            (1..=days).try_for_each(|back| repeat_day(db, day, day.back(back), back))
        })
    }

    /// What is remembered of the days before those, to so many days back.
    pub(crate) fn remember(&self, from: u32, to: u32) -> Result<(), BenchError> {
        let day = self.day;
        self.with_database(|db| {
            (from..=to).try_for_each(|back| repeat_tables(db, HISTORY, day, day.back(back), back))
        })
    }

    /// Where its own files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One of our programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.reportd.with_file_name(name)
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("reportd.cfg")
    }

    /// Deliveries that are not done.
    pub(crate) fn pending(&self) -> Result<u64, BenchError> {
        let sql = "SELECT count(*) FROM destinations WHERE status IS NULL";
        let number: i64 = self.with_database(|db| db.query_row(sql, [], |row| row.get(0)))?;
        Ok(number.unsigned_abs())
    }

    /// Octets of the database that hold something, but for kept reports and what is remembered of days.
    pub(crate) fn in_use(&self) -> Result<f64, BenchError> {
        let sql = "SELECT sum(pgsize) * 1.0 FROM dbstat WHERE aggregate = TRUE AND name NOT IN (SELECT name FROM sqlite_master \
                   WHERE tbl_name LIKE 'tlsrptd_kept%' OR tbl_name LIKE 'tlsrptd_history%' OR tbl_name = 'tlsrptd_failures')";
        self.with_database(|db| db.query_row(sql, [], |row| row.get(0)))
    }

    /// The size of the log, in MiB.
    pub(crate) fn log_size(&self) -> f64 {
        mebibytes(&self.log())
    }

    fn with_database<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, BenchError> {
        let path = self.database();
        let worked = Connection::open(&path).and_then(|db| work(&db));
        worked.map_err(|source| BenchError::Sqlite { path, source })
    }

    /// The size of the reporter's database, in MiB.
    pub(crate) fn size(&self) -> f64 {
        mebibytes(&self.database())
    }

    /// Keeps the folder; its path.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("reportd.sqlite")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

fn mebibytes(file: &Path) -> f64 {
    fs::metadata(file).map_or(f64::NAN, |file| file.len() as f64 / 1_048_576.0)
}

/// Tables of what is remembered.
const HISTORY: &str = "name LIKE 'tlsrptd_history%'";
/// Of the day itself, too.
const ALL: &str =
    "(name IN ('fetchjobs', 'reports', 'destinations') OR name LIKE 'tlsrptd_history%')";

/// Copies what stands in the tables of a day to another one.
fn repeat_day(db: &Connection, from: Day, to: Day, nth: u32) -> rusqlite::Result<()> {
    repeat_tables(db, ALL, from, to, nth)
}

fn repeat_tables(
    db: &Connection,
    which: &str,
    from: Day,
    to: Day,
    nth: u32,
) -> rusqlite::Result<()> {
    let tx = db.unchecked_transaction()?;
    let rows: i64 = tx.query_row(
        "SELECT max(r_id) FROM reports WHERE day = ?1",
        [from.to_string()],
        |row| row.get(0),
    )?;
    let shift = rows * i64::from(nth);
    let tables = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND {which}");
    let tables = names(&tx, &tables)?;
    for table in tables {
        let columns = names(
            &tx,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        )?;
        let copied = columns.iter().map(|column| match column.as_str() {
            "day" => format!("'{to}'"),
            "r_id" | "d_r_id" => format!("{column} + {shift}"),
            _ => column.clone(),
        });
        let copied = copied.collect::<Vec<_>>().join(", ");
        let which = match table.as_str() {
            "destinations" => format!("d_r_id <= {rows}"),
            _ => format!("day = '{from}'"),
        };
        let columns = columns.join(", ");
        let sql =
            format!("INSERT INTO {table}({columns}) SELECT {copied} FROM {table} WHERE {which}");
        tx.execute(&sql, [])?;
    }
    tx.commit()
}

fn names(db: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// The reporter at work; ended when dropped.
#[derive(Debug)]
pub(crate) struct Reportd<'a> {
    child: Child,
    begun: Instant,
    scene: &'a Scene,
}

impl Reportd<'_> {
    /// Until all collectors have answered. Ours only.
    pub(crate) fn gathered(&mut self) -> Result<Cost, BenchError> {
        let sql = "SELECT count(*) > 0 AND count(*) = count(tlsrptd_closed) FROM fetchjobs WHERE day = ?1";
        self.until("gathering", |scene| scene.holds(sql))
    }

    /// Until every domain has its report, or a reason why not.
    pub(crate) fn composed(&mut self) -> Result<Cost, BenchError> {
        let sql = "SELECT count(*) > 0 AND count(*) = count(status) FROM fetchjobs WHERE day = ?1";
        self.until("composing", |scene| scene.holds(sql))
    }

    /// Until so many reports have come.
    pub(crate) fn delivered(&mut self, taken: &Taken, number: u64) -> Result<Cost, BenchError> {
        self.until("delivering", |_| taken.number() >= number)
    }

    /// Stops it in order: what it has done is recorded.
    pub(crate) fn stop(mut self) -> Result<(), BenchError> {
        let _ = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        self.child
            .wait()
            .map(drop)
            .map_err(BenchError::other("waiting for the reporter"))
    }

    fn until(
        &mut self,
        what: &'static str,
        is_so: impl Fn(&Scene) -> bool,
    ) -> Result<Cost, BenchError> {
        while !is_so(self.scene) {
            let has_ended = !matches!(self.child.try_wait(), Ok(None));
            if has_ended || self.begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.scene.log()).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(20).collect();
                let log = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(BenchError::Stuck { what, log });
            }
            thread::sleep(LOOK);
        }
        Ok(Cost {
            seconds: self.begun.elapsed().as_secs_f64(),
            cpu: process::cpu(self.child.id()),
            memory: process::memory(self.child.id()),
        })
    }
}

impl Drop for Reportd<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Scene {
    /// What a question about the day says; `false` while there are no tables.
    fn holds(&self, sql: &str) -> bool {
        let db = Connection::open_with_flags(self.database(), OpenFlags::SQLITE_OPEN_READ_ONLY);
        db.and_then(|db| db.query_row(sql, [self.day.to_string()], |row| row.get(0)))
            .unwrap_or(false)
    }
}
