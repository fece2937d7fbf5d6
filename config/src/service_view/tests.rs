//! As root with the service of `nobody`, where the tests run as root; else with our own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use super::*;

fn nobody() -> ServiceView {
    ServiceView {
        account: Account::named("nobody"),
        unit: None,
    }
}

fn make(path: &Path, mode: u32) {
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_root_can_read_the_service_may_not() {
    if !Uid::effective().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    make(&at("secret"), 0o600);
    make(&at("open"), 0o644);
    make(&at("own"), 0o600);
    chown(at("own"), Some(65534), None).unwrap();
    fs::create_dir(at("closed")).unwrap();
    make(&at("closed/open"), 0o644);
    fs::set_permissions(at("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let service = nobody();
    for (path, want, why) in [
        ("open", "", "everybody"),
        ("own", "", "its owner"),
        (
            "secret",
            "secret cannot be read: the service's user nobody has no right to (root:root, mode 0600; allowed: chgrp nogroup and chmod g+r)",
            "root's",
        ),
        (
            "closed/open",
            "closed cannot be passed: the service's user nobody has no right to (root:root, mode 0700;",
            "the way there",
        ),
        ("nothing", "", "the program itself says that"),
    ] {
        let told = service.read("dkim_keys", &at(path)).unwrap_or_default();
        match want {
            "" => assert_eq!(told, "", "{path}: {why}"),
            want => {
                let want = format!("dkim_keys: {}/{want}", folder.path().display());
                assert!(told.starts_with(&want), "{path}: {why}: {told}");
            }
        }
    }
    let told = service.write_into("dbname", &at("x.sqlite")).unwrap();
    assert!(
        told.contains("cannot be written: the service's user nobody"),
        "{told}"
    );
    let told = service.write("logfilename", &at("open")).unwrap();
    assert!(told.contains("open cannot be written"), "{told}");
    assert_eq!(
        ServiceView::of(Program::Reportd, Some(&at("own"))).write("x", &at("own")),
        None
    );
}

#[test]
fn what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    make(Path::new(&at("run")), 0o755);
    make(Path::new(&at("data")), 0o644);
    let service = ServiceView {
        account: None,
        unit: None,
    };
    for (command, want, why) in [
        (format!("{} --x", at("run")), "", "a path"),
        ("sh -c true".to_owned(), "", "in PATH"),
        (at("none"), "there is no program", "no such path"),
        (at("data"), "cannot be run", "no program"),
        (at("."), "is a directory (allowed: a program)", "a folder"),
        (
            "no-such-program-at-all x".to_owned(),
            "there is no program no-such-program-at-all in PATH",
            "nor in PATH",
        ),
    ] {
        let told = service
            .run(
                "fetchers",
                &command.split(' ').map(str::to_owned).collect::<Vec<_>>(),
            )
            .unwrap_or_default();
        let is_right = if want.is_empty() {
            told.is_empty()
        } else {
            told.contains(want)
        };
        assert!(is_right, "{why}: {told}");
    }
    let told = service
        .write_into("dbname", Path::new(&at("none/x")))
        .unwrap();
    assert!(
        told.ends_with("/none does not exist (allowed: an existing directory that is writable)"),
        "{told}"
    );
    let folder_itself = Path::new(folder.path());
    for told in [
        service.write("logfilename", folder_itself),
        service.write_into("dbname", folder_itself),
    ] {
        let told = told.unwrap();
        assert!(
            told.ends_with("is a directory (allowed: a file in it)"),
            "{told}"
        );
    }
    for path in ["/dev/stdout", "/dev/fd/2", "/dev/null"] {
        assert_eq!(
            service.write("logfilename", Path::new(path)),
            None,
            "no file"
        );
    }
    assert_eq!(service.write("logfilename", Path::new(&at("new"))), None);
}
