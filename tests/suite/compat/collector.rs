//! `tlsrpt-collectd` as a process: its socket, its storages, what it leaves and when.

use std::fs;
use std::os::unix::fs::MetadataExt;

use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::{until, until_true};

use super::mark::{better, different, kept};
use super::scene::{Scene, end};
use super::topic::Topic;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@b.test";

pub(super) fn topic() -> Topic {
    logs(files(commits(storages(owner(socket(Topic::new(
        "Collector",
    )))))))
}

fn socket(topic: Topic) -> Topic {
    let mode = |set: &'static str| {
        move |scene: &Scene| {
            seen(scene, &scene.collector().set("socketmode", set), |scene| {
                format!("{:o}", meta(scene).mode() & 0o7777)
            })
        }
    };
    topic
        .case(
            "two sockets",
            "both",
            better(
                "exit 7",
                "one socket",
                "several, comma-separated, for several Postfix instances",
            ),
            |scene| {
                let sockets = format!(
                    "{},{}",
                    scene.socket().display(),
                    scene.file("d.sock").display()
                );
                seen(
                    scene,
                    &scene.collector().set("socketname", sockets),
                    |scene| {
                        if scene.file("d.sock").exists() {
                            "both"
                        } else {
                            "one"
                        }
                        .to_owned()
                    },
                )
            },
        )
        .case(
            "socketmode",
            "220",
            kept("`socketmode`, `socketuser`, `socketgroup`"),
            mode("0220"),
        )
        .case("socketmode without 0", "222", kept(""), mode("222"))
        .case(
            "no octal mode",
            "exit 2",
            better(
                "755",
                "a `socketmode` that is no octal number is passed over",
                "refused at start",
            ),
            mode("abc"),
        )
}

fn owner(topic: Topic) -> Topic {
    let owner = |user: &'static str, group: &'static str| {
        move |scene: &Scene| {
            let collector = scene
                .collector()
                .set("socketuser", user)
                .set("socketgroup", group);
            seen(scene, &collector, |scene| {
                format!("{}:{}", meta(scene).uid(), meta(scene).gid())
            })
        }
    };
    let topic = topic.case(
        "an unknown group",
        "exit 7",
        better(
            "0:0",
            "an unknown `socketuser` or `socketgroup` is passed over",
            "exit code 7",
        ),
        owner("root", "no-such-group"),
    );
    if !nix::unistd::geteuid().is_root() {
        return topic;
    }
    topic
        .case(
            "user and group by name",
            "65534:1",
            kept(""),
            owner("nobody", "daemon"),
        )
        .case(
            "user and group by number",
            "65534:1",
            better(
                "0:0",
                "`socketuser` and `socketgroup` by number are passed over",
                "taken",
            ),
            owner("65534", "1"),
        )
}

fn storages(topic: Topic) -> Topic {
    topic
        .case(
            "dummy:",
            "goes on",
            kept("`dummy:` and `dummy:?log`"),
            |scene| {
                let mut running = scene.started(&scene.collector().set("storage", "dummy:"));
                scene.send(&mta::success("a.test", TXT));
                scene.goes_on(&mut running)
            },
        )
        .case("dummy:?log", "logged", kept(""), |scene| {
            let mut running = scene.started(&scene.collector().set("storage", "dummy:?log"));
            scene.send(&mta::success("a.test", TXT));
            running.wait_for_log("a.test");
            "logged".to_owned()
        })
        .case(
            "two storages",
            "1 1",
            better(
                "1 0",
                "a second `sqlite:` storage stays empty",
                "is written",
            ),
            |scene| {
                let storages = format!(
                    "sqlite://{},sqlite://{}",
                    scene.file("c.sqlite").display(),
                    scene.file("d.sqlite").display()
                );
                let running = scene.started(&scene.collector().set("storage", storages));
                scene.send(&mta::success("a.test", TXT));
                scene.wait_for("c.sqlite", COUNT, "1");
                running.stop();
                format!(
                    "{} {}",
                    scene.rows("c.sqlite", COUNT),
                    scene.rows("d.sqlite", COUNT)
                )
            },
        )
        .case(
            "who may read the database",
            "0",
            better(
                "4",
                "databases and dumps can be read by all, as the umask has it",
                "by owner and group at most: they tell who mails whom",
            ),
            |scene| {
                let _running = scene.started(&scene.collector());
                format!(
                    "{:o}",
                    fs::metadata(scene.file("c.sqlite")).unwrap().mode() & 0o7
                )
            },
        )
}

