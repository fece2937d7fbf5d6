//! Where logs and other files go: standard streams, and places where somebody else was first.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::until_true;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Under a umask that takes nothing away.
fn open_to_all(program: Program) -> Program {
    program.under(&["sh", "-c", "umask 0; exec \"$@\"", "sh"])
}

#[test]
fn links_that_somebody_planted_are_not_followed() {
    let lab = Lab::new();
    let victim = lab.file("victim");
    fs::write(&victim, "sys4").unwrap();
    let planted = |name: &str| {
        let path = lab.file(name);
        symlink(&victim, &path).unwrap();
        path
    };
    let (pid, stats, dump) = (planted("c.pid"), planted("stats"), planted("dump"));
    planted("stats.new");
    let collectd = lab
        .collectd()
        .set("pidfilename", pid.display())
        .set("stats_file", stats.display())
        .set("dump_path_for_invalid_datagram", dump.display());
    let collectd = lab.start_ready(&open_to_all(collectd));
    lab.mta().send(b"no datagram");
    until_true("the dump", || {
        fs::read(&dump).is_ok_and(|bytes| bytes == b"no datagram")
    });
    assert_eq!(
        fs::read_to_string(&pid).unwrap(),
        format!("{}\n", collectd.pid())
    );
    assert_eq!(mode(&pid) & 0o137, 0, "{pid:?}");
    collectd.stop().success();
    assert!(!pid.exists(), "the pid file is gone");
    let pid = planted("r.pid");
    let mut reportd = open_to_all(lab.reportd().set("pidfilename", pid.display())).start();
    reportd.wait_for_log("is at work");
    assert_eq!(
        fs::read_to_string(&pid).unwrap(),
        format!("{}\n", reportd.pid())
    );
    assert_eq!(mode(&pid) & 0o137, 0, "{pid:?}");
    reportd.stop().success();
    for path in [&dump, &lab.reportd_db()] {
        assert_eq!(mode(path) & 0o137, 0, "{path:?}");
    }
    assert_eq!(mode(&stats) & 0o777, 0o644, "a monitoring reads it");
    let lock = format!("{}.lock", lab.reportd_db().display());
    fs::remove_file(&lock).unwrap();
    symlink(&victim, &lock).unwrap();
    let log = planted("log");
    for (program, what) in [
        (lab.reportd(), "the lock"),
        (
            lab.reportd().set("logfilename", log.display()),
            "the reporter's log",
        ),
        (
            lab.collectd().set("logfilename", log.display()),
            "the collector's log",
        ),
    ] {
        let ended = program.run();
        assert_ne!(ended.code(), Some(0), "{what}");
        let told = "it is a link, and links are not followed";
        assert!(ended.stderr.contains(told), "{what}: {}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "sys4");
}

/// As in a container, where all streams end in one place: each line once, and with its zone.
#[test]
fn a_log_on_a_standard_stream() {
    for (name, is_on_stdout) in [
        ("/dev/stdout", true),
        ("/dev/fd/1", true),
        ("/dev/stderr", false),
        ("/proc/self/fd/2", false),
    ] {
        let lab = Lab::new();
        let reportd = lab
            .reportd()
            .set("logfilename", name)
            .set("log_level", "info");
        let running = reportd.start();
        let at_work = |text: &str| text.matches("is at work").count();
        let both = || [at_work(&running.stdout()), at_work(&running.log())];
        until_true("its log", || both() != [0, 0]);
        // There is nothing to open again.
        running.signal(Signal::SIGHUP);
        assert_eq!(
            both(),
            [usize::from(is_on_stdout), usize::from(!is_on_stdout)],
            "{name}"
        );
        let ended = running.stop().success();
        for line in ended.stdout.lines().chain(ended.stderr.lines()) {
            let zone = line.as_bytes().get(23).copied();
            assert_eq!(zone, Some(b'Z'), "{name}: {line}");
        }
    }
}

/// The journal's end of a stream is a socket, which cannot be opened by its name.
#[test]
fn a_log_on_a_stream_that_is_a_socket() {
    let lab = Lab::new();
    let both = "exec 1>&0 2>&1; exec \"$@\"";
    let reportd = lab.reportd().set("logfilename", "/dev/stdout");
    let command = reportd.command_line();
    let (ours, sys4) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut child = std::process::Command::new("sh")
        .args(["-c", both, "sh", "sh", "-c", &format!("exec {command}")])
        .stdin(std::os::fd::OwnedFd::from(sys4))
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(ours));
    let at_work = lines.find(|line| line.as_ref().unwrap().contains("is at work"));
    assert!(at_work.is_some(), "it starts, and its lines come through");
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(
        rest.iter()
            .filter(|line| line.contains("has ended"))
            .count(),
        1,
        "once: {rest:?}"
    );
}
