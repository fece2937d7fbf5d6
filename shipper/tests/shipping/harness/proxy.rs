//! Between the shipper and the server: connections are cut at a COMMIT, before it arrives or before its answer does.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use tempfile::TempDir;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    BeforeCommit,
    /// It is done, and nobody is told.
    BeforeItsAnswer,
}

pub struct Proxy {
    folder: TempDir,
    pub cuts: Arc<AtomicU64>,
}

impl Proxy {
    /// In front of the server whose sockets are in that folder. Of `every` COMMITs some one is cut, by turns in both ways.
    pub fn start(server: &Path, every: u64) -> Proxy {
        let (folder, server) = (tempfile::tempdir().unwrap(), server.join(".s.PGSQL.5432"));
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (cuts, commits) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, cuts, commits) =
                    (server.clone(), Arc::clone(&counted), Arc::clone(&commits));
                thread::spawn(move || pass(client, server, every, &cuts, &commits));
            }
        });
        Proxy { folder, cuts }
    }

    /// Its folder, as a host in an address.
    pub fn host(&self) -> String {
        self.folder.path().display().to_string().replace('/', "%2F")
    }
}

fn pass(
    mut client: UnixStream,
    server: PathBuf,
    every: u64,
    cuts: &AtomicU64,
    commits: &AtomicU64,
) {
    let Ok(mut server) = UnixStream::connect(server) else {
        return;
    };
    let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let returning = thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        // A simple query: its length, its text, a NUL.
        let is_commit = buffer[..length]
            .windows(12)
            .any(|part| part == b"Q\0\0\0\x0bCOMMIT\0");
        let number = commits.fetch_add(u64::from(is_commit), SeqCst);
        // Without a rhythm: a fixed one would always meet the same step.
        let chance = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        if is_commit && chance.is_multiple_of(every) {
            let cut = match cuts.fetch_add(1, SeqCst).is_multiple_of(2) {
                true => Cut::BeforeCommit,
                false => Cut::BeforeItsAnswer,
            };
            // Nothing more comes back from here on.
            client.shutdown(Shutdown::Both).unwrap();
            if cut == Cut::BeforeItsAnswer {
                server.write_all(&buffer[..length]).unwrap();
                server.shutdown(Shutdown::Write).unwrap();
            }
            break;
        }
        if server.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    if !returning.is_finished() {
        let _ = server.shutdown(Shutdown::Write);
    }
    let _ = returning.join();
}
