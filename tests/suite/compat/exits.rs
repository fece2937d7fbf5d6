//! The exit codes.

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::mta;

use super::mark::{better, different, kept};
use super::scene::{Scene, end};
use super::topic::Topic;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@m.test";

pub(super) fn topic() -> Topic {
    reporter(collector(settings(Topic::new("Exit codes"))))
}

fn settings(topic: Topic) -> Topic {
    let with = |option: &'static str, value: &'static str| {
        move |scene: &Scene| end(&scene.collector().set(option, scene.fill(value)).run())
    };
    let code = || different("exit 1", "", "");
    topic
        .case("no socketname", "exit 2", kept(""), |scene| {
            end(&scene.collector().unset("socketname").run())
        })
        .case("no storage", "exit 2", kept(""), |scene| {
            end(&scene.collector().unset("storage").run())
        })
        .case(
            "a number in the file",
            "exit 2",
            code(),
            with("sockettimeout", "five"),
        )
        .case(
            "a log level in the file",
            "exit 2",
            code(),
            with("log_level", "loud"),
        )
        .case(
            "an unknown storage",
            "exit 2",
            different("exit 8", "", ""),
            with("storage", "mysql://host/db"),
        )
        .case(
            "a socket in no folder",
            "exit 7",
            kept("0 success, 2 wrong arguments, 3 a database that cannot be set up, 4 a database of another purpose or version, 7 a socket that cannot be had"),
            with("socketname", "/nonexistent/x.sock"),
        )
}

fn collector(topic: Topic) -> Topic {
    topic
        .case(
            "a database in no folder",
            "exit 3",
            different(
                "exit 8",
                "a database in a folder that does not exist is exit code 8",
                "3, as for every database that cannot be set up",
            ),
            |scene| {
                end(&scene
                    .collector()
                    .set("storage", "sqlite:///nonexistent/x.sqlite")
                    .run())
            },
        )
        .case("a file that is no database", "exit 3", kept(""), |scene| {
            scene.write("c.sqlite", "no database ".repeat(1000));
            end(&scene.collector().run())
        })
        .case("another one's database", "exit 4", kept(""), |scene| {
            scene.foreign("c.sqlite", 1, "TLSRPT-Reportd-DB-devel-2024-10-28");
            end(&scene.collector().run())
        })
        .case("another version", "exit 4", kept(""), |scene| {
            scene.foreign("c.sqlite", 2, "TLSRPT-Collectd-DB-devel-2024-10-28");
            end(&scene.collector().run())
        })
        .case(
            "a storage that is locked at the end",
            "exit 6",
            better(
                "exit 0",
                "at SIGTERM, counts that cannot be written are dropped with exit code 0",
                "exit code 6 and a log line tell it",
            ),
            |scene| {
                let collector = scene
                    .collector()
                    .set("max_uncommited_datagrams", 1000)
                    .set("sockettimeout", 60);
                let running = scene.started(&collector);
                let lock = rusqlite::Connection::open(scene.file("c.sqlite")).unwrap();
                lock.execute_batch("BEGIN IMMEDIATE").unwrap();
                scene.send(&mta::success("a.test", TXT));
                running.signal(Signal::SIGTERM);
                end(&running.wait())
            },
        )
}

fn reporter(topic: Topic) -> Topic {
    topic
        .case(
            "the reporter: a database in no folder",
            "exit 3",
            different("exit 8", "", ""),
            |scene| {
                end(&scene
                    .reporter(&[])
                    .set("dbname", "/nonexistent/r.sqlite")
                    .run())
            },
        )
        .case(
            "the reporter: a file that is no database",
            "exit 3",
            kept(""),
            |scene| {
                scene.write("r.sqlite", "no database ".repeat(1000));
                end(&scene.reporter(&[]).run())
            },
        )
        .case(
            "the reporter: another one's database",
            "exit 4",
            kept(""),
            |scene| {
                scene.foreign("r.sqlite", 1, "TLSRPT-Collectd-DB-devel-2024-10-28");
                end(&scene.reporter(&[]).run())
            },
        )
        .case(
            "the reporter: another version",
            "exit 4",
            kept(""),
            |scene| {
                scene.foreign("r.sqlite", 2, "TLSRPT-Reportd-DB-devel-2024-10-28");
                end(&scene.reporter(&[]).run())
            },
        )
}
