//! `tlsrpt-reportd` as a process: how it starts, what it refuses, what it logs.

use std::fs;

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::until;

use super::mark::{Mark, better, different, kept};
use super::reporter::session;
use super::scene::{Scene, end};
use super::topic::Topic;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@m.test";

pub(super) fn topic() -> Topic {
    places(turns(logs(refused(Topic::new("Reporter")))))
}

/// Starts that are refused: an option, its value, another option, and what theirs does.
#[rustfmt::skip]
fn refused(topic: Topic) -> Topic {
    let code = || different("exit 8", "", "");
    let late = |says: &'static str| better("starts", says, "refused at start, with what to write");
    let table: Vec<(&str, &str, Option<&str>, Mark)> = vec![
        ("fetchers", "", None, code()),
        ("fetchers", "a,,b", None, code()),
        ("spread_out_delivery", "0", None, code()),
        ("min_wait_delivery", "-1", None, code()),
        ("max_wait_delivery", "1", None, code()),
        ("min_wait_domainlist", "-1", None, code()),
        ("max_wait_domainlist", "1", None, code()),
        ("max_wait_domaindetails", "1", None, code()),
        ("min_wait_domaindetails", "-1", None, code()),
        ("debug_send_mail_dest", "x@y.test", Some("mail_destination_map"), code()),
        ("debug_send_http_dest", "https://y.test", Some("http_upload_map"), code()),
        ("debug_send_file_dest", "/tmp", Some("tlsrpt_record_map"), code()),
        ("http_timeout", "soon", None, different("exit 1", "", "")),
        ("log_level", "loud", None, different("exit 1", "", "")),
        ("organization_name", "", None, late("`organization_name` and `contact_info` may be missing; the report fails at midnight")),
        ("contact_info", "", None, late("`organization_name` and `contact_info` may be missing; the report fails at midnight")),
        ("contact_info", "Reports <tlsrpt@sender.example>", None, late("a display name in `contact_info` breaks the submitter")),
        ("compression_level", "10", None, late("")),
        ("keep_days", "0", None, late("")),
        ("interval_main_loop", "0", None, late("")),
    ];
    let topic = table.into_iter().fold(topic, |topic, (option, value, beside, mark)| {
        topic.case(format!("{option} = {value}"), "exit 2", mark, move |scene| {
            let reporter = scene.reporter(&[]).unset(option);
            let reporter = match beside {
                Some(map) => reporter.set(map, scene.write("map", "")),
                None => reporter,
            };
            // An empty value in the file is refused by theirs as such.
            let reporter = if value.is_empty() { reporter } else { reporter.set(option, value) };
            starts(scene, &reporter)
        })
    });
    topic.case("dbname missing", "exit 2", different("exit 8", "", ""), |scene| end(&scene.reporter(&[]).unset("dbname").run()))
        .case("a fetcher twice", "exit 2", better("starts", "a fetcher that stands twice counts twice", "refused at start"), |scene| {
            let fetcher = scene.fetcher("collector", &[]);
            starts(scene, &scene.reporter(&[]).set("fetchers", format!("{fetcher},{fetcher}")))
        })
        .case("an option of ours in their section", "starts", different("exit 1", "options of ours in their sections end the start", "ours may stand there too; in `[tlsrptd_*]` they do not disturb theirs"), |scene| {
            starts(scene, &scene.reporter(&[]).set("loop_guard", "yes"))
        })
        .case("curl without --fail", "warned of", better("silent", "", ""), |scene| {
            let reporter = scene.reporter(&[session("a.test", TXT)]).set("http_script", "curl --silent --data-binary @-");
            let log = scene.report(&reporter, 1).stop().stderr;
            if log.lines().any(|line| line.contains("WARN") && line.contains("--fail")) { "warned of" } else { "silent" }.to_owned()
        })
        .case("max_collectd_timeout", "starts", Mark::NoEffect("`max_collectd_timeout`: it has none in theirs either; warned of when set"), |scene| {
            starts(scene, &scene.reporter(&[]).set("max_collectd_timeout", "7"))
        })
}

