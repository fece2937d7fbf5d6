//! What fetchers answer, by real processes.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    gather::{Answer, AnswerPart, AnswerSender, Terms, ask, details, probe},
    model::{FetchJob, Fetched},
};
use tokio::sync::mpsc;

const STREAM: &str =
    "echo 'TLSRPTD FETCHER v1 day stream'; date -u '+%Y-%m-%d %H:%M:%S'; echo 2026-11-20";
const LIST: &str =
    "echo 'TLSRPT FETCHER v1devel-c domain list'; date -u '+%Y-%m-%d %H:%M:%S'; echo 2026-11-20";
const A: &str = r#"{"d": "a.example", "policies": {"": {"{\"policy-type\": 9, \"policy-domain\": \"a.example\"}": {"cntrtotal": 3, "cntrfailure": 0, "failures": {}}}}}"#;

/// The command that runs it. By way of the shell: a file that was just written cannot be run itself (ETXTBSY) while the
/// child of another test's thread still holds it open, between its fork and its exec.
fn script(folder: &Path, body: &str) -> String {
    let path = folder.join("fetch");
    fs::write(&path, format!("{body}\n")).unwrap();
    format!("/bin/sh {}", path.display())
}

fn job(command: &str) -> FetchJob {
    FetchJob {
        day: Day::parse("2026-11-20").unwrap(),
        index: 1,
        command: command.to_owned(),
        failures: 0,
        listed: false,
        created: Timestamp::UNIX_EPOCH,
        seen: None,
    }
}

/// Asks; gives the end and everything that was handed on.
async fn answer(body: &str) -> (Result<Answer, String>, Vec<Fetched>, Vec<String>) {
    answer_within(body, u64::MAX).await
}

/// The same, with a bound for the answer's size.
async fn answer_within(
    body: &str,
    max_size: u64,
) -> (Result<Answer, String>, Vec<Fetched>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    // Words are split at white space, without a shell.
    let job = job(&format!("{}  -x 'q' ", script(folder.path(), body)));
    let (sender, mut pieces) = mpsc::channel(100);
    let sink = AnswerSender::new(Arc::new(job.clone()), sender);
    let terms = Terms {
        now: Timestamp::now(),
        max_difference: Duration::from_secs(10),
        max_size,
    };
    let end = ask(&job, terms, &sink)
        .await
        .map_err(|error| error.to_string());
    drop(sink);
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    while let Some((_, piece)) = pieces.recv().await {
        match piece {
            AnswerPart::Rows(more) => rows.extend(more),
            AnswerPart::Listed(more) => listed.extend(more),
            AnswerPart::Unusable(domain, reason) => listed.push(format!("{domain}: {reason}")),
            AnswerPart::Told(_) => {}
            AnswerPart::Grown(days) => {
                listed.extend(
                    days.iter()
                        .map(|(day, number)| format!("{day} grew {number}")),
                );
            }
            other => panic!("{other:?}"),
        }
    }
    (end, rows, listed)
}

#[tokio::test]
async fn good_answers() {
    let (end, rows, _) = answer(&format!("{STREAM}; echo '{A}'; echo '. 1'")).await;
    assert_eq!(end, Ok(Answer::Stream));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].domain, "a.example");
    assert!(
        rows[0].data.contains("\"cntrtotal\": 3"),
        "{}",
        rows[0].data
    );

    let (end, rows, _) = answer(&format!("{STREAM}; echo '. 0'")).await;
    assert_eq!(
        (end, rows.len()),
        (Ok(Answer::Stream), 0),
        "an empty day is a fine answer"
    );

    let (end, _, listed) = answer(&format!("[ \"$4\" = . ] && {{ echo '{{'; echo '}}'; exit 0; }}; {LIST}; echo a.example; echo b.example; echo .")).await;
    assert_eq!(end, Ok(Answer::List), "an empty object is sys4");
    assert_eq!(listed, ["a.example", "b.example"]);

    let (end, _, listed) = answer(&format!("{LIST}; echo a.example; echo .")).await;
    assert_eq!(
        (end, listed.len()),
        (Ok(Answer::List), 1),
        "a list at once is sys4 behind a wrapper"
    );

    let (end, rows, _) = answer(&format!(
        "[ \"$1 $2 $3 $4\" = \"-x 'q' 2026-11-20 .\" ] || exit 9; {STREAM}; echo '. 0'"
    ))
    .await;
    assert_eq!(
        (end, rows.len()),
        (Ok(Answer::Stream), 0),
        "the words, then day and dot"
    );

    let (end, rows, _) = answer(&format!(
        "{STREAM}; echo '{{\"d\": \"bad domain\", \"policies\": {{}}}}'; echo '{A}'; echo '. 2'"
    ))
    .await;
    assert_eq!(
        (end, rows.len()),
        (Ok(Answer::Stream), 1),
        "a bad line stops no other"
    );
}

