//! What the text of a TLSRPT record leads to.

use super::mark::{Mark, better, different, kept};
use super::reporter::{policy_of, session};
use super::scene::{Scene, end};
use super::topic::{Topic, case};

use serde_json::json;

pub(super) fn topic() -> Topic {
    ends(changed(records(Topic::new("Records"))))
}

/// What it is about, the whole record, its destinations with their status, the mark.
#[rustfmt::skip]
fn rows() -> Vec<(&'static str, &'static str, &'static str, Mark)> {
    let strict = || different("mailto:a@m.test sent", "records that RFC 8460's grammar does not allow are used: `;;`, `; x`, `; x=`, `; x=a b`", "are no records: section 3 has those accepted that are syntactically valid, and these are not");
    let whole = || better("none", "one bad URI, a space after a comma or an upper-case scheme loses the whole record", "what is unusable is skipped, the rest is used");
    vec![
        ("mail", "v=TLSRPTv1; rua=mailto:a@m.test", "mailto:a@m.test sent", kept("`mailto:` and `https:`, and no other scheme of a record")),
        ("a post", "v=TLSRPTv1; rua=https://m.test/r", "https://m.test/r sent", kept("")),
        ("several", "v=TLSRPTv1; rua=mailto:a@m.test,https://m.test/r,mailto:b@m.test", "https://m.test/r sent mailto:a@m.test sent mailto:b@m.test sent", kept("")),
        ("no blank, a final semicolon", "v=TLSRPTv1;rua=mailto:a@m.test;", "mailto:a@m.test sent", kept("")),
        ("a directory", "v=TLSRPTv1; rua=directory:/tmp", "none", kept("")),
        ("http", "v=TLSRPTv1; rua=http://m.test/r", "none", kept("")),
        ("no scheme", "v=TLSRPTv1; rua=a@m.test", "none", kept("")),
        ("no TLSRPT record", "v=spf1 -all", "none", kept("")),
        ("a bad one beside a good one", "v=TLSRPTv1; rua=http://m.test/r,mailto:a@m.test", "mailto:a@m.test sent", whole()),
        ("a blank after a comma", "v=TLSRPTv1; rua=mailto:a@m.test, mailto:b@m.test", "mailto:a@m.test sent mailto:b@m.test sent", whole()),
        ("capitals", "v=TLSRPTv1; rua=MAILTO:a@m.test", "mailto:a@m.test sent", whole()),
        ("an extension", "v=TLSRPTv1; x=y; rua=mailto:a@m.test", "mailto:a@m.test sent",
            better("none", "an extension field before `rua` loses the record", "is ignored")),
        ("rua twice", "v=TLSRPTv1; rua=mailto:a@m.test; rua=mailto:b@m.test", "mailto:a@m.test sent mailto:b@m.test sent",
            better("mailto:a@m.test sent", "of two `rua` fields one is used", "both are used")),
        ("mail headers in a URI", "v=TLSRPTv1; rua=mailto:a@m.test?subject=x", "mailto:a@m.test sent",
            better("mailto:a@m.test?subject=x sent", "`?subject=` and the like become part of the address", "are dropped")),
        ("an encoded address", "v=TLSRPTv1; rua=mailto:a%2Bb@m.test", "mailto:a+b@m.test sent",
            different("mailto:a%2Bb@m.test sent", "addresses stand in the database as in the record", "decoded")),
        ("our own host", "v=TLSRPTv1; rua=mailto:root@localhost,mailto:a@b,mailto:a@x.local,mailto:a@m.test", "mailto:a@m.test sent",
            better("4", "a record may name the relay's own host and network: `root@localhost`, one label, `.local`", "names that are not public (RFC 6761 and its like) are unusable; a map may name them")),
        ("a route", "v=TLSRPTv1; rua=mailto:a%25x.local@m.test,mailto:a@m.test", "mailto:a@m.test sent",
            better("mailto:a%25x.local@m.test sent mailto:a@m.test sent", "a local part may be a route on from the relay: `a%x.local@`, `x.local!a@`", "is unusable; a map may name one")),
        ("one mailbox twice", "v=TLSRPTv1; rua=mailto:a@m.test,mailto:A@m.test,mailto:%22a%22@m.test", "mailto:a@m.test sent",
            better("mailto:%22a%22@m.test sent mailto:A@m.test sent mailto:a@m.test sent", "one mailbox in several spellings gets several mails", "one, to the first of them")),
        ("an empty field", "v=TLSRPTv1; rua=mailto:a@m.test;;", "none", strict()),
        ("a field without a value", "v=TLSRPTv1; rua=mailto:a@m.test; x=", "none", strict()),
        ("no field", "v=TLSRPTv1; rua=mailto:a@m.test; x", "none", strict()),
        ("a blank in a field", "v=TLSRPTv1; rua=mailto:a@m.test; x=a b", "none", strict()),
        ("a name that is none", "v=TLSRPTv1; rua=mailto:a@m.test; -x=y", "none", strict()),
        ("an extension beyond ASCII", "v=TLSRPTv1; rua=mailto:a@m.test; x=\u{fc}", "none", strict()),
        ("blanks around =", "v=TLSRPTv1; rua = mailto:a@m.test", "none", kept("")),
        ("eleven", "v=TLSRPTv1; rua=mailto:0@m.test,mailto:1@m.test,mailto:2@m.test,mailto:3@m.test,mailto:4@m.test,mailto:5@m.test,mailto:6@m.test,mailto:7@m.test,mailto:8@m.test,mailto:9@m.test,mailto:x@m.test", "10",
            different("11", "every destination of a record", "the first `max_destinations` (10)")),
    ]
}

