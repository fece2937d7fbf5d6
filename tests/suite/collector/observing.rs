//! The observation socket: what the collector answers, and what no client can do to it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Ended, Program, Running};
use tlsrptd_tests::harness::wait::until_true;

use super::TXT;

struct Observed {
    lab: Lab,
}

impl Observed {
    fn new() -> Observed {
        Observed { lab: Lab::new() }
    }

    fn socket(&self) -> String {
        self.lab.file("observe").display().to_string()
    }

    fn collectd(&self) -> Program {
        self.lab.collectd().set("observation_socket", self.socket())
    }

    fn start(&self) -> Running {
        let running = self.lab.start_ready(&self.collectd());
        until_true("the observation socket", || {
            UnixStream::connect(self.lab.file("observe")).is_ok()
        });
        running
    }

    fn ask(&self, words: &[&str]) -> Ended {
        let fetcher = self.lab.fetcher().set("observation_socket", self.socket());
        words
            .iter()
            .fold(fetcher, |fetcher, word| fetcher.arg(word))
            .run()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.ask(&["status"]).success().stdout).unwrap()
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.lab.file("observe")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }
}

/// Without the clock's line, and how often the day grew after it was closed.
fn without_clock(lines: &str) -> Vec<&str> {
    lines
        .lines()
        .enumerate()
        .filter(|(place, line)| *place != 1 && !line.starts_with('+'))
        .map(|(_, line)| line)
        .collect()
}

#[test]
fn today_has_the_form_of_a_closed_day() {
    let observed = Observed::new();
    let lab = &observed.lab;
    let collectd = observed.start();
    let datagrams = [
        mta::success("a.test", TXT),
        mta::failure("b.test", TXT, 203),
        mta::several_policies("c.test", TXT),
    ];
    lab.mta().send_all(&datagrams);
    let sessions: i64 = datagrams
        .iter()
        .map(|datagram| mta::sessions_of(datagram))
        .sum();
    until_true("all is committed", || {
        observed.status()["storages"][0]["sessions_today"] == sessions
    });
    let status = observed.status();
    let figures = &status["storages"][0];
    assert_eq!(
        (&status["received"], &figures["committed"]),
        (&3.into(), &3.into())
    );
    assert_eq!(figures["domains_today"], 3);
    assert_eq!(status["pid"], collectd.pid().as_raw());
    assert!(status["last_received"].as_str() >= status["started"].as_str());

    let questions: [&[&str]; 5] = [&[], &["."], &["a.test"], &["B.test"], &["none.test"]];
    let told = questions.map(|domain| {
        observed
            .ask(&[&["today"], domain].concat())
            .success()
            .stdout
    });
    collectd.signal(Signal::SIGUSR2);
    lab.wait_for_sessions(&lab.closed_db(), sessions);
    let day = lab.day();
    for (domain, told) in questions.iter().zip(told) {
        let closed = observed
            .ask(&[&[day.as_str()], *domain].concat())
            .success()
            .stdout;
        match domain {
            [] | ["."] => assert_eq!(without_clock(&told), without_clock(&closed)),
            _ => assert_eq!(told, closed),
        }
    }
    assert!(
        observed
            .ask(&["today", "."])
            .success()
            .stdout
            .ends_with("\n. 0\n"),
        "a new day"
    );
    collectd.stop().success();
    assert!(!lab.file("observe").exists());
    super::assert_whole(lab);
}

#[test]
fn why_the_fetcher_has_no_answer() {
    let observed = Observed::new();
    let lab = &observed.lab;
    for words in [
        &["status"][..],
        &["today"],
        &["today", "."],
        &["today", "a.test"],
    ] {
        let unset = words
            .iter()
            .fold(lab.fetcher(), |fetcher, word| fetcher.arg(word))
            .run();
        assert_eq!(unset.code(), Some(2), "{}", unset.stderr);
        assert!(
            unset.stderr.contains("observation_socket is not set"),
            "{}",
            unset.stderr
        );
        let missing = observed.ask(words);
        assert_eq!((missing.code(), &*missing.stdout), (Some(1), ""));
        assert!(
            missing.stderr.contains("there is none"),
            "{}",
            missing.stderr
        );
    }
    observed.start().kill();
    let stale = observed.ask(&["status"]);
    assert_eq!(stale.code(), Some(1));
    assert!(
        stale.stderr.contains("nobody answers there"),
        "{}",
        stale.stderr
    );
    let collectd = observed.start();
    observed.status();
    collectd.stop().success();
}

/// It works all the same, and is observed once its path is free.
#[test]
fn a_collector_without_its_observation_socket_goes_on() {
    let observed = Observed::new();
    let first = observed.start();
    let other = Observed::new();
    let lab = &other.lab;
    let program = lab.collectd().set("observation_socket", observed.socket());
    let mut second = lab.start_ready(&program);
    second.wait_for_log("cannot make the observation socket");
    let by = format!("tlsrpt-collectd (process {}) answers there", first.pid());
    assert!(second.log().contains(&by), "{}", second.log());
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    assert_eq!(observed.status()["pid"], first.pid().as_raw());
    first.stop().success();
    second.wait_for_log("the observation socket is ready");
    assert_eq!(observed.status()["pid"], second.pid().as_raw());
    second.stop().success();
}

