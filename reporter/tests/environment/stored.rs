//! What the store holds, for tests to compare. A second engine needs a second `read` and no other test.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

/// All of it, each list in the order of day, domain and number.
#[derive(Debug)]
pub struct Stored {
    pub jobs: Vec<JobRow>,
    pub data: Vec<DataRow>,
    pub reports: Vec<ReportRow>,
    pub deliveries: Vec<DeliveryRow>,
    pub suppressed: Vec<SuppressedRow>,
    /// Destinations whose refusals are remembered.
    pub refusals: Vec<String>,
    pub mails: Vec<MailsRow>,
    pub requests: Vec<RequestRow>,
}

#[derive(Debug)]
pub struct JobRow {
    pub day: String,
    pub index: i64,
    pub command: String,
    pub status: Option<String>,
    pub failures: i64,
    pub reason: Option<String>,
}

#[derive(Debug)]
pub struct DataRow {
    pub day: String,
    pub domain: String,
    pub command: String,
    pub index: i64,
    pub status: Option<String>,
    /// What sys4 sees.
    pub data: Option<String>,
    /// What is kept from sys4 while another collector is waited for.
    pub set_aside: Option<String>,
    pub reason: Option<String>,
}

#[derive(Debug)]
pub struct ReportRow {
    pub r_id: i64,
    pub day: String,
    pub domain: String,
    pub uniqid: i64,
    /// `YYYY-MM-DD HH:MM:SS`.
    pub made: String,
    /// The report is still stored.
    pub has_json: bool,
    pub sessions: i64,
    /// Why there is no report.
    pub reason: Option<String>,
    pub deliveries: i64,
    /// It is on a MX host: its sessions are in domains' reports, too.
    pub is_on_mx_host: bool,
}

#[derive(Debug)]
pub struct DeliveryRow {
    pub day: String,
    pub domain: String,
    pub uniqid: i64,
    pub uri: String,
    pub status: Option<String>,
    pub failures: i64,
    /// An attempt began whose outcome is not recorded.
    pub in_hand: bool,
    pub reason: Option<String>,
}

#[derive(Debug)]
pub struct SuppressedRow {
    pub target: String,
    pub domain: String,
    pub until: Option<String>,
    pub by: String,
    pub times: i64,
    pub reason: String,
}

/// What the operator has asked for.
#[derive(Debug)]
pub struct RequestRow {
    pub kind: String,
    pub day: Option<String>,
    pub domain: Option<String>,
    pub uniqid: Option<i64>,
    pub uri: String,
    pub state: String,
    pub answer: Option<String>,
    pub in_hand: bool,
}

#[derive(Debug)]
pub struct MailsRow {
    pub domain: String,
    pub number: i64,
}

/// One text a row.
pub fn lines<T>(rows: &[T], line: impl Fn(&T) -> String) -> Vec<String> {
    rows.iter().map(line).collect()
}

/// The different texts among those of all rows, in order.
pub fn distinct<T>(rows: &[T], text: impl Fn(&T) -> String) -> Vec<String> {
    let texts: std::collections::BTreeSet<String> = rows.iter().map(text).collect();
    texts.into_iter().collect()
}

/// `-` for nothing.
pub fn or_dash(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("-")
}

impl JobRow {
    pub fn status(&self) -> &str {
        or_dash(&self.status)
    }
}

impl DataRow {
    pub fn status(&self) -> &str {
        or_dash(&self.status)
    }
}

impl DeliveryRow {
    pub fn status(&self) -> &str {
        or_dash(&self.status)
    }
}

impl Stored {
    /// `None` before a reporter has made the tables.
    pub fn read(path: &Path) -> Option<Stored> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        db.prepare("SELECT tlsrptd_reason FROM destinations").ok()?;
        let has_requests = db.prepare("SELECT id FROM tlsrptd_requests").is_ok();
        Some(Stored {
            requests: if has_requests {
                requests(&db)
            } else {
                Vec::new()
            },
            jobs: jobs(&db),
            data: data(&db),
            reports: reports(&db),
            deliveries: deliveries(&db),
            suppressed: suppressed(&db),
            refusals: rows(
                &db,
                "SELECT target FROM tlsrptd_refusals ORDER BY 1",
                |row| row.get(0),
            ),
            mails: rows(
                &db,
                "SELECT domain, mails FROM tlsrptd_mails ORDER BY 1",
                |row| {
                    Ok(MailsRow {
                        domain: row.get(0)?,
                        number: row.get(1)?,
                    })
                },
            ),
        })
    }

    /// Deliveries of this status.
    pub fn ended(&self, status: &str) -> usize {
        self.deliveries
            .iter()
            .filter(|row| row.status.as_deref() == Some(status))
            .count()
    }

    /// Attempts that failed and were charged to the destination.
    pub fn failures(&self) -> i64 {
        self.deliveries.iter().map(|row| row.failures).sum()
    }

    /// Report mails that count against a domain.
    pub fn mails_to(&self, domain: &str) -> i64 {
        let mails = self.mails.iter().filter(|row| row.domain == domain);
        mails.map(|row| row.number).sum()
    }
}

fn jobs(db: &Connection) -> Vec<JobRow> {
    let sql = "SELECT day, fetcherindex, fetcher, status, retries, tlsrptd_reason FROM fetchjobs ORDER BY 1, 2";
    rows(db, sql, |row| {
        Ok(JobRow {
            day: row.get(0)?,
            index: row.get(1)?,
            command: row.get(2)?,
            status: row.get(3)?,
            failures: row.get(4)?,
            reason: row.get(5)?,
        })
    })
}

