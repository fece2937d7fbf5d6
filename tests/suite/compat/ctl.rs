//! `tlsrptctl`.

use super::mark::{better, different, kept};
use super::reporter::session;
use super::scene::{Scene, end};
use super::topic::Topic;

use tlsrptd_tests::harness::program::Ended;

pub(super) fn topic() -> Topic {
    status(maptest(Topic::new("tlsrptctl")))
}

/// Runs a command with as much of the reporter's configuration as it needs, and an option that it does not.
fn ctl(scene: &Scene, more: &str, words: &[&str]) -> Ended {
    let config = format!(
        "[tlsrpt_reportd]\ndbname = {}\nspread_out_delivery = 7\n{more}\n",
        scene.file("r.sqlite").display()
    );
    let config = scene.write("reportd.cfg", config);
    // The command first: theirs takes no other order.
    let ctl = words
        .iter()
        .fold(scene.program("tlsrptctl").no_config(), |ctl, word| {
            ctl.arg(word)
        });
    ctl.arg("--config_file").arg(config).run()
}

fn maptest(topic: Topic) -> Topic {
    let record = "v=TLSRPTv1; rua=mailto:x@m.test,https://m.test/r";
    let asked = |scene: &Scene, map: &str, record: &str| {
        let map = format!("tlsrpt_record_map = {}", scene.write("map", map));
        let ended = ctl(scene, &map, &["maptest", "a.test", record]);
        if ended.code() == Some(0) {
            uris(&ended.stdout)
        } else {
            end(&ended)
        }
    };
    topic
        .case(
            "maptest",
            "mailto:x@m.test https://m.test/r / mailto:x@m.test https://m.test/r",
            kept("`maptest DOMAIN RECORD` tells the destinations before and after the maps"),
            move |scene| asked(scene, "", record),
        )
        .case(
            "maptest with a map",
            "mailto:x@m.test https://m.test/r / mailto:y@m.test",
            kept(""),
            move |scene| asked(scene, "a.test REPLACE mailto:y@m.test", record),
        )
        .case(
            "maptest of a record with a blank",
            "mailto:x@m.test https://m.test/r / mailto:x@m.test https://m.test/r",
            better("exit 1", "", ""),
            move |scene| {
                asked(
                    scene,
                    "",
                    "v=TLSRPTv1; rua=mailto:x@m.test, https://m.test/r",
                )
            },
        )
        .case("maptest without a domain", "exit 2", kept(""), |scene| {
            end(&ctl(scene, "", &["maptest"]))
        })
}

/// The destinations that are told: those before the maps, ` / `, those after.
fn uris(told: &str) -> String {
    let mut halves = [Vec::new(), Vec::new()];
    let mut after = 0;
    for line in told.lines() {
        if line.to_lowercase().contains("after mapping") {
            after = 1;
        }
        let words = line.split(|sign: char| sign.is_whitespace() || "'[]".contains(sign));
        let uris = words
            .map(|word| word.trim_end_matches(','))
            .filter(|word| word.starts_with("mailto:") || word.starts_with("https:"));
        if !line.contains("v=TLSRPTv1") {
            halves[after].extend(uris);
        }
    }
    halves.map(|uris| uris.join(" ")).join(" / ")
}

fn status(topic: Topic) -> Topic {
    // Whatever else is told: how many were sent, and how many were given up, of the last day.
    let told = |scene: &Scene| {
        let ended = ctl(scene, "", &["status"]);
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines = ended.stdout.lines().map(words);
        let counts = |line: &String| {
            ["sent", "timedout"]
                .iter()
                .any(|word| line.split(' ').any(|shown| shown == *word))
        };
        lines.filter(counts).collect::<Vec<_>>().join(", ")
    };
    let record = "v=TLSRPTv1; rua=mailto:a@m.test,mailto:b@m.test";
    topic
        .case("status", "sent 2", different("YESTERDAY sent 2", "`status` prints counts by day and status, a row a section", "`status` is one screen: how collectors and reporter are, the last closed day, what waits and why; `history` has a line a day, `deliveries` the deliveries of a day"), move |scene| {
            scene.report(&scene.reporter(&[session("a.test", record)]), 1).stop();
            let day = scene.rows("r.sqlite", "SELECT day FROM reports");
            let day = day.split(' ').next().unwrap_or_default().to_owned();
            told(scene).replace(&day, "YESTERDAY")
        })
        .case("status without a database", "exit 3", different("exit 1", "", ""), |scene| end(&ctl(scene, "", &["status"])))
}
