//! The rows of one domain, read so that an answer can bound them.

use std::rc::Rc;

use rusqlite::params;
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
    files: &[Rc<ClosedFile>],
    day: Day,
    domain: &Domain,
    names: &[impl AsRef<str>],
) -> Result<DomainCounts, SqliteError> {
    let read = |order| -> Result<_, SqliteError> {
        let mut counts = BoundedCounts::new(domain);
        for read_rows in [read_sessions as ReadRows, read_failures] {
            for file in files {
                for name in names {
                    read_rows(&mut counts, file, day, name.as_ref(), order)
                        .map_err(sql(&file.path, "read its rows"))?;
                }
            }
        }
        Ok(counts)
    };
    let counts = read(RowOrder::AsStored)?;
    if !counts.is_folded() {
        return Ok(counts.finish());
    }
    let counts = read(RowOrder::MostSeenFirst)?;
    warn!(%domain, "more details than an answer holds: the rare ones are counted together");
    Ok(counts.finish())
}

type ReadRows =
    fn(&mut BoundedCounts<'_>, &ClosedFile, Day, &str, RowOrder) -> rusqlite::Result<()>;

fn read_sessions(
    counts: &mut BoundedCounts<'_>,
    file: &ClosedFile,
    day: Day,
    name: &str,
    order: RowOrder,
) -> rusqlite::Result<()> {
    let mut statement = file.db.prepare_cached(order.sessions())?;
    let mut rows = statement.query(params![day.to_string(), name])?;
    while let Some(row) = rows.next()? {
        let numbers = (number(row.get(2)?), number(row.get(3)?));
        counts.add_sessions(row.get(0)?, row.get(1)?, numbers);
    }
    Ok(())
}

fn read_failures(
    counts: &mut BoundedCounts<'_>,
    file: &ClosedFile,
    day: Day,
    name: &str,
    order: RowOrder,
) -> rusqlite::Result<()> {
    let mut statement = file.db.prepare_cached(order.failures())?;
    let mut rows = statement.query(params![day.to_string(), name])?;
    while let Some(row) = rows.next()? {
        counts.add_failures(row.get(0)?, row.get(1)?, row.get(2)?, number(row.get(3)?));
    }
    Ok(())
}

/// Nothing is counted below zero.
fn number(n: Option<i64>) -> u64 {
    u64::try_from(n.unwrap_or(0)).unwrap_or(0)
}
