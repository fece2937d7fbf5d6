//! `status`, on its screen, for programs and for the monitoring; and what there is none of.

use tlsrptd_tests::harness::lab::Lab;

use super::site::Morning;

/// The first words of a plug-in's line, and its performance data.
fn plug_in(line: &str) -> (&str, Vec<&str>) {
    let (text, data) = line.trim_end().split_once(" | ").unwrap();
    assert!(!data.contains('|') && line.lines().count() == 1, "{line}");
    (text, data.split(' ').collect())
}

#[test]
fn the_monitoring_is_told_what_is_wrong() {
    let mut morning = Morning::new();
    let works = morning.ask(&["status", "--check"]);
    let (text, data) = plug_in(&works.stdout);
    for value in [
        "domains=6;;;0",
        "sessions=10;;;0",
        "failed=2;;;0",
        "sent=2;;;0",
        "unsent=1;;;0",
        "waiting=1;;;0",
        "dropped=0c;;;0",
    ] {
        assert!(data.contains(&value), "{value}: {data:?}");
    }
    assert!(
        works.code() == Some(0) && text.starts_with("TLSRPT OK - "),
        "{works:?}"
    );
    morning.stop();
    let stopped = morning.ask(&["status", "--check"]);
    let (text, _) = plug_in(&stopped.stdout);
    assert!(
        text.starts_with("TLSRPT CRITICAL - tlsrpt-reportd does not answer: "),
        "{text}"
    );
    assert_eq!(stopped.code(), Some(2), "{stopped:?}");
    let screen = morning.text(&["status"]);
    assert!(
        screen.starts_with("CRITICAL  tlsrpt-reportd does not answer"),
        "{screen}"
    );

    let dead = morning
        .ctl(&["status", "--check"])
        .set("fetchers", "/nowhere/fetcher")
        .run();
    assert!(
        dead.stdout
            .contains("; /nowhere/fetcher: cannot run /nowhere/fetcher"),
        "{dead:?}"
    );
    let none = Lab::new().ctl().arg("status").arg("--check").run();
    assert!(
        none.stdout
            .starts_with("TLSRPT UNKNOWN - there is no database "),
        "{none:?}"
    );
    assert_eq!((none.code(), none.stderr.as_str()), (Some(3), ""));
}

#[test]
fn programs_are_told_what_the_collectors_said() {
    Morning::new().working_and_stopped(|morning| {
        let status = morning.json(&["status"]);
        let collector = &status["collectors"][0];
        assert_eq!(collector["answers"], "status", "{status}");
        assert_eq!(collector["status"]["program"], "tlsrpt-collectd");
        assert_eq!(collector["status"]["storages"][0]["sessions_today"], 3);
        assert_eq!(status["last_closed_day"]["day"], morning.lab.day());
        assert_eq!(
            status["last_closed_day"]["totals"]["outcomes"]["refused"],
            1
        );
        assert_eq!(status["waiting"]["deliveries"], 1);
        assert_eq!(status["suppressed"], 1);
        let screen = morning.text(&["status"]);
        for part in [
            "6 domains, 10 sessions, 2 failed (80.00% secured)",
            "gathered from 1 collector",
            "Suppressed  1 target",
        ] {
            assert!(screen.contains(part), "{part}: {screen}");
        }
    });
}

#[test]
fn none_of_it_is_exit_status_1() {
    let morning = Morning::new();
    for (words, code, said, why) in [
        (
            &["deliveries", "--status", "expired"][..],
            1,
            "no expired delivery is known of ",
            "none ended so",
        ),
        (
            &["deliveries", "--domain", "nobody.example"],
            1,
            "no delivery on nobody.example is known of ",
            "no such domain",
        ),
        (
            &["deliveries", "--domain", "no domain"],
            2,
            "--domain: ",
            "no name",
        ),
        (
            &["deliveries", "2020-01-01"],
            1,
            "no delivery is known of 2020-01-01",
            "a day long ago",
        ),
        (
            &["deliveries", "--status", "none"],
            0,
            "opted out",
            "domains without a report",
        ),
        (
            &["failures", "--domain", "example.com"],
            1,
            "no failure is known with example.com on ",
            "it did not fail",
        ),
        (
            &["failures", "--new", "--explain"],
            0,
            "means    The certificate of the MX host had expired",
            "what it means",
        ),
        (
            &["failures", "--days", "0"],
            2,
            "--days: 0 is out of range",
            "no days",
        ),
        (
            &["history", "--days", "400"],
            0,
            "The history begins on",
            "more than is known",
        ),
    ] {
        let ended = morning.ask(words);
        assert_eq!(ended.code(), Some(code), "{why}: {ended:?}");
        let told = ended.stdout.clone() + &ended.stderr;
        assert!(told.contains(said), "{why}: {said}: {told}");
    }
}

#[test]
fn in_a_pipe_tables_of_a_usual_day_fit_80_columns() {
    let morning = Morning::new();
    for words in [&["history"][..], &["failures", "--explain"]] {
        let text = morning.text(words);
        // A pipe gets names and addresses whole, however long they are.
        let wide = text
            .lines()
            .find(|line| line.chars().count() > 80 && !line.contains(['/', '[']));
        assert_eq!(wide, None, "{words:?}: {text}");
    }
}
