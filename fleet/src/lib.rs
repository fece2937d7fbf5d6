//! What the programs of a fleet share: the PostgreSQL database, how it is reached, its tables, and where things belong in it.
//!
//! `tlsrpt-shipper` writes counts there, several `tlsrpt-reportd` make and deliver the reports. Nothing here decides anything:
//! the shipper's protocol is in its own crate, the reporter's steps are in its store. See docs/fleet.md and ARCHITECTURE.md.

mod address;
mod fault;
mod hash;
mod remedy;
pub mod schema;
mod session;
mod texts;
mod transaction;
mod value;
mod wait;

pub use address::{Address, AddressError};
pub use fault::Fault;
pub use hash::{KeyHash, SHARDS, Shard, key_hash, shard_of, text_hash};
pub use remedy::Client;
pub use session::Session;
pub use texts::{LONGEST_FAILURE, LONGEST_POLICY, LONGEST_RECORD, are_texts_taken};
pub use tokio_postgres::{Row, types::ToSql};
pub use transaction::{CopyIn, Transaction};
pub use value::{PgDay, PgTime, stored_text};
