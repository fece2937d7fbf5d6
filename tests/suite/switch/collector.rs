//! Collectors in turn over midnights, and closed days that nobody has fetched yet.

use serde_json::Value;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::sys4::Sys4;

use super::End::{Kill, Stop};
use super::Turn::{Ours, Theirs};
use super::{Turn, end};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";
const FIRST: &str = "2026-03-01";
const SECOND: &str = "2026-03-02";

/// A site and its files, which both collectors use.
struct Site<'a> {
    lab: Lab,
    /// The real one when there is none.
    clock: Option<FakeClock>,
    sys4: &'a Sys4,
}

impl Site<'_> {
    fn new(sys4: &Sys4) -> Site<'_> {
        let lab = Lab::new();
        lab.dns.tlsrpt("a.test", TXT);
        Site {
            lab,
            clock: None,
            sys4,
        }
    }

    /// With a clock of its own, at noon of the first day.
    fn with_clock_or_skip(sys4: &Sys4) -> Option<Site<'_>> {
        let mut site = Site::new(sys4);
        let noon = format!("{FIRST}T12:00:00Z");
        site.clock = Some(FakeClock::or_skip(site.lab.folder(), &noon)?);
        Some(site)
    }

    fn jump(&self, instant: &str) {
        self.clock.iter().for_each(|clock| clock.jump(instant));
    }

    fn by_clock(&self, program: Program) -> Program {
        match &self.clock {
            Some(clock) => program.clock(clock),
            None => program,
        }
    }

    fn start(&self, turn: Turn) -> Running {
        let collectd = match turn {
            Ours => self.lab.collectd(),
            Theirs => self.lab.their_collectd(self.sys4),
        };
        self.lab.start_ready(&self.by_clock(collectd))
    }

    /// Sends so many sessions, each third of them failed, and waits until today's file holds so many.
    fn count(&self, sessions: usize, in_file: i64) {
        for number in 0..sessions {
            let datagram = if number % 3 == 0 {
                mta::failure("a.test", TXT, 203)
            } else {
                mta::success("a.test", TXT)
            };
            self.lab.mta().send(&datagram);
        }
        self.lab.wait_for_sessions(&self.lab.collectd_db(), in_file);
    }

    /// What both fetchers say of a day; they agree.
    fn fetched(&self, day: &str) -> (i64, i64) {
        let own = self.fetched_by(&self.lab.fetcher(), day);
        let sys4 = self.fetched_by(&self.lab.their_fetcher(self.sys4), day);
        assert_eq!(own, sys4, "{day}");
        own
    }

    /// Sessions and failed sessions of a.test.
    fn fetched_by(&self, fetcher: &Program, day: &str) -> (i64, i64) {
        let ended = self
            .by_clock(fetcher.clone())
            .arg(day)
            .arg("a.test")
            .run()
            .success();
        let details: Value = serde_json::from_str(&ended.stdout).unwrap();
        let policies = details["policies"].as_object().unwrap().values();
        let counts = policies.flat_map(|policies| policies.as_object().unwrap().values());
        counts.fold((0, 0), |(total, failed), counts| {
            (
                total + counts["cntrtotal"].as_i64().unwrap(),
                failed + counts["cntrfailure"].as_i64().unwrap(),
            )
        })
    }
}

/// Failed sessions of so many: each third, and at least one each time that some are sent.
const fn failed(times: &[i64]) -> i64 {
    let (mut sum, mut at) = (0, 0);
    while at < times.len() {
        sum += (times[at] + 2) / 3;
        at += 1;
    }
    sum
}

