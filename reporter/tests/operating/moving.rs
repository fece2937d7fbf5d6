//! From a file into a fleet, and back: each row, each column; once; and at a day's boundary.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, types::Value};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Address, Session};
use tlsrptd_reporter::store::{self, MovedRows};

use super::{database, settings};

/// Texts that strangers choose.
const HOSTILE: &str = "x'); DROP TABLE report;--\u{202e}\\ %_\"";

/// A value of everything. Two days; a report that is pending, one that is sent and kept, one that is refused, one that was not made.
pub(super) fn fill(file: &Path) {
    let db = Connection::open(file).unwrap();
    let long = format!("https://h.example/{}", "a".repeat(9000));
    let sql = format!(
        "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry, its, tlsrptd_closed, tlsrptd_given_up, tlsrptd_place, \
           tlsrptd_listed, tlsrptd_early, tlsrptd_seen, tlsrptd_reason) VALUES \
           ('2026-11-20', 1, 'f ', 3, 'ok', '2026-11-21 00:00:01.000500+00:00', '2026-11-21 00:00:00', '2026-11-21 00:00:02+00:00', NULL, 1, 1, NULL, 7, 'r'), \
           ('2026-11-20', 2, 'g', 0, 'timedout', '2026-11-21 00:00:01+00:00', '2026-11-21 00:00:00', '2026-11-21 06:00:02+00:00', 1, 2, NULL, 1, NULL, NULL), \
           ('2026-11-19', 1, 'f ', 0, 'removed', '2026-11-20 00:00:01+00:00', '2026-11-20 00:00:00', '2026-11-20 00:00:02+00:00', 2, 0, NULL, NULL, NULL, NULL); \
         INSERT INTO tlsrptd_decided(day) VALUES ('2026-11-20'), ('2026-11-19'), ('2026-01-01'); \
         INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, tlsrptd_reason) VALUES \
           ('2026-11-20', 'late.example', '', 'f ', 1, 0, 'late', 'it came late'), \
           ('2026-11-20', 'gone.example', NULL, 'g', 2, 0, 'timedout', NULL), \
           ('2026-11-20', 'none.example', '', 'f   ', 1, 0, 'fetched', 'in two spellings'); \
         INSERT INTO reports(r_id, day, domain, uniqid, report, its, tlsrptd_reason, tlsrptd_sessions, tlsrptd_failed, tlsrptd_jobs, tlsrptd_mx) VALUES \
           (1, '2026-11-19', 'a.example', 1, NULL, '2026-11-20 01:00:00', NULL, 10, 2, '1', NULL), \
           (2, '2026-11-20', 'a.example', 1, '{{\"a\": \"ü\"}}', '2026-11-21 01:00:00', NULL, 9223372036854775807, 1, '1,2', NULL), \
           (3, '2026-11-20', 'mx.example', 1, NULL, '2026-11-21 01:00:00', NULL, 5, 5, NULL, 1), \
           (4, '2026-11-20', 'none.example', 0, NULL, '2026-11-21 01:00:00', 'opted out', 1, 0, '1', NULL), \
           (9, '2026-11-20', 'a.example', 2, NULL, '2026-11-22 01:00:00', NULL, 1, 0, '2', NULL); \
         INSERT INTO destinations(destination, d_r_id, retries, status, nexttry, its, tlsrptd_origin, tlsrptd_queue, tlsrptd_first, tlsrptd_dated, tlsrptd_reason) VALUES \
           ('mailto:x@a.example', 1, 1, 'sent', '2026-11-20 02:00:00+00:00', NULL, 'record', NULL, NULL, NULL, '250 ok'), \
           ('mailto:x@a.example', 2, 2, NULL, '2026-11-21 02:00:00.123456+00:00', '2026-11-21 01:00:00', 'record', 'mailto:', \
             '2026-11-21 01:30:00+00:00', '2026-11-21 01:30:00+00:00', '451 later'), \
           ('{long}', 2, 0, NULL, '2026-11-21 02:00:00+00:00', '2026-11-21 01:00:00', 'operator', 'https://h.example:443', NULL, NULL, NULL), \
           ('mailto:y@mx.example', 3, 1, 'refused', '2026-11-21 02:00:00+00:00', NULL, 'record', NULL, NULL, NULL, '550 no'), \
           ('mailto:x@a.example', 9, 1, 'sent', '2026-11-22 02:00:00+00:00', NULL, 'record', NULL, NULL, NULL, '250 ok'); \
         INSERT INTO tlsrptd_kept_reports(id, r_id, bytes, contents) VALUES (5, 1, 3, x'00ff80'), (6, 3, 2, '{{}}'), (8, 9, 1, x'aa'); \
         INSERT INTO tlsrptd_kept_total(id, bytes) VALUES (1, 6); \
         INSERT INTO tlsrptd_mails(day, domain, mails, reported, failed) VALUES ('2026-11-20', '', 4, NULL, NULL), ('2026-11-20', 'a.example', 3, '2026-11-19', 1); \
         INSERT INTO tlsrptd_named(day, name, domains, owners, sessions, deliveries, left_out, suspect) VALUES \
           ('2026-11-20', '', 0, x'', 0, 0, 0, NULL), ('2026-11-20', 'h.example', 30, x'0102ff', 9, 8, 7, '2026-11-18'); \
         INSERT INTO tlsrptd_history_days(day, domains, sessions, failed, reports, without, deliveries) VALUES ('2026-11-20', 3, 15, 6, 2, 1, 4), ('2026-01-01', 1, 2, 3, 4, 5, 6); \
         INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) VALUES ('2026-11-20', 'policy', 'sts', 10, 2), ('', 'policy', 'sts', 1000, 3); \
         INSERT INTO tlsrptd_failures(id, domain, mx, address, policy, result, reason, first, last) VALUES (-77, 'a.example', 'mx', '192.0.2.1', 'sts', 'x', 'y', '2026-11-19', '2026-11-20'); \
         INSERT INTO tlsrptd_history_failing(day, failure, sessions) VALUES ('2026-11-20', -77, 4), ('2026-11-20', 0, 9); \
         INSERT INTO tlsrptd_digests(last, days, made, status, failures, nexttry, reason, subject, body, csv) VALUES \
           ('2026-11-20', 1, '2026-11-21 07:00:00+00:00', NULL, 1, '2026-11-21 08:00:00+00:00', 'r', 's', 'b', 'c'); \
         INSERT INTO tlsrptd_suppressed(target, domain, until, reason, since, by, times) VALUES \
           ('mailto:a@b.example', '', NULL, ?1, '2026-11-01', 'operator', 0), ('mailto:a@b.example', 'a.example', '2026-12-01', 'r', '2026-11-02', 'refusals', 2); \
         INSERT INTO tlsrptd_refusals(target, domain, days, last, times, taken) VALUES ('mailto:a@b.example', 'a.example', 2, '2026-11-20', 1, ''); \
         INSERT INTO tlsrptd_requests(id, kind, day, domain, r_id, destination, origin, asked, by, state, answer, failures, seconds, nexttry, first, dated, ended) VALUES \
           (3, 'resend', '2026-11-20', 'a.example', 2, 'mailto:x@a.example', 'operator', '2026-11-21 09:00:00+00:00', 'root', 'waiting', NULL, 1, NULL, \
             '2026-11-21 10:00:00+00:00', '2026-11-21 09:30:00+00:00', '2026-11-21 09:30:00+00:00', NULL), \
           (7, 'test', NULL, NULL, NULL, 'mailto:z@a.example', 'operator', '2026-11-21 09:00:00+00:00', 'root', 'sent', '250 ok', 0, 0.5, NULL, NULL, NULL, '2026-11-21 09:01:00+00:00'); \
         INSERT INTO tlsrptd_bounces(id, tag, kind, blame, text, came, applied, result, r_id, destination) VALUES \
           (1, 't1', 'failed', 'address', 'no such user', '2026-11-21 09:00:00+00:00', '2026-11-21 09:00:01+00:00', 'refused', 3, 'mailto:y@mx.example'), \
           (2, 't2', 'failed', 'address', 'x', '2026-11-21 09:00:00+00:00', NULL, NULL, NULL, NULL); \
         INSERT OR REPLACE INTO tlsrptd_clock(id, at) VALUES (1, '2026-11-22 00:00:00+00:00')"
    );
    for statement in sql.split("; ").filter(|one| !one.trim().is_empty()) {
        let parameters: &[&dyn rusqlite::ToSql] = match statement.contains("?1") {
            true => &[&HOSTILE],
            false => &[],
        };
        db.execute(statement, parameters)
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Rows by table.
pub(super) type Contents = BTreeMap<String, Vec<Vec<Value>>>;

/// All rows of all tables; without what is not a value of anybody's: an id of a row, and times of rows that are done.
pub(super) fn contents(file: &Path) -> Contents {
    let db = Connection::open(file).unwrap();
    let mut names = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'dbversion'")
        .unwrap();
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let rows = |table: &String| {
        let columns = match table.as_str() {
            // Numbers of reports are others; the row is named by its report.
            "reports" => "day, domain, uniqid, report, its, tlsrptd_reason, tlsrptd_sessions, tlsrptd_failed, tlsrptd_jobs, tlsrptd_mx".to_owned(),
            "destinations" => "(SELECT day || domain || uniqid FROM reports WHERE r_id = d_r_id), destination, retries, status, nexttry, its, \
                tlsrptd_origin, tlsrptd_queue, tlsrptd_first, tlsrptd_dated, tlsrptd_reason".to_owned(),
            "tlsrptd_kept_reports" => "id - (SELECT min(id) FROM tlsrptd_kept_reports) > 0, bytes, contents, \
                (SELECT day || domain || uniqid FROM reports r WHERE r.r_id = tlsrptd_kept_reports.r_id)".to_owned(),
            "tlsrptd_requests" => "id, kind, day, domain, destination, origin, asked, by, state, answer, failures, seconds, nexttry, first, dated, \
                ended, (SELECT day || domain || uniqid FROM reports r WHERE r.r_id = tlsrptd_requests.r_id)".to_owned(),
            "tlsrptd_bounces" => "tag, kind, blame, text, came, applied, result, destination, \
                (SELECT day || domain || uniqid FROM reports r WHERE r.r_id = tlsrptd_bounces.r_id)".to_owned(),
            "reportdata" => "day, domain, data, fetcher, fetcherindex, status, tlsrptd_reason, retries".to_owned(),
            _ => "*".to_owned(),
        };
        let mut select = db
            .prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1"))
            .unwrap();
        let width = select.column_count();
        let rows = select
            .query_map([], |row| (0..width).map(|column| row.get(column)).collect())
            .unwrap();
        let mut rows: Vec<Vec<Value>> = rows.map(Result::unwrap).collect();
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    names
        .iter()
        .map(|table| (table.clone(), rows(table)))
        .collect()
}

pub(super) fn file_of(folder: &Path, name: &str) -> (std::path::PathBuf, Reportd) {
    let file = folder.join(name);
    let settings = settings(&file.display().to_string(), &["--fetchers=f"]);
    (file, settings)
}

#[test]
fn all_of_it_goes_there_and_comes_back() {
    let Some(dbname) = database("all_of_it_goes_there_and_comes_back") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (file, of_file) = file_of(folder.path(), "r.sqlite");
    store::open(&of_file, None).unwrap().close().unwrap();
    fill(&file);
    // As each start does: what is counted of deliveries follows from them.
    let mut store = store::open(&of_file, None).unwrap();
    store.release().unwrap();
    store.close().unwrap();
    let before = contents(&file);
    let rows: usize = before.values().map(Vec::len).sum();
    assert!(rows > 30 && before.len() > 15, "{before:?}");
    let fleet = settings(&dbname, &[]);

    let MovedRows::Now { days, rows } = store::import(&fleet, &file).unwrap() else {
        panic!("it is new")
    };
    assert_eq!(days, 3);
    assert!(rows > 30);
    assert_eq!(
        store::import(&fleet, &file).unwrap(),
        MovedRows::Before,
        "a second time changes nothing"
    );
    let refused = store::open(&of_file, None).err().unwrap().to_string();
    assert!(
        refused.contains("moved to postgresql://"),
        "nobody sends it once more: {refused}"
    );
    let other = database("another").unwrap();
    let refused = store::import(&settings(&other, &[]), &file)
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("its contents were moved to"), "{refused}");

    let (back, of_back) = file_of(folder.path(), "back.sqlite");
    let MovedRows::Now { days, .. } = store::export(&fleet, &back).unwrap() else {
        panic!("it is new")
    };
    assert_eq!(days, 2, "those with reports");
    let after = contents(&back);
    for (table, rows) in &before {
        assert_eq!(&after[table], rows, "{table}");
    }
    let refused = store::open(&fleet, None).err().unwrap().to_string();
    assert!(refused.contains("nobody works on it any more"), "{refused}");
    let installation = |settings: &Reportd| {
        let store = store::open(settings, None).unwrap();
        let id = store.installation().as_str().to_owned();
        store.close().unwrap();
        id
    };
    // What comes back can go there again, and is the same installation.
    let id = installation(&of_back);
    store::import(&settings(&other, &[]), &back).unwrap();
    assert_eq!(installation(&settings(&other, &[])), id);
}

#[test]
fn a_move_waits_for_its_time() {
    let Some(dbname) = database("a_move_waits_for_its_time") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (file, of_file) = file_of(folder.path(), "r.sqlite");
    let fleet = settings(&dbname, &[]);
    let refused = || store::import(&fleet, &file).err().unwrap().to_string();

    let at_work = store::open(&of_file, None).unwrap();
    let told = refused();
    assert!(told.contains("in use by process"), "{told}");
    at_work.close().unwrap();
    fill(&file);
    let sql = |sql: &str| Connection::open(&file).unwrap().execute(sql, []).unwrap();
    sql("UPDATE fetchjobs SET status = NULL WHERE day = '2026-11-20' AND fetcherindex = 2");
    let told = refused();
    assert!(told.contains("not all of 2026-11-20 is decided"), "{told}");
    sql("UPDATE fetchjobs SET status = 'timedout' WHERE status IS NULL");
    let session = super::made(&dbname);
    super::run(
        &session,
        "\
        INSERT INTO member(name, process, until) VALUES('mx1:1', 'p', clock_timestamp() + interval '1 min')",
    );
    let told = refused();
    assert!(told.contains("members are at work: stop mx1:1"), "{told}");
    let told = store::export(&fleet, &folder.path().join("new"))
        .err()
        .unwrap()
        .to_string();
    assert!(told.contains("members are at work"), "{told}");
    super::run(
        &session,
        "UPDATE member SET fenced = true; INSERT INTO decided(day) VALUES('2026-11-18')",
    );
    let told = refused();
    assert!(told.contains("days of its own"), "{told}");
    super::run(&session, "DELETE FROM decided");
    assert!(
        matches!(store::import(&fleet, &file).unwrap(), MovedRows::Now { .. }),
        "and then it goes"
    );
    super::run(
        &session,
        "UPDATE composing SET composed = false WHERE day = '2026-11-20'",
    );
    let told = store::export(&fleet, &folder.path().join("new"))
        .err()
        .unwrap()
        .to_string();
    assert!(told.contains("2026-11-20"), "{told}");
    let there = Session::connect(Address::parse(&dbname).unwrap()).unwrap();
    assert_eq!(
        there
            .query("SELECT moved FROM meta WHERE moved IS NULL", &[])
            .unwrap()
            .len(),
        1,
        "nothing has changed"
    );
}
