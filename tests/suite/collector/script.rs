//! `daily_rollover_script`: told of each closed day; its troubles are its own.

use std::fs;
use std::path::PathBuf;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::wait::until_true;

use super::TXT;

#[test]
fn it_is_told_storage_and_file_of_each_closed_day() {
    let lab = Lab::new();
    let told = lab.file("told");
    let script = script(&lab, &format!("echo \"$@\" >>{}\n", told.display()));
    let (first, second) = (
        format!("sqlite://{}", lab.collectd_db().display()),
        format!("sqlite://{}", lab.file("b.sqlite").display()),
    );
    let collectd = lab
        .collectd()
        .set("storage", format!("{first},{second},dummy:"))
        .set(
            "daily_rollover_script",
            format!("/bin/sh {}  one   'two words'", script.display()),
        );
    let collectd = lab.start_ready(&collectd);
    let line = |url: &str| {
        format!(
            "one 'two words' {url} {}.yesterday",
            url.trim_start_matches("sqlite://")
        )
    };
    // The first start closes the empty day before.
    let mut wanted = vec![line(&first), line(&second)];
    let lines = || {
        let mut lines: Vec<String> = fs::read_to_string(&told)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    wanted.sort();
    until_true("the script of the first start", || lines() == wanted);
    lab.mta().send(&mta::success("a.test", TXT));
    lab.close_day(&collectd, 1);
    wanted.extend([line(&first), line(&second)]);
    wanted.sort();
    until_true("the script of the closed day", || lines() == wanted);
    collectd.stop().success();
    // A start on a day that was closed already closes nothing.
    let collectd = lab.collectd().set(
        "daily_rollover_script",
        format!("/bin/sh {}", script.display()),
    );
    lab.start_ready(&collectd).stop().success();
    assert_eq!(lines(), wanted);
}

/// Nobody closes that day again: what is not told now is never told, and a day that is to be uploaded would be lost.
#[test]
fn it_is_told_of_a_day_that_ends_with_the_collector() {
    // Told both at once, a collector may be at its end before it has looked at the day; then it is not closed.
    let closed = (0..20).any(|_| {
        let lab = Lab::new();
        let told = lab.file("told");
        let script = script(&lab, &format!("echo \"$2\" >>{}\n", told.display()));
        let collectd = lab.collectd().set(
            "daily_rollover_script",
            format!("/bin/sh {}", script.display()),
        );
        let collectd = lab.start_ready(&collectd);
        let lines = || {
            let told = fs::read_to_string(&told).unwrap_or_default();
            told.lines().count()
        };
        until_true("the script of the first start", || lines() == 1);
        lab.mta().send(&mta::success("a.test", TXT));
        lab.wait_for_sessions(&lab.collectd_db(), 1);
        collectd.signal(nix::sys::signal::Signal::SIGUSR2);
        collectd.stop().success();
        let closed = lab.day_file(&lab.closed_db()).results.len() == 1;
        if closed {
            until_true("the script of the last day", || lines() == 2);
        }
        closed
    });
    assert!(closed, "the day was closed at the end once");
}

#[test]
fn a_script_in_trouble_harms_nothing() {
    let lab = Lab::new();
    let hang = script(&lab, "echo $$ >>\"$0.pids\"\nexec sleep 600\n");
    for (script, reason) in [
        ("/nonexistent/script".to_owned(), "it does not exist"),
        ("/bin/false".to_owned(), "it fails"),
        ("/etc/passwd".to_owned(), "it cannot be executed"),
        (format!("/bin/sh {}", hang.display()), "it hangs"),
    ] {
        let collectd = lab.start_ready(&lab.collectd().set("daily_rollover_script", script));
        counts_and_closes(&lab, &collectd, reason);
        counts_and_closes(&lab, &collectd, reason);
        let ended = collectd.stop();
        assert_eq!(ended.code(), Some(0), "{reason}\n{}", ended.stderr);
        assert!(
            ended.stderr.contains("daily_rollover_script"),
            "{reason}: the log says so\n{}",
            ended.stderr
        );
    }
    let pids = fs::read_to_string(format!("{}.pids", hang.display())).unwrap();
    for pid in pids.lines() {
        let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL)
            .expect("a hanging script is left to itself");
    }
}

fn counts_and_closes(lab: &Lab, collectd: &Running, reason: &str) {
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    let closed = || lab.day_file(&lab.closed_db()).sessions();
    let before = closed();
    lab.close_day(collectd, 1);
    assert_eq!(closed(), before + 1, "{reason}");
}

/// A script. It is run by the shell, because the file could be seen open for writing for a moment longer than it is: by
/// what another test starts at the same time.
fn script(lab: &Lab, text: &str) -> PathBuf {
    let path = lab.file("script");
    fs::write(&path, text).unwrap();
    path
}