fn commits(topic: Topic) -> Topic {
    topic
        .case("the journal of today's file", "wal", different("delete", "today's file is in journal mode DELETE", "in WAL while the collector runs; DELETE after an orderly stop, as in every closed day"), |scene| {
            let _running = scene.started(&scene.collector());
            // The first start makes two of it.
                scene.send(&mta::success("a.test", TXT));
                scene.wait_for("c.sqlite", COUNT, "1");
                scene.rows("c.sqlite", "PRAGMA journal_mode")
        })
        .case("the journal after a stop", "delete", kept(""), |scene| {
            scene.started(&scene.collector()).stop();
            scene.rows("c.sqlite", "PRAGMA journal_mode")
        })
        .case("sockettimeout", "1", kept("what has come in is on the disk after `sockettimeout` or `max_uncommited_datagrams`"), |scene| {
            let _running = scene.started(&scene.collector().set("max_uncommited_datagrams", 1000));
            scene.send(&mta::success("a.test", TXT));
            scene.wait_for("c.sqlite", COUNT, "1")
        })
        .case("max_uncommited_datagrams", "1", kept(""), |scene| {
            let collector = scene.collector().set("sockettimeout", 1000).set("max_uncommited_datagrams", 2);
            let _running = scene.started(&collector);
            for _ in 0..4 {
                scene.send(&mta::success("a.test", TXT));
            }
            scene.wait_for("c.sqlite", "SELECT sum(cntrtotal) >= 2 FROM finalresults", "1")
        })
        .case("retry_commit_datagram_count", "4", kept("a commit that failed is tried again after `retry_commit_datagram_count` datagrams"), |scene| {
            let collector = scene.collector().set("sockettimeout", 1000).set("retry_commit_datagram_count", 2);
            let running = scene.started(&collector);
            let lock = rusqlite::Connection::open(scene.file("c.sqlite")).unwrap();
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
            scene.send(&mta::success("a.test", TXT));
            // Both log that it failed.
            until_true("a failed commit", || ["ERROR", "WARN"].iter().any(|level| running.log().contains(level)));
            lock.execute_batch("ROLLBACK").unwrap();
            for _ in 0..5 {
                scene.send(&mta::success("a.test", TXT));
            }
            scene.wait_for("c.sqlite", "SELECT sum(cntrtotal) >= 4 FROM finalresults", "1");
            "4".to_owned()
        })
}

fn files(topic: Topic) -> Topic {
    topic.case(
        "the first start",
        "setup finished, both files",
        kept("the log line `Database ... setup finished`; a first start makes both day files"),
        |scene| {
            let mut running = scene.started(&scene.collector());
            running.wait_for_log("setup finished");
            let line = running
                .log()
                .lines()
                .find(|line| line.contains("setup finished"))
                .unwrap_or_default()
                .to_owned();
            assert!(
                line.contains("Database ") && line.contains("c.sqlite"),
                "{line}"
            );
            let both = scene.file("c.sqlite").exists() && scene.file("c.sqlite.yesterday").exists();
            format!("setup finished{}", if both { ", both files" } else { "" })
        },
    )
}

fn logs(topic: Topic) -> Topic {
    topic
        .case(
            "pidfilename and logfilename",
            "a number, a log",
            kept("`pidfilename`, `logfilename`, log levels by name or by Python's number"),
            |scene| {
                let collector = scene.collector().set("log_level", 20);
                let collector = collector
                    .set("pidfilename", scene.file("pid").display())
                    .set("logfilename", scene.file("log").display());
                let running = scene.started(&collector);
                let written = || {
                    fs::read_to_string(scene.file("pid"))
                        .ok()
                        .filter(|pid| pid.ends_with('\n'))
                };
                let pid = until("the number", written);
                let log = fs::read_to_string(scene.file("log")).unwrap_or_default();
                let number = if pid.trim() == running.pid().to_string() {
                    "a number"
                } else {
                    "no number"
                };
                format!(
                    "{number}, {}",
                    if log.contains("setup finished") {
                        "a log"
                    } else {
                        "no log"
                    }
                )
            },
        )
        .case("log_level", "no line", kept(""), |scene| {
            let running = scene.started(&scene.collector().set("log_level", "CRITICAL"));
            if running.stop().stderr.is_empty() {
                "no line"
            } else {
                "lines"
            }
            .to_owned()
        })
}

/// What is seen while it runs, or how it ended.
fn seen(scene: &Scene, collector: &Program, see: fn(&Scene) -> String) -> String {
    match scene.start(collector) {
        Ok(_running) => see(scene),
        Err(ended) => end(&ended),
    }
}

fn meta(scene: &Scene) -> fs::Metadata {
    fs::symlink_metadata(scene.socket()).unwrap()
}

const COUNT: &str = "SELECT coalesce(sum(cntrtotal), 0) FROM finalresults";
