//! Arguments, environment, and which of them wins. Seen by the fetcher, the quickest of the programs: it lists the domain
//! of the storage that it was told.

use std::fs;
use std::process::Command;

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::skip;

use super::mark::{Mark, better, different, kept};
use super::scene::{DAY, Scene, end, listed};
use super::topic::Topic;

const NAMES: [&str; 4] = [
    "tlsrpt-collectd",
    "tlsrpt-fetcher",
    "tlsrpt-reportd",
    "tlsrptctl",
];

pub(super) fn topic() -> Topic {
    let topic = Topic::new("Command line, environment");
    let topic = rows().into_iter().fold(topic, |topic, row| {
        let (name, args, expected, mark) = row;
        topic.case(name, expected, mark, move |scene| {
            listed(&fetcher(scene, args).run())
        })
    });
    programs(unset(default_files(daemons(environment(topic)))))
}

/// What it is about, the arguments, what is listed, and the mark. FILE names the domain `file.test`, ARGUMENT `argument.test`.
#[rustfmt::skip]
fn rows() -> Vec<(&'static str, &'static str, &'static str, Mark)> {
    vec![
        ("--NAME VALUE", "--config_file FILE DAY", "file.test", kept("every option as `--NAME VALUE` or `--NAME=VALUE`, `--config_file` too")),
        ("--NAME=VALUE", "--storage=ARGUMENT DAY", "argument.test", kept("")),
        ("an argument beats the file", "--config_file FILE --storage ARGUMENT DAY", "argument.test", kept("command line before environment before file before default")),
        ("in any order", "DAY --storage ARGUMENT --config_file FILE", "argument.test", kept("")),
        ("the later of two", "--storage=FILE --storage=ARGUMENT DAY", "argument.test", kept("")),
        ("hyphens", "--config-file FILE DAY", "file.test", better("exit 2", "`--config-file`, as its manual writes it, is refused", "`-` and `_` are alike in option names")),
        ("no operand", "--storage ARGUMENT", "exit 2", kept("wrong arguments end with exit code 2")),
        ("an operand too many", "--storage ARGUMENT DAY a.test more", "exit 2", kept("")),
        ("no such option", "--storage ARGUMENT --zzz 1 DAY", "exit 2", kept("")),
        ("no value", "DAY --storage", "exit 2", kept("")),
        ("no date", "--storage ARGUMENT someday", "exit 2", better("", "any word is a DAY without data", "a DAY is a date, `YYYY-MM-DD`")),
        ("no storage", "--config_file EMPTY DAY", "exit 2", kept("a missing `storage` or `socketname` too")),
        ("a file that is not there", "--config_file /nonexistent --storage ARGUMENT DAY", "exit 2", different("exit 1", "exit code 1 for a mistake in the configuration (8 for an unknown storage), most with a traceback", "exit code 2, and all mistakes of a start at once, each with file, line and remedy")),
    ]
}

fn fetcher(scene: &Scene, args: &str) -> Program {
    let file = format!("[tlsrpt_fetcher]\nstorage = {}\n", scene.storage("file"));
    let file = scene.write("fetcher.cfg", file);
    let empty = scene.write("empty.cfg", "[tlsrpt_fetcher]\nlog_level = warn\n");
    let argument = scene.storage("argument");
    let words = args
        .replace("FILE", &file)
        .replace("EMPTY", &empty)
        .replace("ARGUMENT", &argument)
        .replace("DAY", DAY);
    let program = scene.program("tlsrpt-fetcher").no_config();
    words.split_whitespace().fold(program, Program::arg)
}

fn default_files(topic: Topic) -> Topic {
    NAMES.into_iter().fold(topic, |topic, name| {
        let file = match name {
            "tlsrptctl" => "reportd",
            name => name.trim_start_matches("tlsrpt-"),
        };
        let (expected, says) = (
            format!("key_of_{file}"),
            "the default files, `/etc/tlsrpt/{collectd,fetcher,reportd}.cfg`",
        );

        topic.case_where_possible(
            format!("the default file of {name}"),
            expected,
            kept(if name == NAMES[0] { says } else { "" }),
            move |scene| default_file(scene, name),
        )
    })
}

