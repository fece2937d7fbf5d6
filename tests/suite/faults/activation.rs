//! The service manager: sockets that it keeps over a restart, and what it is told.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::load::Load;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::shim::Shim;

use super::{Content, times};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

#[test]
fn a_restart_under_load_loses_nothing_where_the_socket_stays() {
    let lab = Lab::new();
    // In the place of systemd: it is open as long as this test runs, and with it the kernel's queue.
    let socket = UnixDatagram::bind(lab.socket()).unwrap();
    let collectd = lab.collectd().passing(socket.try_clone().unwrap());
    let restarts = times(3, 50);
    let load = Load::start(&lab.socket());
    for _ in 0..restarts {
        let mut running = collectd.start();
        running.wait_for_log("listening on a socket of the service manager");
        load.wait_for_more(500);
        running.stop().success();
        assert!(lab.socket().exists(), "it is not ours to unlink");
    }
    let running = collectd.start();
    load.wait_for_more(500);
    let accepted = load.stop().count();
    running.stop().success();
    let counted = Content::read(&lab.collectd_db()).total;
    println!("{restarts} restarts under load: {accepted} accepted, {counted} counted");
    assert_eq!(counted, accepted);
}

#[test]
fn a_passed_socket_is_read_beside_those_that_are_made() {
    let lab = Lab::new();
    let passed = UnixDatagram::bind(lab.file("passed.sock")).unwrap();
    let collectd = lab.collectd().passing(passed);
    let collectd = lab.start_ready(&collectd);
    lab.mta().send(&mta::success("made.test", TXT));
    mta::Mta::new(&lab.file("passed.sock")).send(&mta::success("passed.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 2);
    collectd.stop().success();
    assert!(!lab.socket().exists() && lab.file("passed.sock").exists());
}

#[test]
fn what_is_no_socket_for_datagrams_ends_the_start() {
    let lab = Lab::new();
    let stream = OwnedFd::from(UnixListener::bind(lab.file("stream.sock")).unwrap());
    let udp = OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    for (passed, problem) in [
        (stream, "not a valid unix datagram socket"),
        (udp, "not a valid unix datagram socket"),
        (file, "not a socket"),
    ] {
        let ended = lab.collectd().passing(passed).run();
        assert_eq!(ended.code(), Some(7), "{problem}\n{}", ended.stderr);
        let line = format!("cannot use what the service manager passed: fd 3 is {problem}");
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    }
}

#[test]
fn the_manager_hears_of_readiness_life_and_end() {
    let lab = Lab::new();
    let manager = UnixDatagram::bind(lab.file("manager.sock")).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    for (program, reason) in [(lab.collectd(), "collectd"), (lab.reportd(), "reportd")] {
        let running = told(&lab, program).start();
        assert_eq!(heard(&manager, "READY=1"), 1, "{reason}");
        if reason == "collectd" {
            lab.mta().send(&mta::success("a.test", TXT));
        }
        for _ in 0..3 {
            heard(&manager, "WATCHDOG=1");
        }
        running.stop().success();
        heard(&manager, "STOPPING=1");
        manager.set_nonblocking(true).unwrap();
        while manager.recv(&mut [0; 4096]).is_ok() {}
        manager.set_nonblocking(false).unwrap();
    }
}

/// The other thread goes on meanwhile: it must not speak for the one that stands still.
#[test]
fn a_reader_that_stands_still_is_given_away_by_silence() {
    let lab = Lab::new();
    let Some(shim) = Shim::or_skip(lab.folder()) else {
        return;
    };
    let manager = UnixDatagram::bind(lab.file("manager.sock")).unwrap();
    // Many times the interval of the watchdog.
    manager
        .set_read_timeout(Some(Duration::from_secs(3)))
        .unwrap();
    let collectd = lab.start_ready(&told(&lab, shim.under(lab.collectd())));
    heard(&manager, "WATCHDOG=1");
    shim.freeze_receivers(true);
    // Something to receive, or it does not ask.
    lab.mta().send(&mta::success("a.test", TXT));
    let before_silence = (0..300).take_while(|_| manager.recv(&mut [0; 4096]).is_ok());
    assert!(before_silence.count() < 300, "the watchdog is answered");
    shim.freeze_receivers(false);
    heard(&manager, "WATCHDOG=1");
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    collectd.stop().success();
}

#[test]
fn without_a_manager_work_goes_on() {
    let lab = Lab::new();
    let collectd = lab
        .collectd()
        .env("NOTIFY_SOCKET", lab.file("nobody.sock").display())
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1");
    let collectd = lab.start_ready(&collectd);
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    collectd.stop().success();
}

fn told(lab: &Lab, program: Program) -> Program {
    program
        .env("NOTIFY_SOCKET", lab.file("manager.sock").display())
        .env("WATCHDOG_USEC", 200_000)
}

/// Waits for a message; says which one it was.
fn heard(manager: &UnixDatagram, message: &str) -> usize {
    let mut bytes = [0; 4096];
    for number in 1.. {
        let length = manager.recv(&mut bytes).expect(message);
        if bytes[..length] == *message.as_bytes() {
            return number;
        }
    }
    unreachable!("a receive fails before that");
}
