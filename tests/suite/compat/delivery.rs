//! How reports leave: the programs that carry them, retries, what stands in the database.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tlsrptd_tests::harness::https::{Answer, Https};
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::tls::Ca;
use tlsrptd_tests::harness::wait::within;

use super::mark::{Mark, better, different, kept};
use super::reporter::session;
use super::scene::{Scene, unmarked};
use super::topic::{Topic, case};

const MAIL: &str = "v=TLSRPTv1; rua=mailto:a@m.test";
const POST: &str = "v=TLSRPTv1; rua=https://m.test/r?a=1&b='c'$d";

pub(super) fn topic() -> Topic {
    defaults(debug(receivers(own(states(retries(scripts(Topic::new(
        "Deliveries",
    ))))))))
}

fn scripts(topic: Topic) -> Topic {
    topic
        .case("sendmail_script", "a mail, its words: ", kept("`sendmail_script` is given the mail on stdin, `http_script` the gzip bytes, and the URL as one more word, quoted"), |scene| {
            scene.report(&scene.reporter(&[session("a.test", MAIL)]), 1);
            let (mail, words) = scene.kept("mails").pop().unwrap();
            let mail = String::from_utf8_lossy(&mail).into_owned();
            format!("{}, its words: {}", if mail.contains("\nTo: a@m.test") { "a mail" } else { &mail }, words.trim())
        })
        .case("http_script", "gzip, its words: https://m.test/r?a=1&b='c'$d", kept(""), |scene| {
            scene.report(&scene.reporter(&[session("a.test", POST)]), 1);
            let (body, words) = scene.kept("posts").pop().unwrap();
            format!("{}, its words: {}", if body.starts_with(&[0x1f, 0x8b]) { "gzip" } else { "something" }, words.trim())
        })
        .case("a script is a shell command", "a&b", kept(""), |scene| {
            let reporter = scene.reporter(&[session("a.test", MAIL)]);
            let script = scene.fill("cat >/dev/null; echo 'a&b' >{folder}/said; true");
            scene.report(&reporter.set("sendmail_script", script), 1);
            fs::read_to_string(scene.file("said")).unwrap().trim().to_owned()
        })
        .case("a script that hangs", "timedout, dead", better("timedout, alive", "scripts are not killed at their time-out and may deliver as well", "killed with their children"), |scene| {
            let reporter = scene.reporter(&[session("a.test", MAIL)]).set("sendmail_timeout", 1).set("max_retries_delivery", 0);
            let script = scene.write("hang.sh", scene.fill("echo $$ >{folder}/pid.new; mv {folder}/pid.new {folder}/pid; exec sleep 60\n"));
            scene.report(&reporter.set("sendmail_script", format!("sh {script}")), 1);
            let pid = Pid::from_raw(fs::read_to_string(scene.file("pid")).unwrap().trim().parse().unwrap());
            let alive = !ends_soon(pid);
            let _ = kill(pid, Signal::SIGKILL);
            let status = scene.rows("r.sqlite", "SELECT status FROM destinations");
            format!("{status}, {}", if alive { "alive" } else { "dead" })
        })
}

/// Whether a process ends. It may have been killed a moment ago.
fn ends_soon(pid: Pid) -> bool {
    let ended = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Nobody may have asked yet how it ended.
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    };
    within(Duration::from_secs(2), ended).is_some()
}