/// What a program logs at its start of options that are not set, as `NAME VALUE`.
fn defaults(log: &str, names: &str) -> String {
    let value = |name: &str| {
        let line = log.lines().find(|line| line.contains(&format!(" {name} ")));
        // `NAME is VALUE` of sys4, `NAME = VALUE (default)` of ours.
        let words = line
            .into_iter()
            .flat_map(str::split_whitespace)
            .skip_while(|word| *word != name);
        format!("{name} {}", words.skip(2).take(1).collect::<String>())
    };
    names.split(' ').map(value).collect::<Vec<_>>().join(" ")
}

fn unset(topic: Topic) -> Topic {
    let collector =
        "sockettimeout 5 max_uncommited_datagrams 1000 retry_commit_datagram_count 1000";
    let reporter = "compression_level -1 http_timeout 10 sendmail_timeout 10 interval_main_loop 300 spread_out_delivery 36000 keep_days 10 max_collectd_timediff 10 debug_db 0";
    let names = |list: &str| list.split(' ').step_by(2).collect::<Vec<_>>().join(" ");
    let of = [names(collector), names(reporter)];
    let [of_collector, of_reporter] = of;
    topic
        .case(
            "defaults of the collector",
            collector,
            kept("the same defaults, but for retries"),
            move |scene| {
                let program = of_collector
                    .split(' ')
                    .fold(scene.collector(), Program::unset)
                    .set("log_level", "debug");
                defaults(&scene.started(&program).stop().stderr, &of_collector)
            },
        )
        .case(
            "defaults of the reporter",
            reporter,
            kept(""),
            move |scene| {
                let program = of_reporter
                    .split(' ')
                    .fold(scene.reporter(&[]), Program::unset)
                    .set("log_level", "debug");
                let mut running = program.start();
                running.wait_for_log("setup finished");
                defaults(&running.log(), &of_reporter)
            },
        )
}

fn daemons(topic: Topic) -> Topic {
    topic
        .case(
            "the collector by its environment alone",
            "starts",
            kept(""),
            |scene| {
                let collector = scene.program("tlsrpt-collectd").no_config().env(
                    "TLSRPT_COLLECTD_STORAGE",
                    format!("sqlite://{}", scene.file("c.sqlite").display()),
                );
                let _running = scene.started(
                    &collector.env("TLSRPT_COLLECTD_SOCKETNAME", scene.socket().display()),
                );
                "starts".to_owned()
            },
        )
        .case(
            "the reporter by its environment alone",
            "starts",
            kept(""),
            |scene| {
                let reporter = scene
                    .program("tlsrpt-reportd")
                    .no_config()
                    .env("TLSRPT_REPORTD_DBNAME", scene.file("r.sqlite").display());
                let reporter = reporter
                    .env("TLSRPT_REPORTD_FETCHERS", scene.fetcher("collector", &[]))
                    .env("TLSRPT_REPORTD_ORGANIZATION_NAME", "Sender Example");
                let _running = reporter
                    .env("TLSRPT_REPORTD_CONTACT_INFO", "tlsrpt@sender.example")
                    .start();
                scene.wait_for("r.sqlite", "SELECT count(*) > 0 FROM fetchjobs", "1");
                "starts".to_owned()
            },
        )
}

fn environment(topic: Topic) -> Topic {
    topic
        .case(
            "the environment alone",
            "env.test",
            kept("`TLSRPT_*` variables alone are enough"),
            |scene| listed(&with_storage(fetcher(scene, "DAY"), scene).run()),
        )
        .case(
            "the environment beats the file",
            "env.test",
            kept(""),
            |scene| listed(&with_storage(fetcher(scene, "--config_file FILE DAY"), scene).run()),
        )
        .case(
            "an argument beats the environment",
            "argument.test",
            kept(""),
            |scene| listed(&with_storage(fetcher(scene, "--storage ARGUMENT DAY"), scene).run()),
        )
        .case(
            "an unknown variable",
            "file.test, warned of",
            kept("an unknown `TLSRPT_*` variable is a warning"),
            |scene| {
                let fetcher = fetcher(scene, "--config_file FILE DAY");
                let ended = fetcher
                    .env("TLSRPT_FETCHER_STORAG", "x")
                    .env("TLSRPT_COLLECTD_STORAG", "x")
                    .run();
                let warned = ended.stderr.contains("TLSRPT_FETCHER_STORAG")
                    && !ended.stderr.contains("TLSRPT_COLLECTD_STORAG");
                format!(
                    "{}, {}",
                    listed(&ended),
                    if warned { "warned of" } else { "passed over" }
                )
            },
        )
}