fn data(db: &Connection) -> Vec<DataRow> {
    // Those that were used are removed: their jobs stand beside their reports.
    let sql = "SELECT day, domain, fetcher, fetcherindex, status, data, tlsrptd_data, tlsrptd_reason FROM reportdata \
               WHERE typeof(domain) = 'text' \
               UNION ALL SELECT r.day, r.domain, j.fetcher, j.fetcherindex, 'fetched', '', NULL, NULL \
               FROM reports r JOIN fetchjobs j ON j.day = r.day \
               AND instr(',' || tlsrptd_jobs || ',', ',' || fetcherindex || ',') > 0 \
               WHERE NOT EXISTS (SELECT 1 FROM reportdata d WHERE d.day = r.day AND d.domain = r.domain \
               AND d.fetcher = j.fetcher) ORDER BY 1, 2, 4, 3";
    rows(db, sql, |row| {
        Ok(DataRow {
            day: row.get(0)?,
            domain: row.get(1)?,
            command: row.get(2)?,
            index: row.get(3)?,
            status: row.get(4)?,
            data: row.get(5)?,
            set_aside: row.get(6)?,
            reason: row.get(7)?,
        })
    })
}

fn reports(db: &Connection) -> Vec<ReportRow> {
    let sql = "SELECT day, domain, uniqid, its, report IS NOT NULL, coalesce(tlsrptd_sessions, 0), tlsrptd_reason, \
               (SELECT count(*) FROM destinations WHERE d_r_id = r_id), r_id, tlsrptd_mx IS NOT NULL FROM reports ORDER BY 1, 2, 3";
    rows(db, sql, |row| {
        Ok(ReportRow {
            day: row.get(0)?,
            domain: row.get(1)?,
            uniqid: row.get(2)?,
            made: row.get(3)?,
            has_json: row.get(4)?,
            sessions: row.get(5)?,
            reason: row.get(6)?,
            deliveries: row.get(7)?,
            r_id: row.get(8)?,
            is_on_mx_host: row.get(9)?,
        })
    })
}

fn deliveries(db: &Connection) -> Vec<DeliveryRow> {
    let sql = "SELECT day, domain, uniqid, destination, status, retries, tlsrptd_started IS NOT NULL, d.tlsrptd_reason \
               FROM destinations d JOIN reports ON r_id = d_r_id ORDER BY 1, 2, 3, 4";
    rows(db, sql, |row| {
        Ok(DeliveryRow {
            day: row.get(0)?,
            domain: row.get(1)?,
            uniqid: row.get(2)?,
            uri: row.get(3)?,
            status: row.get(4)?,
            failures: row.get(5)?,
            in_hand: row.get(6)?,
            reason: row.get(7)?,
        })
    })
}

fn requests(db: &Connection) -> Vec<RequestRow> {
    let sql = "SELECT kind, q.day, q.domain, uniqid, destination, state, answer, started IS NOT NULL \
               FROM tlsrptd_requests q LEFT JOIN reports r ON r.r_id = q.r_id ORDER BY id";
    rows(db, sql, |row| {
        Ok(RequestRow {
            kind: row.get(0)?,
            day: row.get(1)?,
            domain: row.get(2)?,
            uniqid: row.get(3)?,
            uri: row.get(4)?,
            state: row.get(5)?,
            answer: row.get(6)?,
            in_hand: row.get(7)?,
        })
    })
}

fn suppressed(db: &Connection) -> Vec<SuppressedRow> {
    let sql =
        "SELECT target, domain, until, by, times, reason FROM tlsrptd_suppressed ORDER BY 1, 2";
    rows(db, sql, |row| {
        Ok(SuppressedRow {
            target: row.get(0)?,
            domain: row.get(1)?,
            until: row.get(2)?,
            by: row.get(3)?,
            times: row.get(4)?,
            reason: row.get(5)?,
        })
    })
}

fn rows<T>(db: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut select = db.prepare(sql).unwrap();
    let found = select.query_map([], |row| read(row)).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}

/// Pages of the database that hold something.
pub fn pages_in_use(path: &Path) -> i64 {
    let db = Connection::open(path).unwrap();
    let number = |sql| rows(&db, sql, |row| row.get::<_, i64>(0))[0];
    number("PRAGMA page_count") - number("PRAGMA freelist_count")
}

/// Nothing is damaged, and no delivery is without its report.
pub fn is_whole(path: &Path) -> bool {
    let db = Connection::open(path).unwrap();
    let orphans =
        "SELECT destination FROM destinations WHERE d_r_id NOT IN (SELECT r_id FROM reports)";
    rows(&db, "PRAGMA integrity_check", |row| row.get::<_, String>(0)) == ["ok"]
        && rows(&db, orphans, |row| row.get::<_, String>(0)).is_empty()
}

/// A number that changes when anything in the database does.
pub fn fingerprint(path: &Path) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let Ok(db) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
        return 0;
    };
    let mut hasher = DefaultHasher::new();
    let texts = |sql: &str| -> Vec<String> {
        let columns = db.prepare(sql).unwrap().column_count();
        rows(&db, sql, |row| {
            (0..columns)
                .map(|column| Ok(format!("{:?}", row.get_ref(column)?)))
                .collect()
        })
    };
    texts("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").hash(&mut hasher);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    for table in rows(&db, tables, |row| row.get::<_, String>(0)) {
        texts(&format!("SELECT * FROM {table}")).hash(&mut hasher);
    }
    hasher.finish()
}
