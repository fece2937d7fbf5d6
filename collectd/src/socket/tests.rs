//! What is refused, and what is made, used, lost and unlinked.

use super::*;
use std::os::unix::{fs::PermissionsExt, net::UnixListener};

#[test]
fn diagnosis() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("directory")).unwrap();
    let _other = UnixDatagram::bind(at("answered")).unwrap();
    let _stream = UnixListener::bind(at("stream")).unwrap();
    std::os::unix::fs::symlink(at("answered"), at("link")).unwrap();
    for (name, want, why) in [
        ("none/socket", "does not exist", "the directory is missing"),
        ("file", "not a socket", "a file is never unlinked"),
        ("directory", "not a socket", "nor a directory"),
        ("link", "not a socket", "nor a symbolic link"),
        (
            "answered",
            "another collector answers",
            "somebody holds it open",
        ),
        ("stream", "of another kind", "another program's"),
        (
            &"x".repeat(108),
            "longer than 107 bytes",
            "sockaddr_un is that small",
        ),
    ] {
        let message = Socket::make(&at(name), &Access::default())
            .unwrap_err()
            .to_string();
        assert!(message.contains(want), "{why}: {message}");
    }
    for (access, want) in [
        (
            Access {
                user: Some("no such user".into()),
                ..Access::default()
            },
            "no user named",
        ),
        (
            Access {
                group: Some("no such group".into()),
                ..Access::default()
            },
            "no group named",
        ),
    ] {
        let message = Socket::make(&at("new"), &access).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    }
    assert!(!at("new").exists());
}

#[test]
fn made_used_and_unlinked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    drop(UnixDatagram::bind(&path).unwrap());
    let access = Access {
        mode: Some(0o220),
        ..Access::default()
    };
    let (socket, mut name) = Socket::make(&path, &access).unwrap().split();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o220,
        "what a killed collector left is replaced"
    );
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "the temporary name is gone"
    );

    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"a", &path).unwrap();
    name.unlink().unwrap();
    assert!(!path.exists());
    let mut bytes = [0; 2];
    assert_eq!(
        socket.recv(&mut bytes).unwrap(),
        1,
        "what was queued can be read"
    );
}

#[test]
fn the_longest_name() {
    let dir = tempfile::tempdir().unwrap();
    let room = LONGEST - dir.path().as_os_str().len() - 1;
    // A directory so deep that no temporary name fits.
    let deep = dir.path().join("d".repeat(room - 3));
    fs::create_dir(&deep).unwrap();
    let path = deep.join("ab");
    assert_eq!(path.as_os_str().len(), LONGEST);
    Socket::make(&path, &Access::default()).unwrap();
    assert!(!path.exists(), "dropped, so gone");
}

#[test]
fn another_ones_socket_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let (_socket, mut name) = Socket::make(&path, &Access::default()).unwrap().split();
    fs::remove_file(&path).unwrap();
    let _other = UnixDatagram::bind(&path).unwrap();
    name.unlink().unwrap();
    assert!(path.exists());
}

#[test]
fn a_path_that_leads_elsewhere_is_noticed_and_made_again() {
    type Away = fn(&Path);
    let rows: [(Away, &str); 3] = [
        (|path| fs::remove_file(path).unwrap(), "removed"),
        (
            |path| {
                fs::remove_file(path).unwrap();
                drop(UnixDatagram::bind(path).unwrap());
            },
            "replaced by one that nobody holds any more",
        ),
        (
            |path| {
                let folder = path.parent().unwrap();
                fs::rename(folder, folder.with_extension("moved")).unwrap();
                fs::create_dir(folder).unwrap();
            },
            "its folder was moved",
        ),
    ];
    for (away, why) in rows {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run").join("socket");
        fs::create_dir(path.parent().unwrap()).unwrap();
        let access = Access {
            mode: Some(0o220),
            ..Access::default()
        };
        let (_old, mut name) = Socket::make(&path, &access).unwrap().split();
        assert_eq!(name.lost(), None);
        away(&path);
        let lost = name.lost().expect(why).to_owned();
        assert_eq!(lost, path, "{why}");
        let (socket, made) = Socket::make_again(&path, &access).unwrap().split();
        name = made;
        assert_eq!(name.lost(), None, "{why}");
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o220, "{why}");
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to(b"a", &path).unwrap();
        assert_eq!(socket.recv(&mut [0; 2]).unwrap(), 1, "{why}");
        name.unlink().unwrap();
        assert!(!path.exists(), "{why}");
    }
}
