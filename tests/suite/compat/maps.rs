//! Destination maps: what each line does, and what each mistake is called.

use std::fs;

use tlsrptd_tests::harness::wait::until;

use super::mark::{Mark, better, different, kept};
use super::reporter::session;
use super::scene::{Scene, end};
use super::topic::{Topic, case};

/// The options, in the order of the maps.
const OPTIONS: [&str; 3] = [
    "tlsrpt_record_map",
    "mail_destination_map",
    "http_upload_map",
];

pub(super) fn topic() -> Topic {
    starts(mistakes(lines(Topic::new("Maps"))))
}

/// A row's lines in the three maps, its record's `rua`, its destinations with their status, the mark.
/// `{d}` is the row's own domain, `{m}` its own mail domain.
type Row = (
    &'static str,
    [&'static str; 3],
    &'static str,
    &'static str,
    Mark,
);

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let no_case = || better("mailto:a@{m} sent", "names in maps are compared with case", "without case");
    vec![
        ("no line", ["", "", ""], "mailto:a@{m}", "mailto:a@{m} sent", kept("ACCEPT, DISCARD, REPLACE, APPEND, REGEXP; the first matching line wins")),
        ("ACCEPT", ["{d} ACCEPT\n{d} DISCARD", "", ""], "mailto:a@{m}", "mailto:a@{m} sent", kept("")),
        ("DISCARD", ["{d} DISCARD", "", ""], "mailto:a@{m}", "none", kept("")),
        ("REPLACE", ["{d} REPLACE mailto:x@{m} https://{m}/r", "", ""], "mailto:a@{m}", "https://{m}/r sent mailto:x@{m} sent", kept("")),
        ("APPEND", ["{d} APPEND mailto:x@{m}", "", ""], "mailto:a@{m}", "mailto:a@{m} sent mailto:x@{m} sent", kept("")),
        ("REGEXP", [r"{d} REGEXP mailto:([^@]*)@ mailto:x-\1@", "", ""], "mailto:a@{m},mailto:b@{m}", "mailto:x-a@{m} sent mailto:x-b@{m} sent", kept("")),
        (r"\g<name>", [r"{d} REGEXP (?P<all>[a-z]+)@ x\g<all>\g<0>", "", ""], "mailto:a@{m}", "mailto:xaa@{m} sent", kept("Python's `re` syntax")),
        ("domain:", ["domain:{d} DISCARD", "", ""], "mailto:a@{m}", "none", kept("`domain:` and `regexp:`, `.example.com` for subdomains, `.` for all")),
        ("a subdomain", [".{d} DISCARD", "", ""], "mailto:a@{m}", "mailto:a@{m} sent", kept("")),
        ("regexp:", ["regexp:.*(?<=y){d} DISCARD\nregexp:(?={d})row(?<!x)\\d+.test DISCARD", "", ""], "mailto:a@{m}", "none", kept("")),
        ("anchored at its start", [r"regexp:est DISCARD", "", ""], "mailto:a@{m}", "mailto:a@{m} sent", kept("")),
        ("not at its end", ["regexp:{d}x? DISCARD", "", ""], "mailto:a@{m}", "none", kept("")),
        ("comments", ["# {d} DISCARD\n\n   ", "", ""], "mailto:a@{m}", "mailto:a@{m} sent", kept("")),
        ("a mail domain", ["", "{m} DISCARD", ""], "mailto:a@{m},mailto:a@o{m}", "mailto:a@o{m} sent", kept("")),
        ("a subdomain of mail", ["", ".{m} DISCARD", ""], "mailto:a@{m},mailto:a@b.{m}", "mailto:a@{m} sent", kept("")),
        ("a whole address", ["", "regexp:mailto:a@{m} DISCARD", ""], "mailto:a@{m},mailto:b@{m}", "mailto:b@{m} sent", kept("")),
        ("all occurrences", [r"{d} REGEXP x z", "", ""], "mailto:xyx@{m}", "mailto:zyz@{m} sent", kept("")),
        ("a host", ["", "", "{m} DISCARD"], "https://{m}/a,https://o{m}/a", "https://o{m}/a sent", kept("")),
        ("a host and port", ["", "", "{m} DISCARD"], "https://{m}:8443/a", "none", kept("")),
        ("a whole URI", ["", "", "regexp:https://{m}/secret REPLACE mailto:x@{m}"], "https://{m}/secret,https://{m}/a", "https://{m}/a sent mailto:x@{m} sent", kept("")),
        ("what a kind's map makes is final", ["", "{m} REPLACE https://{m}/r", "{m} DISCARD"], "mailto:a@{m}", "https://{m}/r sent", kept("")),
        ("what the record map makes is not", ["{d} REPLACE mailto:a@{m}", "{m} DISCARD", ""], "mailto:b@y.test", "none", kept("")),
        ("a directory", ["{d} REPLACE directory:{folder}/reports", "", ""], "mailto:a@{m}", "directory:{folder}/reports sent", kept("`directory:` out of a map")),
        ("a directory by a kind's map", ["", "{m} REPLACE directory:{folder}/reports", ""], "mailto:a@{m}", "directory:{folder}/reports sent", kept("")),
        ("another scheme by the record map", ["{d} REPLACE ftp://{m}/ mailto:x@{m}", "", ""], "mailto:a@{m}", "ftp://{m}/ unknownrua mailto:x@{m} sent",
            better("none", "another scheme out of the record map loses the domain's other destinations", "it is `unknownrua`, the others are used")),
        ("another scheme by a kind's map", ["", "{m} REPLACE ftp://{m}/", ""], "mailto:a@{m}", "ftp://{m}/ unknownrua", kept("another scheme out of a map is `unknownrua`")),
        ("capitals in the map", ["{D} DISCARD", "", ""], "mailto:a@{m}", "none", no_case()),
        ("capitals in the address", ["", "{m} DISCARD", ""], "mailto:a@{M}", "none", kept("")),
    ]
}

