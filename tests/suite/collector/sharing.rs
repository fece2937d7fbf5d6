//! The collector's files are shared with sys4: either goes on where the other stopped, and both fetchers read them.

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::sys4::Sys4;

use super::counts::Counts;
use super::fetching::fetched_as_stream;
use super::{TXT, assert_whole};

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Turn {
    Ours,
    Theirs,
}
use Turn::{Ours, Theirs};

/// Domains whose keys need no normalising, so that both fetchers say the same of them. sys4's takes its time: these
/// are enough to see all that a key may hold.
const NORMAL: [&str; 9] = [
    "order.test",
    "ascii.test",
    "dane-ok.test",
    "plain-tls.test",
    "sts-ok.test",
    "sts-pffetch-may.test",
    "sts-wild.test",
    "txt-long.test",
    "unknown.test",
];

#[test]
fn a_day_is_passed_back_and_forth() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let datagrams = good();
    for turns in [&[Ours, Theirs, Ours], &[Theirs, Ours, Theirs]] {
        let lab = Lab::new();
        let sessions: i64 = datagrams
            .iter()
            .map(|datagram| mta::sessions_of(datagram))
            .sum();
        let mut total = 0;
        let mut running: Option<(Turn, Running)> = None;
        for turn in turns {
            if let Some(before) = running.take() {
                stop(&lab, before);
            }
            let collectd = start(&lab, &sys4, *turn);
            lab.mta().send_all(&datagrams);
            total += sessions;
            lab.wait_for_sessions(&lab.collectd_db(), total);
            running = Some((*turn, collectd));
        }
        let last = running.unwrap();
        lab.close_day(&last.1, total);
        stop(&lab, last);

        let all = turns.iter().flat_map(|_| &datagrams);
        fetched_as_stream(&lab).assert_are(&Counts::of(all), &format!("{turns:?}: counts add up"));
        let own = without_clock(&fetch(&lab.fetcher(), &[&lab.day()]));
        let theirs = without_clock(&fetch(&lab.their_fetcher(&sys4), &[&lab.day()]));
        assert_eq!(own, theirs, "{turns:?}: the list");
        for domain in NORMAL {
            let question = [lab.day(), domain.to_owned()];
            let question: Vec<&str> = question.iter().map(String::as_str).collect();
            let own = fetch(&lab.fetcher(), &question);
            let theirs = fetch(&lab.their_fetcher(&sys4), &question);
            assert_eq!(own, theirs, "{turns:?}: {question:?}, byte for byte");
        }
    }
}

#[test]
fn after_a_kill_the_other_goes_on() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for (killed, next) in [(Ours, Theirs), (Ours, Ours), (Theirs, Ours)] {
        let lab = Lab::new();
        let collectd = start(&lab, &sys4, killed);
        lab.mta()
            .send_all(vec![mta::failure("a.test", TXT, 203); 20]);
        lab.mta()
            .send_all((0..20).map(|number| mta::success(&format!("d{number}.test"), TXT)));
        lab.wait_for_sessions(&lab.collectd_db(), 40);
        // What comes last may be lost: it may not have been committed.
        lab.mta().send_all(vec![mta::success("late.test", TXT); 5]);
        collectd.kill();
        let collectd = start(&lab, &sys4, next);
        lab.mta()
            .send_all(vec![mta::failure("a.test", TXT, 203); 7]);
        lab.close_day(&collectd, 47);
        stop(&lab, (next, collectd));
        let sql = "SELECT domain, sum(cntrtotal), sum(cntrfailure) FROM finalresults WHERE domain <> 'late.test' GROUP BY 1 ORDER BY 1";
        let rows = lab.query(&lab.closed_db(), sql);
        assert_eq!(rows.len(), 21, "{killed:?}, {next:?}");
        assert_eq!(rows[0], ["a.test", "27", "27"], "{killed:?}, {next:?}");
        assert!(
            rows[1..].iter().all(|row| row[1..] == ["1", "0"]),
            "{killed:?}, {next:?}: {rows:?}"
        );
    }
}

