//! One connection to the database, made anew when it was lost.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, Row, Statement, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    address::{Address, Tls},
    fault::Fault,
    transaction::Transaction,
    wait::wait_for,
};

/// An answer comes within this time, whatever is asked: more is a server that hangs. The server itself ends a statement before.
const LONGEST_ANSWER: Duration = Duration::from_secs(90);
const LONGEST_CONNECT: Duration = Duration::from_secs(45);

/// What the server does with a session that hangs, or whose client has gone: it must not hold a lock for ever.
const SETTINGS: &str = "SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET search_path = tlsrpt; SET TimeZone = 'UTC'; \
    SET client_min_messages = warning";

/// A lock is waited for so long, where nothing else is said.
pub(crate) const LOCK_TIMEOUT: &str = "30s";

/// Drives all connections of the process. Made with the first one: a program without a fleet has no such thread.
static DRIVER: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("postgresql")
        .enable_all()
        .build()
});

/// A connection to the database, for one thread at a time.
pub struct Session {
    address: Address,
    /// An answer comes within this time, or the connection is given up.
    patience: Duration,
    /// All answers come before then.
    until: Option<Instant>,
    /// What the server is told beside [`SETTINGS`].
    settings: String,
    client: RefCell<Option<Connected>>,
    /// How many connections there have been.
    connections: Cell<u64>,
    /// A transaction is under way: it ends with its connection, and nothing of it may come to another.
    pub(crate) is_in_transaction: Cell<bool>,
    /// A transaction was left open: it is undone before the next.
    pub(crate) is_left_open: Cell<bool>,
}

struct Connected {
    client: Arc<Client>,
    statements: HashMap<String, Statement>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.address)
    }
}

impl Session {
    /// A session that will connect when something is asked.
    pub fn new(address: Address) -> Session {
        Session {
            address,
            patience: LONGEST_ANSWER,
            until: None,
            settings: String::new(),
            client: RefCell::new(None),
            connections: Cell::new(0),
            is_in_transaction: Cell::new(false),
            is_left_open: Cell::new(false),
        }
    }

