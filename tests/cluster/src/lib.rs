//! For tests: a PostgreSQL cluster of their own, as the distribution's packages have it, and a database in it for each test.
//!
//! A process of tests starts one when the first test asks, as an ordinary user: `initdb` refuses root. It ends with the process,
//! however that ends.

pub mod skip;

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use nix::unistd::{Uid, User};
use tempfile::TempDir;

/// The oldest version that a fleet works with.
const OLDEST: u32 = 15;
/// initdb and the start of a server on a busy machine.
const LONGEST_START: Duration = Duration::from_secs(120);
/// A database removed is a checkpoint, after which each page would be written once more in whole. Nothing of this cluster outlives
/// a crash.
const OF_MANY_DATABASES: [&str; 3] = [
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
];
/// Whose rights a test process that is root gives its server.
const ORDINARY_USERS: [&str; 2] = ["postgres", "nobody"];

/// A cluster of its own, with a server that runs.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    /// When its standard input ends, the server is stopped.
    keeper: Option<Child>,
    settings: Vec<String>,
}

/// Whether there is a PostgreSQL here; if not, its tests are skipped, or with `CI=true` fail.
pub fn is_installed() -> bool {
    programs().is_some()
}

/// A new, empty database in the cluster of this process: `postgresql://...`. `None`: there is no PostgreSQL here.
///
/// # Panics
/// When there is one and it does not start.
pub fn database() -> Option<String> {
    Some(of_this_process()?.database())
}

/// The same, a copy of one that `fill` has filled: once in this process, so that it is always the same `fill`. `None`: there is no
/// PostgreSQL here.
///
/// # Panics
/// When there is one and it does not start.
pub fn filled_database(fill: impl FnOnce(&str)) -> Option<String> {
    static FILLED: OnceLock<String> = OnceLock::new();
    let cluster = of_this_process()?;
    let filled = FILLED.get_or_init(|| {
        let address = cluster.database();
        fill(&address);
        address
    });
    Some(cluster.made(&format!("TEMPLATE {}", name_of(filled))))
}

/// Removes a database that was given here: a process of many tests would fill the disk.
///
/// # Panics
/// When the server says no.
pub fn remove(address: &str) {
    let cluster = of_this_process().expect("it gave the database");
    let sql = format!("DROP DATABASE {} WITH (FORCE)", name_of(address));
    cluster
        .query("postgres", &sql)
        .expect("a database is removed");
}

fn name_of(address: &str) -> &str {
    address.rsplit('/').next().unwrap_or_default()
}

fn of_this_process() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| Cluster::start(&OF_MANY_DATABASES))
        .as_ref()
}

