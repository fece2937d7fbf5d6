//! The reader: one thread that does nothing but empty the sockets.
//!
//! It hashes a datagram, counts it when it is known, and queues it for the writer when it is not. It never touches a
//! file, never waits for the writer, and allocates nothing for a known datagram. It alone decides to which day a
//! datagram belongs: that of its arrival.

use std::{
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd},
    os::unix::net::UnixDatagram,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, MultiHeaders, recvmmsg},
};
use tlsrptd_config::log::Limited;
use tlsrptd_proto::day::Day;
use tracing::error;

use crate::{
    Clock,
    control::{Control, Wishes},
    memo::Memo,
    pulse::Pulse,
    queue::{Boundary, Queues},
    stats::Stats,
};

/// Datagrams read by one system call.
const BATCH: usize = 32;
/// System calls a socket before the others get their turn.
const TURN: usize = 8;
/// Counts are handed over that often, so that a killed collector loses no more than this and a commit.
const BEAT: Duration = Duration::from_millis(100);
/// At the end, a sender that holds the socket and never stops sending is listened to that long.
const DRAIN: Duration = Duration::from_secs(5);
/// With nothing to do, the day is looked at that often.
const IDLE: Duration = Duration::from_secs(1);

/// The reader. See the module.
pub(crate) struct Reader {
    pub(crate) sockets: Vec<UnixDatagram>,
    pub(crate) control: Arc<Control>,
    pub(crate) queues: Queues,
    pub(crate) stats: Arc<Stats>,
    pub(crate) memo: Memo,
    pub(crate) clock: Clock,
    pub(crate) today: Day,
    pub(crate) max_datagram_size: usize,
    pub(crate) complaint: Limited,
    pub(crate) pulse: Arc<Pulse>,
}

impl Reader {
    /// Reads until told to stop, then until the sockets are empty.
    pub(crate) fn run(mut self) {
        let mut buffers = Buffers::new(self.max_datagram_size);
        let mut last_beat = Instant::now();
        let busy = self.busy_reading();
        let mut quiet = true;
        loop {
            if quiet {
                self.wait(last_beat);
            }
            self.pulse.beat();
            let wishes = self.control.take();
            if wishes.stop {
                break;
            }
            self.look_at_the_day(wishes);
            quiet = match busy {
                Some(how) => self.read(0, how, &mut buffers) == Read::Empty,
                None => {
                    self.read_all(&mut buffers);
                    true
                }
            };
            if last_beat.elapsed() >= BEAT || self.memo.is_brimming() {
                self.beat();
                last_beat = Instant::now();
            }
        }
        self.drain(&mut buffers);
    }

    /// How to read an only socket while datagrams keep coming: the kernel wakes us with the first one, and the call ends
    /// with a beat. That saves a system call a batch, and with ten places in the queue each one counts.
    fn busy_reading(&self) -> Option<How> {
        match &self.sockets[..] {
            [only] => {
                let prepared = only
                    .set_nonblocking(false)
                    .and_then(|()| only.set_read_timeout(Some(BEAT)));
                prepared.is_ok().then_some(How::Wait)
            }
            _ => None,
        }
    }