    /// Waits no longer than that, for an answer or a connection.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Session {
        self.patience = patience;
        self
    }

    /// The server refuses to change anything.
    #[must_use]
    pub fn read_only(mut self) -> Session {
        self.settings += "; SET default_transaction_read_only = on";
        self
    }

    /// All that is asked takes no longer than this together, from now on. The server ends a statement by itself that takes as long.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Session {
        self.until = Some(Instant::now() + limit);
        self.settings += &format!("; SET statement_timeout = {}", limit.as_millis().max(1));
        self
    }

    /// A statement may take as long as that.
    #[must_use]
    pub fn with_long_statements(mut self, longest: Duration) -> Session {
        self.patience = longest.saturating_add(LONGEST_ANSWER);
        self.settings += &format!("; SET statement_timeout = {}", longest.as_millis());
        self
    }

    /// What somebody else holds is not waited for longer than that.
    #[must_use]
    pub fn with_short_locks(mut self, longest: Duration) -> Session {
        self.settings += &format!("; SET lock_timeout = {}", longest.as_millis().max(1));
        self
    }

    /// Connects now.
    ///
    /// # Errors
    /// When that fails.
    pub fn connect(address: Address) -> Result<Session, Fault> {
        Session::new(address).connected()
    }

    /// The same of a session that was made before.
    ///
    /// # Errors
    /// When that fails.
    pub fn connected(self) -> Result<Session, Fault> {
        self.client()?;
        Ok(self)
    }

    /// Where it leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How many connections there have been: another number is another connection, perhaps to a server that knows less than
    /// the one before.
    pub fn connections(&self) -> u64 {
        self.connections.get()
    }

    /// Begins a transaction. If the connection was lost meanwhile, another is made.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn begin(&self) -> Result<Transaction<'_>, Fault> {
        self.once_more(|| {
            // What a transaction before has left goes with it.
            let begin = match self.is_left_open.replace(false) {
                true => "ROLLBACK; BEGIN",
                false => "BEGIN",
            };
            self.batch(begin)
        })?;
        self.is_in_transaction.set(true);
        Ok(Transaction::new(self))
    }

    /// Asks outside of any transaction.
    ///
    /// # Errors
    /// When the database cannot be reached, or says no.
    pub fn query(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        self.once_more(|| {
            // Asked within it, this would get its view, or its fault.
            if self.is_left_open.replace(false) {
                self.batch("ROLLBACK")?;
            }
            self.ask(sql, parameters)
        })
    }

    /// The same, of at most one row.
    ///
    /// # Errors
    /// The same.
    pub fn query_opt(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }

    /// A connection that was idle may have been lost long ago: then all is asked once more, over a new one.
    fn once_more<T>(&self, work: impl Fn() -> Result<T, Fault>) -> Result<T, Fault> {
        let was_connected = self.client.borrow().is_some();
        match work() {
            Err(fault) if was_connected && self.client.borrow().is_none() && fault.may_pass() => {
                work()
            }
            other => other,
        }
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<(), Fault> {
        let client = self.client()?;
        self.wait(client.batch_execute(sql))
    }

    pub(crate) fn ask(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let (client, statement) = (self.client()?, self.statement(sql)?);
        self.wait(client.query(&statement, parameters))
    }

    pub(crate) fn execute(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Fault> {
        let (client, statement) = (self.client()?, self.statement(sql)?);
        self.wait(client.execute(&statement, parameters))
    }

    /// Waits for an answer. What ends the connection is noted.
    pub(crate) fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        let patience = self.patience();
        let answer = match wait_for(answer, patience) {
            Some(answer) => answer.map_err(Fault::Sql),
            None => Err(Fault::Silent {
                address: self.address.to_string(),
                waited: patience,
            }),
        };
        answer.inspect_err(|fault| {
            if fault.ends_connection() {
                self.forget();
            }
        })
    }

    fn patience(&self) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        self.until
            .map_or(self.patience, |until| left(until).min(self.patience))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.borrow().is_some()
    }

    /// Ends the connection: the server undoes what was open.
    pub(crate) fn forget(&self) {
        self.client.replace(None);
        self.is_left_open.set(false);
    }

    /// Each statement is prepared once a connection.
    pub(crate) fn statement(&self, sql: &str) -> Result<Statement, Fault> {
        let known = self
            .client
            .borrow()
            .as_ref()
            .and_then(|connected| connected.statements.get(sql).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let client = self.client()?;
        let made = self.wait(client.prepare(sql))?;
        if let Some(connected) = self.client.borrow_mut().as_mut() {
            connected.statements.insert(sql.to_owned(), made.clone());
        }
        Ok(made)
    }

    pub(crate) fn client(&self) -> Result<Arc<Client>, Fault> {
        if let Some(connected) = self.client.borrow().as_ref()
            && !connected.client.is_closed()
        {
            return Ok(Arc::clone(&connected.client));
        }
        self.forget();
        if self.is_in_transaction.get() {
            return Err(Fault::Connect {
                address: self.address.to_string(),
                source: "the connection was lost in the middle of a transaction".into(),
            });
        }
        let client = Arc::new(connect(
            &self.address,
            LONGEST_CONNECT.min(self.patience()),
        )?);
        let connected = Connected {
            client: Arc::clone(&client),
            statements: HashMap::new(),
        };
        self.client.replace(Some(connected));
        self.connections.set(self.connections.get() + 1);
        self.batch(&format!(
            "{SETTINGS}; SET lock_timeout = '{LOCK_TIMEOUT}'{}",
            self.settings
        ))?;
        Ok(client)
    }
}

fn connect(address: &Address, longest: Duration) -> Result<Client, Fault> {
    let fault = |source: Box<dyn std::error::Error + Send + Sync>| Fault::Connect {
        address: address.to_string(),
        source,
    };
    let driver = DRIVER
        .as_ref()
        .map_err(|error| fault(error.to_string().into()))?;
    let config = address.config.clone();
    let connecting = match &address.tls {
        None => driver.spawn(async move {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            Ok(client)
        }),
        Some(tls) => {
            let tls = MakeRustlsConnect::new(client_config(tls).map_err(fault)?);
            driver.spawn(async move {
                let (client, connection) = config.connect(tls).await?;
                tokio::spawn(connection);
                Ok(client)
            })
        }
    };
    match wait_for(connecting, longest) {
        Some(Ok(connected)) => {
            connected.map_err(|error: tokio_postgres::Error| fault(Fault::Sql(error).into()))
        }
        Some(Err(ended)) => Err(fault(ended.into())),
        None => Err(Fault::Silent {
            address: address.to_string(),
            waited: longest,
        }),
    }
}

/// The server's certificate is verified by the system's authorities and the operator's.
fn client_config(tls: &Tls) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut authorities = Vec::new();
    if let Some(path) = &tls.authorities {
        let unreadable = |error| format!("sslrootcert {}: {error}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            authorities.push(certificate.map_err(unreadable)?);
        }
    }
    let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}