fn with_storage(fetcher: Program, scene: &Scene) -> Program {
    fetcher.env("TLSRPT_FETCHER_STORAGE", scene.storage("env"))
}

/// What a program says of a default file with an unknown key, in an `/etc` of its own, where this user may have one.
/// `None`: skipped by name.
fn default_file(scene: &Scene, name: &str) -> Option<String> {
    let etc = scene.file("etc/tlsrpt");
    fs::create_dir_all(&etc).unwrap();
    for (file, section) in [
        ("collectd", "tlsrpt_collectd"),
        ("fetcher", "tlsrpt_fetcher"),
        ("reportd", "tlsrpt_reportd"),
    ] {
        fs::write(
            etc.join(format!("{file}.cfg")),
            format!("[{section}]\nkey_of_{file} = 1\n"),
        )
        .unwrap();
    }
    let script = scene.fill("mount --bind {folder}/etc /etc && exec \"$@\"");
    let unshared = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
            .args(words)
            .env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    };
    let possible = unshared(&["true"])
        .output()
        .is_ok_and(|output| output.status.success());
    skip::or_skip(
        possible.then_some(()),
        "this user may not make a mount of its own (unshare)",
    )?;
    let line = scene.program(name).no_config().command_line();
    let operands: &[&str] = match name {
        "tlsrpt-fetcher" => &[DAY],
        "tlsrptctl" => &["maptest", "a.test", "v=TLSRPTv1; rua=mailto:a@m.test"],
        _ => &[],
    };
    let output = unshared(&[&[line.as_str()], operands].concat())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = said
        .split(|sign: char| !sign.is_ascii_lowercase() && sign != '_')
        .find(|word| word.starts_with("key_of_"));
    Some(read.unwrap_or(&said).to_owned())
}

fn programs(topic: Topic) -> Topic {
    let topic = NAMES.into_iter().fold(topic, |topic, name| {
        let says = if name == "tlsrptctl" {
            better(
                "exit 1, 0 options missing",
                "`tlsrptctl --help` is an unknown command",
                "prints its usage",
            )
        } else {
            kept(if name == NAMES[0] {
                "the four names, every option of theirs"
            } else {
                ""
            })
        };
        topic.case(
            format!("{name} --help"),
            "exit 0, 0 options missing",
            says,
            move |scene| {
                let ended = scene.program(name).no_config().arg("--help").run();
                let missing = known(name)
                    .filter(|option| !ended.stdout.contains(&format!("--{option} ")))
                    .count();
                format!("{}, {missing} options missing", end(&ended))
            },
        )
    });
    topic
        .case(
            "tlsrptctl alone",
            "exit 0, usage",
            kept("`tlsrptctl` alone prints its usage"),
            |scene| {
                let ended = scene.program("tlsrptctl").no_config().run();
                let usage = ["Usage", "maptest", "status"]
                    .iter()
                    .all(|word| ended.stdout.contains(word));
                format!(
                    "{}, {}",
                    end(&ended),
                    if usage { "usage" } else { "no usage" }
                )
            },
        )
        .case(
            "an unknown command",
            "exit 2",
            different("exit 1", "", ""),
            |scene| end(&scene.program("tlsrptctl").no_config().arg("stop").run()),
        )
}

/// The options that sys4 documents: compat.md's list, which nothing of ours generates.
fn known(name: &str) -> impl Iterator<Item = &'static str> {
    let list = match name {
        "tlsrpt-collectd" => {
            "config_file storage socketname socketuser socketgroup socketmode sockettimeout max_uncommited_datagrams \
             retry_commit_datagram_count pidfilename logfilename log_level daily_rollover_script dump_path_for_invalid_datagram"
        }
        "tlsrpt-fetcher" => "config_file storage logfilename log_level",
        "tlsrpt-reportd" => {
            "config_file pidfilename logfilename log_level dbname fetchers organization_name contact_info sender_address \
             compression_level keep_days tlsrpt_record_map mail_destination_map http_upload_map http_script http_timeout \
             sendmail_script sendmail_timeout spread_out_delivery interval_main_loop max_collectd_timediff max_collectd_timeout \
             max_retries_delivery min_wait_delivery max_wait_delivery max_retries_domainlist min_wait_domainlist \
             max_wait_domainlist max_retries_domaindetails min_wait_domaindetails max_wait_domaindetails debug_db \
             debug_send_mail_dest debug_send_http_dest debug_send_file_dest"
        }
        _ => "",
    };
    list.split_whitespace()
}