/// All in one reporter's run: each has a domain of its own.
fn records(topic: Topic) -> Topic {
    let cases = rows()
        .into_iter()
        .map(|(name, _, expected, mark)| case(name, expected, mark))
        .collect();
    topic.together(cases, |scene| {
        let rows = rows();
        let domain = |number: usize| format!("row{number:02}.test");
        let days: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(number, row)| session(&domain(number), row.1))
            .collect();
        scene.report(&scene.reporter(&days), rows.len());
        let shown = |number: usize| {
            let destinations = scene.destinations(&domain(number));
            let many = destinations.matches(" sent").count();
            if many < 4 {
                destinations
            } else {
                many.to_string()
            }
        };
        (0..rows.len()).map(shown).collect()
    })
}

#[rustfmt::skip]
fn changed(topic: Topic) -> Topic {
    topic.case("reports where the record changed during the day", "1", better("2", "several reports a day when the record changed", "one"), |scene| {
        let policy = json!({"policy-type": 9, "policy-domain": "a.test"});
        let count = |number| json!({"cntrtotal": number, "cntrfailure": 0, "failures": {}});
        let (_, mut day) = policy_of("a.test", "v=TLSRPTv1; rua=mailto:a@m.test", &policy, count(3));
        let (_, other) = policy_of("a.test", "v=TLSRPTv1; rua=mailto:b@m.test", &policy, count(1));
        day.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        scene.report(&scene.reporter(&[("a.test".to_owned(), day)]), 1);
        scene.rows("r.sqlite", "SELECT count(*) FROM reports")
    })
}

/// What ends their reporter.
fn ends(topic: Topic) -> Topic {
    topic
        .case(
            "a URI that stands twice",
            "mailto:a@m.test sent",
            better(
                "exit 8",
                "a URI that stands twice ends the reporter, at every start",
                "is used once",
            ),
            |scene| {
                outcome(
                    scene,
                    &[session(
                        "a.test",
                        "v=TLSRPTv1; rua=mailto:a@m.test,mailto:a@m.test",
                    )],
                )
            },
        )
        .case(
            "an unknown policy type",
            "mailto:a@m.test sent",
            better(
                "exit 8",
                "an unknown policy type ends the reporter, at every start",
                "counts as none; the report is made",
            ),
            |scene| {
                let policy = json!({"policy-type": 7, "policy-domain": "a.test"});
                let counts = json!({"cntrtotal": 1, "cntrfailure": 0, "failures": {}});
                outcome(
                    scene,
                    &[policy_of(
                        "a.test",
                        "v=TLSRPTv1; rua=mailto:a@m.test",
                        &policy,
                        counts,
                    )],
                )
            },
        )
}

/// Where the report on `a.test` goes, or how the reporter ended.
fn outcome(scene: &Scene, days: &[super::reporter::Day]) -> String {
    let mut running = scene.reporter(days).start();
    let settled = || scene.is_settled(1);
    let ended = tlsrptd_tests::harness::wait::until("the report or the end", || {
        if running.is_running() {
            settled().then_some(false)
        } else {
            Some(true)
        }
    });
    if ended {
        end(&running.wait())
    } else {
        scene.destinations("a.test")
    }
}
