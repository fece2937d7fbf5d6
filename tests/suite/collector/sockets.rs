//! Sockets: who may send, what stands in the way, what is left behind.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::thread;

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Group, Uid, User, geteuid, setfsgid, setfsuid};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta::{self, Mta};

use super::TXT;

#[test]
fn a_socket_that_cannot_be_had_ends_the_start_with_a_diagnosis() {
    let lab = Lab::new();
    fs::write(lab.file("file"), "keep me").unwrap();
    fs::create_dir(lab.file("directory")).unwrap();
    let _stream = UnixListener::bind(lab.file("stream")).unwrap();
    let _answers = UnixDatagram::bind(lab.file("answers")).unwrap();
    symlink(lab.file("answers"), lab.file("link")).unwrap();
    #[rustfmt::skip]
    let table = [
        ("missing/socket", "the directory", "does not exist", "the directory is missing"),
        ("file/socket", "the directory", "does not exist", "a file in the place of the directory"),
        ("file", "is not a socket", "remove it or name another", "a file is never unlinked"),
        ("directory", "is not a socket", "", "nor a directory"),
        ("link", "is not a socket", "", "nor a symbolic link"),
        ("stream", "socket of another kind", "in use", "another program's"),
        ("answers", "another collector answers there", "", "somebody listens"),
    ];
    for (name, said, remedy, reason) in table {
        let path = lab.file(name);
        let collectd = lab.collectd().set("socketname", path.display());
        let ended = collectd.run();
        assert_eq!(ended.code(), Some(7), "{reason}\n{}", ended.stderr);
        let wanted = format!("socket {}: ", path.display());
        let line = ended.stderr.lines().find(|line| line.contains(&wanted));
        let line = line.unwrap_or_else(|| panic!("{reason}\n{}", ended.stderr));
        assert!(
            line.contains(said) && line.contains(remedy),
            "{reason}: {line}"
        );
    }
    assert_eq!(fs::read(lab.file("file")).unwrap(), b"keep me");
    assert!(lab.file("link").is_symlink() && lab.file("stream").exists());
    assert!(
        !lab.collectd_db().exists(),
        "no database is touched before the sockets are had"
    );
    // Configuration, not circumstance: it is told with file and line.
    let long = "x".repeat(108);
    let ended = lab.collectd().set("socketname", format!("/{long}")).run();
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains(&format!("socketname: `/{long}` is longer than")),
        "{}",
        ended.stderr
    );
    for option in ["socketuser", "socketgroup"] {
        let ended = lab.collectd().set(option, "no-such-name").run();
        assert_eq!(ended.code(), Some(7), "{}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("named \"no-such-name\" on this system"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_second_collector_leaves_the_first_alone() {
    let lab = Lab::new();
    let collectd = lab.start_collectd();
    let second = lab.collectd().run();
    assert_eq!(second.code(), Some(7), "{}", second.stderr);
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    collectd.stop().success();
    assert!(
        !lab.socket().exists(),
        "it was still the first one's to remove"
    );
}

#[test]
fn what_a_dead_collector_left_is_replaced() {
    let lab = Lab::new();
    lab.start_collectd().kill();
    assert!(
        lab.socket().exists(),
        "a killed collector leaves its socket"
    );
    let collectd = lab.start_collectd();
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    let log = collectd.stop().success().stderr;
    assert!(!lab.socket().exists(), "{log}");
    let left: Vec<String> = hidden(lab.folder());
    assert!(left.is_empty(), "no temporary name is left: {left:?}");
}

#[test]
fn another_ones_socket_is_left_alone_at_the_end() {
    let lab = Lab::new();
    let collectd = lab.start_collectd();
    fs::remove_file(lab.socket()).unwrap();
    let _other = UnixDatagram::bind(lab.socket()).unwrap();
    collectd.stop().success();
    assert!(lab.socket().exists(), "it was made by another meanwhile");
}

#[test]
fn several_sockets_count_into_one_day() {
    let lab = Lab::new();
    let sockets = [
        lab.file("one.sock"),
        lab.file("two.sock"),
        lab.file("three.sock"),
    ];
    let names: Vec<String> = sockets
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let collectd = lab.collectd().set("socketname", names.join(" , ")).start();
    for (number, socket) in sockets.iter().enumerate() {
        tlsrptd_tests::harness::wait::until_true("the socket", || socket.exists());
        Mta::new(socket).send_all(vec![mta::success("a.test", TXT); number + 1]);
    }
    lab.close_day(&collectd, 6);
    collectd.stop().success();
    assert!(
        sockets.iter().all(|socket| !socket.exists()),
        "all are unlinked"
    );
}

#[test]
fn owner_group_and_mode_are_as_set() {
    let lab = Lab::new();
    // What a user who is not root may set: itself.
    let (mut user, mut group) = (geteuid(), nix::unistd::getegid());
    if user.is_root() {
        (user, group) = (Uid::from_raw(61_234), Gid::from_raw(61_235));
    }
    let numbers = (user.to_string(), group.to_string());
    let named = (name_of(geteuid()), name_of_group());
    for ((user_set, group_set), owner, mode, reason) in [
        (
            &numbers,
            (user.as_raw(), group.as_raw()),
            0o220,
            "by number",
        ),
        (
            &named,
            (geteuid().as_raw(), nix::unistd::getegid().as_raw()),
            0o600,
            "by name",
        ),
    ] {
        let collectd = lab
            .collectd()
            .set("socketuser", user_set)
            .set("socketgroup", group_set);
        let collectd = collectd.set("socketmode", format!("0{mode:o}")).start();
        tlsrptd_tests::harness::wait::until_true("the socket", || lab.socket().exists());
        let found = fs::symlink_metadata(lab.socket()).unwrap();
        assert!(found.file_type().is_socket());
        // As soon as it can be seen: there is no moment in which others could send.
        assert_eq!((found.uid(), found.gid()), owner, "{reason}");
        assert_eq!(found.permissions().mode() & 0o7777, mode, "{reason}");
        if geteuid().is_root() && reason == "by number" {
            fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o755)).unwrap();
            assert!(sent_as(&lab, user.as_raw(), 61_000), "the owner");
            assert!(sent_as(&lab, 61_000, group.as_raw()), "the group");
            assert!(!sent_as(&lab, 61_000, 61_000), "anybody else");
        }
        collectd.stop().success();
    }
}