/// Both daemons, while the folder comes late, goes, and comes back: a line in the log each time, and no more.
#[test]
fn a_folder_that_comes_and_goes() {
    let lab = Lab::new();
    let path = |name: &str| lab.file("run").join(name);
    let collectd = lab.collectd();
    let collectd = collectd.set("observation_socket", path("collectd.observe").display());
    let reportd = lab.reportd();
    let reportd = reportd.set("observation_socket", path("reportd.observe").display());
    let mut daemons = [
        (lab.start_ready(&collectd), path("collectd.observe")),
        (reportd.start(), path("reportd.observe")),
    ];
    let is_answering = |path: &Path| UnixStream::connect(path).is_ok();
    for (daemon, _) in &mut daemons {
        daemon.wait_for_log("cannot make the observation socket");
    }
    for round in 1..3 {
        fs::create_dir(lab.file("run")).unwrap();
        for (daemon, path) in &daemons {
            let ready = |log: &str| log.matches("the observation socket is ready").count();
            until_true("it is ready", || ready(&daemon.log()) >= round);
            assert!(is_answering(path));
            assert_eq!(ready(&daemon.log()), round, "{}", daemon.log());
        }
        if round == 1 {
            fs::remove_dir_all(lab.file("run")).unwrap();
            for (daemon, _) in &mut daemons {
                daemon.wait_for_log("the observation socket is gone from its path");
            }
        }
    }
    for (daemon, path) in &mut daemons {
        fs::remove_file(&*path).unwrap();
        daemon.wait_for_log(
            "somebody removed the observation socket from its path; it is made again",
        );
        assert!(is_answering(path));
    }
    for (daemon, path) in daemons {
        let log = daemon.stop().success().stderr;
        let told = |words: &str| log.matches(words).count();
        assert_eq!(
            (
                told("cannot make the observation"),
                told("is gone from its path")
            ),
            (1, 1),
            "{log}"
        );
        assert!(!path.exists());
    }
}

/// One who asks for all of today and takes nothing of it, while the operator ends the day, and ends the collector.
#[test]
fn nobody_who_takes_nothing_holds_up_a_rollover_or_a_stop() {
    let observed = Observed::new();
    let lab = &observed.lab;
    let mut collectd = observed.start();
    // More than the kernel keeps for a client.
    let long = format!("{TXT},{}", "mailto:someone@reports.test,".repeat(40));
    let sessions = 2000;
    for n in 0..sessions {
        lab.mta().send(&mta::success(&format!("d{n}.test"), &long));
    }
    lab.wait_for_sessions(&lab.collectd_db(), sessions);
    let mut slow: Vec<_> = (0..2).map(|_| observed.connect()).collect();
    for client in &mut slow {
        client
            .write_all(b"{\"request\":\"today\",\"domain\":\".\"}\n")
            .unwrap();
        client.read_exact(&mut [0; 64]).unwrap();
    }
    let began = Instant::now();
    collectd.signal(Signal::SIGUSR2);
    collectd.wait_for_log("day closed");
    assert!(began.elapsed() < Duration::from_secs(10));
    lab.wait_for_sessions(&lab.closed_db(), sessions);
    let mut rest = String::new();
    let _ = slow[0].read_to_string(&mut rest);
    let last = rest.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("{\"error\":\"the day is being closed"),
        "{last}"
    );
    let began = Instant::now();
    collectd.stop().success();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    super::assert_whole(lab);
}

/// A reporter has to see that an answer comes, however long the collector looks for the first domain.
#[test]
fn the_fetcher_hands_on_what_has_come() {
    let observed = Observed::new();
    let listener = UnixListener::bind(observed.lab.file("observe")).unwrap();
    let fetcher = observed
        .lab
        .fetcher()
        .set("observation_socket", observed.socket());
    let asking = fetcher.arg("today").arg(".").start();
    let (mut collector, _) = listener.accept().unwrap();
    let _ = collector.read(&mut [0; 256]).unwrap();
    let head = "TLSRPTD FETCHER v1 day stream\n2026-11-29T00:00:00Z\n2026-11-28\n";
    collector
        .write_all(format!("{{}}\n{head}").as_bytes())
        .unwrap();
    until_true("the head", || asking.stdout() == head);
    collector.write_all(b". 0\n").unwrap();
    assert_eq!(asking.wait().success().stdout, format!("{head}. 0\n"));
}

/// tlsrpt-observe(5) has an item for each field.
#[test]
fn every_field_is_documented() {
    let observed = Observed::new();
    let collectd = observed.start();
    observed.lab.mta().send(&mta::success("a.test", TXT));
    observed.lab.mta().send(b"no datagram");
    until_true("both are read", || observed.status()["received"] == 2);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man/tlsrpt-observe.5.in");
    let page = fs::read_to_string(page).unwrap();
    let begin = page.find(".Sh THE COLLECTOR").unwrap();
    let end = page.find(".Sh THE REPORTER").unwrap();
    let items: Vec<&str> = page[begin..end]
        .lines()
        .filter_map(|line| line.strip_prefix(".It "))
        .flat_map(|items| items.split([' ', ',']))
        .collect();
    let status = observed.status();
    let mut today = String::new();
    let mut client = observed.connect();
    client.write_all(b"{\"request\":\"today\"}").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    client.read_to_string(&mut today).unwrap();
    let today: Value = serde_json::from_str(today.lines().next().unwrap()).unwrap();
    let mut told = 0;
    for object in [&status, &status["storages"][0], &today] {
        for field in object.as_object().unwrap().keys() {
            assert!(
                items.contains(&field.as_str()),
                "{field} is not in tlsrpt-observe(5)"
            );
            told += 1;
        }
    }
    assert!(told > 25, "{told}");
    collectd.stop().success();
}
