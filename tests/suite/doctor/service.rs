//! Root looks with the eyes of the service's user.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
};

use tlsrptd_tests::harness::{program::Program, skip::or_skip};

use super::site::{Found, Site, ask};

/// Exists everywhere, and may nothing.
const USER: &str = "nobody";

fn give(path: &Path) {
    let user = nix::unistd::User::from_name(USER).unwrap().unwrap();
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
}

fn as_service(site: &Site, doctor: Program) -> Found {
    // The configuration's file is written when it starts.
    let found = ask(&doctor.arg("--user").arg(USER));
    assert!(site.lab.reportd_db().exists());
    found
}

#[test]
fn what_root_may_and_the_service_may_not() {
    let is_root = nix::unistd::geteuid().is_root();
    let Some(()) = or_skip(
        is_root.then_some(()),
        "only root looks with another user's eyes",
    ) else {
        return;
    };
    let site = Site::start();
    let look = || as_service(&site, site.doctor());
    let found = look();
    found.expect("fail", "database", "may not be written", "chown -R nobody:");
    found.expect("fail", "dkim", "cannot be read", "chown root:");
    assert!(found.has("fail", "dkim", "chmod 0640"), "{found:?}");
    give(site.lab.folder());
    for entry in fs::read_dir(site.lab.folder()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains("sqlite") || name.ends_with(".pem") {
            give(&entry.path());
        }
    }
    let found = look();
    for area in ["configuration", "database", "dkim", "relay", "dns"] {
        found.green(area);
    }

    // The fetcher runs as the service does.
    let whoami = site.lab.file("bin/whoami.sh");
    site.script(
        "whoami.sh",
        "#!/bin/sh\nid -un >&2\necho \"$HOME\" >&2\nexit 7\n",
    );
    fs::set_permissions(site.lab.file("bin"), Permissions::from_mode(0o755)).unwrap();
    let found = as_service(&site, site.doctor().set("fetchers", whoami.display()));
    found.expect("fail", "fetcher", "nobody", "runuser -u nobody -- ");

    let doctor = site.doctor().env("TLSRPT_REPORTD_KEEP_DAYS", "9");
    let config = doctor.config_path();
    as_service(&site, doctor.clone());
    fs::set_permissions(&config, Permissions::from_mode(0o644)).unwrap();
    assert!(config.exists());
}

#[test]
fn a_configuration_that_the_service_cannot_read() {
    let is_root = nix::unistd::geteuid().is_root();
    let Some(()) = or_skip(
        is_root.then_some(()),
        "only root looks with another user's eyes",
    ) else {
        return;
    };
    let site = Site::start();
    // Written once, and closed: the harness would write it anew.
    let doctor = site.doctor();
    ask(&doctor);
    let closed = site.lab.file("closed.cfg");
    fs::copy(doctor.config_path(), &closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o600)).unwrap();
    let found = as_service(
        &site,
        doctor
            .no_config()
            .arg("--config_file")
            .arg(closed.display()),
    );
    found.expect(
        "fail",
        "configuration",
        "nobody cannot read it",
        "chmod 0640",
    );
}

#[test]
fn whose_eyes_there_are() {
    let site = Site::start();
    let ended = site.doctor().arg("--user").arg("no-such-user-").run();
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no such user"), "{}", ended.stderr);
}

#[test]
fn what_somebody_else_may_not_is_no_failure() {
    let is_root = nix::unistd::geteuid().is_root();
    let Some(()) = or_skip(is_root.then_some(()), "only root becomes somebody else") else {
        return;
    };
    let site = Site::start();
    let doctor = site.doctor();
    ask(&doctor);
    // The program may lie where only root gets.
    let program = site.lab.file("bin/tlsrptctl");
    let own = doctor.moved(|path| {
        // By another process: one that is forked meanwhile would keep a file that we write busy.
        let copied = Command::new("cp").arg(path).arg(&program).status();
        assert!(copied.unwrap().success());
        program.clone()
    });
    fs::set_permissions(site.lab.file("bin"), Permissions::from_mode(0o755)).unwrap();
    let as_nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let found = ask(&own.under(&as_nobody));
    for area in ["database", "dkim"] {
        assert!(
            found.has("unknown", area, "may see it otherwise"),
            "{area}: {found:?}"
        );
        assert!(
            found.has("unknown", area, "sudo tlsrptctl doctor"),
            "{area}: {found:?}"
        );
        assert!(found.wrong(area).is_empty(), "{area}: {found:?}");
    }
    found.green("relay");
}
