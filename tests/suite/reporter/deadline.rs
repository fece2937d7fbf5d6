//! Collectors that do not answer in time: the day goes out without them, and what they bring later goes out late.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::stored::lines;
use tlsrptd_tests::harness::wait::until_true;

use super::collector::script;
use super::newest_jobs;

#[test]
fn at_the_deadline_the_day_is_composed_without_those_that_have_not_answered() {
    let lab = Lab::new();
    lab.dns
        .tlsrpt("good.test", "v=TLSRPTv1; rua=mailto:a@good.test");
    lab.dns
        .tlsrpt("part.test", "v=TLSRPTv1; rua=mailto:a@part.test");
    lab.dns
        .tlsrpt("late.test", "v=TLSRPTv1; rua=mailto:a@late.test");
    let good = script(&lab, "good", "stream; counts good.test 1; echo '. 1'");
    let late = script(
        &lab,
        "late",
        "cd ${0%/*}; [ -e ready ] || exit 1; stream; counts good.test 1; counts late.test 1; echo '. 2'",
    );
    let hang = script(
        &lab,
        "hang",
        "cd ${0%/*}; stream; counts part.test 2; [ -e ready ] && { echo '. 1'; exit 0; }; sleep 600 & echo $! >$0.pid; wait",
    );
    let reportd = lab
        .reportd()
        .set("fetchers", [good, late, hang].join(","))
        .set("fetch_deadline", 3);
    let (running, begun) = (reportd.start(), Instant::now());
    lab.wait_for_stored("all jobs done", |stored| {
        !stored.jobs.is_empty() && stored.jobs.iter().all(|job| job.status.is_some())
    });
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "a collector that hangs does not hold the day beyond the deadline"
    );
    lab.deliveries();
    running.stop().success();
    let jobs = lines(&newest_jobs(&lab), |job| {
        let reason = job.reason.as_deref().unwrap_or_default();
        let reason = reason
            .get(.."the fetch deadline has passed".len())
            .unwrap_or("-");
        format!("{} {} {reason}", job.index, job.status())
    });
    let given_up = [
        "1 ok -",
        "2 timedout the fetch deadline has passed",
        "3 timedout the fetch deadline has passed",
    ];
    assert_eq!(jobs, given_up);
    assert_eq!(lab.smtp.mails_to("a@good.test").len(), 1);
    let child = fs::read_to_string(lab.file("hang.sh.pid")).unwrap();
    let child = Pid::from_raw(child.trim().parse().unwrap());
    until_true("the end of what the hanging fetcher had started", || {
        kill(child, None).is_err()
    });

    // It is ready now, and asked once more: what is reported already is not reported again, what is new goes out late, in a
    // report of its own where the domain has one.
    fs::write(lab.file("ready"), "").unwrap();
    let mut running = reportd.start();
    running.wait_for_log("1 domains came too late for their report");
    lab.smtp.wait_for_mails(4);
    lab.deliveries();
    running.stop().success();
    let sessions = lines(&lab.stored().reports, |row| {
        format!("{} {}", row.domain, row.sessions)
    });
    assert_eq!(
        sessions,
        ["good.test 1", "good.test 1", "late.test 1", "part.test 2"],
        "each session in one report"
    );
    for (address, mails) in [("a@good.test", 2), ("a@late.test", 1), ("a@part.test", 1)] {
        assert_eq!(lab.smtp.mails_to(address).len(), mails, "{address}");
    }
}