/// One ends before midnight with two sessions, another begins after it and counts three, the first (or a third) goes on
/// with four; then that day ends too.
#[test]
fn a_midnight_between_two_turns_loses_and_doubles_nothing() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for ([one, other, third], how) in [
        ([Theirs, Ours, Theirs], Stop),
        ([Theirs, Ours, Theirs], Kill),
        ([Ours, Theirs, Ours], Stop),
        ([Ours, Theirs, Ours], Kill),
    ] {
        let why = format!("{one:?}, {other:?}, {third:?}, {how:?}");
        let Some(site) = Site::with_clock_or_skip(&sys4) else {
            return;
        };
        let running = site.start(one);
        site.count(2, 2);
        end(running, one, how);
        site.jump(&format!("{SECOND}T00:00:05Z"));
        let running = site.start(other);
        let before = match other {
            Ours => {
                site.lab.wait_for_sessions(&site.lab.closed_db(), 2);
                0
            }
            // It leaves both days in one file.
            Theirs => 2,
        };
        site.count(3, before + 3);
        end(running, other, how);
        let running = site.start(third);
        site.count(4, 7);
        assert_eq!(
            site.fetched(FIRST),
            (2, failed(&[2])),
            "{why}: the first day"
        );
        site.jump("2026-03-03T00:00:05Z");
        site.lab.wait_for_sessions(&site.lab.closed_db(), 7);
        assert_eq!(
            site.fetched(SECOND),
            (7, failed(&[3, 4])),
            "{why}: the second day"
        );
        if third == Ours {
            let fetcher = site.lab.fetcher();
            assert_eq!(
                site.fetched_by(&fetcher, FIRST),
                (2, failed(&[2])),
                "{why}: it is kept"
            );
        }
        end(running, third, Stop);
    }
}

/// Ours stops before midnight and sys4 goes on: it never closes the old day, but no session is lost.
#[test]
fn sys4s_file_of_two_days_holds_both() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let Some(site) = Site::with_clock_or_skip(&sys4) else {
        return;
    };
    let running = site.start(Ours);
    site.count(2, 2);
    end(running, Ours, Stop);
    site.jump(&format!("{SECOND}T00:00:05Z"));
    let running = site.start(Theirs);
    site.count(3, 5);
    site.jump("2026-03-03T00:00:05Z");
    site.lab.wait_for_sessions(&site.lab.closed_db(), 5);
    end(running, Theirs, Stop);
    assert_eq!(site.fetched(FIRST), (2, failed(&[2])));
    assert_eq!(site.fetched(SECOND), (3, failed(&[3])));
}

/// A day that one has closed and nobody has fetched: the other takes over, and the day is there for both fetchers and
/// both reporters.
#[test]
fn a_closed_day_waits_for_its_reporter() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for (one, other, reporter, how) in [
        (Theirs, Ours, Ours, Stop),
        (Theirs, Ours, Theirs, Kill),
        (Ours, Theirs, Theirs, Stop),
        (Ours, Theirs, Ours, Kill),
    ] {
        let why = format!("{one:?}, {other:?}, {reporter:?}, {how:?}");
        // sys4's reporter runs no script under libfaketime: the day is closed by hand.
        let site = Site::new(&sys4);
        let lab = &site.lab;
        let running = site.start(one);
        site.count(5, 5);
        lab.close_day(&running, 5);
        site.count(2, 2);
        end(running, one, how);
        let running = site.start(other);
        site.count(1, 3);
        assert_eq!(site.fetched(&lab.day()), (5, failed(&[5])), "{why}");
        assert_eq!(reported(&site, reporter), [(lab.day(), 5)], "{why}");
        end(running, other, how);
    }
}

/// The days and sessions that a reporter mails reports of.
fn reported(site: &Site<'_>, reporter: Turn) -> Vec<(String, i64)> {
    let lab = &site.lab;
    let reportd = match reporter {
        Ours => lab.reportd(),
        Theirs => lab
            .their_reportd(site.sys4)
            .set("fetchers", lab.their_fetcher(site.sys4).command_line()),
    };
    let running = reportd.start();
    lab.deliveries();
    end(running, reporter, Stop);
    let mails = match reporter {
        Ours => lab
            .smtp
            .mails()
            .into_iter()
            .map(|mail| mail.bytes)
            .collect(),
        Theirs => lab.their_mails(),
    };
    let report = |mail: &Vec<u8>| {
        let report = ReportMail::parse(mail).report();
        let day = report["date-range"]["start-datetime"].as_str().unwrap()[..10].to_owned();
        let counters = [
            "total-successful-session-count",
            "total-failure-session-count",
        ];
        let policies = report["policies"].as_array().unwrap();
        let sessions = policies.iter().flat_map(|policy| {
            counters.map(|counter| policy["summary"][counter].as_i64().unwrap())
        });
        (day, sessions.sum())
    };
    mails.iter().map(report).collect()
}
