use super::*;

#[test]
fn links_lead_to_the_same_place() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    fs::create_dir(root.join("run")).unwrap();
    std::os::unix::fs::symlink(root.join("run"), root.join("var-run")).unwrap();
    let unit = Unit {
        protect_system: Protect::Strict,
        made: vec![root.join("run/tlsrpt")],
        sockets: vec![root.join("run/tlsrpt/socket")],
        ..Unit::default()
    };
    let linked = root.join("var-run/tlsrpt");
    assert!(unit.may_write(&linked.join("x.pid")), "not there yet");
    assert!(unit.makes(&linked));
    assert!(unit.is_given(&linked.join("socket")));
    assert!(
        !unit.is_given(&linked.join("other")),
        "not in the socket unit"
    );
    assert!(!unit.may_write(&root.join("var-run/x")));
}

/// As that of tlsrpt-statusd.
#[test]
fn a_user_that_exists_only_while_it_runs() {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::super::Want;

    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    const GROUP: u32 = 28_470;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!("[Service]\nDynamicUser=yes\nSupplementaryGroups={GROUP}\n");
    fs::write(folder.path().join("x.service"), text).unwrap();
    let unit = Unit::find_in(&[folder.path().to_owned()], "x").unwrap();
    let account = unit.account().unwrap();
    let database = folder.path().join("reportd.sqlite");
    fs::write(&database, "").unwrap();
    for (mode, group, may, why) in [
        (0o640, GROUP, true, "by its group"),
        (0o600, GROUP, false, "its owner's alone"),
        (0o640, 0, false, "another group's"),
    ] {
        fs::set_permissions(&database, fs::Permissions::from_mode(mode)).unwrap();
        chown(&database, Some(0), Some(group)).unwrap();
        let refused = account.refused(&database, Want::Read);
        assert_eq!(refused.is_none(), may, "{why}: {refused:?}");
        if let Some(refused) = refused {
            let want = "the service's user x has no right to (root:";
            assert!(refused.to_string().contains(want), "{refused}");
        }
    }
}

/// As those of tlsrpt-shipper and tlsrpt-statusd.
#[test]
fn places_of_which_it_sees_little() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[Service]\nTemporaryFileSystem=/nowhere/conf:ro\n\
                BindReadOnlyPaths=-/nowhere/conf/x.cfg /elsewhere/ca.pem:/nowhere/conf/ca.pem:norbind\n";
    fs::write(folder.path().join("x.service"), text).unwrap();
    let unit = || Unit::find_in(&[folder.path().to_owned()], "x").unwrap();
    for (path, is_hidden, why) in [
        ("/nowhere/conf/password", true, "emptied"),
        ("/nowhere/conf/x.cfg", false, "shown"),
        ("/nowhere/conf/ca.pem", false, "shown, from elsewhere"),
        ("/elsewhere/ca.pem", false, "as it is"),
        ("/nowhere/config", false, "another place"),
    ] {
        let told = unit().hides(Path::new(path));
        let want = is_hidden.then(|| format!("BindReadOnlyPaths={path}"));
        assert_eq!(told, want, "{path}: {why}");
    }
    let drop_ins = folder.path().join("x.service.d");
    fs::create_dir(&drop_ins).unwrap();
    let text = "[Service]\nTemporaryFileSystem=\n";
    fs::write(drop_ins.join("a.conf"), text).unwrap();
    assert_eq!(unit().hides(Path::new("/nowhere/conf/password")), None);
}

#[test]
fn a_socket_unit_and_its_drop_ins() {
    let folder = tempfile::tempdir().unwrap();
    let drop_ins = folder.path().join("x.socket.d");
    fs::create_dir_all(&drop_ins).unwrap();
    fs::write(
        folder.path().join("x.service"),
        "[Service]\nListenDatagram=/a\n",
    )
    .unwrap();
    let text = "[Socket]\nListenDatagram=%t/tlsrpt/b\nListenDatagram=/c\n";
    fs::write(folder.path().join("x.socket"), text).unwrap();
    let found = || {
        Unit::find_in(&[folder.path().to_owned()], "x")
            .unwrap()
            .sockets
    };
    assert_eq!(found(), ["/run/tlsrpt/b", "/c"].map(PathBuf::from));
    fs::write(
        drop_ins.join("a.conf"),
        "[Socket]\nListenDatagram=\nListenDatagram=/d\n",
    )
    .unwrap();
    assert_eq!(found(), ["/d"].map(PathBuf::from));
}

#[test]
fn a_unit_and_its_drop_ins() {
    let folder = tempfile::tempdir().unwrap();
    let [etc, lib] = ["etc", "lib"].map(|name| folder.path().join(name));
    let drop_ins = etc.join("x.service.d");
    fs::create_dir_all(&drop_ins).unwrap();
    fs::create_dir_all(&lib).unwrap();
    let text = "[Unit]\nUser=nobody\n[Service]\nUser=tlsrpt\nProtectSystem=strict\nProtectHome=yes\nStateDirectory=tlsrpt other:link\nReadWritePaths=/srv/a \\\n  -/srv/b\n";
    fs::write(lib.join("x.service"), text).unwrap();
    fs::write(
        drop_ins.join("a.conf"),
        "[Service]\nReadWritePaths=/srv/c\n",
    )
    .unwrap();
    let unit = Unit::find_in(&[etc.clone(), lib.clone()], "x").unwrap();
    assert_eq!(unit.user.as_deref(), Some("tlsrpt"));
    for (path, may, why) in [
        ("/var/lib/tlsrpt/x", true, "StateDirectory"),
        ("/var/lib/other/x", true, "its second word"),
        ("/var/lib/tlsrpt-x", false, "another directory"),
        ("/srv/a/x", true, "ReadWritePaths"),
        ("/srv/b/x", true, "on the next line, and it may be missing"),
        ("/srv/c/x", true, "of a drop-in"),
        ("/var/log/x", false, "strict"),
        ("/tmp/x", false, "strict"),
        ("/dev/null", true, "devices"),
        ("/root/x", false, "ProtectHome"),
    ] {
        assert_eq!(unit.may_write(Path::new(path)), may, "{path}: {why}");
    }
    fs::write(
        drop_ins.join("b.conf"),
        "[Service]\nUser=me\nReadWritePaths=\nProtectSystem=full\nPrivateTmp=yes\n",
    )
    .unwrap();
    let unit = Unit::find_in(&[etc, lib], "x").unwrap();
    assert_eq!(unit.user.as_deref(), Some("me"), "a later word counts");
    assert!(!unit.writable.iter().any(|path| path.starts_with("/srv")));
    for (path, may, why) in [
        ("/srv/a/x", true, "full protects less"),
        ("/etc/x", false, "but this"),
        ("/usr/x", false, "and this"),
    ] {
        assert_eq!(unit.may_write(Path::new(path)), may, "{path}: {why}");
    }
}