/// More than 8 MiB of one domain.
const TOO_LONG: &str = r#"printf '{"d": "long.example", "policies": {"'; head -c 17000000 /dev/zero | tr '\0' x; echo '": {}}}'"#;

#[tokio::test]
async fn a_line_that_is_too_long_costs_no_other_domain() {
    let z = A.replace("a.example", "z.example");
    let (end, rows, unusable) = answer(&format!(
        "{STREAM}; echo '{A}'; {TOO_LONG}; echo '{z}'; echo '. 3'"
    ))
    .await;
    assert_eq!(end, Ok(Answer::Stream));
    let domains: Vec<_> = rows.iter().map(|row| row.domain.as_str()).collect();
    assert_eq!(domains, ["a.example", "z.example"]);
    assert_eq!(unusable.len(), 1, "{unusable:?}");
    assert!(
        unusable[0].starts_with("long.example: a line is too long"),
        "{unusable:?}"
    );

    let (end, _, _) = answer(&format!("{TOO_LONG}; echo '. 1'")).await;
    assert!(end.unwrap_err().contains("too long"), "no head");
}

/// A collector that is broken, or not the operator's any more.
#[tokio::test]
async fn an_answer_without_end_is_ended() {
    let endless_domains = format!(
        "{STREAM}; i=100000; while echo \"{{\\\"d\\\": \\\"d$i.example\\\", \\\"policies\\\": {{}}}}\"; do i=$((i + 1)); done"
    );
    let endless_list = format!("{LIST}; i=100000; while echo d$i.example; do i=$((i + 1)); done");
    let endless_line = format!(
        "{STREAM}; echo '{A}'; printf '{{\"d\": \"long.example\", \"policies\": {{\"'; cat /dev/zero | tr '\\0' x"
    );
    let mebibyte = 1 << 20;
    for (body, max_size, handed_on, why) in [
        (
            endless_domains,
            mebibyte,
            4090..=4096,
            "a short domain counts 256 bytes",
        ),
        (endless_list, mebibyte, 4090..=4096, "in a list too"),
        (endless_line, 20 * mebibyte, 1..=1, "a line without end"),
    ] {
        let (end, rows, listed) = answer_within(&body, max_size).await;
        let end = end.unwrap_err();
        assert!(
            end.contains("larger than max_answer_size ("),
            "{why}: {end}"
        );
        let number = rows.len() + listed.len();
        assert!(handed_on.contains(&number), "{why}: {number}");
    }
    let (end, rows, _) = answer_within(&format!("{STREAM}; echo '{A}'; echo '. 1'"), 1000).await;
    assert_eq!(
        (end, rows.len()),
        (Ok(Answer::Stream), 1),
        "what fits is whole"
    );
}

