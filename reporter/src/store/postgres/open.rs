//! Opening and closing.

use tlsrptd_config::{reportd::Reportd, service_view};
use tlsrptd_fleet::{Address, Client, Fault, Session, schema};

use super::{
    PostgresReader, PostgresStore, closing::ClosingLooks, fold::Folds, held::HeldDays,
    history::FailuresOfShards, kept::FleetKept, left::LeftShards, member::Member,
    member_deliveries::MemberDeliveries, mx_hosts::MxSums, suppressed::ReadList,
};
use crate::{
    model::BounceKey,
    secret,
    store::{
        Cause, CommitHook, OperatorAccess, OperatorStore, Store, StoreError, Tended, copies_to,
        mailed::GuardedMails,
    },
};

/// Where the database is, and as whom we come.
#[derive(Clone, Debug)]
pub(super) struct DatabasePlace {
    pub(super) address: Address,
}

impl DatabasePlace {
    /// `program` is shown to the server's administrator.
    pub(super) fn of(settings: &Reportd, program: &str) -> Result<DatabasePlace, StoreError> {
        let text = settings.dbname.to_string_lossy();
        let mut address = Address::parse(&text)
            .map_err(|error| unusable(&text, format!("dbname: {error}").into()))?;
        if let Some(path) = &settings.dbname_password_file {
            let password = secret::password(path, "the password for the database");
            let password = password.map_err(|error| {
                let why = service_view::explained(path, &error);
                let what = format!(
                    "dbname_password_file {}: cannot be read: {why}",
                    path.display()
                );
                unusable(&text, what.into())
            })?;
            address = address.with_password(&password);
        }
        Ok(DatabasePlace {
            address: address.with_program(program),
        })
    }
}

/// Opens the database, makes its tables, and becomes a member of the fleet.
pub(in crate::store) fn open(
    settings: &Reportd,
    hook: Option<CommitHook>,
) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(PostgresStore::open(settings, hook)?))
}

/// For one command.
pub(in crate::store) fn open_for_operator(
    settings: &Reportd,
    access: OperatorAccess,
) -> Result<Box<dyn OperatorStore>, StoreError> {
    Ok(Box::new(PostgresReader::of(settings, access)?))
}

impl PostgresStore {
    /// Opens the database, makes its tables, and becomes a member of the fleet.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(settings: &Reportd, hook: Option<CommitHook>) -> Result<PostgresStore, StoreError> {
        let place = DatabasePlace::of(settings, "tlsrpt-reportd")?;
        let fault = |fault: Fault| open_fault(&place.address, fault);
        let db = Session::connect(place.address.clone()).map_err(fault)?;
        super::health::check_version(&db).map_err(fault)?;
        schema::migrate(&db).map_err(fault)?;
        let installation = schema::installation(&db).map_err(fault)?;
        let bounce_key = bounce_key(&db).map_err(fault)?;
        let member = Member::join(&db, &member_name()).map_err(fault)?;
        let left = LeftShards::default();
        let mut store = PostgresStore {
            db,
            place,
            hook,
            member,
            installation,
            bounce_key,
            guard: settings
                .loop_guard
                .then(|| GuardedMails::new(copies_to(settings))),
            mx_reports: settings.mx_reports,
            keep_days: settings.keep_days,
            failures: FailuresOfShards::new(settings.history_failures),
            composed: None,
            closing: ClosingLooks::default(),
            held: HeldDays::default(),
            mx_sums: MxSums::default(),
            untold: Tended::default(),
            made: None,
            stored: super::statistics::StoredReports::default(),
            connection: 0,
            deliveries: MemberDeliveries::default(),
            kept: FleetKept::new(settings.max_kept_reports_size),
            suppressions: ReadList::default(),
            bounces_after: 0,
            folds: Folds::new(left.clone()),
            left,
            left_hosts: LeftShards::default(),
        };
        store.share_at_start()?;
        store.connection = store.db.connections();
        Ok(store)
    }

    /// Leaves the fleet: what it owned is free for others at once.
    pub(super) fn leave(self) -> Result<(), StoreError> {
        let left = self.member.leave(&self.db);
        left.map_err(|fault| open_fault(&self.place.address, fault))
    }
}

impl PostgresReader {
    pub(super) fn open(
        place: &DatabasePlace,
        access: OperatorAccess,
    ) -> Result<PostgresReader, StoreError> {
        let fault = |fault: Fault| open_fault(&place.address, fault);
        let db = Session::new(place.address.clone());
        let db = match access {
            OperatorAccess::Read => db.read_only(),
            OperatorAccess::ReadWithin(limit) => db.read_only().within(limit),
            OperatorAccess::Write => db,
        };
        let db = db.connected().map_err(fault)?;
        schema::check(&db).map_err(fault)?;
        Ok(PostgresReader { db })
    }

    /// For one command.
    ///
    /// # Errors
    /// When no reporter has made the tables yet, or they cannot be used.
    pub fn of(settings: &Reportd, access: OperatorAccess) -> Result<PostgresReader, StoreError> {
        PostgresReader::open(&DatabasePlace::of(settings, "tlsrptctl")?, access)
    }
}

/// A member that is at work, if there is one.
pub(in crate::store) fn reporter_at_work(settings: &Reportd) -> Result<Option<String>, StoreError> {
    let reader = PostgresReader::of(settings, OperatorAccess::Read)?;
    let rows = reader.read(
        "the members",
        "SELECT name FROM member WHERE NOT fenced AND until > clock_timestamp() ORDER BY id LIMIT 1",
        &[],
    )?;
    let name = rows.first().map(|row| row.try_get(0)).transpose();
    name.map_err(|error| super::unreadable("the members", error.into()))
}

pub(super) fn bounce_key(db: &Session) -> Result<BounceKey, Fault> {
    let row = db.query_opt("SELECT bounce_key FROM meta", &[])?;
    let octets: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
    let key = octets.and_then(|octets| BounceKey::new(&octets));
    key.ok_or_else(|| Fault::Row("the bounce key in tlsrpt.meta is none".to_owned()))
}

fn member_name() -> String {
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    format!("{}:{}", host.unwrap_or_default(), std::process::id())
}

/// What is wrong, and what mends it.
pub(super) fn open_fault(address: &Address, fault: Fault) -> StoreError {
    if fault.is_unmade() {
        return StoreError::Missing {
            database: address.to_string(),
        };
    }
    match fault.remedy(Client::Reporter) {
        None => unusable(&address.to_string(), fault.into()),
        Some(remedy) => unusable(&address.to_string(), format!("{fault}; {remedy}").into()),
    }
}

fn unusable(database: &str, source: Cause) -> StoreError {
    StoreError::Open {
        database: database.to_owned(),
        source,
    }
}
