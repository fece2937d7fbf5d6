//! A retried delivery is the same bytes, whatever became of reportd in between.

use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::stored::lines;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

use super::{closed_day, fill, rua};

/// A second between two attempts: enough for every clock to show another time.
fn impatient(lab: &Lab) -> Program {
    lab.reportd()
        .set("max_retries_delivery", 5)
        .set("min_wait_delivery", 1)
        .set("max_wait_delivery", 1)
}

fn site() -> Lab {
    let lab = closed_day([]);
    let url = lab.https.url("/again");
    fill(
        &lab,
        [(
            "again.test",
            rua(&format!("{url},mailto:again@reports.test")),
        )],
    );
    lab
}

#[test]
fn a_retry_is_the_same_bytes() {
    let lab = site();
    lab.smtp
        .script_times(Stage::End, Act::reply("451 4.3.0 later"), 2);
    lab.https.script_times("/again", Answer::status(503), 2);
    let reportd = impatient(&lab).start();
    lab.smtp.wait_for_offered(3);
    lab.https.wait_for_posts(3);
    let sent = lab.deliveries();
    assert!(sent.iter().all(|(_, status)| status == "sent"), "{sent:?}");
    reportd.stop().success();
    check(&lab, 3, 1);
    let failures = lines(&lab.stored().deliveries, |row| row.failures.to_string());
    assert_eq!(failures, ["2", "2"], "failures, not attempts");
}

#[test]
fn so_it_is_after_another_start() {
    let lab = site();
    lab.smtp.script_times(Stage::End, Act::AcceptAndHang, 1);
    lab.https.script_times("/again", Answer::Hang, 1);
    let reportd = impatient(&lab).start();
    // Taken, but nobody has said so when reportd is killed.
    lab.smtp.wait_for_mails(1);
    lab.https.wait_for_posts(1);
    reportd.kill();
    let made = lab.stored().reports[0].made.clone();
    until_true("another second", || {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S");
        now.to_string() > made
    });
    // Other settings do not change what was composed already.
    let reportd = impatient(&lab)
        .set("organization_name", "Another Name")
        .start();
    lab.smtp.wait_for_mails(2);
    lab.https.wait_for_posts(2);
    let sent = lab.deliveries();
    assert!(sent.iter().all(|(_, status)| status == "sent"), "{sent:?}");
    reportd.stop().success();
    check(&lab, 2, 2);
}

#[test]
fn a_kept_connection_that_is_gone_costs_no_attempt() {
    let table = [
        (Act::Close, "closed while nobody looked"),
        (
            Act::reply("421 4.3.2 idle for too long"),
            "the relay says so first",
        ),
    ];
    for (act, reason) in table {
        let lab = closed_day([("again.test", rua("mailto:again@reports.test"))]);
        lab.smtp
            .script_times(Stage::End, Act::reply("451 4.3.0 later"), 1);
        let reportd = impatient(&lab).start();
        lab.smtp.wait_for_offered(1);
        // Not before a second has passed, the next mail comes by the same connection.
        lab.smtp.script_times(Stage::Mail, act, 1);
        lab.smtp.wait_for_mails(1);
        lab.deliveries();
        reportd.stop().success();
        let ended = lines(&lab.stored().deliveries, |row| {
            format!("{} {}", row.status(), row.failures)
        });
        assert_eq!(ended, ["sent 1"], "{reason}");
        assert_eq!(lab.smtp.connections(), 2, "{reason}");
    }
}

/// So many attempts, each the same, of them so many mails taken; signatures and Message-ID are in the bytes.
fn check(lab: &Lab, attempts: usize, taken: usize) {
    let (mails, posts) = (lab.smtp.offered(), lab.https.posts_to("/again"));
    assert_eq!((mails.len(), posts.len()), (attempts, attempts));
    assert_eq!(lab.smtp.mails().len(), taken);
    for mail in &mails {
        assert_eq!(
            String::from_utf8_lossy(&mail.bytes),
            String::from_utf8_lossy(&mails[0].bytes)
        );
        assert_eq!((&mail.from, &mail.to), (&mails[0].from, &mails[0].to));
    }
    assert!(posts.iter().all(|post| post.body == posts[0].body));
    if let Some(sys4) = Sys4::or_skip() {
        let verdicts = sys4.dkim([&mails[attempts - 1].bytes], &lab.dns.all_txt());
        assert_eq!(verdicts, [["ok rsa-sha256", "ok ed25519-sha256"]]);
    }
}
