//! The reader: one thread that does nothing but empty the sockets.
//!
//! It hashes a datagram, counts it when it is known, and queues it for the writers when it is not. It never touches a
//! file, never waits for a writer, and allocates nothing for a known datagram. It alone decides to which day a
//! datagram belongs: that of its arrival.

mod buffers;

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixDatagram},
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tlsrptd_service::log::LogThrottle;
use tracing::error;

use crate::{
    WallClock,
    control::{Control, Requests},
    days::DayWatch,
    heartbeat::Heartbeat,
    queue::{DayClosing, EpochChange, StorageQueues},
    seen_table::SeenTable,
    stats::Stats,
};
use buffers::ReadMode;
pub(crate) use buffers::ReceiveBuffers;

/// System calls for a socket before the next one is read.
const CALLS_A_TURN: usize = 8;
/// System calls for what waits in a socket when the operator ends the day.
const CALLS_AT_ROTATION: usize = 64;
/// Counts are handed over that often, so that a killed collector loses no more than this and a commit.
const HAND_OVER: Duration = Duration::from_millis(100);
/// At the end, a sender that holds the socket and never stops sending is read for that long.
const DRAIN: Duration = Duration::from_secs(5);
/// With nothing to do, the reader looks at the day that often.
const IDLE: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct ReaderThread {
    pub(crate) sockets: Vec<UnixDatagram>,
    pub(crate) control: Arc<Control>,
    pub(crate) queues: StorageQueues,
    pub(crate) stats: Arc<Stats>,
    pub(crate) seen_table: SeenTable,
    pub(crate) clock: WallClock,
    pub(crate) days: DayWatch,
    pub(crate) max_datagram_size: usize,
    pub(crate) log_throttle: LogThrottle,
    pub(crate) heartbeat: Arc<Heartbeat>,
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadOutcome {
    Datagrams,
    Nothing,
}

impl ReaderThread {
    /// Reads until told to stop, then until the sockets are empty.
    pub(crate) fn run(mut self) {
        let mut buffers = ReceiveBuffers::new(self.max_datagram_size);
        let mut handed_over = Instant::now();
        let mut may_wait_in_read = self.make_only_socket_blocking();
        let mut is_quiet = true;
        loop {
            if is_quiet {
                self.wait(handed_over);
            }
            self.heartbeat.beat(Instant::now());
            let requests = self.control.take();
            if requests.rotate {
                // What was sent before the signal belongs to the day that it ends.
                self.read_each_socket(CALLS_AT_ROTATION, &mut buffers);
            }
            self.look_at_the_day(&requests);
            if !requests.sockets.is_empty() {
                self.replace_sockets(requests.sockets, &mut buffers);
                may_wait_in_read = self.make_only_socket_blocking();
            }
            if requests.stop {
                break;
            }
            is_quiet = if may_wait_in_read {
                self.read(0, ReadMode::Wait, &mut buffers) == ReadOutcome::Nothing
            } else {
                self.read_each_socket(CALLS_A_TURN, &mut buffers);
                true
            };
            if handed_over.elapsed() >= HAND_OVER || self.seen_table.has_high_count() {
                self.hand_over();
                handed_over = Instant::now();
            }
        }
        self.drain(&mut buffers);
    }

    /// Sockets that were made again take the place of those that nobody finds any more, once these are empty.
    fn replace_sockets(
        &mut self,
        sockets: Vec<(usize, UnixDatagram)>,
        buffers: &mut ReceiveBuffers,
    ) {
        for (place, socket) in sockets {
            let end = Instant::now() + DRAIN;
            while self.read(place, ReadMode::NoWait, buffers) == ReadOutcome::Datagrams
                && Instant::now() < end
            {}
            if let Some(old) = self.sockets.get_mut(place) {
                *old = socket;
            }
        }
    }

    /// While datagrams keep coming to an only socket, the read itself waits for them: the kernel wakes us with the first
    /// one, and the call ends in time for the next hand-over. That saves a system call a batch, and with ten places in
    /// the kernel's queue each one counts. True when that is possible.
    fn make_only_socket_blocking(&self) -> bool {
        let [only] = &self.sockets[..] else {
            return false;
        };
        only.set_nonblocking(false)
            .and_then(|()| only.set_read_timeout(Some(HAND_OVER)))
            .is_ok()
    }

    /// Sleeps until there is something to read, a request, or something to hand over.
    fn wait(&mut self, handed_over: Instant) {
        let patience = if self.seen_table.has_counts() || self.queues.have_items() {
            HAND_OVER.saturating_sub(handed_over.elapsed())
        } else {
            IDLE
        };
        let mut polled: Vec<PollFd<'_>> = self
            .sockets
            .iter()
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        polled.push(PollFd::new(self.control.event(), PollFlags::POLLIN));
        let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
        match poll(&mut polled, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => self.log_and_pause("cannot wait for datagrams", errno),
        }
    }

    /// What fails here (for want of memory, mostly) fails on every pass of the loop: a line now and then, and a pause.
    fn log_and_pause(&mut self, what: &str, errno: Errno) {
        if let Some(suppressed) = self.log_throttle.pass((self.clock)()) {
            error!(error = %io::Error::from(errno), suppressed, "{what}");
        }
        std::thread::sleep(HAND_OVER);
    }

    /// Starts an epoch at a change of the day or of the clock, for SIGUSR2, or when a writer needs one.
    fn look_at_the_day(&mut self, requests: &Requests) {
        let changed = self.days.look();
        if requests.rotate {
            let closing = changed.unwrap_or_else(|| self.days.rotate());
            self.start_epoch(true, closing);
        } else if changed.is_some() || requests.start_epoch {
            self.start_epoch(false, changed.unwrap_or(self.days.closing(false)));
        }
    }

    /// Everything known so far is handed over, and ids begin at 0 again.
    fn start_epoch(&mut self, rotate: bool, closing: DayClosing) {
        self.hand_over_counts();
        self.seen_table.clear();
        self.stats.set_today(self.days.today);
        self.queues.put_epoch_change(EpochChange {
            today: self.days.today,
            rotate,
            closing,
            extra_days: self.days.extra_days(),
        });
    }

    /// Reads each socket until it is empty, with so many system calls at most.
    pub(crate) fn read_each_socket(&mut self, max_calls: usize, buffers: &mut ReceiveBuffers) {
        for socket in 0..self.sockets.len() {
            for _ in 0..max_calls {
                if self.read(socket, ReadMode::NoWait, buffers) == ReadOutcome::Nothing {
                    break;
                }
            }
        }
    }

    /// Reads a batch.
    fn read(&mut self, socket: usize, mode: ReadMode, buffers: &mut ReceiveBuffers) -> ReadOutcome {
        match buffers.receive(&self.sockets[socket], mode) {
            Ok(0) => ReadOutcome::Nothing,
            Ok(received) => {
                if mode == ReadMode::Wait {
                    // It may have waited over midnight.
                    self.look_at_the_day(&Requests::default());
                }
                self.stats.received.add(received as u64);
                // The time of the last look at the day: the clock is not read for it.
                let now = self.days.now().as_second().unsigned_abs();
                self.stats.last_received.set(now);
                for n in 0..received {
                    let (bytes, is_cut) = buffers.datagram(n);
                    self.take(bytes, is_cut);
                }
                ReadOutcome::Datagrams
            }
            Err(Errno::EINTR) => ReadOutcome::Datagrams,
            Err(errno) => {
                self.log_and_pause("cannot read a socket", errno);
                ReadOutcome::Nothing
            }
        }
    }

    #[inline]
    fn take(&mut self, bytes: &[u8], is_cut: bool) {
        if is_cut {
            // The rest is unknown, so there is nothing to recognise it by.
            self.queues.put(None, bytes);
        } else if let Some(fingerprint) = self.seen_table.count(bytes) {
            if self.seen_table.is_full() {
                self.start_epoch(false, self.days.closing(false));
            }
            if self.queues.put(Some(self.seen_table.next_id()), bytes) {
                self.seen_table.learn(fingerprint);
            }
        }
    }

    /// Counts go to the writers, unless none has even taken the last ones: then they wait in the table, where they take no memory.
    pub(crate) fn hand_over(&mut self) {
        if !self.queues.all_have_counts() || self.seen_table.has_high_count() {
            self.hand_over_counts();
        }
        self.queues.wake_writers();
    }

    fn hand_over_counts(&mut self) {
        if self.seen_table.has_counts() {
            self.queues.put_counts(self.seen_table.take_counts());
        }
    }

    /// The last act: everything that was accepted is handed over.
    fn drain(&mut self, buffers: &mut ReceiveBuffers) {
        self.look_at_the_day(&Requests::default());
        let end = Instant::now() + DRAIN;
        for socket in 0..self.sockets.len() {
            while self.read(socket, ReadMode::NoWait, buffers) == ReadOutcome::Datagrams
                && Instant::now() < end
            {
                self.queues.wake_writers();
            }
        }
        self.hand_over_counts();
        self.queues.end();
    }
}
