//! The rows of one domain, read so that an answer can bound them.

use std::borrow::Borrow;

use rusqlite::{Connection, Row};
use tlsrptd_proto::{counts::DomainCounts, day::Day, domain::Domain};
use tracing::warn;

use super::{
    super::error::{SqliteError, sql},
    ClosedFile,
};
use crate::store::bounded_counts::BoundedCounts;

/// In which order rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowOrder {
    /// As the index has them, which costs nothing.
    AsStored,
    /// So that what gives way is what was rarely seen. Only row numbers are sorted: texts are long. (Without a limit SQLite
    /// may leave a subquery unsorted.)
    MostSeenFirst,
}

impl RowOrder {
    fn sessions(self) -> &'static str {
        match self {
            RowOrder::AsStored => {
                "SELECT tlsrptrecord, policy, cntrtotal, cntrfailure FROM finalresults WHERE day=?1 AND domain=?2"
            }
            RowOrder::MostSeenFirst => {
                "SELECT tlsrptrecord, policy, cntrtotal, cntrfailure
                 FROM (SELECT rowid AS place FROM finalresults WHERE day=?1 AND domain=?2
                       ORDER BY cntrtotal DESC, octet_length(policy), rowid LIMIT -1)
                 CROSS JOIN finalresults ON finalresults.rowid=place"
            }
        }
    }

    fn failures(self) -> &'static str {
        match self {
            RowOrder::AsStored => {
                "SELECT tlsrptrecord, policy, reason, cntr FROM failures WHERE day=?1 AND domain=?2"
            }
            RowOrder::MostSeenFirst => {
                "SELECT tlsrptrecord, policy, reason, cntr
                 FROM (SELECT rowid AS place FROM failures WHERE day=?1 AND domain=?2
                       ORDER BY cntr DESC, octet_length(reason), rowid LIMIT -1)
                 CROSS JOIN failures ON failures.rowid=place"
            }
        }
    }
}

/// The counts of a domain that stands under some names.
pub(super) fn read(
    files: &[impl Borrow<ClosedFile>],
    day: Day,
    domain: &Domain,
    names: &[impl AsRef<str>],
) -> Result<DomainCounts, SqliteError> {
    let (counts, folded) = read_bounded(files, day, domain, names)?;
    if folded == Folded::Some {
        warn!(%domain, "more details than an answer holds: the rare ones are counted together");
    }
    Ok(counts)
}

/// Whether details were counted together, for want of room in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite) enum Folded {
    None,
    Some,
}

/// The same, without a line in the log.
pub(in crate::store::sqlite) fn read_bounded(
    files: &[impl Borrow<ClosedFile>],
    day: Day,
    domain: &Domain,
    names: &[impl AsRef<str>],
) -> Result<(DomainCounts, Folded), SqliteError> {
    let read = |order: RowOrder| -> Result<_, SqliteError> {
        let mut counts = BoundedCounts::new(domain);
        let each = |select, take: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>| {
            for file in files.iter().map(Borrow::borrow) {
                for name in names {
                    each_row(&file.db, select, day, name.as_ref(), take)
                        .map_err(sql(&file.path, "read its rows"))?;
                }
            }
            Ok(())
        };
        each(order.sessions(), &mut |row| {
            let numbers = (number(row.get(2)?), number(row.get(3)?));
            counts.add_sessions(row.get(0)?, row.get(1)?, numbers);
            Ok(())
        })?;
        each(order.failures(), &mut |row| {
            counts.add_failures(row.get(0)?, row.get(1)?, row.get(2)?, number(row.get(3)?));
            Ok(())
        })?;
        Ok(counts)
    };
    let counts = read(RowOrder::AsStored)?;
    if !counts.is_folded() {
        return Ok((counts.finish(), Folded::None));
    }
    let counts = read(RowOrder::MostSeenFirst)?;
    Ok((counts.finish(), Folded::Some))
}

fn each_row(
    db: &Connection,
    select: &str,
    day: Day,
    name: &str,
    take: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(select)?;
    let mut rows = statement.query((day.to_string(), name))?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// Nothing is counted below zero.
fn number(n: Option<i64>) -> u64 {
    u64::try_from(n.unwrap_or(0)).unwrap_or(0)
}