/// A user's name, where it has one.
fn name_of(user: Uid) -> String {
    let known = User::from_uid(user).unwrap();
    known.map_or_else(|| user.to_string(), |known| known.name)
}

fn name_of_group() -> String {
    let group = nix::unistd::getegid();
    let known = Group::from_gid(group).unwrap();
    known.map_or_else(|| group.to_string(), |known| known.name)
}

/// Whether a user of that number and group may send. A thread of its own: these numbers are a thread's.
fn sent_as(lab: &Lab, user: u32, group: u32) -> bool {
    let send = || {
        setfsgid(Gid::from_raw(group));
        setfsuid(Uid::from_raw(user));
        lab.mta().try_send(&mta::success("a.test", TXT)).is_ok()
    };
    thread::scope(|scope| scope.spawn(send).join().unwrap())
}

#[test]
fn what_is_queued_at_the_end_is_counted() {
    let lab = Lab::new();
    let mut total = 0;
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let collectd = lab.start_collectd();
        // It is stopped, so that what is sent stays in the kernel's queue; then it is told to end, and goes on.
        collectd.signal(Signal::SIGSTOP);
        let mta = lab.mta();
        let accepted = |_: &i32| mta.try_send(&mta::success("a.test", TXT)).is_ok();
        let queued = (0..10_000).take_while(accepted).count();
        assert!(queued > 0);
        total += queued;
        collectd.signal(signal);
        collectd.signal(Signal::SIGCONT);
        collectd.wait().success();
        assert!(!lab.socket().exists(), "unlinked");
        let counted = lab.day_file(&lab.collectd_db()).sessions();
        assert_eq!(counted.to_string(), total.to_string(), "{signal}");
    }
}

/// Names that begin with a dot.
fn hidden(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.')).collect()
}

#[test]
fn a_socket_that_somebody_removed_is_made_again() {
    let lab = Lab::new();
    let mut collectd = lab.start_ready(&lab.collectd().set("socketmode", "0220"));
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    fs::remove_file(lab.socket()).unwrap();
    collectd.wait_for_log("somebody removed the socket from its path; it is made again");
    let mode = fs::metadata(lab.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o220, "as it was");
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 2);

    // Another collector has taken the path: it is not ours to take back.
    fs::remove_file(lab.socket()).unwrap();
    let other = UnixDatagram::bind(lab.socket()).unwrap();
    collectd.wait_for_log("the socket's path does not lead to this collector any more");
    collectd.stop().success();
    assert!(lab.socket().exists(), "nor to remove");
    drop(other);
}
