//! What can go wrong with the database.

use std::time::Duration;

use tlsrptd_proto::day::Day;
use tokio_postgres::error::SqlState;

/// Why something could not be done in the database. A transaction that was under way is undone, unless the fault came to its
/// COMMIT: then nobody knows, and the same step is done again.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be reached, or does not let us in.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where it should be.
        address: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has not answered for so long.
    #[error("{address} has not answered for {} s", waited.as_secs())]
    Silent {
        /// Which.
        address: String,
        /// How long.
        waited: Duration,
    },
    /// It says no, or the connection broke.
    #[error("{}", told(.0))]
    Sql(#[from] tokio_postgres::Error),
    /// Its tables are of another version.
    #[error("{0}")]
    Version(String),
    /// This member is one no longer, or a shard is another's by now: whatever it has in hand is not its own.
    #[error("the fleet has taken this reporter for dead: its shards are others' now")]
    Fenced,
    /// Somebody else holds rows that a step needs, and they are not waited for.
    #[error("the rows of {day} are held by {by}")]
    Held {
        /// Of which day.
        day: Day,
        /// Who, as far as can be seen.
        by: String,
    },
    /// A row says what no program of ours writes.
    #[error("{0}")]
    Row(String),
}

impl Fault {
    /// Whether the same may work later, by waiting or by the help of an operator.
    pub fn may_pass(&self) -> bool {
        match self {
            Fault::Connect { .. } | Fault::Silent { .. } | Fault::Held { .. } => true,
            Fault::Sql(error) => match error.code() {
                Some(code) => !is_lasting(code),
                None => is_lost(error),
            },
            Fault::Version(_) | Fault::Fenced | Fault::Row(_) => false,
        }
    }

    /// Whether somebody else holds what a lock was wanted on, and that was not waited for.
    pub fn is_locked(&self) -> bool {
        self.is_one_of(&[
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ])
    }

    /// Whether it may be about the rows of a statement alone: a value that is refused, or a page of a table or an index that is
    /// damaged or cannot be read. A full disk, a missing right and a server that goes are about all of them.
    pub fn is_of_rows(&self) -> bool {
        let Fault::Sql(error) = self else {
            return false;
        };
        error.code().is_some_and(|code| {
            let class = &code.code()[..2];
            matches!(class, "22" | "23" | "XX") || *code == SqlState::IO_ERROR
        })
    }

    /// Whether what was to be made has been made meanwhile: of two who create the same name at once, one finds it in the
    /// catalogue's unique index, whatever `IF NOT EXISTS` says.
    pub(crate) fn is_there_already(&self) -> bool {
        self.is_one_of(&[
            SqlState::UNIQUE_VIOLATION,
            SqlState::DUPLICATE_SCHEMA,
            SqlState::DUPLICATE_TABLE,
            SqlState::DUPLICATE_OBJECT,
        ])
    }

    /// Whether the transaction was undone because another was in its way, as one is of two that wait for each other: the same
    /// may work at once.
    pub fn is_conflict(&self) -> bool {
        self.is_one_of(&[
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ])
    }

    fn is_one_of(&self, codes: &[SqlState]) -> bool {
        let Fault::Sql(error) = self else {
            return false;
        };
        error.code().is_some_and(|code| codes.contains(code))
    }

    /// Whether nothing more can be done over this connection. A server that has become a replica has another in its place. A
    /// statement that was cancelled, as one that took too long, is over by itself.
    pub(crate) fn ends_connection(&self) -> bool {
        match self {
            Fault::Connect { .. } | Fault::Silent { .. } => true,
            Fault::Sql(error) => {
                is_lost(error)
                    || error.code().is_some_and(|code| {
                        let class = &code.code()[..2];
                        class == "08"
                            || class == "57" && *code != SqlState::QUERY_CANCELED
                            || *code == SqlState::READ_ONLY_SQL_TRANSACTION
                    })
            }
            Fault::Version(_) | Fault::Fenced | Fault::Held { .. } | Fault::Row(_) => false,
        }
    }
}

/// Whether the connection broke. Whatever else the library says without a word of the server is about a value or a type: a
/// mistake of ours, which stays one.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    error.is_closed() || source.is_some_and(|source| source.is::<std::io::Error>())
}

/// By the classes of SQLSTATE (PostgreSQL's Appendix A): what is wrong with the statement or its values stays wrong. A value
/// that is refused is a mistake of ours, as is a statement; a right that is missing may be granted.
fn is_lasting(code: &SqlState) -> bool {
    match &code.code()[..2] {
        "42" => *code != SqlState::INSUFFICIENT_PRIVILEGE,
        class => matches!(class, "0A" | "22" | "23"),
    }
}

/// The error's own text says only that there was one.
pub(crate) fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => {
            let detail = db.detail().map(|detail| format!(" ({detail})"));
            format!(
                "{} [{}]{}",
                db.message(),
                db.code().code(),
                detail.unwrap_or_default()
            )
        }
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
