//! Between a reporter and its PostgreSQL: breaks the connection at a COMMIT, before the server has it or with its answer, so that
//! nobody knows what became of it.

use std::{
    fmt,
    io::{self, BufReader, Read, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use tempfile::TempDir;
use tlsrptd_reporter::store::CommitSide;

/// Only the daemon's connections are broken: it says its name when it connects.
const DAEMON: &[u8] = b"tlsrpt-reportd\0";
const SOCKET: &str = ".s.PGSQL.5432";
/// A message of a client: a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// Messages that the server answers: such a query, and the end of a request.
const ASKED: &[u8] = b"QS";
/// Of a server: all that was asked is answered.
const READY: u8 = b'Z';

/// One in front of one database.
pub struct Proxy {
    folder: TempDir,
    address: String,
    state: Arc<State>,
}

struct State {
    server: PathBuf,
    commits: AtomicU64,
    cuts: AtomicU64,
    which: Mutex<Which>,
    /// Whether a message is counted, of the daemon or of another client.
    counts: fn(bool, &[u8]) -> bool,
    is_over: AtomicBool,
}

/// Where the COMMIT of that number, from 1, is cut.
type Which = Box<dyn Fn(u64) -> Option<CommitSide> + Send>;

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.address)
    }
}

impl Proxy {
    /// Listens in front of this database.
    pub fn start(
        address: &str,
        which: impl Fn(u64) -> Option<CommitSide> + Send + 'static,
    ) -> Proxy {
        let counts = |is_daemon, message: &[u8]| is_daemon && message == COMMIT;
        Proxy::counting(address, counts, which)
    }

    /// The same, at anybody's messages that the server answers, whatever they say.
    pub fn at_each_request(
        address: &str,
        which: impl Fn(u64) -> Option<CommitSide> + Send + 'static,
    ) -> Proxy {
        Proxy::counting(address, |_, message| ASKED.contains(&message[0]), which)
    }

    /// The same, at anybody's COMMITs.
    pub fn start_of_command(
        address: &str,
        which: impl Fn(u64) -> Option<CommitSide> + Send + 'static,
    ) -> Proxy {
        Proxy::counting(address, |_, message| message == COMMIT, which)
    }

    fn counting(
        address: &str,
        counts: fn(bool, &[u8]) -> bool,
        which: impl Fn(u64) -> Option<CommitSide> + Send + 'static,
    ) -> Proxy {
        let (_, place) = address.split_once('@').unwrap();
        let (host, database) = place.split_once('/').unwrap();
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().display().to_string().replace('/', "%2F");
        let state = Arc::new(State {
            server: Path::new(&host.replace("%2F", "/")).join(SOCKET),
            commits: 0.into(),
            cuts: 0.into(),
            which: Mutex::new(Box::new(which)),
            counts,
            is_over: false.into(),
        });
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                std::thread::spawn(move || state.serve(client));
            }
        });
        Proxy {
            folder,
            address: format!("postgresql://tlsrpt@{shown}/{database}"),
            state,
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// COMMITs of the daemon so far, or whatever is counted, and how many were cut.
    pub fn counts(&self) -> (u64, u64) {
        let state = &self.state;
        (state.commits.load(SeqCst), state.cuts.load(SeqCst))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, SeqCst);
        // Whoever listens is woken by it.
        let _ = UnixStream::connect(self.folder.path().join(SOCKET));
    }
}

impl State {
    /// One connection, until either side ends it.
    fn serve(&self, mut client: UnixStream) {
        let Ok(server) = UnixStream::connect(&self.server) else {
            return;
        };
        let is_lost = Arc::new(AtomicBool::new(false));
        let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let answers = Arc::clone(&is_lost);
        std::thread::spawn(move || {
            let _ = answer(&from, &to, &answers);
            end(&from, &to);
        });
        let _ = self.pass_on(&mut client, &server, &is_lost);
        end(&client, &server);
    }

    fn pass_on(
        &self,
        client: &mut UnixStream,
        mut server: &UnixStream,
        is_lost: &AtomicBool,
    ) -> io::Result<()> {
        let first = message(client, 0)?;
        let is_daemon = first.windows(DAEMON.len()).any(|part| part == DAEMON);
        server.write_all(&first)?;
        let mut client = BufReader::new(client);
        loop {
            let message = message(&mut client, 1)?;
            let cut = match (self.counts)(is_daemon, &message) {
                true => self.which.lock().unwrap()(self.commits.fetch_add(1, SeqCst) + 1),
                false => None,
            };
            if cut.is_some() {
                self.cuts.fetch_add(1, SeqCst);
            }
            match cut {
                Some(CommitSide::Before) => return Ok(()),
                Some(CommitSide::After) => is_lost.store(true, SeqCst),
                None => {}
            }
            server.write_all(&message)?;
        }
    }
}

/// Hands on what the server says, until its answer is to be lost: then it ends with that answer.
fn answer(from: &UnixStream, mut to: &UnixStream, is_lost: &AtomicBool) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        let message = message(&mut from, 1)?;
        match is_lost.load(SeqCst) {
            true if message[0] == READY => return Ok(()),
            true => {}
            false => to.write_all(&message)?,
        }
    }
}

/// A message, whose length follows `tag` octets that do not count for it.
fn message(from: &mut impl Read, tag: usize) -> io::Result<Vec<u8>> {
    let mut message = vec![0; tag + 4];
    from.read_exact(&mut message)?;
    let length = u32::from_be_bytes(message[tag..].try_into().unwrap());
    message.resize(tag + length as usize, 0);
    from.read_exact(&mut message[tag + 4..])?;
    Ok(message)
}

fn end(one: &UnixStream, other: &UnixStream) {
    // Either may be over already.
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}
