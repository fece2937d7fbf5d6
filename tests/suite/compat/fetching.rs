//! The fetcher's lines, byte for byte.

use super::mark::{better, different, kept};
use super::scene::{DAY, Scene, end};
use super::topic::Topic;

/// A day with all that a key may hold. The third statement's policy is older than its file.
const ROWS: &str = r#"
    INSERT INTO finalresults VALUES('2026-11-20', 'b.test', 'v=TLSRPTv1; rua=mailto:a@b.test', '{"policy-type": 2, "policy-domain": "b.test", "policy-string": ["m\u00fc", "\ud83d\ude00"]}', 3, 2, '');
    INSERT INTO failures VALUES('2026-11-20', 'b.test', 'v=TLSRPTv1; rua=mailto:a@b.test', '{"policy-type": 2, "policy-domain": "b.test", "policy-string": ["m\u00fc", "\ud83d\ude00"]}', '{"c": 203, "a": "\"x\""}', 2);
    INSERT INTO finalresults VALUES('2026-11-20', 'b.test', 'v=TLSRPTv1; rua=mailto:c@b.test', '{"policy-type": 9, "policy-domain": "b.test"}', 1, 0, '');
    INSERT INTO finalresults VALUES('2026-11-20', 'B-2.test', 'v=TLSRPTv1; rua=mailto:c@b.test', '{"policy-type": 9, "policy-domain": "B-2.test"}', 1, 0, '');
    INSERT INTO finalresults VALUES('2026-11-20', 'a.test', 'v=TLSRPTv1; rua=mailto:c@b.test', '{"policy-type": 9, "policy-domain": "a.test"}', 1, 0, '');
    INSERT INTO finalresults VALUES('2026-11-19', 'old.test', 'v=TLSRPTv1; rua=mailto:c@b.test', '{"policy-type": 9, "policy-domain": "old.test"}', 1, 0, '')"#;

const DETAILS: &str = r#"{
    "d": "b.test",
    "policies": {
        "v=TLSRPTv1; rua=mailto:a@b.test": {
            "{\"policy-type\": 2, \"policy-domain\": \"b.test\", \"policy-string\": [\"m\\u00fc\", \"\\ud83d\\ude00\"]}": {
                "cntrtotal": 3,
                "cntrfailure": 2,
                "failures": {
                    "{\"c\": 203, \"a\": \"\\\"x\\\"\"}": 2
                }
            }
        },
        "v=TLSRPTv1; rua=mailto:c@b.test": {
            "{\"policy-type\": 9, \"policy-domain\": \"b.test\"}": {
                "cntrtotal": 1,
                "cntrfailure": 0,
                "failures": {}
            }
        }
    }
}
"#;

pub(super) fn topic() -> Topic {
    let lines = "`DAY` and `DAY DOMAIN`, byte for byte; fleets can be mixed";
    let topic = Topic::new("Fetcher")
        .case("the list", "TLSRPT FETCHER v1devel-c domain list\nNOW\n2026-11-20\nB-2.test\na.test\nb.test\n.\n", kept(lines), |scene| asked(scene, &[DAY]))
        .case("a day without data", "TLSRPT FETCHER v1devel-c domain list\nNOW\n2026-11-20\n.\n", kept(""), |scene| asked(scene, &["2026-11-18"]))
        .case("an older day of the same file", "TLSRPT FETCHER v1devel-c domain list\nNOW\n2026-11-20\nold.test\n.\n", kept(""), |scene| asked(scene, &["2026-11-19"]))
        .case("details", DETAILS, kept(""), |scene| asked(scene, &[DAY, "b.test"]))
        .case("an unknown domain", "{\n    \"d\": \"x.test\",\n    \"policies\": {}\n}\n", kept(""), |scene| asked(scene, &[DAY, "x.test"]))
        .case("all domains at once", "TLSRPTD FETCHER v1 day stream",
            better("{", "one process a domain, about 0.1 s each", "one process a day where both ends are ours (`DAY .`, which theirs answer with an empty object)"),
            |scene| asked(scene, &[DAY, "."]).lines().next().unwrap_or_default().to_owned());
    storages(topic)
}

fn storages(topic: Topic) -> Topic {
    topic
        .case("an older file", "old.test", better("", "only `PATH.yesterday` is read: a reporter that is down for a day loses that day", "closed days are kept as `PATH.YYYY-MM-DD` for `keep_days`; older ones are reported late"), |scene| {
            let storage = scene.storage("a");
            scene.storage("old");
            std::fs::rename(scene.file("old.sqlite.yesterday"), scene.file("a.sqlite.2026-11-19")).unwrap();
            let change = rusqlite::Connection::open(scene.file("a.sqlite.2026-11-19")).unwrap();
            change.execute_batch("UPDATE finalresults SET day = '2026-11-19'; UPDATE daystatus SET daycomplete = '2026-11-19'").unwrap();
            let ended = scene.program("tlsrpt-fetcher").set("storage", storage).arg("2026-11-19").run();
            super::scene::listed(&ended)
        })
        .case("two storages", "a.test, warned of", kept("of several storages the fetcher reads the first, with a warning"), |scene| {
            let storages = format!("{},{}", scene.storage("a"), scene.storage("b"));
            let ended = scene.program("tlsrpt-fetcher").set("storage", storages).arg(DAY).run();
            format!("{}, {}", super::scene::listed(&ended), if ended.stderr.to_lowercase().contains("warn") { "warned of" } else { "silent" })
        })
        .case("no file", "exit 2", kept("a storage that it cannot read is exit code 2"), |scene| {
            let storage = format!("sqlite://{}", scene.file("none.sqlite").display());
            end(&scene.program("tlsrpt-fetcher").set("storage", storage).arg(DAY).run())
        })
        .case("another one's file", "exit 2", different("exit 4", "", ""), |scene| {
            scene.foreign("c.sqlite.yesterday", 1, "TLSRPT-Reportd-DB-devel-2024-10-28");
            let storage = format!("sqlite://{}", scene.file("c.sqlite").display());
            end(&scene.program("tlsrpt-fetcher").set("storage", storage).arg(DAY).run())
        })
        .case("an unknown storage", "exit 2", kept(""), |scene| {
            end(&scene.program("tlsrpt-fetcher").set("storage", "mysql://host/x").arg(DAY).run())
        })
        .case("a dummy storage", "exit 2", kept(""), |scene| {
            end(&scene.program("tlsrpt-fetcher").set("storage", "dummy:").arg(DAY).run())
        })
}

/// What the fetcher prints; its clock, the second line of a list, is `NOW`.
fn asked(scene: &Scene, question: &[&str]) -> String {
    let storage = scene.closed_day("c", ROWS);
    let fetcher = scene.program("tlsrpt-fetcher").set("storage", storage);
    let ended = question
        .iter()
        .fold(fetcher, |fetcher, word| fetcher.arg(word))
        .run();
    if ended.code() != Some(0) {
        return end(&ended);
    }
    let line = |(number, line): (usize, &str)| {
        let clock = number == 1
            && line.len() == 19
            && line.as_bytes()[4] == b'-'
            && line.as_bytes()[13] == b':';
        format!("{}\n", if clock { "NOW" } else { line })
    };
    ended.stdout.lines().enumerate().map(line).collect()
}
