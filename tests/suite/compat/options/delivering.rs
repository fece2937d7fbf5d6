//! The options of `tlsrpt-reportd` about when and how often.

use std::fs;
use std::time::{Duration, Instant};

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::{until_true, within};

use super::super::reporter::session;
use super::effect::{Effect, Of};
use super::site::{MAIL, Site};

pub(super) fn effects() -> Vec<Effect> {
    [times(), bounds()].into_iter().flatten().collect()
}

/// How long it is until a delivery that failed so often is tried again, or that it is not.
fn again(site: &Site, reporter: Program, failures: i64) -> String {
    // Nobody knows what a program did that was killed: that is a failure. What it says of itself would be none.
    let reporter = reporter.set("sendmail_script", "cat >/dev/null; kill -9 $$");
    let running = reporter.start();
    site.scene
        .wait_for("r.sqlite", "SELECT retries > 0 FROM destinations", "1");
    running.stop();
    if failures > 1 {
        let change = rusqlite::Connection::open(site.scene.file("r.sqlite")).unwrap();
        let sql = format!(
            "UPDATE destinations SET retries = {}, nexttry = '2020-01-01 00:00:00+00:00'",
            failures - 1
        );
        change.execute_batch(&sql).unwrap();
        drop(change);
        let _running = reporter.start();
        site.scene.wait_for(
            "r.sqlite",
            &format!("SELECT retries >= {failures} FROM destinations"),
            "1",
        );
    }
    site.value(
        "SELECT CASE WHEN status IS NOT NULL THEN status WHEN nexttry > datetime('now', '+800 seconds') THEN 'late'
         WHEN nexttry > datetime('now', '+200 seconds') THEN 'later' ELSE 'soon' END FROM destinations",
    )
}

#[rustfmt::skip]
fn times() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        // A year: the chance that it is due at once is one in millions.
        of.turn("spread_out_delivery", ["31536000", "1"], ["pending", "sent"], |site, reporter| {
            let _running = reporter.start();
            let sent = || site.scene.rows_or_none("r.sqlite", "SELECT status FROM destinations").filter(|status| status == "sent");
            within(Duration::from_secs(5), sent).unwrap_or_else(|| "pending".to_owned())
        }),
        of.set("retry_window", "1", ["later", "soon"], |site, reporter| again(site, reporter, 1)),
        of.set("max_retries_delivery", "0", ["later", "timedout"], |site, reporter| again(site, reporter, 1)),
        of.set("min_wait_delivery", "1000", ["later", "late"], |site, reporter| again(site, reporter, 1)),
        // After the fourth failure: 300 s, three times doubled.
        of.set("max_wait_delivery", "300", ["late", "later"], |site, reporter| again(site, reporter, 4)),
    ]
}

/// How many of four deliveries were under way at one time.
fn at_one_time(site: &Site, reporter: Program) -> String {
    let days = ["a", "b", "c", "d"].map(|name| session(&format!("{name}.test"), MAIL));
    let script = site
        .scene
        .fill("cat >/dev/null; echo begin >>{folder}/turns; sleep 0.5; echo end >>{folder}/turns");
    let reporter = reporter
        .set("fetchers", site.day(&days))
        .set("sendmail_script", script);
    site.scene.report(&reporter, 4);
    let turns = fs::read_to_string(site.scene.file("turns")).unwrap();
    let (mut now, mut most) = (0, 0);
    for turn in turns.lines() {
        now += if turn == "begin" { 1 } else { -1 };
        most = most.max(now);
    }
    if most == 1 { "one" } else { "several" }.to_owned()
}

#[rustfmt::skip]
fn bounds() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.set("max_concurrent_deliveries", "1", ["several", "one"], at_one_time),
        of.set("max_concurrent_per_host", "1", ["several", "one"], at_one_time),
        of.set("max_rate_per_host", "1", ["at once", "one after the other"], |site, reporter| {
            let days = ["a", "b", "c", "d"].map(|name| session(&format!("{name}.test"), &site.posting()));
            let _running = reporter.set("fetchers", site.day(&days)).start();
            until_true("the first post", || !site.https.posts().is_empty());
            let begin = Instant::now();
            site.https.wait_for_posts(4);
            if begin.elapsed() > Duration::from_millis(1900) { "one after the other" } else { "at once" }.to_owned()
        }),
        of.set("max_mail_rate_per_domain", "60", ["at once", "one after the other"], |site, reporter| {
            let days = ["a", "b", "c", "d"].map(|name| session(&format!("{name}.test"), MAIL));
            let _running = reporter.set("fetchers", site.day(&days)).start();
            until_true("the first mail", || !site.smtp.mails().is_empty());
            let begin = Instant::now();
            site.smtp.wait_for_mails(4);
            if begin.elapsed() > Duration::from_millis(1900) { "one after the other" } else { "at once" }.to_owned()
        }),
    ]
}
