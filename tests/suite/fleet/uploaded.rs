//! Hosts that upload each closed day, by the script of their collector, to where the reporter is: a file
//! `PATH.yesterday` without a `PATH`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

use super::Whose::{Ours, Theirs};
use super::hosts::Host;
use super::{reports, sessions};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

#[test]
fn an_uploaded_day_is_read_by_either() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for (collector, fetcher, reporter) in [
        (Theirs, Ours, Ours),
        (Ours, Theirs, Theirs),
        (Ours, Ours, Theirs),
        (Theirs, Theirs, Ours),
    ] {
        let why = format!("{collector:?}, {fetcher:?}, {reporter:?}");
        let lab = Lab::new();
        lab.dns.tlsrpt("a.test", TXT);
        let (host, center) = (
            Host::new(&lab, &sys4, "host"),
            Host::new(&lab, &sys4, "center"),
        );
        // Storage URL and file come last. A copy that is being made has no name yet.
        let script = lab.file("upload.sh");
        fs::write(&script, "cp \"$3\" \"$1.new\" && mv \"$1.new\" \"$1\"\n").unwrap();
        let upload = format!("/bin/sh {} {}", script.display(), center.closed().display());
        let collectd = host
            .collectd(collector)
            .set("daily_rollover_script", upload);
        host.closed_day(
            &collectd,
            &[
                mta::failure("a.test", TXT, 203),
                mta::success("a.test", TXT),
            ],
        );
        until_true("the uploaded day", || {
            center.closed().exists() && lab.day_file(&center.closed()).sessions() == 2
        });
        let mode = fs::metadata(host.closed()).unwrap().permissions().mode();
        assert_eq!(
            mode & 0o600,
            0o600,
            "{why}: sys4's fetcher has to write to it"
        );
        let reports = reports(&lab, &sys4, reporter, &[center.fetcher(fetcher)]);
        assert_eq!(reports.len(), 1, "{why}");
        assert_eq!(sessions(&reports[0].1), (1, 1), "{why}");
        assert!(
            !center.database().exists(),
            "{why}: nobody made a file of today"
        );
    }
}

/// A second reader of today's file would cost sys4 rows when it closes the day: our fetcher never opens it. Here it
/// is a pipe, in which whoever opens it hangs.
#[test]
fn our_fetcher_leaves_todays_file_alone() {
    let lab = Lab::new();
    lab.collect([mta::success("a.test", TXT)]);
    fs::remove_file(lab.collectd_db()).unwrap();
    nix::unistd::mkfifo(&lab.collectd_db(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let day = lab.day();
    for question in [
        &[day.as_str()][..],
        &[&day, "."],
        &[&day, "a.test"],
        &["1999-01-01"],
    ] {
        let fetcher = question
            .iter()
            .fold(lab.fetcher(), |fetcher, word| fetcher.arg(word));
        let answer = fetcher.run().success().stdout;
        assert!(
            question[0] != day || answer.contains("a.test"),
            "{question:?}: {answer}"
        );
    }
    // Nor does the reporter.
    lab.dns.tlsrpt("a.test", TXT);
    let running = lab.reportd().start();
    lab.smtp.wait_for_mails(1);
    lab.deliveries();
    running.stop().success();
}
