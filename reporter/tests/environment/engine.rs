//! The engines of the store. `#[each_engine]` makes two tests of one: the folder of a test says which of them its settings name.
//!
//! A test of one engine is a `#[test]`, takes its folder from that engine by name, and says why.

use std::{cell::Cell, fs, path::Path};

use tempfile::TempDir;
use tlsrptd_fleet::{Address, Session, schema};

/// What holds the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// In the folder of a test on PostgreSQL: where its database is. Whoever has the folder has the database, another process too.
const ADDRESS: &str = "postgresql";

thread_local! {
    /// That of the running test: each has a thread of its own.
    static CURRENT: Cell<Option<Engine>> = const { Cell::new(None) };
}

impl Engine {
    /// That of the running test. A thread that the test has started has none, before it says [`Engine::run`].
    pub fn current() -> Engine {
        CURRENT
            .get()
            .expect("a test with #[each_engine], or a folder by the engine's name")
    }

    /// A test, or part of it.
    pub fn run<T>(self, body: impl FnOnce() -> T) -> T {
        CURRENT.set(Some(self));
        body()
    }

    /// A whole test, skipped by name where the engine is not there.
    pub fn test(self, body: impl FnOnce()) {
        if self == Engine::Postgres && !cfg!(feature = "postgresql") {
            eprintln!("skipped: the reporter was built without PostgreSQL");
            return;
        }
        if self == Engine::Postgres && !tlsrptd_cluster::is_installed() {
            let missing = "there is no PostgreSQL 15 or newer (apt-get install postgresql)";
            tlsrptd_cluster::skip::skip(missing);
            return;
        }
        self.run(body);
    }

    /// The same, whose clock jumps to what is waited for.
    pub fn test_on_virtual_clock<F: Future<Output = ()>>(self, body: impl FnOnce() -> F) {
        self.test(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(body());
        });
    }

    /// An empty folder, and on PostgreSQL a database with empty tables with it.
    pub fn folder(self) -> Folder {
        // In memory, where that is possible: syncing is not what these tests are about.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let database = match self {
            Engine::Sqlite => None,
            Engine::Postgres => tlsrptd_cluster::filled_database(make_tables),
        };
        let folder = Folder { folder, database };
        if let Some(address) = folder.address() {
            make_another(address);
            folder.redirect(address);
        }
        folder
    }
}

/// The tables of a fleet, with leases that do not end: weeks of virtual time are moments for the server, and who looks at the
/// fleet a hundred times in the length of a lease would do nothing else.
pub fn make_tables(address: &str) {
    let db = Session::connect(Address::parse(address).unwrap()).unwrap();
    schema::migrate(&db).unwrap();
    let transaction = db.begin().unwrap();
    transaction
        .batch("UPDATE lease SET length = '1000 days'")
        .unwrap();
    transaction.commit().unwrap();
}

/// The tables were copied: what they say of whose they are is drawn anew, as for each database.
fn make_another(address: &str) {
    let db = Session::connect(Address::parse(address).unwrap()).unwrap();
    let (installation, key) = (
        format!("{:016x}", rand::random::<u64>()),
        rand::random::<[u8; 32]>(),
    );
    let sql = "UPDATE meta SET installation = $1, bounce_key = $2";
    db.query(sql, &[&installation, &key.as_slice()]).unwrap();
}

/// What a reporter has of its own in a test.
pub struct Folder {
    folder: TempDir,
    database: Option<String>,
}

impl Folder {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Folder {
    /// Where the database is; `None` for SQLite's, which is in the folder.
    pub fn address(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// From now on its database is reached by this address.
    pub fn redirect(&self, address: &str) {
        fs::write(self.folder.path().join(ADDRESS), address).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a test that fails leaves may be looked at, until its process ends.
        if let Some(address) = &self.database
            && !std::thread::panicking()
        {
            tlsrptd_cluster::remove(address);
        }
    }
}

/// What `dbname` is for the reporter of this folder.
pub fn dbname(folder: &Path) -> String {
    let file = || folder.join("reportd.sqlite").display().to_string();
    fs::read_to_string(folder.join(ADDRESS)).unwrap_or_else(|_| file())
}

/// Whether it is a database of PostgreSQL.
pub fn is_address(dbname: &Path) -> bool {
    dbname.to_str().is_some_and(Address::is_meant)
}
