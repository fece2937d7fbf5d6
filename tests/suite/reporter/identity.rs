//! Whose a report is: two reporters of one organisation that saw the same of the same domain on the same day.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};

use super::report;

const RECORD: &str = "v=TLSRPTv1; rua=mailto:a@a.test";

/// A receiver that drops duplicates by any of these drops neither report.
#[test]
fn two_hosts_reports_of_one_day_are_two() {
    let shared = Lab::new();
    let (folder, copies) = (shared.file("shared"), shared.file("copies"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir(&copies).unwrap();
    let mut seen: Vec<[String; 4]> = Vec::new();
    for _ in 0..2 {
        let lab = Lab::new();
        lab.dns.tlsrpt("a.test", RECORD);
        lab.collect([mta::success("a.test", RECORD)]);
        let map = lab.file("map");
        fs::write(&map, format!(". APPEND directory:{}\n", folder.display())).unwrap();
        let mapped = lab.reportd().set("tlsrpt_record_map", map.display());
        report(&lab, &mapped);
        let names = names(&lab);
        assert_eq!(names[0], lab.report_id("a.test"));
        seen.push(names);

        let lab = Lab::new();
        lab.dns.tlsrpt("a.test", RECORD);
        lab.collect([mta::success("a.test", RECORD)]);
        let copied = lab.reportd().set("debug_send_file_dest", copies.display());
        report(&lab, &copied);
    }
    for (one, other) in seen[0].iter().zip(&seen[1]) {
        assert_ne!(one, other);
    }
    let files = |folder| fs::read_dir(folder).unwrap().count();
    assert_eq!(files(&folder), 2, "one of each host in their folder");
    assert_eq!(
        files(&copies),
        2 * 2,
        "of each host the report and its mail"
    );
}

#[test]
fn an_installation_is_the_same_at_each_retry_and_restart() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", RECORD);
    lab.collect([mta::success("a.test", RECORD)]);
    // Taken, but nobody has said so: who has it must see that the next one is the same.
    lab.smtp.script_times(Stage::End, Act::AcceptAndClose, 1);
    let running = lab.reportd().start();
    lab.wait_for_stored("a failure", |stored| {
        let pending = stored.deliveries.iter().filter(|row| row.status.is_none());
        pending.filter(|row| row.reason.is_some()).count() == 1
    });
    running.stop().success();
    let before = lab.report_id("a.test");
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    let due = "UPDATE destinations SET nexttry = '2000-01-01 00:00:00+00:00'";
    assert_eq!(db.execute(due, []).unwrap(), 1);
    drop(db);
    let running = lab.reportd().start();
    lab.deliveries();
    running.stop().success();
    assert_eq!(lab.report_id("a.test"), before, "kept in the database");
    let mails = lab.smtp.mails();
    assert_eq!(mails.len(), 2);
    let [first, second] = [0, 1].map(|at| String::from_utf8_lossy(&mails[at].bytes).into_owned());
    assert_eq!(first, second, "the same mail");
}

/// Report-id, Message-ID, file name and boundary of the one mail.
fn names(lab: &Lab) -> [String; 4] {
    let mails = lab.smtp.mails();
    let mail = ReportMail::parse(&mails[0].bytes);
    let header = |name: &str| mail.header(name).unwrap();
    let id = mail.report()["report-id"].as_str().unwrap().to_owned();
    assert!(
        header("Subject").contains(&format!("<{id}@")),
        "{}",
        header("Subject")
    );
    let disposition = mail.part_header(1, "Content-Disposition").unwrap();
    [
        id,
        header("Message-ID"),
        disposition,
        header("Content-Type"),
    ]
}
