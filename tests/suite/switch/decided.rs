//! What ours has decided against, and what is final in its words, stays so under sys4, and when ours comes back.

use std::fs;

use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::sys4::Sys4;

use crate::in_turn::{our_domains, patient, their_domains, their_reporter};

/// Our words, and sys4's own.
const FINAL: [&str; 5] = ["refused", "suppressed", "expired", "timedout", "unknownrua"];

fn record(domain: &str) -> String {
    format!("v=TLSRPTv1; rua=mailto:a@{domain}")
}

/// A database of ours: domains decided against, each final word, a report that was sent, and one that is pending.
fn decided(lab: &Lab) {
    let domain = |word: &str| format!("{word}.test");
    let words = FINAL
        .iter()
        .chain(&["sent", "pending"])
        .map(|word| domain(word));
    for domain in words.clone().chain(["discarded.test".to_owned()]) {
        lab.dns.tlsrpt(&domain, &record(&domain));
    }
    lab.dns
        .tlsrpt("useless.test", "v=TLSRPTv1; rua=ftp://useless.test/");
    // Nothing in DNS: it has opted out. sys4 goes by what the MTA saw, and would report of each.
    let against = ["out.test", "useless.test", "discarded.test"].map(str::to_owned);
    lab.collect(
        words
            .clone()
            .chain(against)
            .map(|domain| mta::failure(&domain, &record(&domain), 203)),
    );
    for domain in words.filter(|domain| domain != "sent.test") {
        lab.smtp.script_for(
            &format!("a@{domain}"),
            Stage::Rcpt,
            Act::reply("451 4.2.1 later"),
        );
    }
    let map = lab.file("map");
    fs::write(&map, "discarded.test DISCARD\n").unwrap();
    let running = patient(lab.reportd())
        .set("tlsrpt_record_map", map.display())
        .start();
    let tried = "SELECT count(*) FROM destinations WHERE status IS NOT NULL OR retries > 0";
    lab.wait_for_query(&lab.reportd_db(), tried, "7");
    running.stop().success();
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    for word in FINAL {
        let sql =
            "UPDATE destinations SET status = ?1 WHERE destination = 'mailto:a@' || ?1 || '.test'";
        assert_eq!(db.execute(sql, [word]).unwrap(), 1);
    }
    lab.smtp.heal();
}

#[test]
fn what_is_decided_or_final_stays_so_there_and_back() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    decided(&lab);
    let rows = "SELECT domain, r.tlsrptd_reason, destination, status FROM reports r LEFT JOIN destinations ON d_r_id = r_id
        WHERE domain <> 'pending.test' ORDER BY 1";
    let before = lab.query(&lab.reportd_db(), rows);
    assert_eq!(before.len(), 3 + FINAL.len() + 1);
    let kept = "SELECT (SELECT report IS NULL FROM reports WHERE domain = 'sent.test'), (SELECT count(*) FROM reportdata)";
    assert_eq!(
        lab.query(&lab.reportd_db(), kept),
        [["1", "0"]],
        "what is done is forgotten, and sys4 has to live with that"
    );

    let mut running = their_reporter(&lab, &sys4, "nobody").start();
    lab.wait_for_query(
        &lab.reportd_db(),
        "SELECT count(*) FROM destinations WHERE status IS NULL",
        "0",
    );
    running.wait_for_log("Send out reports");
    let status = sys4.program("tlsrptctl", lab.folder()).no_config();
    let status = status.arg("status").arg("--config_file");
    let reportd = their_reporter(&lab, &sys4, "nobody");
    status.arg(reportd.config_path().display()).run().success();
    running.stop();
    assert_eq!(
        their_domains(&lab),
        ["pending.test"],
        "the only one that was pending"
    );
    assert_eq!(
        lab.query(&lab.reportd_db(), rows),
        before,
        "nothing else has changed"
    );

    let mut running = lab.reportd().start();
    running.wait_for_log("is at work");
    lab.deliveries();
    running.stop().success();
    assert_eq!(our_domains(&lab), ["sent.test"], "nothing is sent again");
    assert_eq!(
        lab.query(&lab.reportd_db(), rows),
        before,
        "ours finds what it left"
    );
}

/// Killed before the last of a day's decisions, ours leaves an open day whose decided domains have no collector's row any
/// more: sys4 asks its fetchers for all of them again, and finds the reports.
#[test]
fn what_is_decided_of_an_open_day_is_not_reported_again() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    decided(&lab);
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    let open = "UPDATE fetchjobs SET status = NULL, retries = 0, nexttry = '2000-01-01 00:00:00' WHERE day = ?1";
    assert_eq!(db.execute(open, [lab.day().to_string()]).unwrap(), 1);
    drop(db);
    let running = their_reporter(&lab, &sys4, "nobody").start();
    let asked = "SELECT (SELECT count(*) FROM reportdata WHERE data IS NULL) = 0 AND (SELECT count(*) FROM reportdata) > 0
        AND (SELECT count(*) FROM fetchjobs WHERE status IS NULL) = 0
        AND (SELECT count(*) FROM destinations WHERE status IS NULL) = 0";
    lab.wait_for_query(&lab.reportd_db(), asked, "1");
    running.stop();
    assert_eq!(their_domains(&lab), ["pending.test"]);
    let mut running = lab.reportd().start();
    running.wait_for_log("is at work");
    lab.deliveries();
    running.stop().success();
    assert_eq!(our_domains(&lab), ["sent.test"], "nothing is sent again");
}

/// sys4 cleans up what is old, ours opens what is left of it.
#[test]
fn sys4_cleans_up_after_ours() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    decided(&lab);
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    db.execute(
        "UPDATE destinations SET status = 'sent' WHERE status IS NULL",
        [],
    )
    .unwrap();
    drop(db);
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30);
    let Some(clock) = FakeClock::or_skip(lab.folder(), &later.to_string()) else {
        return;
    };
    let running = their_reporter(&lab, &sys4, "nobody").clock(&clock).start();
    let left = format!("SELECT count(*) FROM reports WHERE day = '{}'", lab.day());
    lab.wait_for_query(&lab.reportd_db(), &left, "0");
    running.stop();
    let mut running = lab.reportd().clock(&clock).start();
    running.wait_for_log("is at work");
    running.stop().success();
    assert_eq!((their_domains(&lab).len(), our_domains(&lab).len()), (0, 1));
}
