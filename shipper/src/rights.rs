//! The rights that the user of the database needs: those of tlsrpt-shipper(8), no more.

use tlsrptd_fleet::{Fault, Session};

/// What is done with a table, and in which of its columns; without any, in all.
const NEEDED: &[(&str, &str, &[&str])] = &[
    ("SELECT", "meta", &["version", "shards", "moved"]),
    ("SELECT", "day", &[]),
    ("SELECT", "collector", &[]),
    ("SELECT", "shipment", &[]),
    ("INSERT", "day", &["day"]),
    ("UPDATE", "day", &["wanted"]),
    ("INSERT", "collector", &["name", "incarnation", "first_day"]),
    ("UPDATE", "collector", &["name", "seen"]),
    ("INSERT", "shipment", &["day", "collector", "closed"]),
    (
        "UPDATE",
        "shipment",
        &[
            "batch",
            "rows",
            "sessions",
            "shipped",
            "done",
            "late_sessions",
        ],
    ),
    ("INSERT", "key", &[]),
    ("INSERT", "count", &[]),
];

/// Those that are missing, as a GRANT says them.
pub(crate) fn missing(session: &Session) -> Result<Vec<String>, Fault> {
    let (mut rights, mut tables, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for (right, table, of) in NEEDED {
        // A table as a whole is an empty name of a column.
        let of = if of.is_empty() { &[""] } else { *of };
        for column in of {
            rights.push(*right);
            tables.push(*table);
            columns.push(*column);
        }
    }
    let rows = session.query(
        "SELECT n.\"right\" || CASE n.of WHEN '' THEN '' ELSE ' (' || n.of || ')' END || ' ON tlsrpt.' || n.\"table\" \
         FROM unnest($1::text[], $2::text[], $3::text[]) AS n(\"right\", \"table\", of) \
         WHERE NOT CASE n.of WHEN '' THEN has_table_privilege('tlsrpt.' || n.\"table\", n.\"right\") \
         ELSE has_column_privilege('tlsrpt.' || n.\"table\", n.of, n.\"right\") END",
        &[&rights, &tables, &columns],
    )?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
