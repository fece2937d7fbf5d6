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

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, MultiHeaders, recvmmsg},
};
use tlsrptd_service::log::LogThrottle;
use tracing::error;

use crate::{
    Clock,
    control::{Control, Requests},
    days::DayWatch,
    heartbeat::Heartbeat,
    queue::{Closing, EpochChange, Queues},
    seen_table::SeenTable,
    stats::Stats,
};

/// Datagrams read by one system call.
const BATCH: usize = 32;
/// System calls a socket before the others get their turn.
const TURN: usize = 8;
/// System calls for what waits when the day is ended by hand.
const WAITING: usize = 64;
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
    pub(crate) seen_table: SeenTable,
    pub(crate) clock: Clock,
    pub(crate) days: DayWatch,
    pub(crate) max_datagram_size: usize,
    pub(crate) complaint: LogThrottle,
    pub(crate) heartbeat: Arc<Heartbeat>,
}

impl Reader {
    /// Reads until told to stop, then until the sockets are empty.
    pub(crate) fn run(mut self) {
        let mut buffers = Buffers::new(self.max_datagram_size);
        let mut last_beat = Instant::now();
        let mut busy = self.busy_reading();
        let mut quiet = true;
        loop {
            if quiet {
                self.wait(last_beat);
            }
            self.heartbeat.beat();
            let requests = self.control.take();
            if requests.rotate {
                // What was sent before the signal belongs to the day that it ends.
                self.read_what_waits(&mut buffers);
            }
            self.look_at_the_day(requests);
            if requests.sockets {
                self.replace_sockets(&mut buffers);
                busy = self.busy_reading();
            }
            if requests.stop {
                break;
            }
            quiet = match busy {
                Some(how) => self.read(0, how, &mut buffers) == Read::Empty,
                None => {
                    self.read_all(&mut buffers);
                    true
                }
            };
            if last_beat.elapsed() >= BEAT || self.seen_table.is_brimming() {
                self.beat();
                last_beat = Instant::now();
            }
        }
        self.drain(&mut buffers);
    }

    /// Sockets that were made again take the place of those that nobody finds any more, once these are empty.
    fn replace_sockets(&mut self, buffers: &mut Buffers) {
        for (place, socket) in self.control.sockets() {
            let end = Instant::now() + DRAIN;
            while self.read(place, How::Look, buffers) == Read::Some && Instant::now() < end {}
            if let Some(old) = self.sockets.get_mut(place) {
                *old = socket;
            }
        }
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
        let patience = if self.seen_table.has_counts() || self.queues.have_items() {
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

    /// Day change, SIGUSR2, or a wish of the writer: everything known so far is handed over, and ids begin anew.
    fn look_at_the_day(&mut self, requests: Requests) {
        let changed = self.days.look();
        if requests.rotate {
            let closing = changed.unwrap_or_else(|| self.days.roll());
            self.begin_anew(true, closing);
        } else if changed.is_some() || requests.start_epoch {
            self.begin_anew(false, changed.unwrap_or(self.days.closing(false)));
        }
    }

    fn begin_anew(&mut self, rotate: bool, closing: Closing) {
        self.hand_over_counts();
        self.seen_table.clear();
        self.queues.put_boundary(EpochChange {
            today: self.days.today,
            rotate,
            closing,
            spare: self.days.spare(),
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

    /// Empties the sockets, of as much as a kernel's queue may hold.
    fn read_what_waits(&mut self, buffers: &mut Buffers) {
        for socket in 0..self.sockets.len() {
            for _ in 0..WAITING {
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
                    self.look_at_the_day(Requests::default());
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
        } else if let Some(mark) = self.seen_table.count(bytes) {
            if self.seen_table.is_full() {
                self.begin_anew(false, self.days.closing(false));
            }
            if self
                .queues
                .put(Some(self.seen_table.next_id()), bytes, false)
            {
                self.seen_table.learn(mark);
            }
        }
    }

    /// Counts go to the writers, unless none has even taken the last ones: then they wait here, where they need no room.
    fn beat(&mut self) {
        if !self.queues.have_counts() || self.seen_table.is_brimming() {
            self.hand_over_counts();
        }
        self.queues.nudge();
    }

    fn hand_over_counts(&mut self) {
        if self.seen_table.has_counts() {
            self.queues.put_counts(self.seen_table.take_counts());
        }
    }

    /// The last act: nothing that was accepted is left behind.
    fn drain(&mut self, buffers: &mut Buffers) {
        self.look_at_the_day(Requests::default());
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