fn retries(topic: Topic) -> Topic {
    let waits = |reporter: Program, kind: &str| {
        let reporter = reporter
            .set(&format!("min_wait_{kind}"), 0)
            .set(&format!("max_wait_{kind}"), 0);
        reporter.set(&format!("max_retries_{kind}"), 2)
    };
    topic
        .together(vec![
            case("max_retries_delivery", "3 attempts", kept("the retry options, when set: n retries are n + 1 attempts")),
            case("a delivery given up", "timedout", kept("the status words in the database")),
        ], move |scene| {
            let reporter = waits(scene.reporter(&[session("a.test", MAIL)]), "delivery");
            let script = scene.fill("cat >/dev/null; echo x >>{folder}/attempts; false");
            scene.report(&reporter.set("sendmail_script", script), 1);
            let attempts = fs::read_to_string(scene.file("attempts")).unwrap().lines().count();
            vec![format!("{attempts} attempts"), scene.rows("r.sqlite", "SELECT status FROM destinations")]
        })
        .together(vec![
            case("max_retries_domainlist", "3 calls", kept("")),
            case("a day given up", "timedout", kept("")),
        ], move |scene| {
            let script = scene.write("failing.sh", scene.fill("[ $1 = 1999-01-01 ] || [ $1 != $(date -u -d yesterday +%F) ] || echo x >>{folder}/calls; exit 1\n"));
            let reporter = waits(scene.reporter(&[]), "domainlist").set("fetchers", format!("sh {script}"));
            let _running = reporter.start();
            let of_the_day = "FROM fetchjobs WHERE day = date('now', '-1 day')";
            scene.wait_for("r.sqlite", &format!("SELECT status {of_the_day}"), "timedout");
            let calls = fs::read_to_string(scene.file("calls")).unwrap().lines().count();
            vec![format!("{calls} calls"), scene.rows("r.sqlite", &format!("SELECT status {of_the_day}"))]
        })
        .case("max_retries_domaindetails", "timedout", different("ok", "the `*_domaindetails` options are only checked", "they rule for the details of a domain"), move |scene| {
            // Its list is good, its details are not.
            let list = scene.fetcher("listed", &[session("a.test", MAIL)]);
            let empty = r#"{"d": ".", "policies": {}}"#;
            let script = format!("case \"$2\" in .) echo '{empty}';; ?*) exit 1;; *) {list} $1;; esac\n");
            let script = scene.write("details.sh", script);
            let reporter = waits(scene.reporter(&[]), "domaindetails").set("max_retries_domaindetails", 0).set("fetchers", format!("sh {script}"));
            let _running = reporter.start();
            let of_the_day = "FROM fetchjobs WHERE day = date('now', '-1 day')";
            scene.wait_for("r.sqlite", &format!("SELECT status IS NOT NULL {of_the_day}"), "1");
            scene.rows("r.sqlite", &format!("SELECT status {of_the_day}"))
        })
}

fn states(topic: Topic) -> Topic {
    topic
        .case("status words", "ok removed sent", different("ok fetched sent", "the row with a collector's counts stays in `reportdata` for `keep_days`", "it is removed when its counts are in a report, whose row stays"), |scene| {
            scene.report(&scene.reporter(&[session("a.test", MAIL)]), 1);
            let of_the_day = "WHERE day = date('now', '-1 day')";
            scene.rows("r.sqlite", &format!("SELECT (SELECT status FROM fetchjobs {of_the_day}), (SELECT coalesce(max(status), 'removed') FROM reportdata), (SELECT status FROM destinations)"))
        })
        .case("spread_out_delivery", "pending, later", kept("`spread_out_delivery`, by chance; the times in the database as text"), |scene| {
            let reporter = scene.reporter(&[session("a.test", MAIL)]).set("spread_out_delivery", 86_400);
            let _running = reporter.start();
            // The chance that it is due when it is looked at is small.
            scene.wait_for("r.sqlite", "SELECT count(*) FROM destinations", "1");
            let sql = "SELECT CASE WHEN status IS NULL AND nexttry > datetime('now') AND nexttry GLOB '????-??-?? ??:??:??.??????+00:00' THEN 'pending, later' ELSE nexttry END FROM destinations";
            scene.rows("r.sqlite", sql)
        })
        .case("keep_days", "0", kept("`keep_days`, `compression_level`, `max_collectd_timediff`, `debug_db`"), |scene| {
            let reporter = scene.reporter(&[session("a.test", MAIL)]).set("keep_days", 2);
            scene.report(&reporter, 1).stop();
            let change = rusqlite::Connection::open(scene.file("r.sqlite")).unwrap();
            for table in ["fetchjobs", "reportdata", "reports"] {
                change.execute_batch(&format!("UPDATE {table} SET day = date('now', '-5 days') WHERE day = date('now', '-1 day')")).unwrap();
            }
            drop(change);
            let _running = reporter.start();
            scene.wait_for("r.sqlite", "SELECT count(*) FROM destinations JOIN reports ON d_r_id = r_id WHERE day < date('now', '-3 days')", "0")
        })
        .case("compression_level", "stored", kept(""), |scene| {
            scene.report(&scene.reporter(&[session("a.test", POST)]).set("compression_level", 0), 1);
            let (body, _) = scene.kept("posts").pop().unwrap();
            if String::from_utf8_lossy(&body).contains("organization-name") { "stored" } else { "compressed" }.to_owned()
        })
        .case("max_collectd_timediff", "warned of", kept(""), |scene| {
            let late = scene.write("late.sh", "echo 'TLSRPT FETCHER v1devel-c domain list'; date -u -d '-1 hour' '+%F %T'; date -u -d yesterday +%F; echo .\n");
            let mut running = scene.reporter(&[]).set("fetchers", format!("sh {late}")).start();
            running.wait_for_log("WARN");
            "warned of".to_owned()
        })
        .case("debug_db", "statements", kept(""), |scene| {
            let reporter = scene.reporter(&[session("a.test", MAIL)]);
            let reporter = reporter.set("log_level", "debug").set("debug_db", 1);
            let ended = scene.report(&reporter, 1).stop();
            let said = ended.stdout + &ended.stderr;
            if said.contains("INSERT INTO fetchjobs") { "statements" } else { "none" }.to_owned()
        })
}

