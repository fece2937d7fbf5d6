//! The fleet's parts: its database, the MTA hosts, the members.

use std::cell::RefCell;
use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use tlsrptd_cluster::Cluster;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta::Mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::wait::{until_true, within};

/// Three minutes: a lease is half of one.
const LONGEST: Duration = Duration::from_secs(180);

/// The database, and what goes on while the demo looks elsewhere.
pub(crate) struct Fleet {
    cluster: Cluster,
    address: String,
    hosts: RefCell<Vec<Host>>,
    members: RefCell<Vec<Member>>,
}

/// An MTA host.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) mta: Mta,
    collectd: Running,
    shipper: Running,
    folder: std::path::PathBuf,
}

/// A reporter.
pub(crate) struct Member {
    /// As the fleet calls it.
    pub(crate) name: String,
    pub(crate) running: Running,
}

impl Fleet {
    /// A server with an empty database; `None`: there is no PostgreSQL here.
    pub(crate) fn start() -> Option<Fleet> {
        let cluster = Cluster::start(&[])?;
        let address = cluster.database();
        Some(Fleet {
            cluster,
            address,
            hosts: RefCell::default(),
            members: RefCell::default(),
        })
    }

    /// What it answers.
    pub(crate) fn query(&self, sql: &str) -> String {
        let database = self.address.rsplit('/').next().unwrap_or_default();
        self.cluster
            .query(database, sql)
            .unwrap_or_else(|error| format!("{error}"))
    }

    /// Waits until it answers `t`.
    pub(crate) fn wait_for(&self, what: &str, sql: &str) {
        let mut last = String::new();
        let done = within(LONGEST, || {
            last = self.query(sql);
            (last == "t").then_some(())
        });
        assert!(done.is_some(), "{what}: {sql}: {last}");
    }

    /// A reporter at work.
    pub(crate) fn member(&self, lab: &Lab, clock: &FakeClock, number: usize) -> Member {
        let before = self.names();
        let folder = lab.file(&format!("member{number}"));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let program = lab
            .reportd()
            .set("dbname", &self.address)
            .unset("fetchers")
            .set("pidfilename", folder.join("pid").display())
            .set("spread_out_delivery", 20)
            .set("fetch_deadline", 20)
            .clock(clock);
        let running = program.start();
        let mut name = String::new();
        until_true("a member joins", || {
            name = self
                .names()
                .into_iter()
                .find(|name| !before.contains(name))
                .unwrap_or_default();
            !name.is_empty()
        });
        println!("{name} has joined.");
        Member { name, running }
    }

    fn names(&self) -> Vec<String> {
        let names = self.query("SELECT name FROM tlsrpt.member WHERE NOT fenced");
        match names.contains("ERROR") {
            true => Vec::new(),
            false => names.lines().map(str::to_owned).collect(),
        }
    }

    /// A collector with its shipper.
    pub(crate) fn host(&self, lab: &Lab, clock: &FakeClock, number: usize) -> Host {
        let name = format!("mx{number}");
        let folder = lab.file(&name);
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let file = |name: &str| folder.join(name).display().to_string();
        let storage = format!("sqlite://{}", file("collectd.sqlite"));
        let collectd = Program::ours("tlsrpt-collectd", &folder)
            .set("storage", &storage)
            .set("socketname", file("collectd.sock"))
            .set("observation_socket", file("observe"))
            .set("sockettimeout", 1)
            .clock(clock);
        let collectd = lab.start_ready(&collectd);
        let fetcher = Program::ours("tlsrpt-fetcher", &folder).no_config();
        let fetcher = fetcher.command_line();
        let shipper = Program::ours("tlsrpt-shipper", &folder)
            .set("ship_to", &self.address)
            .set("ship_as", &name)
            .set("ship_interval", 1)
            .set("storage", &storage)
            .set("observation_socket", file("observe"))
            .set("fetcher", fetcher)
            .clock(clock)
            .start();
        let mta = Mta::new(&folder.join("collectd.sock"));
        Host {
            name,
            mta,
            collectd,
            shipper,
            folder,
        }
    }

    /// `tlsrptctl` of the fleet.
    pub(crate) fn ctl(&self, lab: &Lab) -> Program {
        lab.ctl().set("dbname", &self.address).unset("fetchers")
    }

    pub(crate) fn keep(&self, hosts: Vec<Host>) {
        self.hosts.replace(hosts);
    }

    pub(crate) fn keep_members(&self, members: Vec<Member>) {
        self.members.replace(members);
    }

    /// Stops it at a moment when it has nothing in hand, whose outcome nobody would know. Gives how many deliveries it has
    /// to make.
    pub(crate) fn pause_without_work_in_hand(&self, member: &Member) -> String {
        let of = format!(
            "(SELECT id FROM tlsrpt.member WHERE name = '{}' ORDER BY id DESC LIMIT 1)",
            member.name
        );
        let in_hand = format!(
            "SELECT count(*) = 0 FROM tlsrpt.delivery WHERE status IS NULL AND started IS NOT NULL AND by = {of}"
        );
        let waiting = format!(
            "SELECT count(*) FROM tlsrpt.delivery d JOIN tlsrpt.shard s USING (shard) WHERE d.status IS NULL AND s.owner = {of}"
        );
        let found = within(LONGEST, || {
            member.running.signal(Signal::SIGSTOP);
            let number = self.query(&waiting);
            if self.query(&in_hand) == "t" && number != "0" {
                return Some(number);
            }
            member.running.signal(Signal::SIGCONT);
            None
        });
        found.unwrap_or_else(|| panic!("{} had nothing to do", member.name))
    }
}

impl Host {
    /// Nothing of it is left.
    pub(crate) fn lose(self) {
        self.shipper.kill();
        self.collectd.kill();
        fs::remove_dir_all(&self.folder).expect("it is ours");
    }
}
