//! Which of our columns and tables a file has: one that sys4 made has none.

use std::collections::HashSet;

use rusqlite::Connection;

/// Of the tables that are asked about one domain.
pub(in crate::store::sqlite) struct Columns(HashSet<(String, String)>);

impl Columns {
    pub(in crate::store::sqlite) fn of(db: &Connection) -> rusqlite::Result<Columns> {
        db.prepare(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()
        .map(Columns)
    }

    pub(in crate::store::sqlite) fn has_table(&self, table: &str) -> bool {
        self.0.iter().any(|(name, _)| name == table)
    }

    pub(in crate::store::sqlite) fn of_fetchjobs(&self, column: &str) -> String {
        self.or_null("fetchjobs", column)
    }

    pub(in crate::store::sqlite) fn of_reportdata(&self, column: &str) -> String {
        self.or_null("reportdata", column)
    }

    pub(in crate::store::sqlite) fn of_reports(&self, column: &str) -> String {
        self.or_null("reports", column)
    }

    pub(in crate::store::sqlite) fn of_destinations(&self, column: &str) -> String {
        self.or_null("destinations", column)
    }

    /// What a delivery was answered at last, of the table with this name; behind it what came back later of one that was sent, and
    /// was no end of it.
    pub(in crate::store::sqlite) fn answer_of_destinations(&self, table: &str) -> String {
        let answer = match self.of_destinations("tlsrptd_reason").as_str() {
            "NULL" => return "NULL".to_owned(),
            column => format!("{table}.{column}"),
        };
        if !self.has_table("tlsrptd_bounces") {
            return answer;
        }
        format!(
            "{answer} || coalesce((SELECT '; then ' || b.kind || ': ' || b.text FROM tlsrptd_bounces b \
             WHERE {table}.status = 'sent' AND b.r_id = {table}.d_r_id AND b.destination = {table}.destination \
             AND b.kind <> 'failed' ORDER BY b.came DESC LIMIT 1), '')"
        )
    }

    /// When the first attempt was: of what ours has sent at once, when it ended (see `discard`).
    pub(in crate::store::sqlite) fn first_attempt(&self, destinations: &str) -> String {
        match self.of_destinations("tlsrptd_first").as_str() {
            "NULL" => "NULL".to_owned(),
            first => format!(
                "coalesce({first}, CASE WHEN {destinations}.its IS NULL AND tlsrptd_origin IS NOT NULL THEN nexttry END)"
            ),
        }
    }

    fn or_null(&self, table: &str, column: &str) -> String {
        match self.0.contains(&(table.to_owned(), column.to_owned())) {
            true => column.to_owned(),
            false => "NULL".to_owned(),
        }
    }
}