impl Cluster {
    /// Starts one, with settings such as `wal_level=replica`. `None`: there is no PostgreSQL here.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(settings: &[&str]) -> Option<Cluster> {
        let mut cluster = Cluster::empty(programs()?, settings);
        let mut initdb = as_ordinary(&cluster.programs.join("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=tlsrpt",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "-D",
        ]);
        cluster.fill(initdb);
        cluster.run();
        Some(cluster)
    }

    /// Starts a replica of it, with settings of its own: a copy that follows until it is promoted (`SELECT pg_promote()`).
    ///
    /// # Panics
    /// When it cannot be made, or does not start.
    pub fn replica(&self, settings: &[&str]) -> Cluster {
        let mut replica = Cluster::empty(self.programs.clone(), settings);
        let mut backup = as_ordinary(&self.programs.join("pg_basebackup"));
        let arguments = [
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            "--username=tlsrpt",
        ];
        backup
            .args(arguments)
            .arg("-h")
            .arg(self.folder())
            .arg("-D");
        replica.fill(backup);
        replica.run();
        replica
    }

    /// One without files.
    fn empty(programs: PathBuf, settings: &[&str]) -> Cluster {
        let folder = tempfile::Builder::new()
            .prefix("tlsrptd-pg-")
            .tempdir()
            .expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder of ours");
        for (path, mode) in [(folder.path(), 0o755), (&data, 0o700)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a folder of ours");
            if let Some(user) = ordinary_user() {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("we are root");
            }
        }
        let settings = settings.iter().map(|setting| (*setting).to_owned());
        Cluster {
            folder,
            programs,
            keeper: None,
            settings: settings.collect(),
        }
    }

    /// Lets a program make the files, whose last argument is their folder.
    fn fill(&self, mut program: Command) {
        let made = program.arg(self.folder().join("data")).output();
        let made = made.expect("the program runs");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
    }

    /// Starts the server, which does not run.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self) {
        let folder = self.folder.path().display();
        let mut settings = String::new();
        for setting in &self.settings {
            settings += &format!(" -c {setting}");
        }
        // Its end is the end of this process, too: then the pipe ends.
        let script = format!(
            "'{programs}/postgres' -D '{folder}/data' -k '{folder}' -c listen_addresses= -c fsync=off \
             -c max_connections=100 -c max_locks_per_transaction=512 -c logging_collector=off{settings} \
             </dev/null >>'{folder}/log' 2>&1 & server=$!; read how; kill -${{how:-QUIT}} $server; wait $server; \
             [ -n \"$how\" ] || rm -rf '{folder}'",
            programs = self.programs.display(),
        );
        let shell = as_ordinary(Path::new("/bin/sh"))
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .spawn();
        self.keeper = Some(shell.expect("a shell runs"));
        let until = Instant::now() + LONGEST_START;
        while !self
            .query("postgres", "SELECT 1")
            .is_ok_and(|answer| answer == "1")
        {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "the server does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server: with `TERM` it waits for its clients, with `INT` it ends them, with `QUIT` it crashes.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self, signal: &str) {
        let mut keeper = self.keeper.take().expect("it runs");
        let mut pipe = keeper.stdin.take().expect("a pipe");
        writeln!(pipe, "{signal}").expect("the shell reads");
        drop(pipe);
        keeper.wait().expect("the shell ends");
    }

    /// A new, empty database: `postgresql://...`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn database(&self) -> String {
        self.made("")
    }

    fn made(&self, how: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name} {how}"))
            .expect("a database is made");
        self.address(&name)
    }

    /// The address of a database in it.
    pub fn address(&self, database: &str) -> String {
        Cluster::address_in(&[self], database)
    }

    /// The address of a database in whichever of these can be written to.
    pub fn address_in(clusters: &[&Cluster], database: &str) -> String {
        let host = |cluster: &&Cluster| cluster.folder().display().to_string().replace('/', "%2F");
        let hosts: Vec<String> = clusters.iter().map(host).collect();
        format!("postgresql://tlsrpt@{}/{database}", hosts.join(","))
    }

    /// The folder of its files: `data`, `log`, and its sockets.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its programs are, such as `pg_basebackup`.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// What the database answers, without headings.
    ///
    /// # Errors
    /// When psql does not run, or fails.
    pub fn query(&self, database: &str, sql: &str) -> io::Result<String> {
        let asked = Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "tlsrpt",
                "-d",
                database,
                "-c",
                sql,
                "-h",
            ])
            .arg(self.folder.path())
            .output()?;
        match asked.status.success() {
            true => Ok(String::from_utf8_lossy(&asked.stdout).trim_end().to_owned()),
            false => Err(io::Error::other(
                String::from_utf8_lossy(&asked.stderr).into_owned(),
            )),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.stop("QUIT");
        }
    }
}

/// A command with the rights of an ordinary user.
pub fn as_ordinary(program: &Path) -> Command {
    match ordinary_user() {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            let (uid, gid) = (
                format!("--reuid={}", user.uid),
                format!("--regid={}", user.gid),
            );
            command
                .args([&uid, &gid, "--clear-groups"])
                .arg(program)
                .current_dir("/");
            command
        }
    }
}

/// `None`: this process has no more rights than one.
fn ordinary_user() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let mut users = ORDINARY_USERS
        .iter()
        .filter_map(|name| User::from_name(name).ok().flatten());
    Some(users.next().expect("a system has the user nobody"))
}

/// The folder of the newest PostgreSQL: where Debian's packages put it, where Fedora's and PostgreSQL's own do.
fn programs() -> Option<PathBuf> {
    let versions = |folder: &str, prefix: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let versioned = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version: u32 = name.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
        versioned.collect::<Vec<_>>()
    };
    let mut found = versions("/usr/lib/postgresql", "");
    found.extend(versions("/usr", "pgsql-"));
    found.retain(|(version, programs)| *version >= OLDEST && programs.join("initdb").exists());
    found.sort();
    let newest = found.pop().map(|(_, programs)| programs);
    newest.or_else(|| {
        Path::new("/usr/bin/initdb")
            .exists()
            .then(|| PathBuf::from("/usr/bin"))
    })
}
