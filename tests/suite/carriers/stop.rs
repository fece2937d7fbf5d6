//! A stop while a relay or a receiver has a report and has not answered: to hang up would send it twice.

use std::time::Duration;

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::smtp::{Act, Stage};

use super::{closed_day, fill, rua};

/// Longer than a stop waits for whatever is under way.
const SLOW: Duration = Duration::from_secs(14);
const WAITS: &str = "the relay or receivers have reports that they have not answered";

/// A domain by mail and one by HTTPS, whose reports the other side has and does not answer.
fn site(mail: Act, post: Answer) -> Lab {
    let lab = closed_day([]);
    let url = lab.https.url("/slow");
    fill(
        &lab,
        [
            ("mail.test", rua("mailto:slow@reports.test")),
            ("post.test", rua(&url)),
        ],
    );
    lab.smtp.script_times(Stage::End, mail, 1);
    lab.https.script_times("/slow", post, 1);
    lab
}

#[test]
fn a_slow_filter_and_a_slow_receiver_get_nothing_twice() {
    let lab = site(Act::AcceptLate(SLOW), Answer::Late(SLOW, 200));
    let reportd = lab.reportd().start();
    lab.smtp.wait_for_mails(1);
    lab.https.wait_for_posts(1);
    let log = reportd.stop().success().stderr;
    assert!(log.contains(WAITS), "it says why it takes so long: {log}");
    let stored = lab.stored();
    assert_eq!((stored.ended("sent"), stored.failures()), (2, 0), "{log}");
    let mut reportd = lab.reportd().start();
    reportd.wait_for_log("is at work");
    lab.deliveries();
    reportd.stop().success();
    assert_eq!((lab.smtp.mails().len(), lab.https.posts().len()), (1, 1));
}

/// An operator who has no time says so: a second SIGTERM, or SIGINT.
#[test]
fn a_second_signal_ends_the_wait() {
    for again in [Signal::SIGTERM, Signal::SIGINT] {
        let lab = site(Act::AcceptAndHang, Answer::Hang);
        let mut reportd = lab.reportd().start();
        lab.smtp.wait_for_mails(1);
        lab.https.wait_for_posts(1);
        reportd.signal(Signal::SIGTERM);
        reportd.wait_for_log(WAITS);
        // Logs are rotated while it waits.
        reportd.signal(Signal::SIGHUP);
        reportd.signal(again);
        let log = reportd.wait().success().stderr;
        assert!(log.contains("told again to stop"), "{again}: {log}");
        assert!(log.contains("2 deliveries did not end in time"), "{log}");
        let mut reportd = lab.reportd().start();
        reportd.wait_for_log("is at work");
        let sent = lab.deliveries();
        assert!(sent.iter().all(|(_, status)| status == "sent"), "{sent:?}");
        reportd.stop().success();
    }
}