/// What carries reports when no script is set.
fn own(topic: Topic) -> Topic {
    topic.case(
        "the default sendmail",
        "an envelope sender",
        better(
            "none",
            "mail has no envelope sender",
            "that of `sender_address`",
        ),
        |scene| {
            let sendmail = scene.write(
                "sendmail",
                scene.fill("#!/bin/sh\ncat >/dev/null\necho \"$@\" >{folder}/words\n"),
            );
            fs::set_permissions(
                sendmail,
                std::os::unix::fs::PermissionsExt::from_mode(0o755),
            )
            .unwrap();
            let path = format!(
                "{}:{}",
                scene.folder().display(),
                std::env::var("PATH").unwrap()
            );
            let reporter = scene
                .reporter(&[session("a.test", MAIL)])
                .unset("sendmail_script")
                .env("PATH", path);
            scene.report(&reporter, 1);
            let words = fs::read_to_string(scene.file("words")).unwrap();
            if words.contains("noreply@sender.example") {
                "an envelope sender"
            } else {
                "none"
            }
            .to_owned()
        },
    )
}

fn receivers(topic: Topic) -> Topic {
    topic.case(
        "a receiver that answers 500",
        "timedout",
        better(
            "sent",
            "HTTP errors count as delivered",
            "the status code decides, `Retry-After` is honoured",
        ),
        |scene| {
            let ca = Ca::new();
            let https = Https::start(&ca);
            https.script("/r", Answer::status(500));
            let url = format!("https://127.0.0.1:{}/r", https.port());
            let ca = scene.write("ca.pem", ca.pem());
            let reporter = scene
                .reporter(&[session("a.test", POST)])
                .unset("http_script")
                .set("max_retries_delivery", 0);
            let reporter = reporter
                .set("debug_send_http_dest", url)
                .env("CURL_CA_BUNDLE", &ca);
            let reporter = if scene.subject.is_ours() {
                reporter.arg("--https_ca_file").arg(ca)
            } else {
                reporter
            };
            scene.report(&reporter, 1);
            assert_eq!(https.posts().len(), 1);
            scene.rows("r.sqlite", "SELECT status FROM destinations")
        },
    )
}

#[rustfmt::skip]
fn debug(topic: Topic) -> Topic {
    let named = |theirs: &str| better(theirs, "files of `directory:` and `debug_send_file_dest` have a number in their names that begins anew each day; a debug file of the day before is overwritten", "the day, then the number");
    topic
        .case("debug_send_mail_dest", "x@debug.test", kept("the debug options"), |scene| {
            let record = "v=TLSRPTv1; rua=mailto:a@m.test,mailto:b@m.test";
            let reporter = scene.reporter(&[session("a.test", record)]).set("debug_send_mail_dest", "x@debug.test");
            scene.report(&reporter, 1);
            let to = |(mail, _): (Vec<u8>, String)| String::from_utf8_lossy(&mail).lines().find_map(|line| line.strip_prefix("To: ").map(|to| to.trim().to_owned()));
            let mut to: Vec<String> = scene.kept("mails").into_iter().filter_map(to).collect();
            to.dedup();
            to.join(" ")
        })
        .case("debug_send_http_dest", "https://debug.test/", kept(""), |scene| {
            let reporter = scene.reporter(&[session("a.test", POST)]).set("debug_send_http_dest", "https://debug.test/");
            scene.report(&reporter, 1);
            scene.kept("posts").pop().unwrap().1.trim().to_owned()
        })
        .case("debug_send_file_dest", "testreport-a.test-YESTERDAY_idx1-ID-THE_EMAIL_TO_a@m.test.json testreport-a.test-YESTERDAY_idx1-ID-mailto:a@m.test.json",
            named("testreport-a.test-1-THE_EMAIL_TO_a@m.test.json testreport-a.test-1-mailto:a@m.test.json"), |scene| {
            scene.report(&copied(scene, MAIL), 1);
            names(scene, "copies")
        })
        .case("debug_send_file_dest of a post", "testreport-a.test-YESTERDAY_idx1-ID-https:__m.test_r.json", named("testreport-a.test-1-https:__m.test_r.json"), |scene| {
            scene.report(&copied(scene, "v=TLSRPTv1; rua=https://m.test/r"), 1);
            names(scene, "copies")
        })
        .case("a directory", "tlsrpt-a.test-YESTERDAY_idx1-ID-XXXX.json", named("tlsrpt-a.test-1-XXXX.json"), |scene| {
            let folder = scene.file("copies");
            fs::create_dir(&folder).unwrap();
            let map = scene.write("map", format!(". REPLACE directory:{}\n", folder.display()));
            scene.report(&scene.reporter(&[session("a.test", MAIL)]).set("tlsrpt_record_map", map), 1);
            let name = names(scene, "copies");
            let (begin, _chance) = name.trim_end_matches(".json").rsplit_once('-').unwrap();
            format!("{begin}-XXXX.json")
        })
}

