//! How the other threads speak to the reader, which sleeps in poll.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixDatagram,
    },
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Requests, and a descriptor that becomes readable when there is one.
#[derive(Debug)]
pub(crate) struct Control {
    event: EventFd,
    /// There is a wish: the reader looks here first, which costs no system call.
    wished: AtomicBool,
    stop: AtomicBool,
    rotate: AtomicBool,
    start_epoch: AtomicBool,
    sockets: Mutex<Vec<(usize, UnixDatagram)>>,
    has_sockets: AtomicBool,
}

/// What is wished for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    /// Drain the sockets and end.
    pub(crate) stop: bool,
    /// Roll the day over now.
    pub(crate) rotate: bool,
    /// Begin the ids anew: the writer wants a boundary.
    pub(crate) start_epoch: bool,
    /// Sockets were made again, see [`Control::sockets`].
    pub(crate) sockets: bool,
}

impl Control {
    pub(crate) fn new() -> io::Result<Control> {
        Ok(Control {
            event: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            wished: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            rotate: AtomicBool::new(false),
            start_epoch: AtomicBool::new(false),
            sockets: Mutex::default(),
            has_sockets: AtomicBool::new(false),
        })
    }

    pub(crate) fn stop(&self) {
        self.wish(&self.stop);
    }

    pub(crate) fn rotate(&self) {
        self.wish(&self.rotate);
    }

    pub(crate) fn start_epoch(&self) {
        self.wish(&self.start_epoch);
    }

    /// A socket was made again: in that place it is to be read from now on.
    pub(crate) fn replace_socket(&self, place: usize, socket: UnixDatagram) {
        self.lock_sockets().push((place, socket));
        self.wish(&self.has_sockets);
    }

    /// Takes the sockets that were made again, with their places.
    pub(crate) fn sockets(&self) -> Vec<(usize, UnixDatagram)> {
        std::mem::take(&mut self.lock_sockets())
    }

    fn lock_sockets(&self) -> MutexGuard<'_, Vec<(usize, UnixDatagram)>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The descriptor to poll.
    pub(crate) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Takes the requests; they are not there any more afterwards.
    pub(crate) fn take(&self) -> Requests {
        if !self.wished.load(Ordering::Relaxed) {
            return Requests::default();
        }
        // In this order: a wish in between is seen now, and once more for nothing.
        self.wished.swap(false, Ordering::AcqRel);
        let _ = self.event.read();
        Requests {
            stop: self.stop.swap(false, Ordering::Acquire),
            rotate: self.rotate.swap(false, Ordering::Acquire),
            start_epoch: self.start_epoch.swap(false, Ordering::Acquire),
            sockets: self.has_sockets.swap(false, Ordering::Acquire),
        }
    }

    fn wish(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.wished.store(true, Ordering::Release);
        // It fails only when the counter is full, and then the reader is about to wake anyhow.
        let _ = self.event.write(1);
    }
}
