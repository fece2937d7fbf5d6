//! The end of a day: when it comes, and whom it is told.

use std::fs;

use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::wait::until;

use super::mark::{Mark, better, kept};
use super::scene::Scene;
use super::topic::Topic;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@b.test";
const DAYS: &str = "SELECT group_concat(DISTINCT day) FROM finalresults";

pub(super) fn topic() -> Topic {
    clocks(Topic::new("The end of a day"))
        .case("the script at the first start", "1 'two words' sqlite://{folder}/c.sqlite {folder}/c.sqlite.yesterday",
            kept("`daily_rollover_script`: its words split at white space, then the storage URL and the path of the finished day"), |scene| {
            let _running = scene.started(&scripted(scene));
            until("the script", || told(scene, 1))
        })
        .case("the script at a rollover", "1 'two words' sqlite://{folder}/c.sqlite {folder}/c.sqlite.yesterday", kept("a first start runs it too"), |scene| {
            let running = scene.started(&scripted(scene));
            scene.close(&running, &["a.test"]);
            until("the script", || told(scene, 2))
        })
        .case("a script that is not there", "goes on", kept(""), |scene| {
            let collector = scene.collector().set("daily_rollover_script", "/nonexistent/script");
            let mut running = scene.started(&collector);
            scene.goes_on(&mut running)
        })
        .case("the journal of a closed day", "delete", kept("a closed day is one file, in journal mode DELETE"), |scene| {
            let running = scene.started(&scene.collector());
            scene.close(&running, &["a.test"]);
            scene.rows("c.sqlite.yesterday", "PRAGMA journal_mode")
        })
}

fn scripted(scene: &Scene) -> tlsrptd_tests::harness::program::Program {
    let script = scene.write("script.sh", scene.fill("echo \"$@\" >>{folder}/told\n"));
    scene.collector().set(
        "daily_rollover_script",
        format!("/bin/sh {script}  1 'two   words'"),
    )
}

/// What the script was told last, once it was told so many times.
fn told(scene: &Scene, times: usize) -> Option<String> {
    let text = fs::read_to_string(scene.file("told")).ok()?;
    (text.lines().count() == times).then(|| scene.plain(text.lines().last().unwrap_or_default()))
}

/// Under a clock that the test sets.
fn clocks(topic: Topic) -> Topic {
    let case = |topic: Topic,
                name,
                expected: &'static str,
                mark: Mark,
                look: fn(&Scene, &FakeClock) -> String| {
        topic.case_where_possible(name, expected, mark, move |scene| {
            let clock = FakeClock::or_skip(scene.folder(), "2026-03-01T12:00:00Z")?;
            Some(look(scene, &clock))
        })
    };
    let topic = case(
        topic,
        "midnight",
        "2026-03-01",
        kept("midnight UTC ends the day, by the first datagram or time-out after it"),
        |scene, clock| {
            let _running = scene.started(&scene.collector().clock(clock));
            scene.send(&mta::success("a.test", TXT));
            scene.wait_for("c.sqlite", DAYS, "2026-03-01");
            clock.jump("2026-03-02T00:00:01Z");
            scene.wait_for("c.sqlite.yesterday", DAYS, "2026-03-01")
        },
    );
    case(
        topic,
        "down over midnight",
        "2026-03-01 / 2026-03-02",
        better(
            " / 2026-03-01,2026-03-02",
            "a collector that is down over midnight never closes the old day; one file holds two days",
            "days are split by their rows, at every start",
        ),
        |scene, clock| {
            let collector = scene.collector().clock(clock);
            let running = scene.started(&collector);
            scene.send(&mta::success("a.test", TXT));
            scene.wait_for("c.sqlite", DAYS, "2026-03-01");
            running.stop();
            clock.jump("2026-03-02T00:10:00Z");
            let _running = scene.started(&collector);
            scene.send(&mta::success("b.test", TXT));
            scene.wait_for(
                "c.sqlite",
                "SELECT count(*) FROM finalresults WHERE domain = 'b.test'",
                "1",
            );
            format!(
                "{} / {}",
                scene.rows("c.sqlite.yesterday", DAYS),
                scene.rows("c.sqlite", DAYS)
            )
        },
    )
}