fn copied(scene: &Scene, record: &str) -> Program {
    let folder = scene.file("copies");
    fs::create_dir(&folder).unwrap();
    scene
        .reporter(&[session("a.test", record)])
        .set("debug_send_file_dest", folder.display())
}

/// The names of the files in a folder, sorted, `YESTERDAY` in the place of the day.
fn names(scene: &Scene, folder: &str) -> String {
    let names = fs::read_dir(scene.file(folder)).unwrap().flatten();
    let mut names: Vec<String> = names
        .map(|file| unmarked(&file.file_name().to_string_lossy()))
        .collect();
    names.sort();
    let day = scene.rows("r.sqlite", "SELECT day FROM reports LIMIT 1");
    names.join(" ").replace(&day, "YESTERDAY")
}

/// What is not set of the retry options.
fn instead(shows: &str) -> Mark {
    different(
        shows,
        "by default 5 retries of a delivery, after 300 to 1800 s, and 5 of a fetcher: at most 25 minutes",
        "growing waits for `retry_window` (24 hours), and until `fetch_deadline` (six hours after midnight); the retry options, when set, rule as with theirs",
    )
}

/// Makes work look as if it had failed so often that theirs gives up by default.
fn failed(scene: &Scene, table: &str) {
    let change = rusqlite::Connection::open(scene.file("r.sqlite")).unwrap();
    let past = "nexttry = '2020-01-01 00:00:00+00:00'";
    change
        .execute_batch(&format!("UPDATE {table} SET retries = 5, {past}"))
        .unwrap();
}

fn defaults(topic: Topic) -> Topic {
    topic
        .case(
            "a delivery that failed six times",
            "pending",
            instead("timedout"),
            |scene| {
                let reporter = scene
                    .reporter(&[session("a.test", MAIL)])
                    .set("sendmail_script", "cat >/dev/null; kill -9 $$");
                let running = reporter.start();
                scene.wait_for("r.sqlite", "SELECT sum(retries) FROM destinations", "1");
                running.stop();
                failed(scene, "destinations");
                let _running = reporter.start();
                scene.wait_for(
                    "r.sqlite",
                    "SELECT status IS NOT NULL OR retries > 5 FROM destinations",
                    "1",
                );
                scene.rows(
                    "r.sqlite",
                    "SELECT coalesce(status, 'pending') FROM destinations",
                )
            },
        )
        .case(
            "a fetcher that failed six times",
            "pending",
            instead("timedout"),
            |scene| {
                let reporter = scene.reporter(&[]).set("fetchers", "/bin/false");
                let of_the_day = "FROM fetchjobs WHERE day = date('now', '-1 day')";
                let running = reporter.start();
                scene.wait_for("r.sqlite", &format!("SELECT retries {of_the_day}"), "1");
                running.stop();
                failed(scene, "fetchjobs");
                let _running = reporter.start();
                scene.wait_for(
                    "r.sqlite",
                    &format!("SELECT status IS NOT NULL OR retries > 5 {of_the_day}"),
                    "1",
                );
                scene.rows(
                    "r.sqlite",
                    &format!("SELECT coalesce(status, 'pending') {of_the_day}"),
                )
            },
        )
}