/// Whether a reporter gets as far as its first day (`starts`), or how it ends.
fn starts(scene: &Scene, reporter: &Program) -> String {
    let mut running = reporter.start();
    let jobs = || {
        scene
            .rows_or_none("r.sqlite", "SELECT count(*) > 0 FROM fetchjobs")
            .is_some_and(|some| some == "1")
    };
    let starts = until("the start or the end", || {
        if running.is_running() {
            jobs().then_some(true)
        } else {
            Some(false)
        }
    });
    if starts {
        "starts".to_owned()
    } else {
        end(&running.wait())
    }
}

fn logs(topic: Topic) -> Topic {
    topic
        .case(
            "messages",
            "setup finished, Fetcher 1 finished",
            kept("the log lines `Database ... setup finished` and `Fetcher ... finished`"),
            |scene| {
                let mut running = scene.report(&scene.reporter(&[session("a.test", TXT)]), 1);
                running.wait_for_log("Fetcher 1 ");
                let log = running.log();
                let has = |begin: &str, end: &str| {
                    log.lines().any(|line| {
                        line.split_once(begin)
                            .is_some_and(|(_, rest)| rest.contains(end))
                    })
                };
                let setup = if has("Database ", "setup finished") {
                    "setup finished"
                } else {
                    "no setup"
                };
                format!(
                    "{setup}, {}",
                    if has("Fetcher 1 ", "finished") {
                        "Fetcher 1 finished"
                    } else {
                        "no fetcher"
                    }
                )
            },
        )
        .case(
            "pidfilename and logfilename",
            "a number, a log",
            kept(""),
            |scene| {
                let reporter = scene.reporter(&[session("a.test", TXT)]);
                let reporter = reporter
                    .set("pidfilename", scene.file("pid").display())
                    .set("logfilename", scene.file("log").display());
                let running = scene.report(&reporter, 1);
                let pid = fs::read_to_string(scene.file("pid")).unwrap_or_default();
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
}

fn turns(topic: Topic) -> Topic {
    topic
        .case(
            "a second one",
            "exit 8",
            better(
                "starts",
                "two reporters on one database send everything twice",
                "the second ends with exit code 8, and names the first",
            ),
            |scene| {
                let reporter = scene.reporter(&[session("a.test", TXT)]);
                let _first = scene.report(&reporter, 1);
                let mark = scene.write("mark.sh", scene.fill("touch {folder}/called\n"));
                let mut second = reporter.set("fetchers", format!("sh {mark}")).start();
                let called = || scene.file("called").exists().then_some(false);
                let ended = until("the end of the second or its first call", || {
                    if second.is_running() {
                        called()
                    } else {
                        Some(true)
                    }
                });
                if ended {
                    end(&second.wait())
                } else {
                    "starts".to_owned()
                }
            },
        )
        .case(
            "a fetcher that fails its test call",
            "an error, starts",
            kept("a fetcher that fails its test call is an error in the log, no more"),
            |scene| {
                let failing = scene.reporter(&[]).set("fetchers", "/bin/false");
                let started = starts(scene, &failing);
                scene.wait_for("r.sqlite", "SELECT count(*) > 0 FROM fetchjobs", "1");
                let mut running = failing.start();
                running.wait_for_log("ERROR");
                format!("an error, {started}")
            },
        )
}

fn places(topic: Topic) -> Topic {
    topic.case(
        "a relative dbname",
        "in its working directory",
        better(
            "in /",
            "`dbname` is relative to `/`",
            "relative to the working directory, with a warning",
        ),
        |scene| {
            let relative = scene
                .file("r.sqlite")
                .display()
                .to_string()
                .trim_start_matches('/')
                .to_owned();
            let below = scene.file(&relative);
            fs::create_dir_all(below.parent().unwrap()).unwrap();
            let _running = scene.reporter(&[]).set("dbname", relative).start();
            until("a database", || {
                match (below.exists(), scene.file("r.sqlite").exists()) {
                    (true, _) => Some("in its working directory"),
                    (_, true) => Some("in /"),
                    _ => None,
                }
            })
            .to_owned()
        },
    )
}
