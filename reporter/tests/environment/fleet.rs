//! What the database of a fleet holds, as `stored.rs` reads the SQLite engine's.

use std::path::Path;

use tlsrptd_fleet::{Address, Row, Session};

use super::stored::{DeliveryRow, ReportRow, Stored};

fn session(dbname: &Path) -> Session {
    let address = Address::parse(dbname.to_str().unwrap()).unwrap();
    Session::connect(address).unwrap()
}

/// `None` before a reporter has made the tables.
pub fn read(dbname: &Path) -> Option<Stored> {
    let db = session(dbname);
    let made = db.query("SELECT version FROM tlsrpt.meta", &[]).ok()?;
    (!made.is_empty()).then(|| Stored {
        jobs: Vec::new(),
        data: Vec::new(),
        reports: reports(&db),
        deliveries: deliveries(&db),
        suppressed: Vec::new(),
        refusals: Vec::new(),
        mails: Vec::new(),
        requests: Vec::new(),
    })
}

fn reports(db: &Session) -> Vec<ReportRow> {
    let sql = "SELECT day::text, domain, uniqid, to_char(created, 'YYYY-MM-DD HH24:MI:SS'), json IS NOT NULL, coalesce(sessions, 0), reason, \
               (SELECT count(*) FROM delivery d WHERE d.day = r.day AND d.r_id = r.r_id), r_id, mx FROM report r ORDER BY 1, 2, 3";
    rows(db, sql, |row| ReportRow {
        day: row.get(0),
        domain: row.get(1),
        uniqid: row.get(2),
        made: row.get(3),
        has_json: row.get(4),
        sessions: row.get(5),
        reason: row.get(6),
        deliveries: row.get(7),
        r_id: row.get(8),
        is_on_mx_host: row.get(9),
    })
}

fn deliveries(db: &Session) -> Vec<DeliveryRow> {
    let sql = "SELECT day::text, domain, uniqid, uri, status, failures::bigint, started IS NOT NULL, d.reason \
               FROM delivery d JOIN report USING (day, r_id) ORDER BY 1, 2, 3, uri COLLATE \"C\"";
    rows(db, sql, |row| DeliveryRow {
        day: row.get(0),
        domain: row.get(1),
        uniqid: row.get(2),
        uri: row.get(3),
        status: row.get(4),
        failures: row.get(5),
        in_hand: row.get(6),
        reason: row.get(7),
    })
}

fn rows<T>(db: &Session, sql: &str, read: impl Fn(&Row) -> T) -> Vec<T> {
    db.query(sql, &[]).unwrap().iter().map(read).collect()
}

/// Statements behind the reporter's back.
pub fn change(dbname: &Path, sql: &str) {
    let db = session(dbname);
    let transaction = db.begin().unwrap();
    transaction.batch(sql).unwrap();
    transaction.commit().unwrap();
}

/// Rows of a text and a number.
pub fn ask(dbname: &Path, sql: &str) -> Vec<(String, i64)> {
    rows(&session(dbname), sql, |row| (row.get(0), row.get(1)))
}

/// No delivery is without its report, in the partition that its number names.
pub fn is_whole(dbname: &Path) -> bool {
    let orphans = "SELECT uri, r_id FROM delivery d \
                   WHERE NOT EXISTS (SELECT 1 FROM report r WHERE r.day = d.day AND r.r_id = d.r_id)";
    ask(dbname, orphans).is_empty()
}

/// A number that changes when anything in the database does, but for who is a member and until when.
pub fn fingerprint(dbname: &Path) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let db = session(dbname);
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'tlsrpt'::regnamespace \
                  AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN ('member', 'shard') ORDER BY 1";
    let Ok(tables) = db.query(tables, &[]) else {
        // None has been made.
        return 0;
    };
    let mut hasher = DefaultHasher::new();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        let sql = format!(
            "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
        );
        (table, rows(&db, &sql, |row| row.get::<_, String>(0))).hash(&mut hasher);
    }
    hasher.finish()
}
