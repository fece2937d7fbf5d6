//! Two whole sites that report to each other, with the real programs: each report mail is a session, or two with a
//! receiver that greylists, that the sender's MTA tells its collector of, as Postfix 3.10.0 to 3.10.3 do; or that it leaves
//! out, as newer ones do. For a month of it on a virtual clock see the reporter's own tests.

use std::fs;

use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::wait::until_true;

use super::times;

/// The sessions in each report of one day: successful and failed ones.
type Reports = Vec<(u64, u64)>;

/// One site: collector, reporter, MTA.
struct Site {
    lab: Lab,
    /// Whom it sends mail to.
    other: &'static str,
    collectd: Running,
    reportd: Running,
    /// The collector closes its day before the reporter asks for it.
    clocks: [FakeClock; 2],
    /// Sessions of a report mail that its MTA tells of.
    sessions_a_mail: usize,
    mails: usize,
    /// Sessions since midnight.
    today: i64,
}

impl Site {
    fn start_or_skip(other: &'static str, guard: &str, sessions_a_mail: usize) -> Option<Site> {
        let lab = Lab::new();
        lab.dns.tlsrpt(other, &txt(other));
        let clock = |name: &str| {
            let folder = lab.file(name);
            fs::create_dir(&folder).unwrap();
            FakeClock::or_skip(&folder, "2026-03-01T12:00:00Z")
        };
        let clocks = [clock("clock-of-collectd")?, clock("clock-of-reportd")?];
        let collectd = lab.start_ready(&lab.collectd().clock(&clocks[0]));
        let reportd = lab
            .reportd()
            .set("loop_guard", guard)
            .clock(&clocks[1])
            .start();
        Some(Site {
            lab,
            other,
            collectd,
            reportd,
            clocks,
            sessions_a_mail,
            mails: 0,
            today: 0,
        })
    }

    /// Its MTA has had a session.
    fn session(&mut self, failed: bool) {
        self.today += 1;
        let datagram = match failed {
            true => mta::failure(self.other, &txt(self.other), 203),
            false => mta::success(self.other, &txt(self.other)),
        };
        self.lab.mta().send(&datagram);
    }

    /// Ends the day, lets all reports on it go out, counts the mails' sessions, and gives the reports' sessions:
    /// successful and failed ones.
    fn end_day(&mut self, day: usize) -> Reports {
        let midnight = format!("2026-03-{:02}T00:00:05Z", day + 1);
        let closed = format!("day closed day=2026-03-{day:02}");
        // What is read after midnight is the next day's.
        if self.today > 0 {
            self.lab
                .wait_for_sessions(&self.lab.collectd_db(), self.today);
        }
        self.today = 0;
        self.clocks[0].jump(&midnight);
        until_true("the day to be closed", || {
            self.collectd.log().contains(&closed)
        });
        self.clocks[1].jump(&midnight);
        let day = format!("2026-03-{day:02}");
        self.lab.wait_for_stored(&day, |stored| {
            let mut jobs = stored.jobs.iter();
            jobs.any(|job| job.day == day && job.status() == "ok")
        });
        self.lab.deliveries();
        let mails = self.lab.smtp.mails().split_off(self.mails);
        self.mails += mails.len();
        (0..mails.len() * self.sessions_a_mail).for_each(|_| self.session(false));
        mails.iter().map(|mail| sessions(&mail.bytes)).collect()
    }
}

/// Of all policies of a report: successful and failed ones.
fn sessions(mail: &[u8]) -> (u64, u64) {
    let report = ReportMail::parse(mail).report();
    let sum = |name: &str| {
        let policies = report["policies"].as_array().unwrap().iter();
        policies
            .map(|policy| policy["summary"][name].as_u64().unwrap())
            .sum()
    };
    (
        sum("total-successful-session-count"),
        sum("total-failure-session-count"),
    )
}

fn txt(domain: &str) -> String {
    format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}")
}

/// Days with real mail: the first, with one success and one failure, and the fourth, with one failure.
fn play(guard: &str, sessions_a_mail: usize, days: usize) -> Option<Vec<[Reports; 2]>> {
    let mut sites = [
        Site::start_or_skip("b.test", guard, sessions_a_mail)?,
        Site::start_or_skip("a.test", guard, sessions_a_mail)?,
    ];
    let mut reports = Vec::new();
    for day in 1..=days {
        for site in &mut sites {
            if day == 1 {
                site.session(false);
            }
            if day == 1 || day == 4 {
                site.session(true);
            }
        }
        reports.push(sites.each_mut().map(|site| site.end_day(day)));
    }
    for site in sites {
        site.reportd.stop().success();
        site.collectd.stop().success();
    }
    Some(reports)
}

#[test]
fn reports_on_reports_die_out_and_failures_are_still_told() {
    for sessions_a_mail in [1, 3] {
        let Some(reports) = play("yes", sessions_a_mail, times(6, 12)) else {
            return;
        };
        for (day, reports) in (1..).zip(reports) {
            let expected = match day {
                1 => vec![(1, 1)],
                // The first day's report was some sessions; nobody hears of them.
                4 => vec![(0, 1)],
                _ => vec![],
            };
            let of = format!("day {day}, {sessions_a_mail} sessions a mail");
            assert_eq!(reports, [expected.clone(), expected], "{of}");
        }
    }
}

/// So that the test above can fail.
#[test]
fn without_the_guard_each_report_brings_the_next() {
    let Some(reports) = play("no", 2, 3) else {
        return;
    };
    let each = |sessions| [vec![sessions], vec![sessions]];
    assert_eq!(reports, [each((1, 1)), each((2, 0)), each((2, 0))]);
}

/// Nothing is guarded, as nothing is to be.
#[test]
fn an_mta_that_leaves_report_mails_out_needs_no_guard() {
    let Some(reports) = play("no", 0, 5) else {
        return;
    };
    let each = |sessions: Reports| [sessions.clone(), sessions];
    let none = || each(vec![]);
    let expected = [
        each(vec![(1, 1)]),
        none(),
        none(),
        each(vec![(0, 1)]),
        none(),
    ];
    assert_eq!(reports, expected);
}
