//! What the database of a fleet holds, as `stored.rs` reads the SQLite engine's.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use tlsrptd_fleet::{Address, Fault, Row, Session};

use super::stored::{
    DataRow, DeliveryRow, JobRow, MailsRow, ReportRow, RequestRow, Stored, SuppressedRow,
};

/// One connection is kept: some tests look hundreds of times.
fn with_session<T>(dbname: &Path, ask: impl FnOnce(&Session) -> T) -> T {
    thread_local! {
        static KEPT: RefCell<Option<(PathBuf, Session)>> = const { RefCell::new(None) };
    }
    let kept = KEPT.take().filter(|(of, _)| of == dbname);
    let (of, session) = kept.unwrap_or_else(|| {
        let address = Address::parse(dbname.to_str().unwrap()).unwrap();
        (dbname.to_owned(), Session::connect(address).unwrap())
    });
    let answer = ask(&session);
    KEPT.set(Some((of, session)));
    answer
}

/// `None` before a reporter has made the tables.
pub fn read(dbname: &Path) -> Option<Stored> {
    with_session(dbname, |db| {
        let made = db.query("SELECT version FROM tlsrpt.meta", &[]).ok()?;
        (!made.is_empty()).then(|| all(db))
    })
}

fn all(db: &Session) -> Stored {
    Stored {
        jobs: jobs(db),
        data: data(db),
        reports: reports(db),
        deliveries: deliveries(db),
        suppressed: suppressed(db),
        refusals: rows(db, "SELECT target FROM refusal ORDER BY 1", |row| {
            row.get(0)
        }),
        mails: rows(db, "SELECT domain, mails FROM mails ORDER BY 1", |row| {
            MailsRow {
                domain: row.get(0),
                number: row.get(1),
            }
        }),
        requests: requests(db),
    }
}

fn jobs(db: &Session) -> Vec<JobRow> {
    // A word for what became of it stands there when its day is decided, as with the SQLite engine.
    let sql = "SELECT day::text, job::bigint, command, CASE WHEN decided THEN \
               CASE outcome WHEN 'answered' THEN 'ok' WHEN 'removed' THEN 'removed' ELSE 'timedout' END END, \
               failures::bigint, reason FROM fetch_job ORDER BY 1, 2";
    rows(db, sql, |row| JobRow {
        day: row.get(0),
        index: row.get(1),
        command: row.get(2),
        status: row.get(3),
        failures: row.get(4),
        reason: row.get(5),
    })
}

fn data(db: &Session) -> Vec<DataRow> {
    // Those that were used are removed: their jobs stand beside their reports.
    let sql = "SELECT day::text, domain, command, job::bigint, \
               CASE state WHEN 'given up' THEN 'timedout' WHEN 'unusable' THEN 'fetched' WHEN 'listed' THEN NULL \
               WHEN 'aside' THEN NULL ELSE state END, CASE WHEN state <> 'aside' THEN data END, \
               CASE state WHEN 'aside' THEN data END, reason FROM answer \
               UNION ALL SELECT r.day::text, r.domain, j.command, j.job, 'fetched', '', NULL, NULL \
               FROM report r JOIN fetch_job j ON j.day = r.day AND j.job::text = ANY(string_to_array(r.jobs, ',')) \
               WHERE NOT EXISTS (SELECT 1 FROM answer a WHERE a.day = r.day AND a.domain = r.domain AND a.command = j.command) \
               ORDER BY 1, 2, 4, 3";
    rows(db, sql, |row| DataRow {
        day: row.get(0),
        domain: row.get(1),
        command: row.get(2),
        index: row.get(3),
        status: row.get(4),
        data: row.get(5),
        set_aside: row.get(6),
        reason: row.get(7),
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

fn requests(db: &Session) -> Vec<RequestRow> {
    let sql = "SELECT kind, q.day::text, q.domain, uniqid, destination, state, answer, started IS NOT NULL \
               FROM request q LEFT JOIN report r ON r.day = q.day AND r.r_id = q.r_id ORDER BY id";
    rows(db, sql, |row| RequestRow {
        kind: row.get(0),
        day: row.get(1),
        domain: row.get(2),
        uniqid: row.get(3),
        uri: row.get(4),
        state: row.get(5),
        answer: row.get(6),
        in_hand: row.get(7),
    })
}

fn suppressed(db: &Session) -> Vec<SuppressedRow> {
    let sql = "SELECT target, domain, until::text, by, times, reason FROM suppressed ORDER BY 1, 2";
    rows(db, sql, |row| SuppressedRow {
        target: row.get(0),
        domain: row.get(1),
        until: row.get(2),
        by: row.get(3),
        times: row.get(4),
        reason: row.get::<_, Option<String>>(5).unwrap_or_default(),
    })
}

fn rows<T>(db: &Session, sql: &str, read: impl Fn(&Row) -> T) -> Vec<T> {
    db.query(sql, &[]).unwrap().iter().map(read).collect()
}

/// Statements behind the reporter's back.
pub fn change(dbname: &Path, sql: &str) {
    with_session(dbname, |db| {
        let transaction = db.begin().unwrap();
        transaction.batch(sql).unwrap();
        transaction.commit().unwrap();
    });
}

/// Rows of a text and a number.
pub fn ask(dbname: &Path, sql: &str) -> Vec<(String, i64)> {
    with_session(dbname, |db| rows(db, sql, |row| (row.get(0), row.get(1))))
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
    let mut hasher = DefaultHasher::new();
    with_session(dbname, |db| {
        // None has been made, or a step that removes a day's tables holds them until its commit: then nothing is known, and
        // afterwards there is a change.
        contents(db).unwrap_or_default().hash(&mut hasher);
    });
    hasher.finish()
}

/// Of all tables: a hash of each, in one statement, as thousands of them are asked for.
fn contents(db: &Session) -> Result<Vec<String>, Fault> {
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'tlsrpt'::regnamespace \
                  AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'member' ORDER BY 1";
    let transaction = db.begin()?;
    transaction.batch("SET LOCAL lock_timeout = '200ms'")?;
    let of = |row: &Row| {
        let table: String = row.get(0);
        format!(
            "(SELECT '{table} ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t)"
        )
    };
    let tables: Vec<String> = transaction.query(tables, &[])?.iter().map(of).collect();
    let hashes = transaction.query(&tables.join(" UNION ALL "), &[])?;
    // Left open, it would hold the tables, of which a step may remove some.
    transaction.commit()?;
    Ok(hashes.iter().map(|row| row.get(0)).collect())
}