#[tokio::test]
async fn failed_answers() {
    for (body, want, rows, why) in [
        ("echo Welcome to host".to_owned(), "said \"Welcome to host\"", 0, "a banner first"),
        ("echo TLSRPTD FETCHER v2 day stream".to_owned(), "first line", 0, "another version"),
        (format!("{STREAM}; echo '{A}'"), "cut off", 1, "no end; what came is handed on"),
        (format!("{STREAM}; echo '{A}'; echo '. 2'"), "number of domains", 1, "the number does not fit"),
        (format!("{STREAM}; echo '{A}'; echo oops >&2; exit 3"), "oops", 1, "the program says why it was cut off"),
        (format!("{STREAM}; echo '. 0'; exit 1"), "exit status: 1", 0, "exit code 1 after all lines"),
        ("echo no such host >&2; exit 255".to_owned(), "no such host", 0, "ssh fails"),
        ("echo 'TLSRPTD FETCHER v1 day stream'; date -u '+%Y-%m-%d %H:%M:%S'; echo 2026-11-19; echo '. 0'".to_owned(), "not ready: its newest complete day is 2026-11-19", 0, "the day is not closed there"),
        ("echo 'TLSRPTD FETCHER v1 day stream'; date -u '+%Y-%m-%d %H:%M:%S'; echo '. 0'".to_owned(), "newest complete day is none", 0, "no day is closed there"),
    ] {
        let (end, got, _) = answer(&body).await;
        let end = end.unwrap_err();
        assert!(end.contains(want), "{why}: {end}");
        assert_eq!(got.len(), rows, "{why}");
    }
    let terms = Terms {
        now: Timestamp::now(),
        max_difference: Duration::ZERO,
        max_size: u64::MAX,
    };
    let (sender, _pieces) = mpsc::channel(1);
    let job = job("/nonexistent/fetcher");
    let end = ask(
        &job,
        terms,
        &AnswerSender::new(Arc::new(job.clone()), sender),
    )
    .await
    .unwrap_err();
    assert!(
        end.to_string().contains("cannot run /nonexistent/fetcher"),
        "{end}"
    );
}

/// The clock is virtual: it jumps when nothing else is left to do, which is what a dead fetcher looks like.
#[tokio::test(start_paused = true)]
async fn a_dead_fetcher_is_ended_with_what_it_started() {
    let folder = TempDir::new().unwrap();
    let mark = folder.path().join("pid");
    let (end, _, _) = answer(&format!("sleep 1000 & echo $! > {}; wait", mark.display())).await;
    let end = end.unwrap_err();
    assert!(end.contains("no line for 60 seconds"), "{end}");
    // The virtual clock may be ahead of the script; where it wrote its mark, the one it names is gone.
    if let Ok(pid) = fs::read_to_string(&mark)
        && !pid.trim().is_empty()
    {
        let stat = format!("/proc/{}/stat", pid.trim());
        let gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        for _ in 0..100 {
            if gone() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{pid} still runs");
    }
}

#[tokio::test]
async fn one_domain_of_sys4() {
    let folder = TempDir::new().unwrap();
    for (body, want, why) in [
        (
            format!("[ $2 = a.example ] && echo '{A}'"),
            Ok("cntrtotal"),
            "its counts",
        ),
        (
            "echo '{\"d\": \"a.example\", \"policies\": {}}'".to_owned(),
            Ok("{}"),
            "nothing known is an answer",
        ),
        (
            "echo '{\"d\": \"b.example\", \"policies\": {}}'".to_owned(),
            Err("another domain"),
            "not what was asked for",
        ),
        ("echo hello".to_owned(), Err("not JSON"), "no answer"),
        (
            format!("echo '{A}'; exit 4"),
            Err("exit status: 4"),
            "exit code",
        ),
    ] {
        let got = details(&job(&script(folder.path(), &body)), "a.example")
            .await
            .map_err(|error| error.to_string());
        match (got, want) {
            (Ok(got), Ok(want)) | (Err(got), Err(want)) => {
                assert!(got.contains(want), "{why}: {got}")
            }
            (got, _) => panic!("{why}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn the_test_call() {
    let folder = TempDir::new().unwrap();
    for (body, good, why) in [
        (
            format!("[ $1 = 1999-01-01 ] && {LIST}; echo ."),
            true,
            "four lines",
        ),
        (
            "echo 'TLSRPT FETCHER v1devel-c domain list'; date -u '+%Y-%m-%d %H:%M:%S'; echo ."
                .to_owned(),
            true,
            "no day is closed yet",
        ),
        (LIST.to_owned(), false, "no end"),
        (
            format!("{LIST}; echo a.example; echo ."),
            false,
            "a domain of 1999",
        ),
        (format!("{LIST}; echo .; exit 2"), false, "exit code"),
        ("echo hello".to_owned(), false, "no fetcher"),
    ] {
        let got = probe(&script(folder.path(), &body)).await;
        assert_eq!(got.is_ok(), good, "{why}: {got:?}");
    }
}
