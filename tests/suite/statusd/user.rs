//! It runs as another user, who may read the reporter's files by their group and write none of them: with a reporter at work,
//! stopped, killed.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use nix::unistd::Uid;
use tlsrptd_tests::harness::sandbox::{Sandbox, Unit};
use tlsrptd_tests::harness::statusd::Statusd;
use tlsrptd_tests::harness::wait::{until, until_true};

use super::QuietSite;

/// Nobody's.
const GROUP: u32 = 28_460;
const AS_READER: [&str; 4] = [
    "setpriv",
    "--reuid=28461",
    "--regid=28461",
    "--groups=28460",
];

/// All that is in the folder, but for what the test writes; with the time of the last change of the databases.
fn contents(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("reportd.sqlite"))
        .map(|name| {
            let found = fs::metadata(folder.join(&name)).unwrap();
            format!("{name} {} {:?}", found.len(), found.modified().unwrap())
        })
        .collect();
    names.sort();
    names
}

fn reads(page: &Statusd, when: &str) {
    until_true(&format!("ok at /health {when}"), || {
        page.get("/health").body == "ok\n"
    });
    for target in [
        "/api/v1/history",
        "/api/v1/why?domain=a.example",
        "/api/v1/deliveries",
    ] {
        let answer = page.get(target);
        assert_eq!(answer.status, 200, "{when}: {answer:?}");
    }
}

fn says(page: &Statusd, words: &str) -> String {
    until(&format!("{words:?} at /health"), || {
        let health = page.get("/health");
        (health.status == 503 && health.body.contains(words)).then_some(health.body)
    })
}

#[test]
fn a_user_who_may_only_read() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: a_user_who_may_only_read (not root)");
        return;
    }
    let site = QuietSite::new();
    let folder = site.lab.folder();
    chown(folder, None, Some(GROUP)).unwrap();
    // What is made in it has its group.
    fs::set_permissions(folder, Permissions::from_mode(0o2750)).unwrap();
    fs::remove_file(site.lab.reportd_db()).unwrap();
    // As the unit has it.
    let strict = ["sh", "-c", "umask 0077; exec \"$@\"", "sh"];
    let reportd = site.reportd.clone().under(&strict);
    let start = || {
        let mut running = reportd.start();
        running.wait_for_log("tlsrpt-reportd is at work");
        running
    };
    let working = start();
    // The programs lie where only root may look, perhaps.
    let copy = site.lab.file("tlsrpt-statusd-copy");
    let program = site
        .statusd()
        .moved(|path| {
            fs::copy(path, &copy).unwrap();
            fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
            copy.clone()
        })
        .under(&AS_READER);
    let page = Statusd::start(&program);
    reads(&page, "while the reporter works");
    let status = page.get("/api/v1/status").body;
    assert!(
        status.contains("\"reporter\":{\"answers\":\"status\""),
        "{status}"
    );

    working.stop().success();
    assert!(!site.lab.file("reportd.sqlite-wal").exists());
    let before = contents(folder);
    reads(&page, "when it has stopped");
    assert_eq!(contents(folder), before, "nothing was written");

    start().kill();
    assert!(site.lab.file("reportd.sqlite-wal").exists());
    let before = contents(folder);
    reads(&page, "when it was killed");
    assert_eq!(contents(folder), before, "nothing was written");

    // What cannot be read is said, with what mends it.
    let index = site.lab.file("reportd.sqlite-shm");
    let kept = site.lab.file("kept");
    fs::rename(&index, &kept).unwrap();
    let left = says(&page, "has left a journal beside it: start tlsrpt-reportd");
    fs::rename(&kept, &index).unwrap();
    let database = site.lab.reportd_db();
    fs::set_permissions(&database, Permissions::from_mode(0o600)).unwrap();
    let closed = says(&page, "let its group read it (chmod g+r)");
    let checked = program.clone().arg("--check_config").run();
    assert_eq!(checked.code(), Some(2), "{checked:?}");
    assert!(
        checked.stderr.contains("dbname: cannot read the database"),
        "{}",
        checked.stderr
    );
    for line in [left, closed] {
        assert!(
            line.contains(" belongs to ") && !line.contains("run it as"),
            "a server for strangers is to be run as nobody else: {line}"
        );
    }
    fs::set_permissions(&database, Permissions::from_mode(0o640)).unwrap();

    let working = start();
    reads(&page, "when it works again");
    working.stop().success();
    page.running.stop().success();
}

/// No network but the socket that it is given, and none of the system calls that units leave out.
#[test]
fn in_a_sandbox_without_a_network() {
    let site = QuietSite::new();
    let Some(sandbox) = Sandbox::or_skip(site.lab.folder()) else {
        return;
    };
    let passed = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = sandbox.under(site.statusd(), Unit::Collectd);
    let page = Statusd::start(&program.passing(passed));
    reads(&page, "in a sandbox");
    assert_eq!(
        page.get("/").field("content-type"),
        "text/html; charset=utf-8"
    );
    page.running.stop().success();
}
