//! Its start, its sockets and its end.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::statusd::{HttpAnswer, Statusd};
use tlsrptd_tests::harness::wait::{until, until_true};

use super::QuietSite;

const GET: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn ask_at(path: &Path) -> Option<HttpAnswer> {
    let mut stream = UnixStream::connect(path).ok()?;
    stream.write_all(GET.as_bytes()).ok()?;
    HttpAnswer::read(&mut stream)
}

#[test]
fn nobody_notices_when_it_is_killed() {
    let site = QuietSite::new();
    let reportd = site.start();
    for _ in 0..3 {
        let page = Statusd::start(&site.statusd());
        assert_eq!(page.get("/api/v1/status").status, 200);
        page.running.kill();
    }
    let ended = reportd.stop().success();
    for level in [" WARN ", " ERROR "] {
        let told = ended.stderr.lines().filter(|line| line.contains(level));
        // Its fetcher fails, as it was told to; its keys are the test's.
        let told = told.filter(|line| !line.contains("etcher 1 ") && !line.contains("DKIM key"));
        let told: Vec<_> = told.collect();
        assert!(told.is_empty(), "{told:?}");
    }
    assert!(
        !site.lab.file("reportd.sqlite-wal").exists(),
        "the reporter has left its database whole"
    );
}

#[test]
fn a_unix_socket_of_its_own() {
    let site = QuietSite::new();
    let path = site.lab.file("page.sock");
    // What a process that was killed has left.
    drop(UnixListener::bind(&path).unwrap());
    let program = site
        .statusd()
        .set("listen", format!("unix:{}", path.display()));
    let page = program.start();
    let answer = until("an answer", || ask_at(&path));
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "its owner and group may ask");
    let second = program.run();
    assert_eq!(second.code(), Some(2), "one at a path: {}", second.stderr);
    assert!(second.stderr.contains("answers there"), "{}", second.stderr);
    page.stop().success();
    assert!(!path.exists(), "its name goes with it");
}

#[test]
fn a_socket_that_the_service_manager_keeps() {
    let site = QuietSite::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let kept = tcp.try_clone().unwrap();
    let program = site
        .statusd()
        .set("listen", "192.0.2.1:1")
        .set("allow_remote", "yes");
    let page = Statusd::start(&program.clone().passing(tcp));
    assert_eq!(page.address, address, "listen does not matter");
    assert_eq!(page.get("/health").status, 200);
    let idle = " WARN listen does not matter: the service manager passed another socket";
    let told = page.running.stop().success().stderr;
    assert!(told.contains(idle), "{told}");
    let same = program.clone().set("listen", address);
    let page = Statusd::start(&same.passing(kept.try_clone().unwrap()));
    let told = page.running.stop().success().stderr;
    assert!(!told.contains(idle), "it says the same: {told}");

    // Idle, it ends; the next connection waits for the next start.
    let idle = program.clone().set("exit_when_idle", 10);
    let ended = idle
        .clone()
        .passing(kept.try_clone().unwrap())
        .run()
        .success();
    assert!(ended.stderr.contains("nobody asks"), "{}", ended.stderr);
    let waiting = std::net::TcpStream::connect(address).unwrap();
    let page = Statusd::start(&idle.passing(kept));
    let mut waiting = waiting;
    waiting.write_all(GET.as_bytes()).unwrap();
    assert_eq!(HttpAnswer::read(&mut waiting).unwrap().status, 200);
    drop(page);

    let path = site.lab.file("kept.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let page = program.passing(unix).start();
    assert_eq!(until("an answer", || ask_at(&path)).status, 200);
    page.stop().success();
    assert!(path.exists(), "what the service manager made is its own");
}

#[test]
fn other_hosts_are_let_in_by_words_only() {
    let site = QuietSite::new();
    let program = site.statusd().set("listen", "0.0.0.0:0");
    let refused = program.run();
    assert_eq!(refused.code(), Some(2));
    assert!(
        refused
            .stderr
            .contains("listen: 0.0.0.0:0 is reached from other hosts"),
        "{}",
        refused.stderr
    );
    let passed = TcpListener::bind("0.0.0.0:0").unwrap();
    let refused = site.statusd().passing(passed).run();
    assert_eq!(refused.code(), Some(2));
    assert!(
        refused
            .stderr
            .contains("the service manager passed 0.0.0.0:"),
        "{}",
        refused.stderr
    );

    let allowed = program.set("allow_remote", "yes").set("log_level", "info");
    for _ in 0..2 {
        let page = Statusd::start(&allowed);
        let warned = page.running.log();
        assert!(
            warned.contains(" WARN allow_remote: whoever reaches this address reads"),
            "{warned}"
        );
        page.running.stop().success();
    }
}

#[test]
fn an_address_that_is_taken() {
    let site = QuietSite::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = site
        .statusd()
        .set("listen", taken.local_addr().unwrap())
        .run();
    assert_eq!(ended.code(), Some(2));
    assert!(
        ended.stderr.contains("listen: cannot listen on 127.0.0.1:"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_log_that_is_rotated() {
    let site = QuietSite::new();
    let log = site.lab.file("statusd.log");
    let page = Statusd::start(&site.statusd().set("logfilename", log.display()));
    fs::rename(&log, site.lab.file("statusd.log.1")).unwrap();
    page.running.signal(Signal::SIGHUP);
    until_true("the new log", || log.exists());
    page.running.stop().success();
}

#[test]
fn the_configuration_is_checked_without_a_start() {
    let site = QuietSite::new();
    let check = |program: Program| program.arg("--check_config").run();
    let good = check(site.statusd());
    assert_eq!(good.code(), Some(0), "{}", good.stderr);
    for line in [
        "configuration OK: ",
        "refresh_interval = 1 (file ",
        "dbname = ",
    ] {
        assert!(good.stdout.contains(line), "{line}: {}", good.stdout);
    }
    let named = site.lab.file("without.cfg");
    fs::write(&named, "[tlsrpt_reportd]\n").unwrap();
    let bare = check(site.statusd().set("reportd_config", named.display()));
    let want = format!(
        "dbname: required, but set neither in {} nor as TLSRPT_REPORTD_DBNAME",
        named.display()
    );
    assert!(
        bare.stderr.contains(&want) && !bare.stderr.contains("--dbname"),
        "{}",
        bare.stderr
    );
    let bad = check(
        site.statusd()
            .set("host_names", "a b")
            .set("exit_when_idle", 9)
            .set("reportd_config", "/nonexistent"),
    );
    assert_eq!(bad.code(), Some(2));
    for line in [
        "host_names: `a b` is not a domain name",
        "/nonexistent: cannot read",
        "exit_when_idle: 9 s: what is started anew so often, the service manager gives up (allowed: 0, or at least 10)",
    ] {
        assert!(bad.stderr.contains(line), "{line}: {}", bad.stderr);
    }
}