    /// Sleeps until there is something to read, something wished for, or a beat due.
    fn wait(&mut self, last_beat: Instant) {
        let patience = if self.memo.has_counts() || self.queues.have_items() {
            BEAT.saturating_sub(last_beat.elapsed())
        } else {
            IDLE
        };
        let mut polled: Vec<PollFd<'_>> = self.sockets.iter().map(readable).collect();
        polled.push(PollFd::new(self.control.event(), PollFlags::POLLIN));
        let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
        match poll(&mut polled, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                self.complain("cannot wait for datagrams", errno);
            }
        }
    }

    /// What hinders here (no memory, mostly) comes at every turn: a line now and then, and a rest.
    fn complain(&mut self, what: &str, errno: Errno) {
        if let Some(suppressed) = self.complaint.pass((self.clock)()) {
            error!(error = %io::Error::from(errno), suppressed, "{what}");
        }
        std::thread::sleep(BEAT);
    }

    /// Day change, SIGUSR2, or a wish of the writer: everything known so far is handed over, and slots begin anew.
    fn look_at_the_day(&mut self, wishes: Wishes) {
        let today = day_of_arrival(self.today, (self.clock)());
        if today != self.today || wishes.roll || wishes.forget {
            self.today = today;
            self.begin_anew(wishes.roll);
        }
    }

    fn begin_anew(&mut self, roll: bool) {
        self.hand_over_counts();
        self.memo.clear();
        self.queues.put_boundary(Boundary {
            today: self.today,
            roll,
        });
    }

    /// Gives each socket its turn.
    fn read_all(&mut self, buffers: &mut Buffers) {
        for socket in 0..self.sockets.len() {
            for _ in 0..TURN {
                if self.read(socket, How::Look, buffers) == Read::Empty {
                    break;
                }
            }
        }
    }

    /// Reads a batch.
    fn read(&mut self, socket: usize, how: How, buffers: &mut Buffers) -> Read {
        match buffers.receive(&self.sockets[socket], how) {
            Ok(0) => Read::Empty,
            Ok(received) => {
                if how == How::Wait {
                    // It may have waited over midnight.
                    self.look_at_the_day(Wishes::default());
                }
                self.stats.received.add(received as u64);
                for datagram in 0..received {
                    let (bytes, cut) = buffers.datagram(datagram);
                    self.take(bytes, cut);
                }
                Read::Some
            }
            Err(Errno::EINTR) => Read::Some,
            Err(errno) => {
                self.complain("cannot read a socket", errno);
                Read::Empty
            }
        }
    }

    #[inline]
    fn take(&mut self, bytes: &[u8], cut: bool) {
        if cut {
            // The rest is unknown, so there is nothing to recognise it by.
            self.queues.put(None, bytes, true);
        } else if let Some(mark) = self.memo.count(bytes) {
            if self.memo.is_full() {
                self.begin_anew(false);
            }
            if self.queues.put(Some(self.memo.next_slot()), bytes, false) {
                self.memo.learn(mark);
            }
        }
    }

    /// Counts go to the writers, unless none has even taken the last ones: then they wait here, where they need no room.
    fn beat(&mut self) {
        if !self.queues.have_counts() || self.memo.is_brimming() {
            self.hand_over_counts();
        }
        self.queues.nudge();
    }

    fn hand_over_counts(&mut self) {
        if self.memo.has_counts() {
            self.queues.put_counts(self.memo.take_counts());
        }
    }

    /// The last act: nothing that was accepted is left behind.
    fn drain(&mut self, buffers: &mut Buffers) {
        self.look_at_the_day(Wishes::default());
        let end = Instant::now() + DRAIN;
        for socket in 0..self.sockets.len() {
            while self.read(socket, How::Look, buffers) == Read::Some && Instant::now() < end {
                self.queues.nudge();
            }
        }
        self.hand_over_counts();
        self.queues.end();
    }
}

/// Whether to wait for a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// For the first one of a batch, at most a beat.
    Wait,
    /// Not at all.
    Look,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Some,
    Empty,
}

/// To which day a datagram belongs that comes at `now`.
///
/// A clock that steps back into the day just closed does not reopen it: its reports may be on their way. A clock that
/// steps back further was wrong before, and is followed.
fn day_of_arrival(today: Day, now: Timestamp) -> Day {
    let day = Day::of(now);
    if day == today.previous() { today } else { day }
}

fn readable(socket: &UnixDatagram) -> PollFd<'_> {
    PollFd::new(socket.as_fd(), PollFlags::POLLIN)
}

/// What the kernel writes into.
struct Buffers {
    headers: MultiHeaders<()>,
    bytes: Vec<u8>,
    each: usize,
    received: [(usize, bool); BATCH],
}

impl Buffers {
    fn new(max_datagram_size: usize) -> Buffers {
        let each = max_datagram_size.max(1);
        Buffers {
            headers: MultiHeaders::preallocate(BATCH, None),
            // Zeroed memory costs nothing before it is touched: only as much is resident as datagrams are long.
            bytes: vec![0; each * BATCH],
            each,
            received: [(0, false); BATCH],
        }
    }

    /// Receives what is there, at most a batch.
    fn receive(&mut self, socket: &UnixDatagram, how: How) -> Result<usize, Errno> {
        let flags = match how {
            How::Wait => MsgFlags::MSG_WAITFORONE,
            How::Look => MsgFlags::MSG_DONTWAIT,
        };
        let mut chunks = self.bytes.chunks_exact_mut(self.each);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let results = recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            flags,
            None,
        );
        match results {
            Ok(results) => {
                let mut received = 0;
                for result in results {
                    self.received[received] =
                        (result.bytes, result.flags.contains(MsgFlags::MSG_TRUNC));
                    received += 1;
                }
                Ok(received)
            }
            Err(Errno::EAGAIN) => Ok(0),
            Err(errno) => Err(errno),
        }
    }

    fn datagram(&self, n: usize) -> (&[u8], bool) {
        let (len, cut) = self.received[n];
        let start = n * self.each;
        (&self.bytes[start..start + len.min(self.each)], cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_day() {
        let today = Day::parse("2026-11-20").unwrap();
        for (now, want, why) in [
            (
                "2026-11-20T23:59:59.999Z",
                "2026-11-20",
                "to the last moment",
            ),
            (
                "2026-11-21T00:00:00Z",
                "2026-11-21",
                "midnight begins the next day",
            ),
            (
                "2026-11-25T12:00:00Z",
                "2026-11-25",
                "a clock set forward is followed",
            ),
            (
                "2026-11-19T23:00:00Z",
                "2026-11-20",
                "one set back does not reopen the day just closed",
            ),
            (
                "2026-11-10T12:00:00Z",
                "2026-11-10",
                "one that was wrong by more is followed",
            ),
        ] {
            let day = day_of_arrival(today, now.parse().unwrap());
            assert_eq!(day.to_string(), want, "{why}");
        }
    }
}
