//! The socket's path: what stands there, what is gone, and what comes back.

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixDatagram, UnixListener},
    },
    path::Path,
};

use super::{
    super::{Limits, ServeError, Server, socket::ListeningSocket},
    Bench, wait_until,
};

#[test]
fn mode_and_kind() {
    let bench = Bench::new();
    let _server = bench.server(Limits::default());
    let found = fs::symlink_metadata(bench.path()).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o7777, 0o660);
}

#[test]
fn what_stands_at_the_path() {
    let bench = Bench::new();
    let path = bench.path();
    let make = ListeningSocket::make;

    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(make(&path).expect("what a dead process left is replaced"));
    drop(UnixDatagram::bind(&path).unwrap());
    drop(make(&path).expect("so is a dead one of another kind"));

    let live = make(&path).unwrap();
    let error = make(&path).unwrap_err().to_string();
    let own = format!("(process {}) answers there", std::process::id());
    assert!(error.ends_with(&own), "{error}");
    assert!(bench.path().exists(), "a live one stays");
    drop(live);

    let datagrams = UnixDatagram::bind(&path).unwrap();
    assert!(matches!(make(&path), Err(ServeError::OtherKind(_))));
    drop(datagrams);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "text").unwrap();
    assert!(matches!(make(&path), Err(ServeError::NotASocket(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");

    let missing = bench.dir.path().join("none/observe");
    assert!(matches!(
        make(&missing),
        Err(ServeError::NoDirectory { .. })
    ));
    let long = bench.dir.path().join("x".repeat(108));
    assert!(matches!(make(&long), Err(ServeError::TooLong(_))));
    let never = Server::start(&long, bench.handler());
    assert!(
        matches!(never, Err(ServeError::TooLong(_))),
        "it is not tried on"
    );
}

/// What keeps a server from its path at the start, and is over later.
#[test]
fn a_socket_that_cannot_be_made_is_made_later() {
    let begin = |hinder: fn(&Path)| {
        let bench = Bench::new();
        hinder(&bench.path());
        let server = bench.server(Limits::default());
        assert!(!bench.is_answering());
        (bench, server)
    };
    let (file, _of_file) = begin(|path| fs::write(path, "text").unwrap());
    let (folder, _of_folder) = begin(|path| fs::remove_dir(path.parent().unwrap()).unwrap());
    let held = Bench::new();
    let holder = held.server(Limits::default());
    let _of_held = held.server(Limits::default());
    let gone = Bench::new();
    let _of_gone = gone.server(Limits::default());
    fs::remove_dir_all(gone.dir.path()).unwrap();

    fs::remove_file(file.path()).unwrap();
    fs::create_dir(folder.dir.path()).unwrap();
    drop(holder);
    wait_until("the file is gone", || file.is_answering());
    wait_until("the folder is there", || folder.is_answering());
    wait_until("the other has ended", || held.is_answering());
    fs::create_dir(gone.dir.path()).unwrap();
    wait_until("the folder is there again", || gone.is_answering());
}

#[test]
fn a_path_that_somebody_removed_is_made_again() {
    let bench = Bench::new();
    let _server = bench.server(Limits::default());
    fs::remove_file(bench.path()).unwrap();
    wait_until("it is made again", || bench.is_answering());
}

#[test]
fn another_socket_at_the_path_stays_at_the_end() {
    let bench = Bench::new();
    let first = bench.server(Limits::default());
    fs::remove_file(bench.path()).unwrap();
    let _second = bench.server(Limits::default());
    drop(first);
    assert!(bench.is_answering());
}
