//! Port of what the operator asks of a fleet: its members, its collectors, how far its days are. A database of one host has
//! nothing of it.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;

use super::StoreError;

/// The fleet behind a store.
///
/// # Errors
/// When the engine cannot read or write; nothing has changed then.
pub trait FleetView {
    /// How it is; `None`: this database is one host's.
    fn fleet(&self) -> Result<Option<FleetState>, StoreError> {
        Ok(None)
    }

    /// Takes a collector or a member of this name out of it: the collector is waited for no longer, the member's shards are
    /// free. `None`: this database is one host's.
    fn retire(&mut self, name: &str) -> Result<Option<Retired>, StoreError> {
        let _ = name;
        Ok(None)
    }

    /// Waits for a retired collector of this name again. `None`: this database is one host's.
    fn unretire(&mut self, name: &str) -> Result<Option<Unretired>, StoreError> {
        let _ = name;
        Ok(None)
    }
}

/// How a fleet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetState {
    /// When, by the clock of the database, as are all times here.
    pub at: Timestamp,
    /// Those at work, and those whose lease has ended within a day; the eldest first.
    pub members: Vec<FleetMember>,
    /// How many shards there are.
    pub shards: u64,
    /// Those of which nobody takes care.
    pub shards_without_owner: Vec<i16>,
    /// By name.
    pub collectors: Vec<FleetCollector>,
    /// The last of them, the latest first.
    pub days: Vec<FleetDay>,
}

/// A reporter of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetMember {
    /// Its number, which is never used again.
    pub id: i64,
    /// Host and process.
    pub name: String,
    /// When it joined.
    pub since: Timestamp,
    /// The end of its lease.
    pub until: Timestamp,
    /// Whether it is at work.
    pub is_live: bool,
    /// How many shards it owns.
    pub shards: u64,
}

/// A collector whose shipper writes to the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetCollector {
    /// `ship_as`.
    pub name: String,
    /// The first day that it is waited for.
    pub first_day: Day,
    /// From that day on it is not.
    pub retired: Option<Day>,
    /// When its shipper has last written anything.
    pub seen: Timestamp,
    /// The last day of which it has shipped anything.
    pub day: Option<Day>,
    /// Whether all of that day is here.
    pub is_done: bool,
    /// Days before that one which are still open, and of which not all is here.
    pub open_days: u64,
    /// Sessions that came when their day was closed; of the days that are kept.
    pub late_sessions: u64,
    /// Another ships under its name, which came later and is waited for in its place, while this one goes on.
    pub is_doubled: bool,
}

/// How far a day is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetDay {
    /// Which.
    pub day: Day,
    /// `open`, `closed` or `composed`.
    pub state: String,
    /// When it was closed.
    pub closed: Option<Timestamp>,
    /// Collectors that are done with it.
    pub done: u64,
    /// Collectors that are, or were, waited for.
    pub expected: u64,
    /// Collectors that were not done with it when it was closed.
    pub missing: Vec<String>,
    /// Shards of which each domain is decided.
    pub composed: u64,
    /// Sessions that came later.
    pub late_sessions: u64,
}

/// What was taken out of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retired {
    /// Nothing has that name.
    Nothing,
    /// Collectors of that name, and from which day on none is waited for.
    Collector {
        /// Incarnations: each spool that was lost made one.
        collectors: u64,
        /// The day.
        from: Day,
    },
    /// A member, and how many shards it gave up.
    Member {
        /// Its number.
        id: i64,
        /// How many.
        shards: u64,
        /// It was at work: if its process still runs, it joins anew.
        was_live: bool,
    },
}

/// What was taken into a fleet again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unretired {
    /// No collector of that name is retired.
    Nothing,
    /// A collector.
    Collector {
        /// The first day that it is waited for again.
        from: Day,
    },
}

/// What became of moving a database's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedRows {
    /// They are there now.
    Now {
        /// Days that are known there.
        days: u64,
        /// Rows of all tables.
        rows: u64,
    },
    /// They were there already: nothing has changed.
    Before,
    /// They were there already, under another name: what was cut short there is at its end now.
    Finished,
}

/// What can be seen of the database of a fleet as a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetServer {
    /// As it calls itself.
    pub version: String,
    /// The version of its tables; `None`: no reporter has made them.
    pub tables: Option<i32>,
    /// Locks that all transactions together may hold.
    pub lock_table: u64,
    /// `max_connections`, without those that are kept for superusers.
    pub most_connections: u64,
    /// Those that are open now.
    pub connections: u64,
    /// `synchronous_commit`, as it is for us.
    pub synchronous_commit: String,
    /// `synchronous_standby_names`; empty: none.
    pub standby_names: String,
    /// `fsync` and `full_page_writes` are on.
    pub is_crash_safe: bool,
    /// How far its clock is ahead of ours.
    pub clock_ahead: SignedDuration,
    /// Bytes.
    pub size: u64,
    /// Replicas that are connected; `None`: this user may not see them.
    pub replicas: Option<Vec<FleetReplica>>,
    /// Since when the oldest transaction has held back the cleaning of rows.
    pub oldest_snapshot: Option<SignedDuration>,
    /// The members at work.
    pub members: Vec<String>,
    /// Names under which two collectors ship.
    pub doubled: Vec<String>,
}

/// A replica of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetReplica {
    /// As it calls itself.
    pub name: String,
    /// `sync`, `quorum`, `potential` or `async`.
    pub kind: String,
    /// Bytes that it has not confirmed.
    pub behind: u64,
}
