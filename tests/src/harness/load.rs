//! A sender that never rests: each datagram is another one, or one that has been sent before, in turn.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::mta;
use super::wait::until_true;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";
/// How long a full queue is waited for at a time.
const PATIENCE: Duration = Duration::from_millis(50);

/// A sender at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    thread: JoinHandle<Vec<Instant>>,
}

/// What it sent.
#[derive(Debug)]
pub struct Sent {
    /// When the kernel accepted each datagram. The even ones are for `d0.load.test`, `d1.load.test` and so on, the odd ones
    /// all for `known.load.test`.
    pub accepted: Vec<Instant>,
}

impl Load {
    /// Sends to the socket, as fast as it takes, until it is stopped or nobody reads there any more.
    ///
    /// # Panics
    /// When nobody reads there now.
    pub fn start(socket: &Path) -> Load {
        Load::with_pace(socket, f64::INFINITY)
    }

    /// As [`Load::start`], but at most so many a second: what a writer on a busy machine keeps up with.
    pub fn paced(socket: &Path, a_second: u32) -> Load {
        Load::with_pace(socket, f64::from(a_second))
    }

    fn with_pace(socket: &Path, a_second: f64) -> Load {
        let sender = UnixDatagram::unbound().expect("a socket can be made");
        sender
            .connect(socket)
            .unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
        sender
            .set_write_timeout(Some(PATIENCE))
            .expect("a time-out can be set");
        let (stop, accepted) = (Arc::default(), Arc::default());
        let thread = {
            let (stop, accepted) = (Arc::clone(&stop), Arc::clone(&accepted));
            std::thread::spawn(move || send(&sender, a_second, &stop, &accepted))
        };
        Load {
            stop,
            accepted,
            thread,
        }
    }

    /// Datagrams that the kernel has accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Waits until so many more are accepted.
    pub fn wait_for_more(&self, count: u64) {
        let wanted = self.accepted() + count;
        until_true("datagrams to be accepted", || self.accepted() >= wanted);
    }

    /// Ends it.
    ///
    /// # Panics
    /// When the sender did.
    pub fn stop(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        let accepted = self.thread.join().expect("the sender does not panic");
        Sent { accepted }
    }
}

impl Sent {
    /// How many in all.
    pub fn count(&self) -> u64 {
        self.accepted.len() as u64
    }

    /// When `dNUMBER.load.test` was accepted.
    pub fn accepted_at(&self, number: usize) -> Option<Instant> {
        self.accepted.get(2 * number).copied()
    }
}

fn send(
    sender: &UnixDatagram,
    a_second: f64,
    stop: &AtomicBool,
    accepted: &AtomicU64,
) -> Vec<Instant> {
    let known = mta::success("known.load.test", TXT);
    let mut sent = Vec::new();
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if sent.len() as f64 > a_second * begun.elapsed().as_secs_f64() {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let datagram = match sent.len() {
            odd if odd % 2 == 1 => known.clone(),
            even => mta::success(&format!("d{}.load.test", even / 2), TXT),
        };
        loop {
            match sender.send(&datagram) {
                Ok(_) => {
                    sent.push(Instant::now());
                    accepted.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                // The reader is gone.
                Err(_) => return sent,
            }
        }
    }
    sent
}
