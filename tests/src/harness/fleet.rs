//! A fleet on loopback: its database on a real PostgreSQL, its members, its MTA hosts with a shipper each.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tlsrptd_cluster::Cluster;

use super::clock::FakeClock;
use super::lab::Lab;
use super::mta::Mta;
use super::program::{Program, Running};
use super::skip::or_skip;
use super::wait::{until, within};

/// Three minutes: a lease is half of one.
const LONGEST: Duration = Duration::from_secs(180);

/// The database.
#[derive(Debug)]
pub struct Fleet {
    cluster: Cluster,
    address: String,
}

/// An MTA host.
#[derive(Debug)]
pub struct FleetHost {
    /// As its shipper calls it.
    pub name: String,
    /// What sends to its collector.
    pub mta: Mta,
    /// Its collector.
    pub collectd: Running,
    /// Its shipper.
    pub shipper: Running,
    folder: PathBuf,
}

/// A reporter.
#[derive(Debug)]
pub struct Member {
    /// As the fleet calls it.
    pub name: String,
    /// Its process.
    pub running: Running,
}

impl Fleet {
    /// A server with an empty database; `None`: there is no PostgreSQL here.
    pub fn start() -> Option<Fleet> {
        let cluster = Cluster::start(&[])?;
        let address = cluster.database();
        Some(Fleet { cluster, address })
    }

    /// The same, and the test skipped by name.
    pub fn or_skip() -> Option<Fleet> {
        let missing = "there is no PostgreSQL 15 or newer (apt-get install postgresql)";
        or_skip(Fleet::start(), missing)
    }

    /// What it answers; what is wrong, if it does not.
    pub fn query(&self, sql: &str) -> String {
        let database = self.address.rsplit('/').next().unwrap_or_default();
        self.cluster
            .query(database, sql)
            .unwrap_or_else(|error| format!("{error}"))
    }

    /// Waits until it answers `t`.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&self, what: &str, sql: &str) {
        let mut last = String::new();
        let done = within(LONGEST, || {
            last = self.query(sql);
            (last == "t").then_some(())
        });
        assert!(done.is_some(), "{what}: {sql}: {last}");
    }

    /// A reporter of that number, configured, not started.
    ///
    /// # Panics
    /// When its folder cannot be made.
    pub fn reportd(&self, lab: &Lab, number: usize) -> Program {
        let folder = lab.file(&format!("member{number}"));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        self.of_fleet(lab.reportd())
            .set("pidfilename", folder.join("pid").display())
    }

    /// `tlsrptctl` with all of the reporters' settings, without its command.
    pub fn ctl(&self, lab: &Lab) -> Program {
        self.of_fleet(lab.full_ctl())
    }

    fn of_fleet(&self, program: Program) -> Program {
        program.set("dbname", &self.address).unset("fetchers")
    }

    /// Starts a reporter, and waits until it is a member.
    pub fn join(&self, reportd: &Program) -> Member {
        let before = self.names();
        let running = reportd.start();
        let name = until("a member joins", || {
            self.names().into_iter().find(|name| !before.contains(name))
        });
        Member { name, running }
    }

    fn names(&self) -> Vec<String> {
        let names = self.query("SELECT name FROM tlsrpt.member WHERE NOT fenced");
        match names.contains("ERROR") {
            true => Vec::new(),
            false => names.lines().map(str::to_owned).collect(),
        }
    }

    /// Starts a collector with its shipper, which ships each second; they see that clock, if there is one.
    ///
    /// # Panics
    /// When its folder cannot be made.
    pub fn host(&self, lab: &Lab, clock: Option<&FakeClock>, name: &str) -> FleetHost {
        let folder = lab.file(name);
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let file = |name: &str| folder.join(name).display().to_string();
        let seeing = |program: Program| match clock {
            Some(clock) => program.clock(clock),
            None => program,
        };
        let storage = format!("sqlite://{}", file("collectd.sqlite"));
        let collectd = Program::ours("tlsrpt-collectd", &folder)
            .set("storage", &storage)
            .set("socketname", file("collectd.sock"))
            .set("observation_socket", file("observe"))
            .set("sockettimeout", 1);
        let collectd = lab.start_ready(&seeing(collectd));
        let fetcher = Program::ours("tlsrpt-fetcher", &folder).no_config();
        let shipper = Program::ours("tlsrpt-shipper", &folder)
            .set("ship_to", &self.address)
            .set("ship_as", name)
            .set("ship_interval", 1)
            .set("storage", &storage)
            .set("observation_socket", file("observe"))
            .set("fetcher", fetcher.command_line());
        FleetHost {
            name: name.to_owned(),
            mta: Mta::new(&folder.join("collectd.sock")),
            collectd,
            shipper: seeing(shipper).start(),
            folder,
        }
    }
}

impl FleetHost {
    /// Nothing of it is left.
    ///
    /// # Panics
    /// When its folder cannot be removed.
    pub fn lose(self) {
        self.shipper.kill();
        self.collectd.kill();
        fs::remove_dir_all(&self.folder).expect("it is ours");
    }
}
