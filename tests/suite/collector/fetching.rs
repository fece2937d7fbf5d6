//! The fetcher: sys4's lines and ours, from closed days and from files that are none.

use std::fs;
use std::path::Path;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::TXT;
use super::counts::Counts;

#[test]
fn the_fetcher_answers_every_question() {
    let lab = Lab::new();
    lab.collect([mta::success("a.test", TXT)]);
    let day = lab.day();
    let unknown =
        |domain: &str| format!("{{\n    \"d\": \"{domain}\",\n    \"policies\": {{}}\n}}\n");
    #[rustfmt::skip]
    let table: &[(&[&str], &str, &str)] = &[
        (&["1999-01-01"], "a list without a domain", "the reporter's test call: a day without data"),
        (&[&day, "unknown.test"], &unknown("unknown.test"), "an unknown domain is no error"),
        (&["1999-01-01", "a.test"], &unknown("a.test"), "nor is an unknown day"),
    ];
    for (args, wanted, reason) in table {
        let ended = args
            .iter()
            .fold(lab.fetcher(), |fetcher, arg| fetcher.arg(arg))
            .run()
            .success();
        let lines: Vec<&str> = ended.stdout.lines().collect();
        if args.len() == 1 {
            assert_eq!(
                (lines.len(), lines[2], lines[3]),
                (4, day.as_str(), "."),
                "{reason}"
            );
        } else {
            assert_eq!(ended.stdout.trim_end(), wanted.trim_end(), "{reason}");
        }
    }
    let stream = lab
        .fetcher()
        .arg("1999-01-01")
        .arg(".")
        .run()
        .success()
        .stdout;
    assert_eq!(stream.lines().last(), Some(". 0"));
    faulty_storages(&lab);
}

/// Exit code 2 and a word about the file, whatever is wrong with it.
fn faulty_storages(lab: &Lab) {
    fs::write(
        lab.file("text.sqlite.yesterday"),
        "this is no database, but long enough to be looked at as one".repeat(20),
    )
    .unwrap();
    fs::create_dir(lab.file("folder.sqlite.yesterday")).unwrap();
    let foreign = |name: &str, sql: &str| {
        fs::copy(lab.closed_db(), lab.file(name)).unwrap();
        rusqlite::Connection::open(lab.file(name))
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    foreign(
        "purpose.sqlite.yesterday",
        "UPDATE dbversion SET purpose = 'TLSRPT-Reportd-DB-devel-2024-10-28'",
    );
    foreign(
        "version.sqlite.yesterday",
        "UPDATE dbversion SET version = 2",
    );
    foreign("other.sqlite.yesterday", "DROP TABLE dbversion");
    for (name, reason) in [
        ("missing.sqlite", "no such file"),
        ("text.sqlite", "no database"),
        ("folder.sqlite", "no file"),
        ("purpose.sqlite", "the reporter's database"),
        ("version.sqlite", "of another version"),
        ("other.sqlite", "of another program"),
    ] {
        let path = lab.file(name);
        let ended = lab
            .fetcher()
            .set("storage", format!("sqlite://{}", path.display()))
            .arg(lab.day())
            .run();
        assert_eq!(ended.code(), Some(2), "{reason}\n{}", ended.stderr);
        assert!(
            ended.stderr.contains(&path.display().to_string()),
            "{reason}\n{}",
            ended.stderr
        );
        assert!(!ended.stdout.ends_with(".\n"), "{reason}: no whole list");
        assert!(
            !Path::new(&path).exists(),
            "{reason}: the fetcher makes no file"
        );
    }
}

/// `tlsrpt-fetcher DAY`, then `tlsrpt-fetcher DAY DOMAIN` for each.
pub(super) fn fetched_one_by_one(lab: &Lab) -> Counts {
    let list = lab.fetcher().arg(lab.day()).run().success().stdout;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines[0], "TLSRPT FETCHER v1devel-c domain list");
    assert_a_time(lines[1]);
    assert_eq!(lines[2], lab.day(), "the newest complete day");
    assert_eq!(lines.last(), Some(&"."));
    let domains = &lines[3..lines.len() - 1];
    assert!(domains.is_sorted(), "binary order: {domains:?}");
    let mut counts = Counts::default();
    for domain in domains {
        let details = lab
            .fetcher()
            .arg(lab.day())
            .arg(domain)
            .run()
            .success()
            .stdout;
        assert!(
            details.starts_with(&format!(
                "{{\n    \"d\": \"{domain}\",\n    \"policies\": {{\n        \"v="
            )),
            "{details}"
        );
        counts.add_details(&details);
    }
    assert_eq!(counts.domains(), domains);
    counts
}

/// `tlsrpt-fetcher DAY .`
pub(super) fn fetched_as_stream(lab: &Lab) -> Counts {
    let stream = lab.fetcher().arg(lab.day()).arg(".").run().success().stdout;
    let lines: Vec<&str> = stream.lines().collect();
    assert_eq!(lines[0], "TLSRPTD FETCHER v1 day stream");
    assert_a_time(lines[1]);
    assert_eq!(lines[2], lab.day());
    // A day that grew after it was closed is told of on the way.
    let is_domain = |line: &&&str| !line.starts_with('+');
    let domains: Vec<&str> = lines[3..lines.len() - 1]
        .iter()
        .filter(is_domain)
        .copied()
        .collect();
    assert_eq!(
        lines.last(),
        Some(&format!(". {}", domains.len()).as_str()),
        "the end tells a whole stream from a cut one"
    );
    let mut counts = Counts::default();
    for line in domains {
        counts.add_details(line);
    }
    counts
}

fn assert_a_time(line: &str) {
    let parsed = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", line);
    assert!(parsed.is_ok() && line.len() == 19, "a UTC time: {line}");
}

#[test]
fn memory_does_not_grow_with_what_strangers_wrote() {
    let lab = Lab::new();
    lab.collect([mta::success("a.test", TXT)]);
    let day = lab.day();
    let db = rusqlite::Connection::open(lab.closed_db()).unwrap();
    // Twenty policies of 4 KB with a hundred failures of 16 KB each: 32 MB of texts, and as much again beside them.
    let rows =
        "WITH RECURSIVE policies(p) AS (VALUES(1) UNION ALL SELECT p+1 FROM policies WHERE p<20),
        failures(f) AS (VALUES(1) UNION ALL SELECT f+1 FROM failures WHERE f<100)";
    let policy = r#"'{"policy-type": 2, "policy-domain": "big.test", "policy-string": ["' || p || hex(zeroblob(2000)) || '"]}'"#;
    let reason = r#"'{"c": 203, "f": "' || f || hex(zeroblob(8000)) || '"}'"#;
    db.execute_batch(&format!(
        "{rows} INSERT INTO finalresults SELECT '{day}', 'big.test', 't', {policy}, 100, 100, '' FROM policies;
         {rows} INSERT INTO failures SELECT '{day}', 'big.test', 't', {policy}, {reason}, 1 FROM policies, failures"
    ))
    .unwrap();
    drop(db);
    for domain in [".", "big.test"] {
        let told = lab
            .fetcher()
            .under(&["sh", "-c", "ulimit -v 262144; exec \"$@\"", "sh"])
            .arg(&day)
            .arg(domain)
            .run()
            .success()
            .stdout;
        // The reporter takes lines of 16 MiB.
        let longest = told.lines().map(str::len).max().unwrap();
        assert!(longest < 12 << 20, "{domain}: {longest}");
        assert!(told.len() < 12 << 20, "{domain}: {}", told.len());
        assert_eq!(told.matches("\"cntrtotal\": 100").count(), 20, "{domain}");
    }
}
