//! What each signal does to the daemons.

use std::fs;

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::wait::until;

use super::mark::{better, different, kept};
use super::reporter::session;
use super::scene::{Scene, end};
use super::topic::Topic;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@m.test";
const COUNT: &str = "SELECT coalesce(sum(cntrtotal), 0) FROM finalresults";

pub(super) fn topic() -> Topic {
    lives_on(reporter(days(while_running(collector(Topic::new(
        "Signals",
    ))))))
}

fn collector(topic: Topic) -> Topic {
    let stopped = |signal: Signal| {
        move |scene: &Scene| {
            let running = scene.started(&scene.collector());
            running.signal(signal);
            format!(
                "{}{}",
                end(&running.wait()),
                if scene.socket().exists() {
                    ", a socket"
                } else {
                    ""
                }
            )
        }
    };
    topic
        .case(
            "SIGTERM",
            "exit 0",
            kept("SIGTERM and SIGINT end both daemons with exit code 0, the socket taken away"),
            stopped(Signal::SIGTERM),
        )
        .case("SIGINT", "exit 0", kept(""), stopped(Signal::SIGINT))
}

fn while_running(topic: Topic) -> Topic {
    topic
        .case(
            "what is queued at the end",
            "all",
            better(
                "not all",
                "SIGTERM drops what is queued in the socket",
                "it is counted first",
            ),
            |scene| {
                let collector = scene
                    .collector()
                    .set("max_uncommited_datagrams", 1000)
                    .set("sockettimeout", 60);
                let running = scene.started(&collector);
                running.signal(Signal::SIGSTOP);
                for _ in 0..5 {
                    scene.send(&mta::success("a.test", TXT));
                }
                running.signal(Signal::SIGTERM);
                running.signal(Signal::SIGCONT);
                running.wait();
                if scene.rows("c.sqlite", COUNT) == "5" {
                    "all"
                } else {
                    "not all"
                }
                .to_owned()
            },
        )
        .case(
            "SIGHUP",
            "goes on",
            better(
                "ends",
                "SIGHUP ends both daemons",
                "it reopens `logfilename`, as logrotate wants",
            ),
            |scene| {
                let mut running = scene.started(&scene.collector());
                running.signal(Signal::SIGHUP);
                scene.goes_on(&mut running)
            },
        )
}

fn days(topic: Topic) -> Topic {
    topic
        .case(
            "SIGUSR2",
            "a.test",
            kept("SIGUSR2 makes today's data yesterday's"),
            |scene| {
                let running = scene.started(&scene.collector());
                scene.close(&running, &["a.test"]);
                scene.rows(
                    "c.sqlite.yesterday",
                    "SELECT domain FROM finalresults ORDER BY 1",
                )
            },
        )
        .case(
            "SIGUSR2 again",
            "a.test b.test",
            better(
                "b.test",
                "SIGUSR2 deletes what was yesterday's",
                "adds to it",
            ),
            |scene| {
                let running = scene.started(&scene.collector());
                scene.close(&running, &["a.test"]);
                scene.close(&running, &["b.test"]);
                scene.rows(
                    "c.sqlite.yesterday",
                    "SELECT domain FROM finalresults ORDER BY 1",
                )
            },
        )
}

fn reporter(topic: Topic) -> Topic {
    let signalled = |signal: Signal| {
        move |scene: &Scene| {
            let days = [session("a.test", TXT)];
            let running = scene.report(&scene.reporter(&days), 1);
            running.signal(signal);
            end(&running.wait())
        }
    };
    topic
        .case("SIGTERM", "exit 0", kept(""), signalled(Signal::SIGTERM))
        .case("SIGINT", "exit 0", kept(""), signalled(Signal::SIGINT))
}

fn lives_on(topic: Topic) -> Topic {
    topic
        .case(
            "SIGHUP",
            "reopens its log",
            better(
                "signal 1",
                "SIGHUP ends both daemons",
                "it reopens `logfilename`, as logrotate wants",
            ),
            |scene| {
                let ended = reporter_after(scene, &[Signal::SIGHUP]);
                ended.unwrap_or("reopens its log".to_owned())
            },
        )
        .case(
            "SIGUSR2",
            "goes on",
            different("exit 0", "SIGUSR2 ends the reporter", "is ignored"),
            |scene| {
                // It is seen to live by what it does at the next signal.
                let signals: &[Signal] = match scene.subject.is_ours() {
                    true => &[Signal::SIGUSR2, Signal::SIGHUP],
                    false => &[Signal::SIGUSR2],
                };
                let ended = reporter_after(scene, signals);
                ended.unwrap_or("goes on".to_owned())
            },
        )
}

/// How a reporter ends by these signals, or `None` when it opens its log again.
fn reporter_after(scene: &Scene, signals: &[Signal]) -> Option<String> {
    let log = scene.file("log");
    let reporter = scene
        .reporter(&[session("a.test", TXT)])
        .set("logfilename", log.display());
    let mut running = scene.report(&reporter, 1);
    fs::rename(&log, scene.file("log.1")).unwrap();
    signals.iter().for_each(|signal| running.signal(*signal));
    let has_ended = until("the new log or the end", || {
        match (running.is_running(), log.exists()) {
            (true, false) => None,
            (is_running, _) => Some(!is_running),
        }
    });
    has_ended.then(|| end(&running.wait()))
}
