//! A database for several members, with a lease of its own length.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Address, Row, Session, ToSql, schema};
use tlsrptd_reporter::store::{self, Store, StoreError, Tended};

use crate::environment::{self, Engine, Folder};

/// Whatever is waited for comes in this time, on a busy machine too. Who stands still in the middle of a transaction keeps the
/// others from its work until the server ends it, after `idle_in_transaction_session_timeout`: 60 seconds.
const LONGEST: Duration = Duration::from_secs(150);

pub struct Fleet {
    pub folder: Folder,
    pub settings: Reportd,
    pub db: Session,
}

impl Fleet {
    /// Leases last so many seconds. To be called within [`Engine::test`].
    pub fn new(lease: f64) -> Fleet {
        Fleet::of(Engine::Postgres.folder(), lease)
    }

    /// In the database that the folder names.
    pub fn of(folder: Folder, lease: f64) -> Fleet {
        let settings = settings(folder.path(), &[]);
        let address = Address::parse(settings.dbname.to_str().unwrap()).unwrap();
        let db = Session::connect(address).unwrap();
        schema::migrate(&db).unwrap();
        let fleet = Fleet {
            folder,
            settings,
            db,
        };
        let length = "UPDATE lease SET length = make_interval(secs => $1)";
        fleet.ask(length, &[&lease]);
        fleet
    }

    pub fn ask(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        self.db.query(sql, parameters).unwrap()
    }

    pub fn member(&self) -> Box<dyn Store> {
        store::open(&self.settings, None).unwrap()
    }

    /// How many shards each has, the least first; those of nobody are not told.
    pub fn shares(&self) -> Vec<i64> {
        let sql = "SELECT count(*) FROM shard s JOIN member m ON m.id = s.owner WHERE NOT m.fenced \
                   GROUP BY m.id ORDER BY 1";
        self.ask(sql, &[]).iter().map(|row| row.get(0)).collect()
    }

    /// The newest member's number.
    pub fn newest(&self) -> i64 {
        self.ask("SELECT max(id) FROM member", &[])[0].get(0)
    }
}

pub fn settings(folder: &Path, options: &[&str]) -> Reportd {
    let mut settings = environment::settings(folder, options);
    settings.dbname = std::fs::read_to_string(folder.join("postgresql"))
        .unwrap()
        .into();
    settings
}

pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Lets these tend the fleet until it is so.
pub fn tend_until(members: &mut [&mut Box<dyn Store>], is_so: impl Fn() -> bool, what: &str) {
    wait_until(
        || {
            for member in members.iter_mut() {
                tend(member).unwrap();
            }
            is_so()
        },
        what,
    );
}

/// As the daemon does, with a clock that is confirmed.
pub fn tend(member: &mut Box<dyn Store>) -> Result<Tended, StoreError> {
    member.tend(now(), None)
}

pub fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    let until = Instant::now() + LONGEST;
    while !is_so() {
        assert!(Instant::now() < until, "it does not come: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