#[test]
fn our_files_have_sys4s_form() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let [own, sys4] = [Ours, Theirs].map(|turn| {
        let lab = Lab::new();
        let collectd = start(&lab, &sys4, turn);
        lab.mta().send(&mta::failure("a.test", TXT, 203));
        lab.close_day(&collectd, 1);
        lab.mta().send(&mta::success("b.test", TXT));
        lab.wait_for_sessions(&lab.collectd_db(), 1);
        stop(&lab, (turn, collectd));
        lab
    });
    for file in [Lab::collectd_db, Lab::closed_db] {
        for (sql, reason) in [
            (
                "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'tlsrptd%' AND sql IS NOT NULL ORDER BY name",
                "tables as sys4 writes them, nothing of ours on them",
            ),
            (
                "SELECT type, name FROM sqlite_master WHERE tbl_name NOT LIKE 'tlsrptd%' ORDER BY name",
                "no index or trigger of ours on its tables",
            ),
            (
                "SELECT version, purpose, typeof(version), typeof(purpose) FROM dbversion",
                "the version",
            ),
            ("PRAGMA journal_mode", "the journal"),
            ("PRAGMA user_version", "the user's version"),
            ("PRAGMA encoding", "the encoding"),
            (
                "SELECT day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, typeof(day), typeof(domain), typeof(tlsrptrecord), typeof(policy), typeof(cntrtotal), typeof(cntrfailure), length(its) FROM finalresults",
                "sessions, and the types of their values",
            ),
            (
                "SELECT day, domain, tlsrptrecord, policy, cntr, typeof(reason), typeof(cntr) FROM failures",
                "failures",
            ),
            (
                "SELECT daycomplete, typeof(daycomplete), length(its) FROM daystatus",
                "the day that is complete",
            ),
        ] {
            assert_eq!(
                own.query(&file(&own), sql),
                sys4.query(&file(&sys4), sql),
                "{reason}"
            );
        }
    }
    assert_eq!(
        sys4.query(&sys4.collectd_db(), "PRAGMA journal_mode"),
        [["delete"]]
    );
    let date = "SELECT installdate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]-[0-9][0-9]-[0-9][0-9].[0-9][0-9][0-9]' FROM dbversion";
    for lab in [&own, &sys4] {
        assert_eq!(lab.query(&lab.collectd_db(), date), [["1"]]);
    }
}

fn start(lab: &Lab, sys4: &Sys4, turn: Turn) -> Running {
    match turn {
        Ours => lab.start_collectd(),
        Theirs => lab.start_ready(&lab.their_collectd(sys4)),
    }
}

/// An orderly stop. Of ours nothing is left but whole files.
fn stop(lab: &Lab, (turn, collectd): (Turn, Running)) {
    let ended = collectd.stop();
    if turn == Theirs {
        return;
    }
    ended.success();
    assert_whole(lab);
}

/// Datagrams that sys4 survives: recorded ones, and of each kind that the format allows some more.
fn good() -> Vec<Vec<u8>> {
    let valid =
        |(_, bytes): (String, Vec<u8>)| String::from_utf8(bytes).ok().map(String::into_bytes);
    let mut datagrams: Vec<Vec<u8>> = mta::recorded().into_iter().filter_map(valid).collect();
    datagrams.extend([
        mta::several_policies("several.test", TXT),
        mta::failure("failure.test", TXT, 203),
        mta::made(
            "order.test",
            TXT,
            [202, 201, 205]
                .map(|code| plain(2, "order.test", code))
                .to_vec(),
        ),
        mta::made(
            "order.test",
            "v=TLSRPTv1; rua=mailto:another@reports.test",
            vec![plain(9, "order.test", 201)],
        ),
        mta::made("ascii.test", TXT, vec![unicode("ascii.test")]),
    ]);
    datagrams
}

/// A failed policy whose keys are as ours and sys4's both write them.
fn plain(kind: i64, domain: &str, code: i64) -> Value {
    let mut policy = mta::policy(kind, domain, &[code]);
    policy["failure-details"][0]["r"] = "2001:db8::25".into();
    policy
}

/// A policy with texts that JSON may write in several ways.
fn unicode(domain: &str) -> Value {
    let mut policy = mta::policy(2, domain, &[]);
    policy["policy-string"] = serde_json::json!(["mx: müller.test", "x: \"quoted\" \\ / 😀 <&>"]);
    policy
}

fn fetch(fetcher: &Program, question: &[&str]) -> String {
    let fetcher = question
        .iter()
        .fold(fetcher.clone(), |fetcher, word| fetcher.arg(word));
    fetcher.run().success().stdout
}

/// A list without its second line, the time.
fn without_clock(list: &str) -> Vec<String> {
    let mut lines: Vec<String> = list.lines().map(str::to_owned).collect();
    lines.remove(1);
    lines
}