fn fill(text: &str, number: usize) -> String {
    let (domain, mail) = (
        format!("row{number:02}.test"),
        format!("mail{number:02}.test"),
    );
    let capitals = |text: &str| text.to_uppercase();
    text.replace("{d}", &domain)
        .replace("{D}", &capitals(&domain))
        .replace("{m}", &mail)
        .replace("{M}", &capitals(&mail))
}

/// All rows in one reporter's run: each has a domain of its own.
fn lines(topic: Topic) -> Topic {
    let cases = rows()
        .into_iter()
        .enumerate()
        .map(|(number, (name, _, _, expected, mark))| {
            let mark = match mark {
                Mark::Better(instead) => {
                    better(&fill(&instead.shows, number), instead.sys4, instead.ours)
                }
                mark => mark,
            };
            case(name, fill(expected, number), mark)
        });
    topic.together(cases.collect(), |scene| {
        let rows = rows();
        let day = |(number, row): (usize, &Row)| {
            session(
                &fill("{d}", number),
                &format!("v=TLSRPTv1; rua={}", fill(row.2, number)),
            )
        };
        let days: Vec<_> = rows.iter().enumerate().map(day).collect();
        fs::create_dir(scene.file("reports")).unwrap();
        let mut reporter = scene.reporter(&days);
        for (which, option) in OPTIONS.into_iter().enumerate() {
            let text: String = rows
                .iter()
                .enumerate()
                .map(|(number, row)| fill(row.1[which], number) + "\n")
                .collect();
            reporter = reporter.set(option, scene.write(option, scene.fill(&text)));
        }
        scene.report(&reporter, rows.len());
        (0..rows.len())
            .map(|number| scene.plain(&scene.destinations(&fill("{d}", number))))
            .collect()
    })
}

/// The map (by its number in OPTIONS), its text, and what is said of it.
#[rustfmt::skip]
const MISTAKES: &[(usize, &str, &str)] = &[
    (0, "a.test", "rua map line 1: Missing action"),
    (1, "# x\n\na.test ALLOW", "mail map line 3: Unknown action ALLOW"),
    (2, ". accept", "http map line 1: Unknown action accept"),
    (2, "host:a.test ACCEPT", "http map line 1: Unsupported match type 'host'"),
    (0, ". ACCEPT x", "rua map line 1: Map action ACCEPT does not accept additional parameters"),
    (0, ". DISCARD x", "rua map line 1: Map action DISCARD does not accept additional parameters"),
    (0, ". REPLACE", "rua map line 1: Map action REPLACE needs additional parameters"),
    (0, ". APPEND", "rua map line 1: Map action APPEND needs additional parameters"),
    (1, ". REGEXP a", "mail map line 1: Map action REGEXP needs 2 additional parameters but got 1"),
    (1, ". REGEXP a b c", "mail map line 1: Map action REGEXP needs 2 additional parameters but got 3"),
];

fn mistakes(topic: Topic) -> Topic {
    let says = |row| {
        if row == 0 {
            kept("the messages for mistakes, with map and line")
        } else {
            kept("")
        }
    };
    let rows = MISTAKES.iter().enumerate();
    rows.fold(topic, |topic, (row, (map, text, message))| {
        let cases = vec![
            case(
                format!("{text}: exit code"),
                "exit 2",
                different("exit 8", "", ""),
            ),
            case(format!("{text}: message"), message, says(row)),
        ];
        topic.together(cases, move |scene| {
            let told = told(scene, *map, text);
            let line = told
                .lines()
                .find(|line| line.contains(" map line "))
                .unwrap_or_default();
            let shown = if line.contains(message) {
                message
            } else {
                line
            };
            vec![
                told.lines().next().unwrap_or_default().to_owned(),
                shown.to_owned(),
            ]
        })
    })
}

/// Maps that are right, and mistakes of other kinds.
fn starts(topic: Topic) -> Topic {
    topic
        .case("a map for all", "none", kept(""), |scene| {
            let map = scene.write("the.map", ". DISCARD\n");
            scene.report(
                &scene
                    .reporter(&[session("a.test", "v=TLSRPTv1; rua=mailto:a@m.test")])
                    .set(OPTIONS[0], map),
                1,
            );
            scene.destinations("a.test")
        })
        .case(
            "a bad pattern to match",
            "exit 2",
            different("exit 8", "", ""),
            |scene| {
                told(scene, 1, "regexp:( ACCEPT")
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            },
        )
        .case(
            "a bad pattern of REGEXP",
            "exit 2",
            better(
                "starts",
                "a bad pattern of REGEXP is found when it is first used",
                "at start, with map and line",
            ),
            |scene| {
                told(scene, 1, ". REGEXP ( x")
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            },
        )
        .case(
            "no such map",
            "exit 2",
            different("exit 8", "", ""),
            |scene| {
                end(&scene
                    .reporter(&[])
                    .set(OPTIONS[0], "/nonexistent/map")
                    .run())
            },
        )
}

/// How a start with this text as a map ends, `starts` when it does not, and below it all that was said.
fn told(scene: &Scene, map: usize, text: &str) -> String {
    let map_file = scene.write("the.map", text);
    let mut running = scene.reporter(&[]).set(OPTIONS[map], map_file).start();
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
        return "starts".to_owned();
    }
    let ended = running.wait();
    format!("{}\n{}", end(&ended), ended.stderr)
}
