//! The form of the reporter's database, which sys4 has to read: its tables, and what stands in them.

use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;

const TABLES: [&str; 5] = [
    "dbversion",
    "destinations",
    "fetchjobs",
    "reportdata",
    "reports",
];

#[test]
fn sys4s_tables_are_as_sys4s_makes_them() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let (ours, theirs) = (Lab::new(), Lab::new());
    make(&ours);
    let fetcher = theirs.fetcher().set(
        "storage",
        format!("sqlite://{}", theirs.collectd_db().display()),
    );
    let mut running = theirs
        .their_reportd(&sys4)
        .set("fetchers", fetcher.command_line())
        .start();
    running.wait_for_log("setup finished");
    running.stop();
    let wanted = texts(&theirs);
    assert_eq!(texts(&ours), wanted, "made by ours");
    // Made by sys4, used by ours.
    make(&theirs);
    assert_eq!(texts(&theirs), wanted, "opened by ours");
    for lab in [&ours, &theirs] {
        let foreign = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')";
        assert_eq!(
            lab.query(&lab.reportd_db(), foreign),
            [[""; 0]; 0],
            "no triggers, no views"
        );
        let unique = "SELECT m.name, i.name FROM sqlite_master m, pragma_index_list(m.name) i
            WHERE m.type = 'table' AND m.name NOT LIKE 'tlsrptd%' AND i.\"unique\" AND i.origin = 'c'";
        assert_eq!(
            lab.query(&lab.reportd_db(), unique),
            [[""; 0]; 0],
            "no unique indexes of ours on sys4's tables"
        );
        let bound = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
            WHERE c.name LIKE 'tlsrptd%' AND (c.\"notnull\" OR c.dflt_value IS NOT NULL)";
        assert_eq!(
            lab.query(&lab.reportd_db(), bound),
            [[""; 0]; 0],
            "our columns take NULL"
        );
        assert_eq!(
            lab.query(&lab.reportd_db(), "PRAGMA journal_mode"),
            [["delete"]]
        );
        assert_eq!(lab.query(&lab.reportd_db(), "PRAGMA user_version"), [["0"]]);
    }
}

fn make(lab: &Lab) {
    let mut running = lab.reportd().start();
    running.wait_for_log("is at work");
    running.stop().success();
}

/// sys4's tables without our columns, each as its SQL text and the properties of its columns.
fn texts(lab: &Lab) -> Vec<(String, Vec<Vec<String>>)> {
    let text = |table: &str| {
        let sql = format!("SELECT sql FROM sqlite_master WHERE name = '{table}'");
        let text = lab.query(&lab.reportd_db(), &sql)[0][0].clone();
        let parts: Vec<&str> = text
            .split(", ")
            .filter(|part| !part.starts_with("tlsrptd_"))
            .collect();
        // A column is added before a table's constraints, or before its last parenthesis.
        let mut text = parts.join(", ");
        if !text.ends_with(')') {
            text.push(')');
        }
        let sql =
            format!("SELECT * FROM pragma_table_info('{table}') WHERE name NOT LIKE 'tlsrptd%'");
        (text, lab.query(&lab.reportd_db(), &sql))
    };
    TABLES.map(text).into()
}

/// What must find no row, and why.
#[rustfmt::skip]
const FAULTS: &[(&str, &str)] = &[
    ("SELECT * FROM destinations WHERE typeof(destination) <> 'text' OR typeof(d_r_id) <> 'integer' OR typeof(retries) <> 'integer'", "types of a destination"),
    ("SELECT * FROM destinations WHERE d_r_id NOT IN (SELECT r_id FROM reports)", "a destination has its report"),
    ("SELECT * FROM destinations JOIN reports ON r_id = d_r_id WHERE typeof(report) <> 'text'", "a pending report is text"),
    ("SELECT * FROM reports WHERE typeof(uniqid) <> 'integer' OR uniqid < 1 OR tlsrptrecord IS NOT NULL", "uniqid counts from 1; tlsrptrecord is never filled"),
    ("SELECT * FROM reportdata WHERE typeof(data) <> 'text' OR typeof(fetcherindex) <> 'integer' OR typeof(retries) <> 'integer' OR status <> 'fetched'", "types of report data"),
    ("SELECT * FROM fetchjobs WHERE typeof(fetcherindex) <> 'integer' OR fetcherindex < 1 OR typeof(retries) <> 'integer' OR typeof(fetcher) <> 'text'", "types of a job"),
    ("SELECT * FROM fetchjobs WHERE status <> 'ok'", "a decided day's jobs are ok"),
    ("SELECT * FROM fetchjobs WHERE day NOT GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9]'", "a day"),
    ("SELECT nexttry FROM destinations WHERE typeof(nexttry) <> 'text' OR (nexttry NOT GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]+00:00'
        AND nexttry NOT GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')", "an instant, compared as text"),
    ("SELECT its FROM reports WHERE its NOT GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]'", "an instant as SQLite writes it"),
    ("SELECT * FROM reportdata d WHERE NOT EXISTS (SELECT 1 FROM reports r WHERE r.day = d.day AND r.domain = d.domain)", "each domain has a row, or sys4 would report it"),
    ("SELECT * FROM destinations WHERE destination NOT LIKE 'mailto:%@%' AND destination NOT LIKE 'https://%'", "URIs that sys4 can deliver"),
];

#[test]
fn rows_are_written_as_sys4_reads_them() {
    let lab = Lab::new();
    let url = lab.https.url("/never");
    lab.dns.tlsrpt(
        "a.test",
        &format!("v=TLSRPTv1; rua=mailto:a%2Bb@a.test%2Cc@a.test,{url}"),
    );
    lab.collect(
        ["a.test", "out.test"]
            .map(|domain| mta::failure(domain, "v=TLSRPTv1; rua=mailto:seen@a.test", 203)),
    );
    lab.https.script("/never", Answer::status(503));
    let running = lab.reportd().start();
    lab.wait_for_query(
        &lab.reportd_db(),
        "SELECT sum(status = 'sent') = 2 AND sum(retries) = 1 FROM destinations",
        "1",
    );
    running.stop().success();
    for (sql, why) in FAULTS {
        assert_eq!(
            lab.query(&lab.reportd_db(), sql),
            Vec::<Vec<String>>::new(),
            "{why}"
        );
    }
    let rows = "SELECT (SELECT count(*) FROM reports), (SELECT count(*) FROM destinations WHERE status IS NULL)";
    assert_eq!(
        lab.query(&lab.reportd_db(), rows),
        [["2", "1"]],
        "there was something to look at"
    );
}
